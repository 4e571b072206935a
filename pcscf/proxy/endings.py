"""How calls end: refused, cancelled, hung up, given up, or released by ourselves (TS 24.229 5.2.8)."""

from pcscf.errors import SdpRejected, SipRefusal
from pcscf.flow import Side
from pcscf.proxy import release
from pcscf.proxy.branch import Branch, Call, Dialog
from pcscf.proxy.dialogs import callee_tag, made_by, to_tag
from pcscf.proxy.effects import CancelBranch, Report
from pcscf.proxy.gateways import Gateways
from pcscf.proxy.routing import next_hop
from pcscf.proxy.session_timer import SessionTimers
from pcscf.proxy.table import CallTable
from pcscf.proxy.turn import Turn
from pcscf.sdp.body import strip_sdp
from pcscf.sip.headers import cseq_of
from pcscf.sip.message import Request, Response
from pcscf.transaction.timers import TimerQueues


class Endings:
    """Ends requests and calls."""

    def __init__(
        self,
        table: CallTable,
        turn: Turn,
        gateways: Gateways,
        timers: TimerQueues,
        sessions: SessionTimers,
    ) -> None:
        self._table = table
        self._turn = turn
        self._gateways = gateways
        self._timers = timers
        self._sessions = sessions

    # The call itself

    def end(self, call: Call, status: int) -> None:
        """Forget the call and release its media. status: the SIP status that it ended with."""
        if call.ended:
            return
        call.ended = True
        self._table.remove(call)
        if call.branch is not None:
            self.stop_timer_c(call.branch)
            call.branch = None
        self._gateways.release(call)
        for tag in list(call.dialogs):
            self._over(call, tag)
        media = call.media
        if media.forged:
            self._turn.counters.policed[Side.CORE.value, "3ge2ae"] += media.forged
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
                    "media": media.record(),
                },
            )
        )

    def release(self, call: Call, refusal: SipRefusal) -> None:
        """End a call by ourselves: BYE in both directions, or CANCEL and an error (TS 24.229 5.2.8)."""
        if call.ended:
            return
        for dialog in call.dialogs.values():
            for side in Side:
                self._hang_up(call, dialog, side, refusal)
        if (branch := call.branch) is not None:
            self._cancel_client(branch, refusal)
            self.answer(branch, refusal)
        self.end(call, refusal.status)

    # Its requests

    def answer(self, branch: Branch, refusal: SipRefusal) -> None:
        """Give a request its final response where it has none: an error."""
        self.stop_timer_c(branch)
        if branch.server is not None and not branch.answered:
            branch.answered = True
            if branch.initial and branch.call is not None:
                branch.call.branch = None
            self._turn.refuse(branch.server, refusal)

    def refuse(self, call: Call, branch: Branch, refusal: SipRefusal) -> None:
        """Answer a request of the call with an error; where it is the first INVITE the call is over."""
        if branch.answered:
            return
        self.answer(branch, refusal)
        if not branch.initial:
            self._gateways.restore(call, branch)
        elif not call.dialogs:
            self.end(call, refusal.status)

    def cancel(self, call: Call, branch: Branch) -> None:
        """The caller gave up (its CANCEL was answered): pass it on; 487 where nothing went out yet.

        Why it gave up, other phones of the callee may want to know (RFC 3326: answered elsewhere).
        """
        if branch.answered:
            return
        branch.cancelled = True
        if branch.client is not None:
            reasons = branch.server.reasons if branch.server is not None else ()
            headers = tuple(("Reason", value) for value in reasons)
            self._turn.add(CancelBranch(branch.client, headers))
        else:
            self.refuse(call, branch, _terminated())

    def hung_up(self, call: Call, branch: Branch) -> None:
        """A BYE is done: its dialog is over, and with the last one the call.

        A caller may hang up an early dialog: then the INVITE goes on until its own final response.
        """
        tag = callee_tag(call, branch.request, branch.to.other)
        self._over(call, tag)
        self._after(call, 200)

    def expire(self, call: Call, dialog: Dialog) -> None:
        """Nobody refreshed a session in its interval: BYE in both directions of that dialog (RFC 4028 8)."""
        refusal = SipRefusal("the session was not refreshed", status=408)
        for side in Side:
            self._hang_up(call, dialog, side, refusal)
        self._over(call, to_tag(dialog.answer))
        self._after(call, refusal.status)

    def _over(self, call: Call, tag: str) -> None:
        if (dialog := call.dialogs.pop(tag, None)) is not None:
            self._sessions.stop(dialog)
            call.media.forget(tag)
            call.over[tag] = dialog

    def _after(self, call: Call, status: int) -> None:
        """A dialog is over: the media goes to one that is left, or the call ends."""
        if call.dialogs:
            self._gateways.follow(call, next(reversed(call.dialogs)))
        elif call.branch is None:
            self.end(call, status)

    def give_up(self, call: Call, branch: Branch, refusal: SipRefusal) -> None:
        """No final response will come (timeout, transport, Timer C): answer ``refusal``."""
        if branch.answered:
            return
        if branch.method == "BYE":
            self.answer(branch, refusal)
            self.hung_up(call, branch)
            return
        if branch.cancelled:
            refusal = _terminated()
        else:
            self._cancel_client(branch, refusal)
        self.refuse(call, branch, refusal)

    # Responses that cannot go on

    def bad_answer(self, call: Call, branch: Branch, response: Response, refusal: SipRefusal) -> None:
        """An answer that breaks the rules, or that no gateway can carry out: never a fallback to plain.

        Its sender gets CANCEL, or ACK and BYE; the other side the error, or BYE where it has been answered.
        """
        if branch.method == "INVITE":
            if response.status < 200:
                self._cancel_client(branch, refusal)
            else:
                self._acknowledge(call, branch, response, refusal)
        told = refusal
        if branch.to is Side.CORE and isinstance(refusal, SdpRejected):
            # Nothing was wrong with the UE's offer: by 488 it would try again with less protection.
            told = SipRefusal(refusal.reason, status=500)
        if not branch.initial:
            self.answer(branch, told)
            self.release(call, refusal)
        elif branch.answered:
            if not call.dialogs:
                self.end(call, refusal.status)
        else:
            self.refuse(call, branch, told)

    def late(self, call: Call, branch: Branch, response: Response) -> None:
        """A response to a request of a call that is over: a 2xx would leave a phone off the hook."""
        if response.status < 200:
            return
        if branch.method == "INVITE" and response.status < 300:
            refusal = SipRefusal("the call is over", status=481)
            self._acknowledge(call, branch, response, refusal)
            self.answer(branch, refusal)
        elif branch.server is not None and not branch.answered:
            self.stop_timer_c(branch)
            branch.answered = True
            strip_sdp(response)
            self._turn.respond(branch.server, response)

    def _acknowledge(self, call: Call, branch: Branch, response: Response, refusal: SipRefusal) -> None:
        """ACK a 2xx to an INVITE that does not go on; hang up the dialog that it makes, once."""
        number = cseq_of(response)[0]
        if not branch.initial:
            tag = callee_tag(call, branch.request, branch.to.other)
            if (dialog := call.dialogs.get(tag) or call.over.get(tag)) is not None:
                self._ack(call, dialog, branch.to, number)
            return
        tag = to_tag(response)
        known = call.over.get(tag)
        dialog = known or call.dialogs.get(tag) or made_by(response)
        dialog.cseq[branch.to] = max(number, dialog.cseq.get(branch.to, 0))
        self._ack(call, dialog, branch.to, number)
        if known is None:
            self._over(call, tag)
            call.over[tag] = dialog
            self._hang_up(call, dialog, branch.to, refusal)

    # Requests of our own

    def stop_timer_c(self, branch: Branch) -> None:
        if branch.timer_c is not None:
            self._timers.stop(branch.timer_c)
            branch.timer_c = None

    def _cancel_client(self, branch: Branch, refusal: SipRefusal) -> None:
        if branch.client is not None and branch.method == "INVITE":
            self._turn.add(CancelBranch(branch.client, (release.reason(refusal),)))

    def _ack(self, call: Call, dialog: Dialog, side: Side, number: int) -> None:
        try:
            self._send(call, release.ack(call, dialog, side, number), side)
        except SipRefusal:
            return  # no Contact or Record-Route to be read: its sender is past our reach

    def _hang_up(self, call: Call, dialog: Dialog, side: Side, refusal: SipRefusal) -> None:
        try:
            self._send(call, release.bye(call, dialog, side, refusal), side)
        except SipRefusal:
            return

    def _send(self, call: Call, request: Request, side: Side) -> None:
        if side is Side.ACCESS:
            self._turn.send_own(request, side, flow=call.binding.flow)
        else:
            self._turn.send_own(request, side, uri=next_hop(request))


def _terminated() -> SipRefusal:
    return SipRefusal("cancelled", status=487)
