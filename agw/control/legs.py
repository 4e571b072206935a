"""From what the controller said of both ends of a stream to what the engine does at each:
the transport of the m= line tells it, there is no flag for SRTP (TS 23.334 5.11)."""

from agw.control.termination import End, Termination
from agw.dtls.api import DtlsLeg, Keys
from agw.engine.api import Leg, Transform
from agw.tcp.api import TcpLeg
from agw.tcp.msrp import Rewriting
from iq.procedures import Mode

RTP = frozenset({"RTP/AVP", "RTP/AVPF"})
SDES = frozenset({"RTP/SAVP", "RTP/SAVPF"})
DTLS_SRTP = frozenset({"UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"})
#: What is inside, where DTLS ends here for more than the keys of SRTP.
UNDER_DTLS = {"UDP/TLS/UDPTL": "UDPTL"}
#: Transports whose DTLS can end here.
ENDING_DTLS = DTLS_SRTP | frozenset(UNDER_DTLS)
#: Relayed unread where both ends have the same one, and no DTLS ends.
DATAGRAM = frozenset(
    {
        "UDP", "UDPTL", "UDP/BFCP", "UDP/TLS", "UDP/TLS/UDPTL", "UDP/TLS/BFCP", "UDP/DTLS/SCTP",
        "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF",
    }
)  # fmt: skip
#: The same over TCP; TLS ends here where certificates are spoken of, else it passes from end to end.
TCP = frozenset({"TCP", "TCP/TLS", "TCP/MSRP", "TCP/TLS/MSRP", "TCP/BFCP", "TCP/TLS/BFCP"})
#: What the gateway can be aware of, and how it is under TLS.
MSRP, MSRP_TLS = "TCP/MSRP", "TCP/TLS/MSRP"
TRANSPORTS = RTP | SDES | DATAGRAM | TCP

NO_KEYS = Keys()

_SENDS = frozenset({Mode.SEND_RECEIVE, Mode.SEND_ONLY})
_RECEIVES = frozenset({Mode.SEND_RECEIVE, Mode.RECEIVE_ONLY})


def is_tcp(transport: str) -> bool:
    return transport.upper() in TCP


def is_tls(transport: str) -> bool:
    """Is it protected by certificates?"""
    return not {"TLS", "DTLS"}.isdisjoint(transport.upper().split("/"))


def ends_dtls(end: End) -> bool:
    return end.security is not None and not end.tcp


def inside(end: End) -> str:
    """What passes at ``end``: its transport, without TLS where that ends here."""
    transport = end.transport.upper()
    return transport if end.security is None else transport.replace("/TLS", "", 1)


def tcp_leg(termination: Termination, end: End, other: End | None) -> TcpLeg:
    """What the relay of TCP does at ``end``: nothing where the other end is not alike, or where it is to be
    aware of MSRP and not all paths are known."""
    alike = other is not None and inside(other) == inside(end)
    rewriting = None
    if other is not None and inside(end) == MSRP and (_has_path(end) or _has_path(other)):
        rewriting = _rewriting(end, other)
        alike = alike and rewriting is not None
    return TcpLeg(
        end.setup if alike else None,
        end.mode in _SENDS,
        end.mode in _RECEIVES,
        end.remote,
        termination.latching,
        termination.source,
        end.security if is_tls(end.transport) else None,
        rewriting,
    )


def _has_path(end: End) -> bool:
    return end.local_path is not None or end.remote_path is not None


def _rewriting(end: End, other: End) -> Rewriting | None:
    known, to, sender = end.local_path, other.remote_path, other.local_path
    if end.remote_path is None or known is None or to is None or sender is None:
        return None
    return Rewriting(known, to, sender)


def dtls_leg(termination: Termination, end: End, other: End | None) -> DtlsLeg | None:
    """What DTLS does at ``end``; None where it does not end here."""
    if end.security is None or end.tcp:
        return None
    mine = end.transport.upper()
    made = DtlsLeg(
        end.security,
        mine in DTLS_SRTP,
        end.remote,
        termination.latching,
        termination.source,
        end.rtcp_mux,
    )
    if other is not None and other.transport.upper() == UNDER_DTLS.get(mine):
        made.outwards = end.mode in _RECEIVES and other.mode in _SENDS
        made.far, made.far_remote = other.port, other.remote
        far = termination.context.other(termination)
        made.far_latches = far is not None and far.latching
    return made


def leg(termination: Termination, end: End, other: End | None, keys: Keys = NO_KEYS) -> Leg:
    """What the engine does at ``end``, whose stream goes on at ``other``; keys: where DTLS ends here."""
    dtls = ends_dtls(end)
    proved = keys.remote if dtls and termination.latching else None
    return Leg(
        transform(end, other),
        keys.send if dtls else end.local_crypto,
        keys.receive if dtls else end.remote_crypto,
        end.mode in _SENDS,
        end.mode in _RECEIVES,
        end.remote if proved is None else proved,
        termination.latching,
        termination.source,
        end.rtcp_mux,
        dtls,
        dtls and not end.rtcp_mux,
        keys.rtcp_send,
        keys.rtcp_receive,
    )


def transform(end: End, other: End | None) -> Transform:
    """A protected stream never falls back to plain by itself: ends that do not fit together are closed.

    Two ends with keys are decrypted and encrypted again; two RTP/SAVP ends without keys are one
    end-to-end stream, which passes bit for bit.
    """
    if other is None:
        return Transform.CLOSED
    mine, its = end.transport.upper(), other.transport.upper()
    if ends_dtls(end):
        return Transform.SRTP if mine in DTLS_SRTP and _media(other) else Transform.CLOSED
    if ends_dtls(other) and its not in DTLS_SRTP:
        return Transform.HANDED if mine == UNDER_DTLS.get(its) else Transform.CLOSED
    other_terminated = _media(other)
    if mine in SDES:
        if _keyed(end):
            return Transform.SRTP if other_terminated else Transform.CLOSED
        return Transform.NONE if its in SDES and not _keyed(other) else Transform.CLOSED
    if mine in RTP:
        return Transform.NONE if other_terminated else Transform.CLOSED
    return Transform.DATAGRAM if mine == its and not ends_dtls(other) else Transform.CLOSED


def _media(end: End) -> bool:
    """Does RTP in the clear come out of ``end``?"""
    transport = end.transport.upper()
    return (
        transport in RTP or (transport in SDES and _keyed(end)) or (transport in DTLS_SRTP and ends_dtls(end))
    )


def _keyed(end: End) -> bool:
    return end.local_crypto is not None or end.remote_crypto is not None
