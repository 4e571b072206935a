"""From what the controller said of both ends of a stream to what the engine does at each:
the transport of the m= line tells it, there is no flag for SRTP (TS 23.334 5.11)."""

from agw.control.termination import End, Termination
from agw.engine.api import Leg, Transform
from agw.tcp.api import TcpLeg
from iq.procedures import Mode

RTP = frozenset({"RTP/AVP", "RTP/AVPF"})
SDES = frozenset({"RTP/SAVP", "RTP/SAVPF"})
#: Relayed unread where both ends have the same one; terminating DTLS is not built.
DATAGRAM = frozenset(
    {
        "UDP", "UDPTL", "UDP/BFCP", "UDP/TLS", "UDP/TLS/UDPTL", "UDP/TLS/BFCP", "UDP/DTLS/SCTP",
        "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF",
    }
)  # fmt: skip
#: The same over TCP; TLS ends here where certificates are spoken of, else it passes from end to end.
TCP = frozenset({"TCP", "TCP/TLS", "TCP/MSRP", "TCP/TLS/MSRP", "TCP/BFCP", "TCP/TLS/BFCP"})
TRANSPORTS = RTP | SDES | DATAGRAM | TCP

_SENDS = frozenset({Mode.SEND_RECEIVE, Mode.SEND_ONLY})
_RECEIVES = frozenset({Mode.SEND_RECEIVE, Mode.RECEIVE_ONLY})


def is_tcp(transport: str) -> bool:
    return transport.upper() in TCP


def is_tls(transport: str) -> bool:
    """Is it protected by certificates?"""
    return not {"TLS", "DTLS"}.isdisjoint(transport.upper().split("/"))


def inside(end: End) -> str:
    """What passes at ``end``: its transport, without TLS where that ends here."""
    transport = end.transport.upper()
    return transport if end.security is None else transport.replace("/TLS", "", 1)


def tcp_leg(termination: Termination, end: End, other: End | None) -> TcpLeg:
    """What the relay of TCP does at ``end``: nothing where the other end is not alike."""
    alike = other is not None and inside(other) == inside(end)
    return TcpLeg(
        end.setup if alike else None,
        end.mode in _SENDS,
        end.mode in _RECEIVES,
        end.remote,
        termination.latching,
        termination.source,
        end.security if is_tls(end.transport) else None,
    )


def leg(termination: Termination, end: End, other: End | None) -> Leg:
    """What the engine does at ``end``, whose stream goes on at ``other``."""
    return Leg(
        transform(end, other),
        end.local_crypto,
        end.remote_crypto,
        end.mode in _SENDS,
        end.mode in _RECEIVES,
        end.remote,
        termination.latching,
        termination.source,
        end.rtcp_mux,
    )


def transform(end: End, other: End | None) -> Transform:
    """A protected stream never falls back to plain by itself: ends that do not fit together are closed.

    Two ends with keys are decrypted and encrypted again; two RTP/SAVP ends without keys are one
    end-to-end stream, which passes bit for bit.
    """
    if other is None:
        return Transform.CLOSED
    mine, its = end.transport.upper(), other.transport.upper()
    other_terminated = its in RTP or (its in SDES and _keyed(other))
    if mine in SDES:
        if _keyed(end):
            return Transform.SRTP if other_terminated else Transform.CLOSED
        return Transform.NONE if its in SDES and not _keyed(other) else Transform.CLOSED
    if mine in RTP:
        return Transform.NONE if other_terminated else Transform.CLOSED
    return Transform.DATAGRAM if mine == its else Transform.CLOSED


def _keyed(end: End) -> bool:
    return end.local_crypto is not None or end.remote_crypto is not None
