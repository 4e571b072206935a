"""A whole P-CSCF in memory, with a clock that only the test moves.

The real transaction layer, registrar and proxy core; flows that keep what is sent; gateways that are the real
contexts of the AGW over an engine without packets. Effects are executed as ``pcscf.edge`` does, at once.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from agw.control.contexts import Contexts
from agw.control.ports import Interface, Realm
from agw.security.certificates import Pool
from iq.errors import IqError
from iq.procedures import Action, ActionReply, Notification
from pcscf.admin.counters import Counters
from pcscf.alg.session import MediaPolicy
from pcscf.errors import SipRefusal
from pcscf.flow import Listener, Side, StaticFlow
from pcscf.proxy.branch import Branch
from pcscf.proxy.calls import CallSettings
from pcscf.proxy.charging import Charging
from pcscf.proxy.core import Proxy, ProxySettings
from pcscf.proxy.effects import AskGateway, CancelBranch, Effect, Forward, Report, Respond
from pcscf.proxy.emergency import EmergencySettings
from pcscf.proxy.gateways import Abilities
from pcscf.proxy.originating import HeaderSettings
from pcscf.proxy.placing import Hop, Placing
from pcscf.registration.registrar import Registrar, RegistrarSettings
from pcscf.sip.message import Message, parse
from pcscf.transaction import layer as transactions
from pcscf.transport.resolver import numeric
from tests.support.fake_engine import SUITES, FakeEngine, pool

TLS = Listener(Side.ACCESS, "tls", "198.51.100.1", 5061, "access", confidential=True)
UDP = Listener(Side.ACCESS, "udp", "198.51.100.1", 5060, "access", confidential=True)
CORE = Listener(Side.CORE, "udp", "203.0.113.1", 5060, "core")
CORE_TCP = Listener(Side.CORE, "tcp", "203.0.113.1", 5060, "core")
LISTENERS = [TLS, UDP, CORE, CORE_TCP]
MECHANISMS = ("sdes-srtp", "msrp-tls", "bfcp-tls", "udptl-dtls")
_CERTIFICATES = Pool()
SCSCF = ("203.0.113.50", 5060)
STEP = 0.05


class Random:
    """Octets that differ each time. lengths: queued ones for draws of that length."""

    def __init__(self) -> None:
        self.lengths: dict[int, list[bytes]] = {}
        self._numbers = count(1)

    def __call__(self, octets: int) -> bytes:
        if queued := self.lengths.get(octets):
            return queued.pop(0)
        return next(self._numbers).to_bytes(octets, "big")


@dataclass(eq=False)
class StageFlow:
    """A flow that keeps what is sent. loses(data): whether that message never arrives."""

    listener: Listener
    remote: tuple[str, int]
    key: tuple[object, ...]
    stage: "Stage"
    closed: bool = False
    sent: list[bytes] = field(default_factory=list)
    loses: Callable[[bytes], bool] = field(default=lambda _: False)

    def send(self, data: bytes) -> None:
        if self.closed or self.loses(data):
            return
        if (own := self.stage.listening.get((self.listener.transport, *self.remote))) is not None:
            back = self.stage.flow(own, (self.listener.host, self.listener.port))
            self.stage.soon.append(lambda: self.stage.receive(parse(data), back))
        else:
            self.sent.append(data)


class StageGateway:
    """An AGW. hold: replies wait in ``held``. error: the code that everything is answered with."""

    def __init__(self, name: str, stage: "Stage") -> None:
        self.name = name
        self.stage = stage
        self.engine = FakeEngine()
        self.contexts = Contexts(self.engine, _realms(), 100_000, self.engine.tcp, _CERTIFICATES.take)
        self.actions: list[Action] = []
        self.held: deque[tuple[Callable[[ActionReply], None], ActionReply]] = deque()
        self.hold = False
        self.error: int | None = None
        self.up = False

    def send(self, action: Action, done: Callable[[ActionReply], None]) -> None:
        self.actions.append(action)
        if not self.up:
            reply = ActionReply(action.context, [], IqError(502, "not registered"))
        elif self.error is not None:
            reply = ActionReply(action.context, [], IqError(self.error, "as told"))
        else:
            reply = self.contexts.execute(action, self.stage.now)
        if self.hold:
            self.held.append((done, reply))
        else:
            self.stage.soon.append(lambda: done(reply))

    def release(self, replies: int = 1000) -> None:
        """Let held replies go, the oldest first."""
        for _ in range(min(replies, len(self.held))):
            done, reply = self.held.popleft()
            done(reply)
            self.stage.settle()

    def lose(self) -> None:
        """The held replies never arrive: as the controller ends its requests when the association is lost."""
        while self.held:
            done, reply = self.held.popleft()
            done(ActionReply(reply.context, [], IqError(530, "network failure")))
            self.stage.settle()

    def asked(self) -> list[str]:
        """Return the procedures of each action so far, and forget them: "Reserve+Reserve", "Configure"..."""
        names = ["+".join(type(p).__name__ for p in action.procedures) for action in self.actions]
        self.actions.clear()
        return names

    def restart(self) -> None:
        """A new process: nothing of before is there."""
        self.engine = FakeEngine()
        self.contexts = Contexts(self.engine, _realms(), 100_000, self.engine.tcp, _CERTIFICATES.take)

    def notify(self, context: int, event: Notification) -> int | None:
        """Report an event; return the error code of the answer."""
        try:
            self.stage.apply(self.stage.proxy.on_gateway_event(self.name, context, event, self.stage.now))
        except IqError as error:
            return error.code
        self.stage.settle()
        return None


def _realms() -> dict[str, Realm]:
    access = Interface("access", "127.0.0.1", "198.51.100.20", 46, pool(20000, 29999))
    core = Interface("core", "127.0.0.1", "203.0.113.20", 0, pool(40000, 49999))
    return {"access": Realm("access", [access]), "core": Realm("core", [core])}


class Stage:
    """now: the virtual time. finals: status codes of the final responses of each request that came in.

    terminates: media security that the gateways announce.
    """

    def __init__(
        self,
        *,
        policy: MediaPolicy | None = None,
        gateways: tuple[str, ...] = ("agw",),
        udp_limit: int = 100_000,
        strict_verify: bool = False,
        listeners: list[Listener] | None = None,
        emergency: EmergencySettings | None = None,
        reg_event: bool = False,
        terminates: frozenset[str] = frozenset(MECHANISMS),
        **calls: Any,
    ) -> None:
        self.terminates = terminates
        self.now = 1000.0
        self.random = Random()
        self.counters = Counters()
        self.layer = transactions.TransactionLayer()
        self.registrar = Registrar(RegistrarSettings(CORE, "visited.example", b"s" * 32, MECHANISMS))
        headers = HeaderSettings(Charging(CORE.host, "visited.example"), MECHANISMS, strict_verify)
        settings = ProxySettings(
            CallSettings(policy or MediaPolicy(node="pcscf.visited.example"), **calls),
            headers,
            "sip:203.0.113.50:5060",
            emergency or EmergencySettings(),
            reg_event,
        )
        listeners = LISTENERS if listeners is None else listeners
        self.listening = {(one.transport, one.host, one.port): one for one in listeners}
        self.proxy = Proxy(settings, listeners, self.registrar, self.counters, self.random)
        self.placing = Placing(listeners, udp_limit, self.random)
        self.hosts = {"scscf.home.example": SCSCF, "pcscf.visited.example": (CORE.host, CORE.port)}
        #: Where DNS leads for each name after that.
        self.second_hosts: list[tuple[str, int]] = []
        self.flows: dict[tuple[object, ...], StageFlow] = {}
        self.refused_connections: set[tuple[str, int]] = set()
        self.soon: deque[Callable[[], None]] = deque()
        self.reports: list[Report] = []
        self.finals: dict[int, list[int]] = {}
        self.servers: list[transactions.ServerTransaction] = []
        self.gateways: dict[str, StageGateway] = {}
        #: Path of each address-of-record, as the registrar saw it last.
        self.paths: dict[str, str] = {}
        for name in gateways:
            self.gateway_up(name)

    # The world

    @property
    def gateway(self) -> StageGateway:
        return next(iter(self.gateways.values()))

    def gateway_up(self, name: str, *, cold: bool = True) -> StageGateway:
        gateway = self.gateways.setdefault(name, StageGateway(name, self))
        gateway.up = True
        abilities = Abilities(frozenset(SUITES), self.terminates, frozenset({"msrp"}))
        self.apply(self.proxy.on_gateway_up(name, abilities, self.now, cold=cold))
        self.settle()
        return gateway

    def gateway_down(self, name: str) -> None:
        self.gateways[name].up = False
        self.apply(self.proxy.on_gateway_down(name, self.now))
        self.settle()

    def flow(self, listener: Listener, remote: tuple[str, int], number: int = 0) -> StageFlow:
        """Return the flow to ``remote``; another ``number`` is another connection."""
        key = (listener.transport, listener.port, *remote, number)
        flow = self.flows.get(key)
        if flow is None:
            flow = self.flows[key] = StageFlow(listener, remote, key, self)
        return flow

    def close(self, flow: StageFlow) -> None:
        flow.closed = True
        self.tell(self.layer.flow_closed(flow, self.now))
        self.apply(self.proxy.on_flow_closed(flow, self.now))
        self.settle()

    def receive(self, message: Message | bytes, flow: StageFlow) -> None:
        data = message if isinstance(message, bytes) else message.encode()
        self.tell(self.layer.receive(parse(data), flow, self.now))
        self.settle()

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for step in range(round(seconds / STEP)):
            self.now = round(self.now + STEP, 2)
            self.tell(self.layer.tick(self.now))
            if step % 2:
                self.apply(self.proxy.tick(self.now))
            self.settle()

    def settle(self) -> None:
        while self.soon:
            self.soon.popleft()()

    # What pcscf.edge does

    def tell(self, effects: list[transactions.Effect]) -> None:
        for effect in effects:
            match effect:
                case transactions.Send(flow, data):
                    flow.send(data)
                case transactions.NewRequest(server):
                    self.servers.append(server)
                    self.finals[id(server)] = []
                    self.apply(self.proxy.on_request(server, self.now))
                case transactions.NewResponse(client, response):
                    if self._goes_elsewhere(client, response.status):
                        continue
                    self.apply(self.proxy.on_response(client, response, self.now))
                case transactions.Acknowledged(request, flow):
                    self.apply(self.proxy.on_ack(request, flow, self.now))
                case transactions.Cancelled(server):
                    self.apply(self.proxy.on_cancel(server, self.now))
                case transactions.Failed(client, reason):
                    self._failed(client, reason)

    def _failed(self, client: transactions.ClientTransaction, reason: str) -> None:
        if self._goes_elsewhere(client, reason):
            return
        self.apply(self.proxy.on_failed(client, reason, self.now))

    def _goes_elsewhere(self, client: transactions.ClientTransaction, event: int | str) -> bool:
        branch = client.context
        if not isinstance(branch, Branch) or branch.to is not Side.CORE:
            return False
        way = self.placing.further(branch, client, event)
        if way is None:
            return False
        listener, host, port = way
        self._send(branch, self.flow(listener, (host, port)))
        return True

    def apply(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Respond(server, response):
                    if response.status >= 200:
                        self.finals[id(server)].append(response.status)
                    self.tell(self.layer.respond(server, response, self.now))
                case Forward(branch):
                    self._forward(branch)
                case CancelBranch(client):
                    self.tell(self.layer.cancel(client, self.now, effect.headers))
                case AskGateway(gateway, action):
                    self._ask(gateway, action, effect.resume)
                case Report():
                    self.reports.append(effect)

    def _ask(self, gateway: str, action: Action, resume: Callable[[ActionReply], None] | None) -> None:
        def done(reply: ActionReply) -> None:
            if resume is not None:
                self.apply(self.proxy.resume(resume, reply, self.now))

        self.gateways[gateway].send(action, done)

    def _forward(self, branch: Branch) -> None:
        if branch.flow is not None:
            flow = branch.flow.opened() if isinstance(branch.flow, StaticFlow) else branch.flow
            assert isinstance(flow, StageFlow)
            self._send(branch, flow)
            return
        hops: list[Hop] = []
        try:
            target = numeric(branch.uri)
            name = branch.uri.partition("@")[2].partition(";")[0]
            if target is not None:
                hops = [target]
            elif name in self.hosts:
                hops = [(None, *place) for place in (self.hosts[name], *self.second_hosts)]
        except SipRefusal:
            pass
        way = self.placing.first(branch, hops)
        if way is None:
            self.soon.append(lambda: self.apply(self.proxy.on_undeliverable(branch, "resolve", self.now)))
            return
        listener, host, port = way
        self._send(branch, self.flow(listener, (host, port)))

    def _send(self, branch: Branch, flow: StageFlow) -> None:
        if flow.listener.transport == "tcp" and flow.remote in self.refused_connections:
            flow.closed = True
        self.placing.address(branch, flow.listener)
        if branch.method == "ACK":
            flow.send(branch.request.encode())
            return
        branch.client, effects = self.layer.request(branch.request, flow, self.now, branch)
        if branch.client.resend is None and branch.client.end is None:
            self.soon.append(lambda: self.tell(effects))
        else:
            self.tell(effects)

    # What is left

    def contexts(self) -> int:
        return sum(len(gateway.contexts) for gateway in self.gateways.values())

    def ports(self) -> int:
        return sum(len(gateway.engine.ports) for gateway in self.gateways.values())

    def check_clean(self) -> None:
        """Nothing is left of any call, and every request got exactly one final response."""
        assert len(self.proxy.calls) == 0
        assert self.proxy.gateways.contexts == {}
        assert self.contexts() == 0
        assert self.ports() == 0
        for server in self.servers:
            statuses = self.finals[id(server)]
            repeats = server.method == "INVITE" and set(statuses) == {200}
            assert len(statuses) == 1 or repeats, (server.method, statuses)

    def check_forgotten(self) -> None:
        """After a minute no transaction or timer is left either."""
        self.run(70.0)
        self.check_clean()
        assert len(self.layer) == 0
        assert self.proxy.timers_running == 0
