"""SDP of Local and Remote: one media description, with ``$`` where the gateway shall choose (H.248.1 7.1.8).

Written lines: v=, c=, m=, a=rtcp, a=rtcp-mux, a=setup, a=crypto, a=fingerprint, a=tls-id, a=path. ``-``
as port means unspecified (H.248.39), then there is no c= line. Other lines of a peer are read over.
"""

import binascii
import re
from dataclasses import dataclass

from iq.errors import IqError
from iq.fingerprint import HASHES, Fingerprint, read_fingerprint
from iq.h248.errors import INVALID_SDP
from iq.h248.packages import PATH
from iq.msrp import compared
from iq.procedures import Endpoint, Setup, Stream
from iq.suites import SUITES, Crypto, Key

_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_CRYPTO = re.compile(
    r"([0-9]{1,9}) (\S+) inline:([A-Za-z0-9+/]+=*)(?:\|[0-9^]+)?(?:\|([0-9]{1,309}):([0-9]{1,3}))?(?: .*)?"
)
#: Others leave it open: actpass, holdconn (RFC 4145 4).
_SETUPS = {setup.value: setup for setup in Setup}
MAX_MKI_OCTETS = 128
"""RFC 4568 6.1."""
MAX_FINGERPRINTS = 8
"""Of one side of a stream."""
_TLS_ID = re.compile(r"[A-Za-z0-9+/_-]{20,255}")


@dataclass(slots=True)
class Description:
    """What a Local or Remote says. endpoint None: to be chosen, or unspecified."""

    media: str
    transport: str
    formats: str
    endpoint: Endpoint | None = None
    rtcp_mux: bool = False
    crypto: Crypto | None = None
    setup: Setup | None = None
    choose_fingerprint: str | None = None
    fingerprints: tuple[Fingerprint, ...] = ()
    tls_id: str | None = None
    path: str | None = None


def write(
    stream: Stream,
    endpoint: Endpoint | None,
    crypto: Crypto | None,
    unknown: str,
    setup: Setup | None = None,
) -> str:
    """Return the SDP lines of one side of ``stream``.

    unknown: what stands for an endpoint of None: "IP4" or "IP6" asks for one, "" leaves it unspecified.
    Raises IqError(474) for a value that would not stay within its field.
    """
    if endpoint is not None:
        address = endpoint.address
        family = "IP6" if ":" in address else "IP4"
        text = (
            f"v=0\r\nc=IN {family} {address}\r\n"
            f"m={stream.media} {endpoint.port} {stream.transport} {stream.formats}\r\n"
        )
        fields = f"{address}{stream.media}{stream.transport}"
        if not address:
            text = f"v=0\r\nm={stream.media} {endpoint.port} {stream.transport} {stream.formats}\r\n"
        if endpoint.rtcp_port is not None:
            text += f"a=rtcp:{endpoint.rtcp_port}\r\n"
    else:
        fields = f"{stream.media}{stream.transport}"
        if unknown:
            text = f"v=0\r\nc=IN {unknown} $\r\nm={stream.media} $ {stream.transport} {stream.formats}\r\n"
        else:
            text = f"v=0\r\nm={stream.media} - {stream.transport} {stream.formats}\r\n"
    if not fields.isprintable() or " " in fields or not stream.formats.isprintable():
        raise IqError(INVALID_SDP, "value that does not fit into a line of SDP")
    if stream.rtcp_mux:
        text += "a=rtcp-mux\r\n"
    if setup is not None:
        text += f"a=setup:{setup.value}\r\n"
    return text if crypto is None else f"{text}{_crypto_line(crypto)}"


def request_line(stream: Stream) -> str:
    """Return the line of Local that asks for the gateway's certificate; "" where it is not asked for."""
    name = stream.choose_fingerprint
    if name is None:
        return ""
    if name not in HASHES:
        raise IqError(INVALID_SDP, "fingerprint of an unknown hash")
    return f"a=fingerprint:{name} $\r\n"


def reply_line(stream: Stream) -> str:
    """Return the line of Local that answers ``request_line``."""
    found = stream.local_fingerprint
    return "" if found is None else f"a=fingerprint:{found.text}\r\n"


def peer_lines(stream: Stream) -> str:
    """Return the lines of Remote about the peer's certificate and session. Raises IqError(474)."""
    lines = "".join(f"a=fingerprint:{found.text}\r\n" for found in stream.remote_fingerprints)
    if stream.tls_id is None:
        return lines
    if not _TLS_ID.fullmatch(stream.tls_id):
        raise IqError(INVALID_SDP, "tls-id that is none")
    return f"{lines}a=tls-id:{stream.tls_id}\r\n"


def path_line(path: str | None) -> str:
    """Return the line that makes the gateway aware of MSRP. Raises IqError(474)."""
    return "" if path is None else f"{PATH}{_path(path)}\r\n"


def _path(path: str) -> str:
    if compared(path) is None:
        raise IqError(INVALID_SDP, "path that is no URI of MSRP")
    return path


