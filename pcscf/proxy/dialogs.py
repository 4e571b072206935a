"""What the proxy remembers of a call's dialogs, so that it can end them by itself (RFC 3261 12)."""

from pcscf.errors import SipRefusal
from pcscf.flow import Side
from pcscf.proxy.branch import Branch, Call, Dialog, Offered
from pcscf.sip.headers import NameAddr, cseq_of, tag_of
from pcscf.sip.message import Message, Request, Response

#: Requests that refresh the remote target (RFC 3261 12.2.1.1, RFC 3311).
_TARGET_REFRESH = frozenset({"INVITE", "UPDATE"})
#: What the proxy's own requests need of the INVITE and the 2xx: a call keeps no more of the two.
_OUTLINE = frozenset({"from", "to", "cseq", "contact", "record-route"})


def to_tag(message: Message) -> str:
    """Return the To tag, "" where there is none."""
    return tag_of(message.get("to")) or ""


def callee_tag(call: Call, request: Request, sender: Side) -> str:
    """Return the callee's tag in a request that came from ``sender``: it names the dialog of the call."""
    return tag_of(request.get("to" if sender is call.caller else "from")) or ""


def fork_of(call: Call, branch: Branch, response: Response) -> str:
    """Return the callee's tag of the dialog that a response belongs to."""
    return to_tag(response) if branch.initial else callee_tag(call, branch.request, branch.to.other)


def offered_to(call: Call, sender: Side, fork: str) -> Offered | None:
    """Return the last offer that ``sender`` was made in a response of this dialog."""
    offered = call.offered.get(fork)
    return offered if offered is not None and offered.plan.exchange.offerer is not sender else None


def check_fork(call: Call, fork: str) -> None:
    """Raises SipRefusal: nobody has answered the INVITE with this tag, so nobody can offer anything there."""
    if fork not in call.forks:
        raise SipRefusal("no such dialog", status=481)


def note_request(call: Call, request: Request, sender: Side) -> None:
    """Remember the CSeq and the Contact of a request inside a dialog."""
    dialog = call.dialogs.get(callee_tag(call, request, sender))
    if dialog is None:
        return
    receiver = sender.other
    dialog.cseq[receiver] = max(cseq_of(request)[0], dialog.cseq.get(receiver, 0))
    if request.method in _TARGET_REFRESH:
        _note_contact(dialog, request, sender)


def note_success(call: Call, branch: Branch, response: Response, now: float) -> None:
    """Remember the dialog that a 2xx makes, or the Contact with which it refreshes one."""
    if branch.initial:
        tag = to_tag(response)
        if tag not in call.dialogs and tag not in call.over:
            dialog = call.dialogs[tag] = made_by(response)
            dialog.cseq[branch.to] = cseq_of(response)[0]
            call.answered = call.answered or now
    elif branch.method in _TARGET_REFRESH:
        known = call.dialogs.get(callee_tag(call, branch.request, branch.to.other))
        if known is not None:
            _note_contact(known, response, branch.to)


def made_by(response: Response) -> Dialog:
    """Return the dialog that a 2xx makes."""
    return Dialog(Response(response.status, response.reason, outline(response)), response.body)


def outline(message: Message) -> list[tuple[str, str]]:
    """Return the fields of an INVITE or its 2xx that requests of our own in their dialog are made of."""
    return [field for field in message.fields if field[0] in _OUTLINE]


def _note_contact(dialog: Dialog, message: Message, sender: Side) -> None:
    """Take a Contact that cannot be read for none: the one before it stays in force."""
    try:
        if contacts := message.values("contact"):
            dialog.contacts[sender] = NameAddr.parse(contacts[0]).uri
    except SipRefusal:
        return
