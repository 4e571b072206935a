"""Flows that UEs keep open: client-initiated connections (RFC 5626) and keep-alives (RFC 6223)."""

import re

from pcscf.flow import Listener
from pcscf.registration.contacts import Contact
from pcscf.sip.headers import has_option_tag
from pcscf.sip.message import Request, Response

#: Seconds between keep-alives that we ask for. Many NATs forget UDP after 30 (RFC 5626 4.4.2), and TCP after
#: some minutes (4.4.1): the upper ends of the RFC's own ranges. A UE takes 80 to 100 % of it.
UDP_KEEP_ALIVE = 29
STREAM_KEEP_ALIVE = 120

_KEEP = re.compile(r";[ \t]*keep[ \t]*(?=;|$)", re.IGNORECASE)


def keep_alive(listener: Listener) -> int:
    """Return the seconds that a UE of ``listener`` may leave between two keep-alives."""
    return STREAM_KEEP_ALIVE if listener.reliable else UDP_KEEP_ALIVE


def uses_outbound(request: Request, contact: Contact | None) -> bool:
    """Tell whether a REGISTER asks for RFC 5626, so that Path gets ``ob`` (5.1).

    Only of a UE that we are the first hop of: behind another proxy the flow here is not the UE's.
    """
    return (
        contact is not None
        and contact.instance is not None
        and contact.reg_id is not None
        and len(request.values("via")) == 1
        and has_option_tag(request, "Supported", "outbound")
    )


def announce_flow_timer(response: Response, listener: Listener, *, asked: bool) -> None:
    """Put our Flow-Timer into a 2xx to REGISTER in which the registrar says that outbound is in use (5.4).

    One from the core is about another hop, and goes.
    """
    response.remove("flow-timer")
    if asked and has_option_tag(response, "Require", "outbound"):
        response.append("Flow-Timer", str(keep_alive(listener)))


def answer_keep(response: Response, listener: Listener) -> None:
    """Answer ``keep`` in the UE's Via, now the topmost one: we take keep-alives (RFC 6223 4.4).

    The same value as Flow-Timer: one flow has one timer.
    """
    via = response.first("via")
    if via is not None and _KEEP.search(via):
        response.replace_first("Via", _KEEP.sub(f";keep={keep_alive(listener)}", via, count=1))
