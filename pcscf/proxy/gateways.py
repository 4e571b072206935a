"""The gateways in service, and the wait of a call for one of them (plan, ask, complete)."""

from collections.abc import Callable

from iq.procedures import ActionReply
from pcscf.alg.session import Plan
from pcscf.errors import SipRefusal
from pcscf.proxy.branch import Call
from pcscf.proxy.effects import AskGateway
from pcscf.proxy.turn import Turn

#: Seconds that a UE is asked to wait while no gateway serves.
RETRY_AFTER = 5


class Gateways:
    """Names of the gateways in service with the suites of their engines, and which context is whose call."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self.up: dict[str, frozenset[str]] = {}
        self.contexts: dict[tuple[str, int], Call] = {}
        self._next = 0

    def choose(self) -> str:
        """Return the next gateway in service, in turn. Raises SipRefusal 503 where there is none."""
        if not self.up:
            raise unavailable("no media gateway in service")
        names = list(self.up)
        self._next = (self._next + 1) % len(names)
        return names[self._next]

    def carry_out(
        self,
        call: Call,
        plan: Plan,
        then: Callable[[bytes], None],
        refused: Callable[[SipRefusal], None],
    ) -> None:
        """Bring ``plan`` to the gateway where it needs it, and call ``then`` with the SDP to send.

        Until the reply is there the call waits: its ``queue`` holds what arrives, in order.
        """
        if plan.action is None:
            self._complete(call, plan, None, then, refused)
            return
        if call.gateway not in self.up:
            raise unavailable("the media gateway of this call is lost")
        call.waiting = True

        def resume(reply: ActionReply) -> None:
            call.waiting = False
            self._complete(call, plan, reply, then, refused)
            if call.ended:
                self.release(call)
            self._drain(call)

        self._turn.add(AskGateway(call.gateway, plan.action, resume))

    def _complete(
        self,
        call: Call,
        plan: Plan,
        reply: ActionReply | None,
        then: Callable[[bytes], None],
        refused: Callable[[SipRefusal], None],
    ) -> None:
        try:
            sdp = call.media.complete(plan, reply)
        except SipRefusal as refusal:
            self._note_context(call)
            if not call.ended:
                refused(refusal)
            return
        self._note_context(call)
        if not call.ended:
            then(sdp)

    def _note_context(self, call: Call) -> None:
        if call.media.context is not None:
            self.contexts[call.gateway, call.media.context] = call

    def _drain(self, call: Call) -> None:
        while call.queue and not call.waiting:
            call.queue.popleft()()

    def roll_back(self, call: Call, plan: Plan) -> None:
        """Undo a re-offer that was refused: the gateway goes back to what both ends agreed on before."""
        action = call.media.rollback(plan)
        if action is not None and call.gateway in self.up:
            self._turn.add(AskGateway(call.gateway, action))

    def release(self, call: Call) -> None:
        """Subtract the call's context, exactly once; while a reply is outstanding ``resume`` does it."""
        if call.waiting:
            return
        context = call.media.context
        action = call.media.release()
        if context is not None:
            self.contexts.pop((call.gateway, context), None)
        if action is not None and call.gateway in self.up:
            self._turn.add(AskGateway(call.gateway, action))


def unavailable(reason: str) -> SipRefusal:
    """Return the refusal for want of a gateway: 503 with Retry-After."""
    return SipRefusal(reason, status=503, headers=(("Retry-After", str(RETRY_AFTER)),))
