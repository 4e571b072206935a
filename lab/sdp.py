"""The lab's own SDP: text built and read for the media of one call (RFC 8866, RFC 4568, 24.229 7.5).

It shares nothing with the edge's SDP, so that it can witness what the edge makes of an offer.
"""

import re
from dataclasses import dataclass, field, replace

from lab.errors import BadDescription
from lab.sockets import Address

PLAIN = "RTP/AVP"
SECURE = "RTP/SAVP"
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
#: What the answerer says to each direction (RFC 3264 6.1).
MIRROR = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
#: Most octets of a body that this end reads.
MAX_BODY = 65_535
#: Most other attributes of an m-line that are kept.
MAX_ATTRIBUTES = 100
#: Attributes of the session that count for each m-line without its own (RFC 4145 4, RFC 8122 5).
INHERITED = ("fingerprint", "setup", "connection")


@dataclass(slots=True)
class MediaLine:
    """One m-line: what stands in it, and the a=crypto and a=3ge2ae values below it as written.

    attributes: the other a= lines below it, but for the direction, as ``name:value`` or ``name``.
    """

    kind: str = "audio"
    proto: str = PLAIN
    port: int = 0
    address: str = ""
    rtcp_port: int | None = None
    formats: tuple[str, ...] = ("8", "101")
    direction: str = "sendrecv"
    crypto: tuple[str, ...] = field(default=(), repr=False)
    indicators: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()

    @property
    def secure(self) -> bool:
        return any(part in self.proto.upper() for part in ("SAVP", "TLS"))

    def values(self, name: str) -> list[str]:
        """Return the values of every other attribute ``name``, in order, each "" where it has none."""
        found = [value.partition(":") for value in self.attributes]
        return [value.strip() for own, _, value in found if own.lower() == name]

    def value(self, name: str) -> str | None:
        """Return the first of ``values``."""
        return next(iter(self.values(name)), None)

    @property
    def rtp(self) -> Address:
        return self.address, self.port

    @property
    def rtcp(self) -> Address:
        return self.address, self.rtcp_port or self.port + 1

    def summary(self) -> str:
        """Return the line in a few words, without key material."""
        parts = [self.proto]
        if self.crypto:
            suites = [line.split()[1] for line in self.crypto if len(line.split()) > 1]
            parts.append(f"crypto({', '.join(suites)})")
        parts += [f"fingerprint({value.split(' ')[0]})" for value in self.values("fingerprint")]
        parts += [f"setup:{value}" for value in self.values("setup")]
        parts += [f"3ge2ae:{value}" for value in self.indicators]
        text = f"{'' if self.kind == 'audio' else self.kind + ' '}{' +'.join(parts)}"
        if not self.port:
            return f"{text} port 0"
        return text if self.direction == "sendrecv" else f"{text} {self.direction}"


@dataclass(slots=True)
class Description:
    """One SDP body. ``origin`` is the o= line's session id and version."""

    media: list[MediaLine]
    origin: tuple[str, str] = ("1", "1")
    session_crypto: bool = False

    def first(self, kind: str) -> MediaLine | None:
        """Return the first line of this media type that is in use."""
        return next((m for m in self.media if m.kind == kind and m.port), None)

    def summary(self) -> str:
        return " | ".join(m.summary() for m in self.media)


def parse(body: bytes) -> Description:
    """Read a body. Raises BadDescription for what has no usable shape."""
    if len(body) > MAX_BODY:
        raise BadDescription("SDP too large")
    lines = body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    if lines[0].strip() != "v=0":
        raise BadDescription("SDP does not start with v=0")
    found = Description([])
    session = line = MediaLine()
    for text in lines:
        kind, _, value = text.partition("=")
        if kind == "o" and len(parts := value.split()) == 6:
            found.origin = (parts[1], parts[2])
        elif kind == "c" and len(parts := value.split()) == 3:
            line.address = parts[2]
        elif kind == "m":
            line = _media_line(value)
            line.address, line.direction = session.address, session.direction
            found.media.append(line)
        elif kind == "a":
            _attribute(line, value.strip())
    if not found.media:
        raise BadDescription("SDP without an m-line")
    found.session_crypto = bool(session.crypto)
    for line in found.media:
        names = [name for name in INHERITED if line.value(name) is None]
        line.attributes += tuple(f"{name}:{value}" for name in names for value in session.values(name))
    return found


def build(description: Description, address: str, user: str = "-") -> bytes:
    """Return the body; ``address`` goes into o= and c=."""
    family = "IP6" if ":" in address else "IP4"
    session, version = description.origin
    lines = ["v=0", f"o={user} {session} {version} IN {family} {address}", "s=-"]
    lines += [f"c=IN {family} {address}", "t=0 0"]
    for m in description.media:
        lines.append(f"m={m.kind} {m.port} {m.proto} {' '.join(m.formats)}")
        if not m.port:
            continue
        if m.kind == "audio":
            lines += [f"a=rtpmap:{f} {_NAMES[f]}" for f in m.formats if f in _NAMES]
        lines += [f"a=crypto:{value}" for value in m.crypto]
        lines += [f"a={value}" for value in m.attributes]
        lines += [f"a=3ge2ae:{value}" for value in m.indicators]
        lines.append(f"a={m.direction}")
    return ("\r\n".join(lines) + "\r\n").encode()


def rewrite(body: bytes, ends: list[Address | None]) -> bytes:
    """Return ``body`` with c= and port of each m-line replaced by ``ends`` (None leaves it), nothing else.

    a=rtcp goes: every end here has its RTCP on the next port. a=path of MSRP stays: ends may compare it with
    what messages carry (RFC 4975 7.3).
    """
    out: list[str] = []
    index = -1
    for text in body.decode("utf-8", "surrogateescape").split("\r\n"):
        end = ends[index] if 0 <= index < len(ends) else None
        if text.startswith("m="):
            index += 1
            if (end := ends[index] if index < len(ends) else None) is None:
                out.append(text)
                continue
            parts = text.split(" ")
            parts[1] = str(end[1])
            out += [" ".join(parts), f"c=IN {'IP6' if ':' in end[0] else 'IP4'} {end[0]}"]
        elif end is not None and text.startswith(("c=", "a=rtcp:")):
            continue
        else:
            out.append(text)
    return "\r\n".join(out).encode("utf-8", "surrogateescape")


def rejected(line: MediaLine) -> MediaLine:
    """Return the answer that refuses ``line`` (RFC 3264 6)."""
    return replace(line, port=0, crypto=(), indicators=(), attributes=())


_DIGITS = re.compile(r"[0-9]{1,5}")
_NAMES = {"0": "PCMU/8000", "8": "PCMA/8000", "101": "telephone-event/8000"}


def _media_line(value: str) -> MediaLine:
    parts = value.split()
    port = _port(parts[1].partition("/")[0]) if len(parts) >= 4 else None
    if port is None:
        raise BadDescription("malformed m-line")
    return MediaLine(kind=parts[0], proto=parts[2], port=port, formats=tuple(parts[3:]))


def _port(text: str) -> int | None:
    found = int(text) if _DIGITS.fullmatch(text) else 65_536
    return found if found <= 65_535 else None


def _attribute(line: MediaLine, value: str) -> None:
    name, _, rest = value.partition(":")
    if name == "crypto":
        line.crypto += (rest,)
    elif name == "3ge2ae":
        line.indicators += (rest.strip(),)
    elif name == "rtcp":
        line.rtcp_port = _port(rest.split(" ")[0]) or None
    elif value in DIRECTIONS:
        line.direction = value
    elif len(line.attributes) < MAX_ATTRIBUTES:
        line.attributes += (value,)
