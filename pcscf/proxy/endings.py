"""How calls end: refused, cancelled, hung up, given up, or released by ourselves (TS 24.229 5.2.8)."""

from pcscf.errors import SipRefusal
from pcscf.flow import Side
from pcscf.proxy import release
from pcscf.proxy.branch import Branch, Call, Dialog
from pcscf.proxy.dialogs import callee_tag, to_tag
from pcscf.proxy.effects import CancelBranch, Report
from pcscf.proxy.gateways import Gateways
from pcscf.proxy.routing import next_hop
from pcscf.proxy.turn import Turn
from pcscf.sip.headers import cseq_of
from pcscf.sip.message import Request, Response
from pcscf.transaction.timers import TimerQueues


class Endings:
    """Ends requests and calls. ``table`` is the calls of this node, by token."""

    def __init__(self, table: dict[str, Call], turn: Turn, gateways: Gateways, timers: TimerQueues) -> None:
        self._table = table
        self._turn = turn
        self._gateways = gateways
        self._timers = timers

    def end(self, call: Call, status: int) -> None:
        """Forget the call and release its media. status: the SIP status that it ended with."""
        if call.ended:
            return
        call.ended = True
        self._table.pop(call.token, None)
        if call.branch is not None:
            self.stop_timer_c(call.branch)
        self._gateways.release(call)
        self._turn.add(
            Report(
                "call",
                {
                    "call_id": call.call_id,
                    "served": call.binding.aor,
                    "direction": "originating" if call.caller is Side.ACCESS else "terminating",
                    "status": status,
                    "answered": bool(call.answered),
                    "seconds": round(self._turn.now - call.answered, 1) if call.answered else 0.0,
                    "media": call.media.record(),
                },
            )
        )

    def refuse(self, call: Call, branch: Branch, refusal: SipRefusal) -> None:
        """Answer a request of the call with an error; where it is the first INVITE the call is over."""
        branch.finished = True
        self.stop_timer_c(branch)
        if branch.server is not None:
            self._turn.refuse(branch.server, refusal)
        if branch is not call.branch:
            if branch.plan is not None:
                self._gateways.roll_back(call, branch.plan)
        elif not call.dialogs:
            self.end(call, refusal.status)

    def cancel(self, call: Call, branch: Branch) -> None:
        """The caller gave up (its CANCEL was answered): pass it on; 487 where nothing went out yet."""
        if branch.finished:
            return
        branch.cancelled = True
        if branch.client is not None:
            self._turn.add(CancelBranch(branch.client))
        else:
            self.refuse(call, branch, SipRefusal("cancelled", status=487))

    def hung_up(self, call: Call, branch: Branch) -> None:
        """A BYE is done: its dialog is over, and with the last one the call."""
        call.dialogs.pop(callee_tag(call, branch.request, branch.to.other), None)
        if not call.dialogs:
            self.end(call, 200)

    def give_up(self, call: Call, branch: Branch, refusal: SipRefusal) -> None:
        """No final response will come (timeout, transport, Timer C): answer ``refusal``."""
        self.stop_timer_c(branch)
        if call.ended:
            return
        if branch.method == "BYE":
            if branch.server is not None:
                self._turn.answer(branch.server, refusal.status)
            self.hung_up(call, branch)
            return
        self._cancel_client(branch)
        self.refuse(call, branch, refusal)

    def bad_answer(self, call: Call, branch: Branch, response: Response, refusal: SipRefusal) -> None:
        """An answer that breaks the rules: ACK and BYE to its sender, an error back; never a fallback."""
        if branch.method == "INVITE":
            if response.status < 200:
                self._cancel_client(branch)
            else:
                dialog = call.dialogs.pop(to_tag(response), None) or Dialog(response)
                self._acknowledge_and_hang_up(call, dialog, branch.to, cseq_of(response)[0], refusal)
                if branch is not call.branch:
                    self._hang_up(call, dialog, branch.to.other, refusal)
        self.refuse(call, branch, refusal)
        if branch is not call.branch and not call.dialogs:
            self.end(call, refusal.status)

    def late(self, call: Call, branch: Branch, response: Response) -> None:
        """A response to a call that is over: a 2xx to its INVITE would leave a phone off the hook."""
        if branch.method == "INVITE" and 200 <= response.status < 300:
            number = cseq_of(response)[0]
            self._acknowledge_and_hang_up(
                call, Dialog(response), branch.to, number, SipRefusal("the call is over", status=487)
            )
        elif branch.server is not None and branch.method != "INVITE" and response.status >= 200:
            response.remove("content-type")
            response.set_body(b"")
            self._turn.respond(branch.server, response)

    def release(self, call: Call, refusal: SipRefusal) -> None:
        """End a call by ourselves: BYE in both directions, or CANCEL and an error (TS 24.229 5.2.8)."""
        if call.ended:
            return
        for dialog in call.dialogs.values():
            for side in Side:
                self._hang_up(call, dialog, side, refusal)
        branch = call.branch
        if branch is not None and not branch.finished:
            self._cancel_client(branch)
            self.refuse(call, branch, refusal)
        self.end(call, refusal.status)

    def stop_timer_c(self, branch: Branch) -> None:
        if branch.timer_c is not None:
            self._timers.stop(branch.timer_c)
            branch.timer_c = None

    def _cancel_client(self, branch: Branch) -> None:
        if branch.client is not None and not branch.finished and branch.method == "INVITE":
            self._turn.add(CancelBranch(branch.client))

    def _acknowledge_and_hang_up(
        self, call: Call, dialog: Dialog, side: Side, number: int, refusal: SipRefusal
    ) -> None:
        dialog.cseq[side] = max(number, dialog.cseq.get(side, 0))
        self._send(call, release.ack(call, dialog, side, number), side)
        self._hang_up(call, dialog, side, refusal)

    def _hang_up(self, call: Call, dialog: Dialog, side: Side, refusal: SipRefusal) -> None:
        self._send(call, release.bye(call, dialog, side, f"SIP;cause={refusal.status}"), side)

    def _send(self, call: Call, request: Request, side: Side) -> None:
        if side is Side.ACCESS:
            self._turn.send_own(request, side, flow=call.binding.flow)
        else:
            self._turn.send_own(request, side, uri=next_hop(request))