def _crypto_line(crypto: Crypto) -> str:
    suite = crypto.suite
    if not suite.isprintable() or " " in suite:
        raise IqError(INVALID_SDP, "crypto suite that does not fit into a line of SDP")
    key = binascii.b2a_base64(crypto.key.octets, newline=False).decode()
    mki = f"|{crypto.mki[0]}:{crypto.mki[1]}" if crypto.mki else ""
    return f"a=crypto:{crypto.tag} {suite} inline:{key}{mki}\r\n"


def read(text: str) -> Description:
    """Return what the first alternative of ``text`` says. Raises IqError(474)."""
    description: Description | None = None
    address, port, rtcp_port = "", "", None
    attributes: list[str] = []
    for line in _first_alternative(text):
        if line.startswith("m="):
            if description is not None:
                raise IqError(INVALID_SDP, "two m= lines in one stream")
            media, port, transport, formats = _media(line[2:])
            description = Description(media, transport, formats)
        elif line.startswith("c="):
            address = _connection(line[2:])
        elif line.startswith("a=rtcp:"):
            rtcp_port = _port(line[7:].partition(" ")[0])
        elif line.startswith("a="):
            attributes.append(line)
    if description is None:
        raise IqError(INVALID_SDP, "no m= line")
    for line in attributes:
        _attribute(line, description)
    if len(description.fingerprints) > MAX_FINGERPRINTS:
        raise IqError(INVALID_SDP, "too many fingerprints")
    if port not in ("$", "-", "*") and address != "$":
        description.endpoint = Endpoint(address, _port(port), rtcp_port)
        if not address and description.endpoint.port:
            raise IqError(INVALID_SDP, "no c= line")
    return description


def _attribute(line: str, description: Description) -> None:
    if line == "a=rtcp-mux":
        description.rtcp_mux = True
    elif line.startswith("a=setup:"):
        description.setup = _SETUPS.get(line[8:])
    elif line.startswith("a=crypto:") and description.crypto is None:
        description.crypto = read_crypto(line[9:])
    elif line.startswith("a=fingerprint:"):
        _fingerprint(line[14:], description)
    elif line.startswith("a=tls-id:"):
        description.tls_id = line[9:]
        if not _TLS_ID.fullmatch(description.tls_id):
            raise IqError(INVALID_SDP, "tls-id that is none")
    elif line.startswith(PATH):
        description.path = _path(line[len(PATH) :])


def _fingerprint(value: str, description: Description) -> None:
    if value.endswith(" $"):
        description.choose_fingerprint = value[:-2].lower()
        if description.choose_fingerprint not in HASHES:
            raise IqError(INVALID_SDP, "fingerprint of an unknown hash")
        return
    try:
        description.fingerprints += (read_fingerprint(value),)
    except ValueError as error:
        raise IqError(INVALID_SDP, str(error)) from None


def _first_alternative(text: str) -> list[str]:
    """Return the lines up to a second v=: each v= starts an alternative, in order of preference."""
    lines = text.split("\r\n")
    second = next((at for at, line in enumerate(lines) if at and line[:2] == "v="), len(lines))
    return lines[:second]


def _media(value: str) -> tuple[str, str, str, str]:
    parts = value.split(" ", 3)
    if len(parts) < 3 or "" in parts[:3]:
        raise IqError(INVALID_SDP, "m= line with fewer than three fields")
    return parts[0], parts[1], parts[2], parts[3] if len(parts) == 4 else ""


def _connection(value: str) -> str:
    parts = value.split()
    if len(parts) != 3 or parts[0] != "IN" or parts[1] not in ("IP4", "IP6"):
        raise IqError(INVALID_SDP, "c= line that is not IN IP4 or IN IP6")
    if parts[2] in ("$", "-", "*"):
        return "$"
    if not _ADDRESS.fullmatch(parts[2]):
        raise IqError(INVALID_SDP, "c= line without a numeric address")
    return parts[2]


def _port(text: str) -> int:
    if not (0 < len(text) <= 5 and text.isascii() and text.isdigit()) or (port := int(text)) > 65535:
        raise IqError(INVALID_SDP, "no port number")
    return port


def read_crypto(text: str) -> Crypto:
    """Return the crypto attribute ``text`` (after "a=crypto:", RFC 4568 9.1), its first key.

    A lifetime is read over. Raises IqError(474), also for a key of another length than its suite's.
    """
    match = _CRYPTO.fullmatch(text)
    if match is None:
        raise IqError(INVALID_SDP, "crypto attribute that cannot be read")
    tag, suite, key, mki, length = match.groups()
    return crypto_of(tag, suite, key, mki, length)


def crypto_of(tag: str, suite: str, key: str, mki: str | None, length: str | None) -> Crypto:
    """Build a Crypto from the texts of its fields. Raises IqError(474)."""
    try:
        octets = binascii.a2b_base64(key, strict_mode=True)
    except binascii.Error:
        raise IqError(INVALID_SDP, "crypto key that is not base64") from None
    known = SUITES.get(suite)
    if known is not None and len(octets) != known.octets:
        raise IqError(INVALID_SDP, "crypto key of a wrong length")
    if mki is None or length is None:
        return Crypto(suite, Key(octets), int(tag))
    if not 0 < int(length) <= MAX_MKI_OCTETS:
        raise IqError(INVALID_SDP, "MKI of a wrong length")
    return Crypto(suite, Key(octets), int(tag), (int(mki), int(length)))
