"""What offers are refused with where nothing is wrong with the offer itself."""

from pcscf.errors import SipRefusal


def glare() -> SipRefusal:
    """The other side's offer is pending (RFC 3261 14.2)."""
    return SipRefusal("the other side's offer is pending", status=491, phrase="Request Pending")


def busy(seconds: int) -> SipRefusal:
    """An offer of the same side is pending. seconds: 0 to 10, by chance (RFC 3261 14.2, RFC 3311 5.2)."""
    return SipRefusal(
        "an offer of this side is pending",
        status=500,
        phrase="Server Internal Error",
        headers=(("Retry-After", str(seconds)),),
    )


def unserved(seconds: int) -> SipRefusal:
    """The gateway refused, or cannot be reached. seconds: after which it may."""
    return SipRefusal(
        "the media gateway cannot serve the session",
        status=503,
        phrase="Service Unavailable",
        headers=(("Retry-After", str(seconds)),),
    )
