"""The gateways in service, and the wait of a call for one of them (plan, ask, complete)."""

from collections.abc import Callable
from dataclasses import dataclass

from iq.h248.errors import NETWORK_FAILURE
from iq.procedures import Action, ActionReply
from pcscf.alg.session import Plan
from pcscf.errors import SipRefusal
from pcscf.proxy.branch import Branch, Call
from pcscf.proxy.effects import AskGateway
from pcscf.proxy.turn import Turn

#: Seconds that a UE is asked to wait while no gateway serves.
RETRY_AFTER = 5


@dataclass(slots=True)
class Abilities:
    """What a gateway announced. suites: of its engine; mechanisms: of media security that it can end;
    aware: protocols of media that it can be aware of."""

    suites: frozenset[str]
    mechanisms: frozenset[str]
    aware: frozenset[str]


class Gateways:
    """Names of the gateways in service with their abilities, and which context is whose call.

    draining: those that keep their calls and take no new ones.
    """

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self.up: dict[str, Abilities] = {}
        self.draining: set[str] = set()
        self._abilities: dict[str, Abilities] = {}
        self.contexts: dict[tuple[str, int], Call] = {}
        self._missing: dict[str, list[Action]] = {}
        self._next = 0

    @property
    def able(self) -> frozenset[str]:
        """Mechanisms of media security that some gateway can end, as each said when it registered last."""
        return frozenset().union(*(one.mechanisms for one in self._abilities.values()))

    def choose(self, *, emergency: bool = False) -> str:
        """Return the next gateway that takes new calls, in turn; for an emergency a draining one before none.

        Raises SipRefusal 503: there is none.
        """
        names = [name for name in self.up if name not in self.draining] if self.draining else list(self.up)
        if emergency and not names:
            names = list(self.up)
        if not names:
            raise unavailable("no media gateway in service")
        self._next = (self._next + 1) % len(names)
        return names[self._next]

    def take_up(self, gateway: str, abilities: Abilities, *, cold: bool) -> None:
        """A gateway serves. cold: nothing of before is there; else what it missed is released now."""
        self.up[gateway] = self._abilities[gateway] = abilities
        self.draining.discard(gateway)
        for action in self._missing.pop(gateway, ()):
            if not cold:
                self._turn.add(AskGateway(gateway, action))

    def in_turn(self, call: Call, step: Callable[[], None]) -> None:
        """Run ``step``: now, or behind what the call waits for and what waits already."""
        if call.waiting:
            call.queue.append(step)
        else:
            step()

    def carry_out(
        self,
        call: Call,
        plan: Plan,
        then: Callable[[bytes], None],
        refused: Callable[[SipRefusal], None],
    ) -> None:
        """Bring ``plan`` to the gateway where it needs it, and call ``then`` with the SDP to send.

        ``refused`` is called instead where the gateway refuses, is lost, or the call has ended meanwhile.
        Until the reply is there the call waits: its ``queue`` holds what arrives, in order.
        """
        if plan.action is None:
            self._complete(call, plan, None, then, refused)
            return
        if call.gateway not in self.up:
            refused(unavailable("the media gateway of this call is lost"))
            return
        call.waiting = True

        def resume(reply: ActionReply) -> None:
            call.waiting = False
            self._complete(call, plan, reply, then, refused)
            if call.ended:
                self.release(call)
            while call.queue and not call.waiting:
                call.queue.popleft()()

        self._turn.add(AskGateway(call.gateway, plan.action, resume))

    def _complete(
        self,
        call: Call,
        plan: Plan,
        reply: ActionReply | None,
        then: Callable[[bytes], None],
        refused: Callable[[SipRefusal], None],
    ) -> None:
        failed: SipRefusal | None = None
        try:
            sdp = call.media.complete(plan, reply)
        except SipRefusal as refusal:
            failed = refusal
        if call.media.context is not None and not call.ended:
            self.contexts[call.gateway, call.media.context] = call
        if failed is not None:
            refused(failed)
        elif call.ended:
            refused(SipRefusal("the call is over", status=481))
        else:
            then(sdp)

    def restore(self, call: Call, branch: Branch) -> None:
        """A request inside a call failed: what both ends agreed on before its offer is in force again."""
        if branch.plan is not None:
            self.roll_back(call, branch.plan)
        for offered in branch.offered.values():
            self.roll_back(call, offered.plan)

    def roll_back(self, call: Call, plan: Plan) -> None:
        """Undo a re-offer that was refused."""
        self.in_turn(call, lambda: self._roll_back(call, plan))

    def _roll_back(self, call: Call, plan: Plan) -> None:
        self._ask(call, None if call.ended else call.media.rollback(plan))

    def _ask(self, call: Call, action: Action | None) -> None:
        """Let the gateway do what nobody waits for: now, or when it is back with its contexts."""
        if action is None:
            return
        if call.gateway not in self.up:
            self._missed(call.gateway, action)
            return

        def done(reply: ActionReply) -> None:
            if reply.error is not None and reply.error.code == NETWORK_FAILURE:
                self._missed(call.gateway, action)

        self._turn.add(AskGateway(call.gateway, action, done))

    def move(self, call: Call) -> None:
        """The call's UE has registered on another flow: its media comes from where its SIP does."""
        self.in_turn(call, lambda: self._move(call))

    def _move(self, call: Call) -> None:
        self._ask(call, None if call.ended else call.media.move(call.binding.flow.remote[0]))

    def unanswered(self, call: Call, plan: Plan) -> None:
        """Undo an offer to which no answer came where one had to."""
        if plan.exchange.answer is None:
            self.roll_back(call, plan)

    def follow(self, call: Call, fork: str) -> None:
        """Let the media go to a dialog of the call that goes on, where the gateway follows another."""
        self.in_turn(call, lambda: self._follow(call, fork))

    def leave(self, call: Call, fork: str) -> None:
        """An early dialog is over: the media does not stay with it where another one has answered."""
        self.in_turn(call, lambda: self._turn_to(call, None if call.ended else call.media.plan_leave(fork)))

    def _follow(self, call: Call, fork: str) -> None:
        self._turn_to(call, None if call.ended else call.media.plan_fork(fork))

    def _turn_to(self, call: Call, plan: Plan | None) -> None:
        if plan is not None:
            self.carry_out(call, plan, lambda _: None, lambda _: None)

    def release(self, call: Call) -> None:
        """Subtract the call's context, exactly once; while a reply is outstanding ``resume`` does it.

        Of a gateway that is lost, or gets lost before it has answered, when it comes back.
        """
        if call.waiting:
            return
        context = call.media.context
        action = call.media.release()
        key = (call.gateway, context or 0)
        if action is None or call.gateway not in self.up:
            self.contexts.pop(key, None)
            if action is not None:
                self._missed(call.gateway, action)
            return

        def released(reply: ActionReply) -> None:
            # Only now: what the gateway reports meanwhile is still about this call.
            if self.contexts.get(key) is call:
                del self.contexts[key]
            if reply.error is not None and reply.error.code == NETWORK_FAILURE:
                self._missed(call.gateway, action)

        self._turn.add(AskGateway(call.gateway, action, released))

    def _missed(self, gateway: str, action: Action) -> None:
        self._missing.setdefault(gateway, []).append(action)


def unavailable(reason: str) -> SipRefusal:
    """Return the refusal of what may be possible later: 503 with Retry-After (RFC 3261 21.5.4)."""
    return SipRefusal(reason, status=503, headers=(("Retry-After", str(RETRY_AFTER)),))
