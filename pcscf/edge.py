"""The shell of the P-CSCF: owns the loop, the sockets and the clock, executes what the proxy core says."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

import structlog

from hosting.tasks import TaskSet
from iq.errors import IqError
from iq.exchange import Done as Replied
from iq.procedures import Action, ActionReply, Done, Notification
from pcscf.admin.counters import Counters
from pcscf.entropy import Entropy
from pcscf.errors import SipRefusal
from pcscf.flow import Flow, Listener, Side, StaticFlow
from pcscf.overload import Overload
from pcscf.proxy.branch import Branch
from pcscf.proxy.core import Proxy
from pcscf.proxy.effects import AskGateway, CancelBranch, Effect, Forward, Report, Respond
from pcscf.proxy.gateways import Abilities
from pcscf.proxy.placing import Hop, Placing
from pcscf.sip.message import Request, Response
from pcscf.transaction.layer import ClientTransaction, ServerTransaction, TransactionLayer
from pcscf.transaction.runner import Runner
from pcscf.transport.resolver import Resolver, numeric
from pcscf.transport.transports import Transports

log = structlog.get_logger()

#: Seconds between looks at what is due in the proxy core.
TICK = 0.5
#: Seconds between two measurements of how long input waits.
WATCH = 0.2


class Gateway(Protocol):
    """``iq.peer.Gateway``, as far as it is used here."""

    mid: str
    suites: frozenset[str]
    mechanisms: frozenset[str]
    aware: frozenset[str]

    def send(self, action: Action, done: Replied) -> None: ...


class Edge:
    """Wires transports, transactions, proxy core and Iq controller together."""

    def __init__(
        self,
        proxy: Proxy,
        layer: TransactionLayer,
        transports: Transports,
        listeners: list[Listener],
        counters: Counters,
        entropy: Entropy,
        overload: Overload,
        *,
        udp_limit: int,
        resolver: Resolver | None = None,
    ) -> None:
        self._proxy = proxy
        self._counters = counters
        self._overload = overload
        self._placing = Placing(listeners, udp_limit, entropy)
        self._loop = asyncio.get_running_loop()
        self._tasks = TaskSet("edge")
        self._resolver = resolver or Resolver()
        self._transports = transports
        self._runner = Runner(layer, self, self._loop)
        self._gateways: dict[str, Gateway] = {}
        self._no_calls = asyncio.Event()
        self._tick_handle = self._loop.call_later(TICK, self._tick)
        self._watch_due = self._loop.time() + WATCH
        self._watch_handle = self._loop.call_at(self._watch_due, self._watch)
        transports.on_message = self._runner.receive
        transports.on_closed = self._closed

    async def close(self) -> None:
        self._tick_handle.cancel()
        self._watch_handle.cancel()
        await self._tasks.close()
        await self._resolver.close()
        self._runner.close()

    @property
    def gateways(self) -> dict[str, bool]:
        """Each gateway seen, by message identifier: whether its association is up."""
        return {mid: mid in self._proxy.gateways.up for mid in self._gateways}

    async def drained(self) -> None:
        """Take nothing new; return when no call is left."""
        self._proxy.draining = True
        if len(self._proxy.calls):
            await self._no_calls.wait()

    def release_all(self) -> None:
        self._apply(self._proxy.release_all(self._loop.time()))

    def _tick(self) -> None:
        self._tick_handle = self._loop.call_later(TICK, self._tick)
        self._apply(self._proxy.tick(self._loop.time()))
        if self._proxy.draining and not len(self._proxy.calls):
            self._no_calls.set()

    def _watch(self) -> None:
        """Measure how long input waits: as long as this tick did, or as the datagrams in a socket do."""
        now, overload = self._loop.time(), self._overload
        if overload.measure(max(now - self._watch_due, self._transports.behind(now)), now):
            if overload.on:
                log.warning("overload", lag=round(overload.lag, 3))
            else:
                seconds = round(now - overload.since, 1)
                log.warning("overload over", seconds=seconds, refused=overload.refused)
        self._watch_due = now + WATCH
        self._watch_handle = self._loop.call_at(self._watch_due, self._watch)

    def _closed(self, flow: Flow) -> None:
        self._runner.flow_closed(flow)
        self._apply(self._proxy.on_flow_closed(flow, self._loop.time()))

    # What transactions report

    def on_request(self, server: ServerTransaction) -> None:
        self._apply(self._proxy.on_request(server, self._loop.time()))

    def on_cancel(self, server: ServerTransaction) -> None:
        self._apply(self._proxy.on_cancel(server, self._loop.time()))

    def on_ack(self, request: Request, flow: Flow) -> None:
        self._apply(self._proxy.on_ack(request, flow, self._loop.time()))

    def on_response(self, client: ClientTransaction, response: Response) -> None:
        if self._goes_elsewhere(client, response.status, response):
            return
        self._apply(self._proxy.on_response(client, response, self._loop.time()))

    def on_failed(self, client: ClientTransaction, reason: str) -> None:
        if self._goes_elsewhere(client, reason):
            return
        self._apply(self._proxy.on_failed(client, reason, self._loop.time()))

    def _goes_elsewhere(
        self, client: ClientTransaction, event: int | str, response: Response | None = None
    ) -> bool:
        """Send the request of ``client`` its next way, where ``event`` calls for that and there is one."""
        branch = client.context
        if not isinstance(branch, Branch) or branch.to is not Side.CORE:
            return False
        heard, failed = branch.heard, client.flow.remote
        way = self._placing.further(branch, client, event)
        wait = response.get("retry-after") if response is not None and event == 503 else None
        useless = wait or (response is None and not heard)
        elsewhere = way is None or way[1:] != failed
        if useless and elsewhere and self._resolver.avoid(*failed, wait or ""):
            log.warning("next hop avoided", host=failed[0], port=failed[1], why=event)
        if way is None:
            return False
        listener, host, port = way
        self._transports.count("next_hops_failed")
        self._send(branch, self._transports.flow_to(listener, host, port))
        return True

    # What gateways report

    def on_gateway_up(self, gateway: Gateway, cold: bool) -> None:
        self._gateways[gateway.mid] = gateway
        abilities = Abilities(gateway.suites, gateway.mechanisms, gateway.aware)
        self._apply(self._proxy.on_gateway_up(gateway.mid, abilities, self._loop.time(), cold=cold))

    def on_gateway_down(self, gateway: Gateway, _reason: str) -> None:
        self._apply(self._proxy.on_gateway_down(gateway.mid, self._loop.time()))

    def on_gateway_draining(self, gateway: Gateway) -> None:
        self._proxy.gateways.draining.add(gateway.mid)

    def on_notify(self, gateway: Gateway, context: int, event: Notification) -> ActionReply:
        """Take a notification. Raises IqError."""
        self._apply(self._proxy.on_gateway_event(gateway.mid, context, event, self._loop.time()))
        return ActionReply(context, [Done(event.termination)])

    # Effects

    def _apply(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Respond(server, response):
                    self._runner.respond(server, response)
                case Forward(branch):
                    self._forward(branch)
                case AskGateway():
                    self._ask(effect)
                case CancelBranch(client, headers):
                    self._runner.cancel(client, headers)
                case Report(event, fields):
                    if event == "call":
                        self._counters.call_ended(fields)
                    log.info(event, **fields)

    def _ask(self, effect: AskGateway) -> None:
        resume = effect.resume

        def done(reply: ActionReply) -> None:
            self._counters.iq["error" if reply.error else "ok"] += 1
            if resume is not None:
                self._apply(self._proxy.resume(resume, reply, self._loop.time()))

        gateway = self._gateways.get(effect.gateway)
        if gateway is None:
            done(ActionReply(effect.action.context, [], IqError(503, "no such gateway")))
        else:
            gateway.send(effect.action, done)

    def _forward(self, branch: Branch) -> None:
        if branch.flow is not None:
            flow = branch.flow
            self._send(branch, flow.opened() if isinstance(flow, StaticFlow) else flow)
            return
        try:
            target = numeric(branch.uri)
        except SipRefusal:
            self._loop.call_soon(self._undeliverable, branch, "resolve")
            return
        if target is not None:
            self._place(branch, [target])
        else:
            self._tasks.spawn(self._resolve(branch), "resolve")

    async def _resolve(self, branch: Branch) -> None:
        targets = await self._resolver.resolve(branch.uri)
        if branch.answered:  # cancelled meanwhile
            return
        self._place(branch, [(target.transport, target.host, target.port) for target in targets])

    def _undeliverable(self, branch: Branch, reason: str) -> None:
        self._apply(self._proxy.on_undeliverable(branch, reason, self._loop.time()))

    def _place(self, branch: Branch, hops: Sequence[Hop]) -> None:
        way = self._placing.first(branch, hops)
        if way is None:
            self._loop.call_soon(self._undeliverable, branch, "resolve")
        else:
            listener, host, port = way
            self._send(branch, self._transports.flow_to(listener, host, port))

    def _send(self, branch: Branch, flow: Flow) -> None:
        self._placing.address(branch, flow.listener)
        if branch.method == "ACK":
            flow.send(branch.request.encode())
        else:
            branch.client = self._runner.request(branch.request, flow, branch)
