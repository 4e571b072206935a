"""One m-section from the access side as the core sees it: plain, with the gateway's core address."""

from collections.abc import Sequence

from iq.procedures import Endpoint
from pcscf.alg.rewriting import DROPPED, kept, section
from pcscf.sdp.model import Media, Section

_FEEDBACK = DROPPED | {"rtcp-fb"}


def to_core(
    media: Media, proto: str, local: Endpoint, session_address: str, added: Sequence[str] = ()
) -> list[str]:
    """Return the lines of ``media`` for the core.

    proto: the plain profile that is offered, or was offered by the core (RFC 3264 6: an answer repeats it).
    added: attributes of the potential configuration that is taken (RFC 5939).
    Everything that keys, indicates, or addresses the access side is gone (TS 33.328 5.4.1, TS 23.334
    6.2.10), from every m-section that is not end to end: a=crypto in RTP/AVP too. rtcp-fb goes where the
    profile with feedback becomes one without.
    """
    without_feedback = proto[-1:] not in "Ff"
    dropped = _FEEDBACK if media.proto[-1:] in "Ff" and without_feedback else DROPPED
    more = kept(Section(list(added)), _FEEDBACK if without_feedback else DROPPED) if added else ()
    return section(media, proto, local, kept(media, dropped), more, session_address)
