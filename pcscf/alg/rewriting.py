"""What both directions of SDP rewriting share: which lines stay on their own leg (TS 24.229 6.7)."""

from collections.abc import Sequence
from dataclasses import dataclass

from iq.procedures import Endpoint
from pcscf.sdp import capability
from pcscf.sdp.address import network
from pcscf.sdp.model import DIRECTIONS, Media, Section
from pcscf.sdp.msrp import through

#: Keying and its roles; ``k=`` is the obsolete key line. Of plain TCP setup and connection are no part of it.
SECURITY = frozenset({
    "crypto", "3ge2ae", "key-mgmt", "fingerprint", "setup", "connection", "tls-id", "dtls-id", "identity",
    "k=",
})  # fmt: skip
#: Terminated on each leg: foreign candidates would only be a mismatch (RFC 8839 4.2.5).
ICE = frozenset({
    "candidate", "remote-candidates", "end-of-candidates", "ice-ufrag", "ice-pwd", "ice-options", "ice-lite",
    "ice-mismatch", "ice-pacing",
})  # fmt: skip
#: One transport for several m-lines (RFC 8843), with what only makes sense on it.
BUNDLE = frozenset(
    ["bundle-only", "msid", "msid-semantic", "ssrc", "ssrc-group", "extmap", "extmap-allow-mixed"]
)
#: Ports of RTCP, which each leg has its own of.
RTCP = frozenset({"rtcp", "rtcp-mux", "rtcp-mux-only"})

DROPPED = SECURITY | ICE | BUNDLE | RTCP | capability.NAMES | {"c="}
#: Of an end-to-end stream only addresses are ours (23.334 6.2.10A); RTCP multiplexing is between its ends.
DROPPED_E2E = ICE | {"3ge2ae", "rtcp", "bundle-only", "c="}
#: Of the session level where some m-section passes: key-mgmt is never moved (33.328 H.3); capabilities only
#: where that m-section refers to them.
DROPPED_SESSION_E2E = DROPPED - {"key-mgmt"}
DROPPED_SESSION_NEGOTIATED = DROPPED_SESSION_E2E - capability.NAMES

#: Who connects (RFC 4145); and what secures the connection (RFC 8122, RFC 8842).
_ROLES = frozenset({"setup", "connection"})
_TLS = _ROLES | {"fingerprint", "tls-id", "identity"}

_DIRECTIONS = frozenset(DIRECTIONS)


def kept(media: Section, dropped: frozenset[str]) -> list[str]:
    """Return the lines of an m-section whose name is not in ``dropped``."""
    return [line for line, name in zip(media.lines, media.names, strict=True) if name not in dropped]


def unindicated(section: Section, dropped: frozenset[str]) -> list[str]:
    """Return the lines whose name is not in ``dropped``, without capabilities that would add 3ge2ae.

    A configuration that names one of these is void then (TS 33.328 5.4.1, RFC 5939 3.5.1).
    """
    return [
        line
        for line, name in zip(section.lines, section.names, strict=True)
        if name not in dropped and not (name == "acap" and capability.indicates(line))
    ]


def section(
    media: Media, proto: str, local: Endpoint, lines: list[str], added: Sequence[str], session_address: str
) -> list[str]:
    """Assemble an m-section: the m= line, a c= line where the session's does not serve, ``lines``.

    ``added`` goes before the direction, or at the end.
    """
    if media.address.hold:
        # c=0.0.0.0 (RFC 2543 hold) is gone with the address: say it by the direction.
        lines = [line for line in lines if line[2:] not in _DIRECTIONS or line[0] != "a"]
        lines.append("a=inactive")
    if rtcp := rtcp_line(local):
        added = [*added, rtcp]
    if added:
        at = next((i for i, line in enumerate(lines) if line[2:] in _DIRECTIONS), len(lines))
        lines[at:at] = added
    if local.address != session_address:
        lines.insert(1 if lines and lines[0].startswith("i=") else 0, f"c={network(local.address)}")
    return [f"m={media.media} {local.port} {proto} {media.formats}", *lines]


def rtcp_line(local: Endpoint) -> str | None:
    """Return a=rtcp where RTCP is not on the next port (RFC 3605)."""
    if local.rtcp_port is None or local.rtcp_port in {local.port, local.port + 1}:
        return None
    return f"a=rtcp:{local.rtcp_port}"


def rejected(media: Media, proto: str) -> list[str]:
    """Return the m-section of a line that is off: it keeps its place and proto (RFC 3264 6, 8)."""
    return [f"m={media.media} 0 {proto} {media.formats}"]


def passed(media: Media, session: Section, local: Endpoint, session_address: str) -> list[str]:
    """Return an end-to-end m-section: keys, roles and proto as they are, addresses ours.

    A fingerprint with its role that stood at the session level is copied down, where it stays this line's
    alone; key-mgmt is never moved (33.328 H.3).
    """
    lines = unindicated(media, DROPPED_E2E)
    if "crypto" not in media:
        lines += _inherited(media, session, _TLS)
    lines = through(media, lines, local.address, local.port)
    return section(media, media.proto, local, lines, (), session_address)


def relayed(
    media: Media, session: Section, local: Endpoint, session_address: str, *, aware: bool
) -> list[str]:
    """Return an m-section of plain TCP: who connects is between the ends, as is everything else.

    aware: the gateway is aware of MSRP.
    """
    lines = kept(media, DROPPED - _ROLES) + _inherited(media, session, _ROLES)
    lines = through(media, lines, local.address, local.port, aware=aware)
    return section(media, media.proto, local, lines, (), session_address)


@dataclass(slots=True)
class Connection:
    """Who connects on one side of TCP whose TLS ends at the gateway. setup: None leaves what is written.

    fresh: no connection is there yet, whatever the other side has.
    """

    setup: str | None
    fresh: bool


def connected(
    media: Media,
    session: Section,
    proto: str,
    local: Endpoint,
    session_address: str,
    connection: Connection,
    added: Sequence[str] = (),
    *,
    secure: bool,
    aware: bool,
) -> list[str]:
    """Return an m-section of TCP whose TLS ends at the gateway, for the side that is ``secure`` or the other.

    added: certificate and indication, towards the UE. aware: the gateway is aware of MSRP.
    """
    lines = kept(media, DROPPED - _ROLES) + _inherited(media, session, _ROLES)
    lines = [_of_this_side(line, connection) for line in lines]
    if connection.setup is not None and "setup" not in media and "setup" not in session:
        added = [f"a=setup:{connection.setup}", *added]
    lines = through(media, lines, local.address, local.port, secure=secure, aware=aware)
    return section(media, proto, local, lines, added, session_address)


def _of_this_side(line: str, connection: Connection) -> str:
    name = line[2:].partition(":")[0].strip().lower() if line[0] == "a" else ""
    if name == "setup" and connection.setup is not None:
        return f"a=setup:{connection.setup}"
    return "a=connection:new" if name == "connection" and connection.fresh else line


def _inherited(media: Media, session: Section, names: frozenset[str]) -> list[str]:
    """Return those lines of the session level that apply to an m-section without one of its own."""
    return [
        line
        for line, name in zip(session.lines, session.names, strict=True)
        if name in names and name not in media
    ]
