"""The IMS-AGW's end of Iq: connects, registers, executes what the controller asks, notifies (H.248.1 MG)."""

import asyncio
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from ssl import SSLContext

import structlog

from iq.association import Association
from iq.errors import IqError
from iq.exchange import Done, Receivers, TransactionIds
from iq.h248 import codec
from iq.h248.errors import INTERNAL_FAILURE, NOT_READY, NOT_REGISTERED, UNSUPPORTED_COMMAND
from iq.h248.packages import ROOT
from iq.procedures import (
    Action,
    ActionReply,
    Audited,
    AuditRoot,
    AuditTerminations,
    Notification,
    Reason,
    Register,
    Registered,
    ServiceChangeMethod,
)
from iq.procedures import Done as Answered
from iq.times import Times

log = structlog.get_logger()


def _nothing(*_: object) -> None:
    """Nobody is to be told."""


class GatewayLink:
    """The association with one controller at a time, of several in order of preference.

    controllers: (address, port). epoch: hexadecimal, random, of this process. execute: carries out one
    action at once; raises IqError to refuse it. on_up(controller's MID), on_down(reason): for the log and
    health. The first registration is Restart (901), later ones are Disconnected (900) with the same epoch;
    another controller than the last one gets another epoch, as a context belongs to one controller.
    """

    def __init__(
        self,
        mid: str,
        controllers: Sequence[tuple[str, int]],
        suites: Iterable[str],
        epoch: str,
        execute: Callable[[Action], ActionReply],
        ssl: SSLContext | None = None,
        *,
        on_up: Callable[[str], None] = _nothing,
        on_down: Callable[[str], None] = _nothing,
        mechanisms: Iterable[str] = (),
        aware: Iterable[str] = (),
        times: Times | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.mid = codec.mid_of(mid)
        self.counters: Counter[str] = Counter()
        self.controller: str | None = None
        self._controllers = list(controllers)
        self._suites = tuple(sorted(suites))
        self._mechanisms, self._aware = tuple(sorted(mechanisms)), tuple(sorted(aware))
        self._epoch = epoch
        self._execute = execute
        self._ssl = ssl
        self._on_up = on_up
        self._on_down = on_down
        self._times = times or Times()
        self._ids = TransactionIds(random)
        self._receivers = Receivers(max(len(self._controllers), 1), self._times.long)
        self._association: Association | None = None  # the registered one
        self._trying: Association | None = None
        self._last: tuple[str, int] | None = None  # where it registered last
        self._generation = 0
        self._task: asyncio.Task[None] | None = None
        self._tick: asyncio.TimerHandle | None = None
        self._reported = False

    @property
    def up(self) -> bool:
        """Whether a controller has registered this gateway."""
        return self._association is not None

    def start(self) -> None:
        """Begin to connect, and go on for ever. Needs a running loop."""
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._run(loop), name="iq-gateway")
        self._sweep(loop)

    async def close(self) -> None:
        """Cut the association; notifications without an answer get 530."""
        if self._tick is not None:
            self._tick.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for association in (self._association, self._trying):
            if association is not None:
                association.close("gateway closes")

    def notify(self, context: int, procedure: Notification, done: Done = _nothing) -> None:
        """Send a notification; ``done`` gets the answer once (502: not sent, 530: no answer)."""
        self._send(Action(context, [procedure]), done)

    def announce(self, method: ServiceChangeMethod, reason: Reason, done: Done = _nothing) -> None:
        """Tell the controller that this gateway leaves service: GRACEFUL (no new contexts) or FORCED."""
        self._send(Action(0, [Register(method, reason, epoch=self._epoch_of(self._generation))]), done)

    def _send(self, action: Action, done: Done) -> None:
        if self._association is not None:
            self._association.request(action, done)
        else:
            error = IqError(NOT_READY, "not registered with a controller")
            asyncio.get_running_loop().call_soon(done, ActionReply(action.context, [], error))

    # connecting

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        delay = self._times.retry_first
        while True:
            for where in self._controllers:
                association = await self._connect(loop, where)
                if association is None:
                    continue
                if await self._register(loop, association, where):
                    delay = self._times.retry_first
                    await association.closed
                    break
                association.close("registration failed")
            await asyncio.sleep(delay)
            delay = min(2 * delay, self._times.retry_most)

    async def _connect(self, loop: asyncio.AbstractEventLoop, where: tuple[str, int]) -> Association | None:
        made = partial(Association, self, self._ids, self._times, loop)
        try:
            async with asyncio.timeout(self._times.connect):
                _, association = await loop.create_connection(made, *where, ssl=self._ssl)
        except OSError as error:
            self._report(where, str(error) or type(error).__name__)
            return None
        return association

    def _report(self, where: tuple[str, int], reason: str) -> None:
        """Log why there is no association: once, not at every attempt."""
        if not self._reported:
            self._reported = True
            log.warning("iq.unreachable", address=where[0], port=where[1], reason=reason)

    def _epoch_of(self, generation: int) -> str:
        """Return the epoch after ``generation`` changes of controller."""
        return f"{self._epoch}{generation:02x}" if generation else self._epoch

    async def _register(
        self, loop: asyncio.AbstractEventLoop, association: Association, where: tuple[str, int]
    ) -> bool:
        method, reason = ServiceChangeMethod.DISCONNECTED, Reason.SERVICE_RESTORED
        if self._last != where:
            method, reason = ServiceChangeMethod.RESTART, Reason.COLD_BOOT
        generation = self._generation + (self._last not in (None, where))
        epoch = self._epoch_of(generation)
        register = Register(
            method,
            reason,
            epoch=epoch,
            suites=self._suites,
            mechanisms=self._mechanisms,
            aware=self._aware,
        )
        answered: asyncio.Future[bool] = loop.create_future()

        def done(reply: ActionReply) -> None:
            accepted = reply.error is None and isinstance(reply.replies[0], Registered)
            if accepted:
                self._generation = generation
                self._accepted(association, where)
            else:
                self._report(where, f"registration refused: {reply.error}")
            if not answered.done():
                answered.set_result(accepted)

        association.request(Action(0, [register]), done)
        try:
            async with asyncio.timeout(self._times.register):
                return await answered
        except TimeoutError:
            self._report(where, "no answer to ServiceChange")
            return False

    def _accepted(self, association: Association, where: tuple[str, int]) -> None:
        # At once, not when the task runs: the controller's first request may stand in the same segment.
        self._association, self._trying = association, None
        self._last = where
        self._reported = False
        self.controller = association.peer
        association.registered = True
        association.receiver = self._receivers.of(association.peer)
        self.counters["registrations"] += 1
        log.info("iq.registered", controller=association.peer, address=where[0], port=where[1])
        self._on_up(association.peer)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        association = self._association
        if association is not None:
            association.sweep(now)
            if now - association.heard > self._times.silence:
                association.close("controller is silent")
        self._receivers.sweep(now)
        self._tick = loop.call_later(self._times.tick, self._sweep, loop)

    # Owner

    def connected(self, association: Association) -> None:
        self._trying = association

    def lost(self, association: Association, reason: str) -> None:
        if self._trying is association:
            self._trying = None
        if self._association is association:
            self._association = self.controller = None
            self.counters["losses"] += 1
            log.warning("iq.lost", reason=reason)
            self._on_down(reason)

    def execute(self, association: Association, request: codec.Request) -> list[ActionReply]:
        if not association.registered:
            raise IqError(NOT_REGISTERED, "transaction before the reply to ServiceChange")
        answers = []
        for action in request.actions:
            answers.append(self._action(action))
            if answers[-1].error is not None:
                break
        return answers

    def _action(self, action: Action) -> ActionReply:
        first = action.procedures[0]
        if isinstance(first, AuditRoot):
            return ActionReply(0, [Answered(ROOT)])
        if isinstance(first, Register | Notification):
            return ActionReply(
                action.context, [], IqError(UNSUPPORTED_COMMAND, "command that no controller may send")
            )
        try:
            answer = self._execute(action)
        except IqError as error:
            return ActionReply(action.context, [], error)
        except Exception:  # a fault in one action must not cut the association of all calls
            log.exception("iq.execution_failed")
            return ActionReply(action.context, [], IqError(INTERNAL_FAILURE, "internal failure"))
        if isinstance(first, AuditTerminations) and first.pattern != "*":
            _keep(answer, first.pattern)
        return answer


def _keep(answer: ActionReply, pattern: str) -> None:
    """Leave of an audit what ``pattern`` matches: one page."""
    expression = re.compile(".*".join(re.escape(part) for part in pattern.split("*")))
    for audited in answer.replies:
        if isinstance(audited, Audited):
            kept = (
                (context, list(filter(expression.fullmatch, names)))
                for context, names in audited.contexts.items()
            )
            audited.contexts = {context: names for context, names in kept if names}
