"""The ACK of a 2xx inside a call: end to end, without a transaction, now and then with an answer in it."""

from pcscf.alg.session import Plan
from pcscf.errors import SipRefusal
from pcscf.proxy.branch import Branch, Call, Offered
from pcscf.proxy.descriptions import sdp_of
from pcscf.proxy.dialogs import callee_tag, offered_to
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
        try:
            part = sdp_of(branch.request, "ACK")
            offered = offered_to(call, sender, fork)
            if offered is not None and offered.number != cseq_of(branch.request)[0]:
                offered = None
            if part is None:
                self._turn.add(Forward(branch))
                if offered is not None:
                    self._gateways.unanswered(call, offered.plan)
            elif offered is None:
                self._forward(branch, b"")
            elif offered.plan.exchange.answer is None:
                plan = call.media.plan_answer(part.sdp, sender, fork, to=offered.plan)
                self._answer(call, branch, part, plan, offered)
            else:
                received, sent = offered.answer or (b"", b"")
                self._forward(branch, part.replace(sent) if received == part.sdp else b"")
        except SipRefusal as refusal:
            self._bad(call, branch, refusal)

    def _answer(self, call: Call, branch: Branch, part: SdpPart, plan: Plan, offered: Offered) -> None:
        def then(sdp: bytes) -> None:
            offered.answer = (part.sdp, sdp)
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
