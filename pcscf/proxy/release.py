"""Requests that the proxy sends by itself in a call's dialogs: ACK and BYE (TS 24.229 5.2.8)."""

from pcscf.errors import SipRefusal
from pcscf.flow import Side
from pcscf.proxy.branch import Call, Dialog
from pcscf.sip.build import request_in_dialog
from pcscf.sip.headers import NameAddr, cseq_of
from pcscf.sip.message import Request


def route_towards(call: Call, dialog: Dialog, side: Side) -> list[str]:
    """Return the route set from here towards ``side``.

    The 2xx lists Record-Route from the callee's end down to the caller's, our two entries in between.
    """
    values = dialog.answer.values("record-route")
    ours = [i for i, value in enumerate(values) if f":{call.token}@" in value]
    if not ours:
        return []
    if side is call.caller:
        return values[ours[-1] + 1 :]
    return values[: ours[0]][::-1]


def remote_target(call: Call, dialog: Dialog, side: Side) -> str:
    """Return the Contact URI of the end on ``side``, as last refreshed. Raises SipRefusal: it has none."""
    if uri := dialog.contacts.get(side):
        return uri
    source = call.invite if side is call.caller else dialog.answer
    contacts = source.values("contact")
    if not contacts:
        raise SipRefusal("no Contact")
    return NameAddr.parse(contacts[0]).uri


def _request(
    call: Call,
    dialog: Dialog,
    side: Side,
    method: str,
    number: int,
    headers: tuple[tuple[str, str], ...] = (),
) -> Request:
    """Build a request to ``side`` as if the other end had sent it.

    Raises SipRefusal where a Contact or Record-Route of its peer leads nowhere.
    """
    caller, callee = call.invite.get("from") or "", dialog.answer.get("to") or ""
    to_caller = side is call.caller
    return request_in_dialog(
        method,
        target=remote_target(call, dialog, side),
        local=callee if to_caller else caller,
        remote=caller if to_caller else callee,
        call_id=call.call_id,
        cseq=number,
        route=route_towards(call, dialog, side),
        headers=headers,
    )


def ack(call: Call, dialog: Dialog, side: Side, number: int) -> Request:
    """Return the ACK of a 2xx from ``side`` for the INVITE with CSeq ``number`` (RFC 3261 13.2.2.4).

    Raises SipRefusal.
    """
    return _request(call, dialog, side, "ACK", number)


def bye(call: Call, dialog: Dialog, side: Side, refusal: SipRefusal) -> Request:
    """Return a BYE towards ``side`` that says why (RFC 3326). Raises SipRefusal."""
    last = dialog.cseq.get(side)
    if last is None:
        last = cseq_of(call.invite)[0] if side is not call.caller else 0
    dialog.cseq[side] = last + 1
    return _request(call, dialog, side, "BYE", last + 1, (reason(refusal),))


def reason(refusal: SipRefusal) -> tuple[str, str]:
    """Return the Reason header for what ``refusal`` says (RFC 3326)."""
    return "Reason", f'SIP;cause={refusal.status};text="{refusal.reason}"'
