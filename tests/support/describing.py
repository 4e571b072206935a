"""Session descriptions as an end of a call writes and reads them, apart from the code under test."""

import base64
from dataclasses import dataclass, field, replace

SUITES = {"AES_CM_128_HMAC_SHA1_80": 30, "AEAD_AES_128_GCM": 28}
SUITE = "AES_CM_128_HMAC_SHA1_80"
OTHER_SUITE = "AEAD_AES_128_GCM"
MIRRORED = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


@dataclass(frozen=True)
class Line:
    """An m-line. port 0: off. indicator: value of a=3ge2ae, "" for none."""

    media: str
    port: int
    proto: str
    tag: str = "1"
    suite: str = ""
    key: str = ""
    indicator: str = ""
    direction: str = "sendrecv"
    host: str = ""

    @property
    def active(self) -> bool:
        return self.port > 0

    @property
    def secure(self) -> bool:
        return "SAVP" in self.proto

    @property
    def sends(self) -> bool:
        return self.direction in {"sendrecv", "sendonly"}

    @property
    def receives(self) -> bool:
        return self.direction in {"sendrecv", "recvonly"}

    def closed(self) -> "Line":
        return Line(self.media, 0, self.proto)

    def render(self) -> list[str]:
        lines = [f"m={self.media} {self.port} {self.proto} 8"]
        if not self.active:
            return lines
        if self.key:
            lines.append(f"a=crypto:{self.tag} {self.suite} inline:{self.key}")
        if self.indicator:
            lines.append(f"a=3ge2ae:{self.indicator}")
        return [*lines, f"a={self.direction}"]


@dataclass(frozen=True)
class Description:
    """What was read: content is everything behind o=."""

    id: str
    version: int
    content: str
    lines: tuple[Line, ...]


def render(lines: list[Line], host: str, number: int, version: int) -> bytes:
    head = ["v=0", f"o=- {number} {version} IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0"]
    return "\r\n".join([*head, *(text for line in lines for text in line.render()), ""]).encode()


def read(body: bytes) -> Description:
    text = body.decode()
    rows = text.split("\r\n")
    assert rows[0] == "v=0"
    _, number, version, *_ = rows[1].removeprefix("o=").split()
    host = ""
    lines: list[Line] = []
    for row in rows[2:]:
        kind, _, value = row.partition("=")
        if kind == "c" and not lines:
            host = value.split()[2]
        elif kind == "m":
            media, port, proto, *_ = value.split()
            lines.append(Line(media, int(port), proto, host=host))
        elif lines and kind == "c":
            lines[-1] = replace(lines[-1], host=value.split()[2])
        elif lines and kind == "a":
            lines[-1] = _attribute(lines[-1], value)
    return Description(number, int(version), text.partition("\r\n")[2].partition("\r\n")[2], tuple(lines))


def _attribute(line: Line, text: str) -> Line:
    name, _, value = text.partition(":")
    if text in MIRRORED:
        return replace(line, direction=text)
    if name == "crypto" and not line.key:
        tag, suite, inline, *_ = value.split()
        return replace(line, tag=tag, suite=suite, key=inline.removeprefix("inline:"))
    if name == "3ge2ae":
        return replace(line, indicator=value)
    return line


@dataclass
class Author:
    """An end as it describes itself. seed: different ends, different keys and ports.

    lines: as offered or answered last; agreed: those of the latest exchange that came to its end.
    secrets: keys of streams that end at the edge, which nobody else may see.
    """

    host: str
    number: int
    seed: int
    lines: list[Line] = field(default_factory=list)
    agreed: list[Line] = field(default_factory=list)
    version: int = 0
    secrets: set[str] = field(default_factory=set)
    _written: list[Line] = field(default_factory=list)
    _keys: int = 0
    _ports: int = 0

    def key(self, suite: str, *, secret: bool) -> str:
        """Return a key that no end has had."""
        self._keys += 1
        octets = bytes([self.seed]) * 20 + self._keys.to_bytes(SUITES[suite] - 20, "big")
        key = base64.b64encode(octets).decode()
        if secret:
            self.secrets.add(key)
        return key

    def protects(self, index: int, media: str) -> bool:
        """Whether that m-line is of this media type, and protected up to the edge alone."""
        if index >= len(self.agreed):
            return False
        return self.agreed[index].media == media and self.agreed[index].key in self.secrets

    def port(self) -> int:
        self._ports += 2
        return (self.seed * 100 + self._ports) % 20000 + 10000

    def line(self, kind: str, media: str = "audio") -> Line:
        """Return a new m-line. kind: "e2ae" (by a=3ge2ae:requested), "e2e" or "plain"."""
        if kind == "plain":
            return Line(media, self.port(), "RTP/AVP")
        indicator = "requested" if kind == "e2ae" else ""
        return Line(
            media, self.port(), "RTP/SAVP", "1", SUITE, self.key(SUITE, secret=bool(indicator)), indicator
        )

    def write(self, lines: list[Line]) -> bytes:
        """Write a description, from now on in force; the version rises where something changed."""
        if not self.version or lines != self._written:
            self.version += 1
        self.lines = self._written = lines
        return render(lines, self.host, self.number, self.version)

    def offer(self, lines: list[Line]) -> bytes:
        """Write an offer: what is protected up to the edge asks for it again."""
        wanted = [replace(one, indicator="requested") if one.key in self.secrets else one for one in lines]
        return self.write(wanted)

    def answer(self, offer: Description, *, closed: frozenset[int] = frozenset()) -> list[Line]:
        """Return the answer to an offer, m-lines in ``closed`` refused; running ones keep port and key."""
        lines = []
        for index, offered in enumerate(offer.lines):
            mine = self.lines[index] if index < len(self.lines) else None
            if not offered.active or index in closed:
                lines.append(offered.closed())
                continue
            running = mine is not None and mine.active
            port = mine.port if mine is not None and running else self.port()
            line = Line(
                offered.media, port, offered.proto, offered.tag, direction=MIRRORED[offered.direction]
            )
            if offered.key:
                secret = bool(offered.indicator)
                key = mine.key if mine is not None and running and mine.suite == offered.suite else ""
                if not key or (key in self.secrets) is not secret:
                    key = self.key(offered.suite, secret=secret)
                line = replace(line, suite=offered.suite, key=key)
            lines.append(line)
        return lines
