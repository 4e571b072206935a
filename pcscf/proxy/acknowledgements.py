"""The ACK of a 2xx inside a call: end to end, without a transaction, now and then with an answer in it."""

from pcscf.alg.session import Plan
from pcscf.errors import SipRefusal
from pcscf.proxy.branch import Branch, Call, Dialog
from pcscf.proxy.descriptions import sdp_of
from pcscf.proxy.dialogs import callee_tag
from pcscf.proxy.effects import Forward
from pcscf.proxy.endings import Endings
from pcscf.proxy.gateways import Gateways
from pcscf.proxy.turn import Turn
from pcscf.sdp.body import SdpPart
from pcscf.sip.headers import cseq_of


class Acknowledgements:
    """Takes ACKs on their way; the answer to an offer that came in the 2xx goes through the gateway first."""

    def __init__(self, turn: Turn, gateways: Gateways, endings: Endings) -> None:
        self._turn = turn
        self._gateways = gateways
        self._endings = endings

    def take(self, call: Call, branch: Branch) -> None:
        """Take an ACK on its way, in its turn."""
        if call.ended:
            return
        sender = branch.to.other
        fork = callee_tag(call, branch.request, sender)
        dialog = call.dialogs.get(fork)
        due = dialog is not None and call.media.pending(fork) is branch.to
        try:
            part = sdp_of(branch.request, "ACK")
            if part is None:
                self._turn.add(Forward(branch))
                if due:
                    self._gateways.withdraw(call, fork)
            elif dialog is not None and due:
                plan = call.media.plan_answer(part.sdp, sender, fork)
                self._answer(call, branch, part, plan, dialog)
            else:
                self._forward(branch, _again(branch, part, dialog))
        except SipRefusal as refusal:
            self._bad(call, branch, refusal)

    def _answer(self, call: Call, branch: Branch, part: SdpPart, plan: Plan, dialog: Dialog) -> None:
        def then(sdp: bytes) -> None:
            dialog.acknowledged = (cseq_of(branch.request)[0], part.sdp, sdp)
            self._forward(branch, part.replace(sdp))

        self._gateways.carry_out(call, plan, then, lambda refusal: self._bad(call, branch, refusal))

    def _bad(self, call: Call, branch: Branch, refusal: SipRefusal) -> None:
        """An ACK cannot be refused: it goes without its answer, and the call ends."""
        self._forward(branch, b"")
        self._endings.release(call, refusal)

    def _forward(self, branch: Branch, body: bytes) -> None:
        """Send the ACK on; a description that answers nothing does not go with it."""
        if not body:
            branch.request.remove("content-type")
        branch.request.set_body(body)
        self._turn.add(Forward(branch))


def _again(branch: Branch, part: SdpPart, dialog: Dialog | None) -> bytes:
    """Return the body for an ACK whose answer is not due: what it had before, or none."""
    known = dialog.acknowledged if dialog is not None else None
    if known is None or known[:2] != (cseq_of(branch.request)[0], part.sdp):
        return b""
    return part.replace(known[2])
