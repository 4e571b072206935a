"""Who connects, or begins: a=setup of TCP media and of DTLS (RFC 4145 4, RFC 5763 5)."""

from iq.procedures import Setup
from pcscf.errors import SdpRejected
from pcscf.sdp.model import Media, Section

ACTIVE, PASSIVE, ACTPASS, HOLD = "active", "passive", "actpass", "holdconn"
_OPPOSITE = {ACTIVE: PASSIVE, PASSIVE: ACTIVE}
_TOWARDS = {ACTIVE: Setup.PASSIVE, PASSIVE: Setup.ACTIVE}


def setup_of(media: Media, session: Section) -> str | None:
    """Return the a=setup that applies to an m-line, in lower case."""
    value = media.first("setup") or session.first("setup")
    return value.lower() if value is not None else None


def connecting(offered: str | None, answered: str | None) -> tuple[Setup | None, Setup | None]:
    """Return what the gateway does towards the offerer and towards the answerer: the opposite of each.

    None: nothing yet, since one of them holds the connection. Raises SdpRejected for an answer that leaves it
    open, or by which both ends would connect, or both wait.
    """
    offer = offered or ACTIVE
    answer = answered or _OPPOSITE.get(offer, PASSIVE)
    if HOLD in {offer, answer}:
        return None, None
    if answer not in _OPPOSITE:
        raise SdpRejected("answer that leaves open who connects")
    if answer == offer:
        raise SdpRejected("answer by which both ends connect, or both wait")
    return _TOWARDS[_OPPOSITE[answer]], _TOWARDS[answer]
