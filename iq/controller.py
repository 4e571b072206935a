"""The IMS-ALG's end of Iq (H.248.1 MGC): listens, registers gateways, watches them."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from ssl import SSLContext

import structlog

from iq.association import Association
from iq.errors import IqError
from iq.exchange import Receivers, TransactionIds
from iq.h248 import codec
from iq.h248.errors import (
    BUSY,
    NOT_REGISTERED,
    UNSUPPORTED_COMMAND,
    VERSION_NOT_SUPPORTED,
)
from iq.peer import NOTHING_THERE, Gateway
from iq.procedures import (
    ALL_CONTEXTS,
    Action,
    ActionReply,
    AuditRoot,
    Notification,
    Procedure,
    Register,
    Registered,
    Release,
    Reply,
    ServiceChangeMethod,
)
from iq.suites import MANDATORY_MECHANISM, MANDATORY_SUITE
from iq.times import Times

log = structlog.get_logger()

MAX_CONNECTIONS = 64
"""Connections at once, registered or not."""

MAX_GATEWAYS = 64
"""Gateways remembered; beyond it those that are down are forgotten, the oldest first."""

__all__ = ["MAX_CONNECTIONS", "MAX_GATEWAYS", "Controller", "Gateway"]


class Controller:
    """Listens for gateways at ``address`` and ``port`` (0: any; the bound one is in ``port`` after start).

    on_up(gateway, cold): it takes actions; cold: no context of before exists. on_down(gateway, reason): its
    requests have ended. on_draining(gateway): it goes out of service and wants no new contexts.
    on_notify(gateway, context, procedure): returns the answer, or raises IqError.
    """

    def __init__(
        self,
        mid: str,
        address: str,
        port: int,
        *,
        ssl: SSLContext | None = None,
        on_up: Callable[[Gateway, bool], None],
        on_down: Callable[[Gateway, str], None],
        on_notify: Callable[[Gateway, int, Notification], ActionReply],
        on_draining: Callable[[Gateway], None] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        times: Times | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.mid = codec.mid_of(mid)
        self.address = address
        self.port = port
        self.counters: Counter[str] = Counter()
        self.gateways: dict[str, Gateway] = {}
        self._ssl = ssl
        self._on_up = on_up
        self._on_down = on_down
        self._on_notify = on_notify
        self._on_draining = on_draining
        self._loop = loop or asyncio.get_running_loop()
        self._times = times or Times()
        self._ids = TransactionIds(random)
        self._receivers = Receivers(MAX_GATEWAYS, self._times.long)
        self._associations: dict[Association, Gateway | None] = {}
        self._server: asyncio.Server | None = None
        self._tick: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Bind and listen. Raises OSError."""
        handshake = None if self._ssl is None else self._times.connect
        self._server = await self._loop.create_server(
            lambda: Association(self, self._ids, self._times, self._loop),
            self.address,
            self.port,
            ssl=self._ssl,
            ssl_handshake_timeout=handshake,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._sweep()
        log.info("iq.listening", address=self.address, port=self.port, tls=self._ssl is not None)

    async def close(self) -> None:
        """Stop listening and cut every association; what waits for a reply gets 530."""
        if self._tick is not None:
            self._tick.cancel()
        if self._server is not None:
            self._server.close()
        for association in list(self._associations):
            association.close("controller closes")
        if self._server is not None:
            await self._server.wait_closed()

    # Owner

    def connected(self, association: Association) -> None:
        self._associations[association] = None
        if len(self._associations) > MAX_CONNECTIONS:
            association.close(f"more than {MAX_CONNECTIONS} connections")

    def lost(self, association: Association, reason: str) -> None:
        gateway = self._associations.pop(association, None)
        if gateway is not None and gateway.association is association:
            self._down(gateway, reason)

    def execute(self, association: Association, request: codec.Request) -> list[ActionReply]:
        answers = []
        for action in request.actions:
            answers.append(self._action(association, action))
            if answers[-1].error is not None:
                break
        return answers

    def _action(self, association: Association, action: Action) -> ActionReply:
        replies: list[Reply] = []
        try:
            for procedure in action.procedures:
                if isinstance(procedure, Register):
                    replies.append(self._register(association, procedure))
                    continue
                answer = self._notification(association, action.context, procedure)
                replies += answer.replies
                if answer.error is not None:
                    return ActionReply(action.context, replies, answer.error)
        except IqError as error:
            return ActionReply(action.context, replies, error)
        return ActionReply(action.context, replies)

    def _notification(
        self, association: Association, context: int | None, procedure: Procedure
    ) -> ActionReply:
        gateway = self._associations.get(association)
        if gateway is None or not gateway.up:
            raise IqError(NOT_REGISTERED, "transaction before ServiceChange")
        if not isinstance(procedure, Notification) or not context:
            raise IqError(UNSUPPORTED_COMMAND, "command that no gateway may send")
        return self._on_notify(gateway, context, procedure)

    # registration

    def _register(self, association: Association, register: Register) -> Registered:
        if register.method in (ServiceChangeMethod.GRACEFUL, ServiceChangeMethod.FORCED):
            gateway = self._associations.get(association)
            if gateway is None:
                raise IqError(NOT_REGISTERED, "out of service before it was in service")
            gateway.draining = True
            log.info("iq.draining", gateway=gateway.mid, method=register.method.value)
            if self._on_draining is not None:
                self._on_draining(gateway)
            if register.method is ServiceChangeMethod.FORCED:
                association.after_reply = partial(association.close, "gateway is out of service")
            return Registered(codec.VERSION, register.profile or None)
        if register.version < codec.VERSION:
            raise IqError(VERSION_NOT_SUPPORTED, f"version {codec.VERSION} is needed")
        gateway = self._gateway(association.peer)
        association.after_reply = partial(self._reconcile, association, gateway, register)
        return Registered(codec.VERSION, register.profile or None)

    def _gateway(self, mid: str) -> Gateway:
        gateway = self.gateways.get(mid)
        if gateway is None:
            if len(self.gateways) >= MAX_GATEWAYS:
                idle = next((g for g in self.gateways.values() if g.association is None), None)
                if idle is None:
                    raise IqError(BUSY, f"{MAX_GATEWAYS} gateways are registered")
                del self.gateways[idle.mid]
            gateway = self.gateways[mid] = Gateway(mid, self._loop)
        return gateway

    def _reconcile(self, association: Association, gateway: Gateway, register: Register) -> None:
        """Make both ends agree on which contexts exist: all, where the epoch is known, else none."""
        if gateway.association is not None:
            previous = gateway.association
            self._down(gateway, "registers again")
            if previous is not association:
                previous.close("replaced by a new association")
        self._associations[association] = gateway
        gateway.association = association
        association.registered = True
        association.receiver = self._receivers.of(gateway.mid)
        if register.epoch:
            warm = gateway.epoch == register.epoch
        else:  # no gateway of ours: believe the method
            warm = register.method is ServiceChangeMethod.DISCONNECTED and gateway.epoch == "-"
        if warm:
            self._up(gateway, register, cold=False)
        else:
            action = Action(ALL_CONTEXTS, [Release()])
            association.request(action, partial(self._cleared, association, gateway, register))

    def _cleared(
        self, association: Association, gateway: Gateway, register: Register, reply: ActionReply
    ) -> None:
        if gateway.association is not association:
            return
        if reply.error is not None and reply.error.code not in NOTHING_THERE:
            association.close(f"contexts of before could not be released: {reply.error}")
        else:
            self._up(gateway, register, cold=True)

    def _up(self, gateway: Gateway, register: Register, *, cold: bool) -> None:
        gateway.epoch = register.epoch or "-"
        gateway.suites = frozenset(register.suites or (MANDATORY_SUITE,))
        gateway.mechanisms = frozenset(register.mechanisms or (MANDATORY_MECHANISM,))
        gateway.aware = frozenset(register.aware)
        gateway.draining = False
        gateway.up = True
        self.counters["registrations"] += 1
        log.info("iq.up", gateway=gateway.mid, cold=cold, suites=sorted(gateway.suites))
        self._on_up(gateway, cold)

    def _down(self, gateway: Gateway, reason: str) -> None:
        gateway.association = None
        if gateway.up:
            gateway.up = False
            self.counters["losses"] += 1
            log.warning("iq.down", gateway=gateway.mid, reason=reason)
            self._on_down(gateway, reason)

    # supervision

    def _sweep(self) -> None:
        now = self._loop.time()
        for association in list(self._associations):
            association.sweep(now)
            self._supervise(association, now)
        self._receivers.sweep(now)
        self._tick = self._loop.call_later(self._times.tick, self._sweep)

    def _supervise(self, association: Association, now: float) -> None:
        times = self._times
        if not association.registered:
            if now - association.made > times.register:
                association.close("no ServiceChange in time")
            return
        silent = now - association.heard
        if association.heard > association.audited:
            association.unanswered = 0
        # After a standstill of this process nothing was asked: silence alone is no loss.
        if silent >= times.audit * times.misses and association.unanswered >= times.misses - 1:
            association.close(f"silent for {times.misses} audits")
        elif silent >= times.audit and now - association.audited >= times.audit:
            association.audited = now
            association.unanswered += 1
            self.counters["audits"] += 1
            association.request(Action(0, [AuditRoot()]), _heard)


def _heard(_: ActionReply) -> None:
    """That anything came says that the gateway lives: ``Association.heard`` has it."""
