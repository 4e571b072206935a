"""Where session descriptions are offers and answers: in which messages of a call (RFC 6337 2)."""

from pcscf.sdp.body import SdpPart, find_sdp
from pcscf.sip.message import Message, Request

#: Requests that carry offers and answers, themselves or in their responses.
_OFFER_ANSWER = frozenset({"INVITE", "ACK", "PRACK", "UPDATE"})


def sdp_of(message: Message, method: str) -> SdpPart | None:
    """Return the offer or answer in a message of that method (a response: of its request), or None.

    Raises SipRefusal: an INVITE whose body must be understood and is not, a description that cannot be read.
    """
    if not message.body or method not in _OFFER_ANSWER:
        return None
    return find_sdp(
        message.get("content-type"),
        message.body,
        encoding=message.get("content-encoding"),
        disposition=message.get("content-disposition"),
        required=method == "INVITE" and isinstance(message, Request),
    )
