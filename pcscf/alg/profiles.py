"""Protocols of m-lines, and which of them face each other over the gateway (TS 23.334 5.11, 6.2.10)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """One proto of an m-line.

    carrier: rtp, udp or tcp, what the gateway relays. mechanism: the registered mechanism that protects this
    kind of media. counterpart: the protocol of the other side under e2ae. transport: what the gateway is told
    when it relays the stream as it is, unread (TS 23.334 5.19, 6.2.10A).
    """

    carrier: str
    secure: bool
    mechanism: str | None
    counterpart: str | None = None
    transport: str = "UDP"


SAVP = ("RTP/SAVP", "RTP/SAVPF")

#: Protocol in lower case -> profile (RFC 5124, RFC 5764, RFC 4975, RFC 8856, RFC 7345).
PROFILES = {
    "rtp/avp": Profile("rtp", False, "sdes-srtp", "RTP/SAVP", transport="RTP/AVP"),
    "rtp/avpf": Profile("rtp", False, "sdes-srtp", "RTP/SAVPF", transport="RTP/AVPF"),
    "rtp/savp": Profile("rtp", True, "sdes-srtp", "RTP/AVP", transport="RTP/SAVP"),
    "rtp/savpf": Profile("rtp", True, "sdes-srtp", "RTP/AVPF", transport="RTP/SAVPF"),
    "udp/tls/rtp/savp": Profile("rtp", True, "dtls-srtp", "RTP/AVP", transport="UDP/TLS/RTP/SAVP"),
    "udp/tls/rtp/savpf": Profile("rtp", True, "dtls-srtp", "RTP/AVPF", transport="UDP/TLS/RTP/SAVPF"),
    "udptl": Profile("udp", False, "udptl-dtls", "UDP/TLS/UDPTL"),
    "udp/tls/udptl": Profile("udp", True, "udptl-dtls", "udptl"),
    "udp/dtls/sctp": Profile("udp", True, None),
    "tcp/msrp": Profile("tcp", False, "msrp-tls", "TCP/TLS/MSRP", transport="TCP"),
    "tcp/tls/msrp": Profile("tcp", True, "msrp-tls", "TCP/MSRP", transport="TCP"),
    "tcp/bfcp": Profile("tcp", False, "bfcp-tls", "TCP/TLS/BFCP", transport="TCP"),
    "tcp/tls/bfcp": Profile("tcp", True, "bfcp-tls", "TCP/BFCP", transport="TCP"),
    "tcp/rtp/avp": Profile("tcp", False, None, transport="TCP"),
    "tcp/rtp/avpf": Profile("tcp", False, None, transport="TCP"),
    "tcp/tls/rtp/savp": Profile("tcp", True, "dtls-srtp", "RTP/AVP", transport="TCP"),
    "tcp/tls/rtp/savpf": Profile("tcp", True, "dtls-srtp", "RTP/AVPF", transport="TCP"),
    "tcp/dtls/rtp/savp": Profile("tcp", True, "dtls-srtp", "RTP/AVP", transport="TCP"),
    "tcp/dtls/rtp/savpf": Profile("tcp", True, "dtls-srtp", "RTP/AVPF", transport="TCP"),
    "tcp/dtls/sctp": Profile("tcp", True, None, transport="TCP"),
}

#: Media types with a meaning (RFC 8866 8.2.1); the gateway gets no others.
MEDIA_TYPES = frozenset({"audio", "video", "text", "application", "message", "image"})

#: Plain profile of RTP -> the one that DTLS-SRTP protects it with (RFC 5764 8).
_OVER_DTLS = {"RTP/AVP": "UDP/TLS/RTP/SAVP", "RTP/AVPF": "UDP/TLS/RTP/SAVPF"}


def protected_by(mechanism: str | None, proto: str) -> str:
    """Return the protocol that is offered to a UE for a plain one: by DTLS-SRTP where that is chosen."""
    profile = profile_of(proto)
    over = _OVER_DTLS.get(proto.upper()) if mechanism == "dtls-srtp" else None
    return over or (profile.counterpart if profile is not None else None) or proto


def profile_of(proto: str) -> Profile | None:
    """Return the profile of an m-line's proto; case does not count."""
    return PROFILES.get(proto) or PROFILES.get(proto.lower())


def is_tcp(proto: str) -> bool:
    """Return whether a known protocol runs over TCP."""
    profile = profile_of(proto)
    return profile is not None and profile.carrier == "tcp"


def transport_of(proto: str, *, aware: bool) -> str:
    """Return what the gateway is told of media of which it is aware, or whose (D)TLS ends there.

    Of TCP the application is named only where it is to be aware of it (TS 23.334 5.11, 5.19).
    """
    if aware or not is_tcp(proto):
        return proto.upper()
    profile = profile_of(proto)
    return "TCP/TLS" if profile is not None and profile.secure else "TCP"
