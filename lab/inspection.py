"""What must not reach the core (TS 24.229 4.4, 5.2; TS 33.328 5.4.1): each find is a violation in words."""

from lab import sdp
from lab.errors import BadDescription
from pcscf.sip.message import Message, Request

#: Header fields that end at the P-CSCF.
FORBIDDEN_HEADERS = ("security-client", "security-server", "security-verify", "p-preferred-identity")
FORBIDDEN_OPTIONS = ("mediasec", "sec-agree")
_KEYING = ("fingerprint", "tls-id", "setup")


def violations(message: Message, *, end_to_end: bool = False) -> list[str]:
    """Return what a message from the P-CSCF carries that it must not; never any key material.

    end_to_end: SDES between the UEs is allowed: RTP/SAVP with a=crypto passes.
    """
    found = [f"{name} reached the core" for name in FORBIDDEN_HEADERS if name in message]
    for header in ("require", "proxy-require"):
        tags = {tag.lower() for tag in message.values(header)}
        found += [f"{header}: {tag} reached the core" for tag in FORBIDDEN_OPTIONS if tag in tags]
    found += _in_sdp(message, end_to_end)
    name = f"{message.method} " if isinstance(message, Request) else ""
    return [f"{name}{text}" for text in found]


def _keying(line: sdp.MediaLine) -> list[str]:
    """Return the attributes of (D)TLS. Over TCP a=setup says who connects, without TLS, too (RFC 4145)."""
    names = ("fingerprint", "tls-id") if line.proto.upper().startswith("TCP") else _KEYING
    return [name for name in names if line.values(name)]


def _in_sdp(message: Message, end_to_end: bool) -> list[str]:
    if (message.get("content-type") or "").partition(";")[0].strip().lower() != "application/sdp":
        return ["3ge2ae in a body reached the core"] if b"a=3ge2ae" in message.body else []
    try:
        description = sdp.parse(message.body)
    except BadDescription as error:
        return [f"unusable SDP: {error}"]
    found = ["a=crypto at session level reached the core"] if description.session_crypto else []
    for line in description.media:
        if line.indicators:
            found.append(f"3ge2ae:{line.indicators[0][:20]} reached the core")
        if not end_to_end:
            found += [f"a={name} on {line.proto} reached the core" for name in _keying(line)]
        if line.crypto and not (end_to_end and line.secure):
            found.append(f"a=crypto on {line.proto} reached the core")
        elif line.secure and not end_to_end:
            found.append(f"{line.proto} reached the core")
    return found
