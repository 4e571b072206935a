"""The transaction user: what happens to each request, response, failure and gateway event. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field

from iq.procedures import ActionReply, Notification
from pcscf.admin.counters import Counters, method_label
from pcscf.errors import SipRefusal
from pcscf.flow import Flow, Listener
from pcscf.proxy.branch import Branch
from pcscf.proxy.calls import Calls, CallSettings
from pcscf.proxy.deregistration import Deregistration
from pcscf.proxy.effects import Effect, Report
from pcscf.proxy.emergency import EmergencyCalls, EmergencySettings
from pcscf.proxy.gateways import Abilities, Gateways
from pcscf.proxy.originating import HeaderSettings
from pcscf.proxy.outages import Outages
from pcscf.proxy.reg_event import RegEvents
from pcscf.proxy.registrations import Registrations
from pcscf.proxy.requests import Requests
from pcscf.proxy.responses import Responses
from pcscf.proxy.restoration import undelivered
from pcscf.proxy.routing import OwnAddresses
from pcscf.proxy.session_timer import Expiry
from pcscf.proxy.subscription import Subscription
from pcscf.proxy.turn import Turn
from pcscf.registration.registrar import Registrar
from pcscf.sip.message import Request, Response
from pcscf.transaction.layer import ClientTransaction, ServerTransaction
from pcscf.transaction.timers import TimerQueues


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """calls: of the call control. next_hop: URI of the I-CSCF, None for RFC 3263 on the home domain."""

    calls: CallSettings
    headers: HeaderSettings
    next_hop: str | None = None
    emergency: EmergencySettings = field(default_factory=EmergencySettings)
    reg_event: bool = False


class Proxy:
    """Feed it events; execute the effects that each returns, in order."""

    def __init__(
        self,
        settings: ProxySettings,
        listeners: list[Listener],
        registrar: Registrar,
        counters: Counters,
        random: Callable[[int], bytes],
    ) -> None:
        self._counters = counters
        self._turn = Turn(random, counters)
        self._timers: TimerQueues = TimerQueues()
        self.gateways = Gateways(self._turn)
        self.calls = Calls(settings.calls, self._turn, self.gateways, self._timers)
        self._reg_events = RegEvents(
            registrar.settings.core,
            settings.headers.charging,
            self._turn,
            self._timers,
            Deregistration(registrar.bindings, self.calls.table, self.calls.endings, self._turn),
            settings.next_hop,
            enabled=settings.reg_event,
        )
        self._registrations = Registrations(
            registrar, self._turn, self.calls.table, self.gateways, self._reg_events, settings.next_hop
        )
        self._requests = Requests(
            OwnAddresses(listeners),
            settings.next_hop,
            settings.headers,
            registrar,
            self._registrations,
            self._reg_events,
            EmergencyCalls(settings.emergency, settings.headers, registrar, self._turn, self.calls),
            self.calls,
            self._turn,
        )
        self._responses = Responses(settings.headers.charging, self._registrations, self.calls, self._turn)
        self._configured = settings.headers.mechanisms
        self._outages = Outages(self.gateways, self.calls, self._turn)

    @property
    def draining(self) -> bool:
        """Whether the node goes out of service: nothing new begins."""
        return self._requests.draining

    @draining.setter
    def draining(self, draining: bool) -> None:
        self._requests.draining = draining

    # Requests

    def on_request(self, server: ServerTransaction, now: float) -> list[Effect]:
        """A new request, other than CANCEL and the ACK of a 2xx."""
        self._turn.begin(now)
        request = server.request
        self._counters.requests[server.flow.listener.side, method_label(request.method)] += 1
        try:
            self._requests.take(server, request.copy())
        except SipRefusal as refusal:
            self._turn.refuse(server, refusal)
        return self._turn.end()

    def on_ack(self, request: Request, flow: Flow, now: float) -> list[Effect]:
        """The ACK of a 2xx: it has no transaction and no answer, so that what is wrong with it is dropped."""
        self._turn.begin(now)
        self._counters.requests[flow.listener.side, "ACK"] += 1
        try:
            self._requests.acknowledge(request.copy(), flow)
        except SipRefusal as refusal:
            self._counters.refusals[refusal.reason, refusal.status] += 1
        return self._turn.end()

    def on_cancel(self, server: ServerTransaction, now: float) -> list[Effect]:
        """A CANCEL for ``server`` came, and was answered (RFC 3261 16.10)."""
        self._turn.begin(now)
        branch = server.context
        if isinstance(branch, Branch) and branch.call is not None:
            self.calls.endings.cancel(branch.call, branch)
        return self._turn.end()

    # Responses

    def on_response(self, client: ClientTransaction, response: Response, now: float) -> list[Effect]:
        """A response to a request that went out (RFC 3261 16.7)."""
        self._turn.begin(now)
        branch = client.context
        if not isinstance(branch, Branch):
            return self._turn.end()
        branch.heard = True
        if response.status != 100:
            try:
                self._responses.take(branch, response)
            except SipRefusal as refusal:  # it cannot be read where it matters
                self._responses.fail(branch, SipRefusal(refusal.reason, status=502))
        return self._turn.end()

    def on_flow_closed(self, flow: Flow, now: float) -> list[Effect]:
        """A connection is gone; the failures of requests on it come by ``on_failed``."""
        self._turn.begin(now)
        self._registrations.flow_closed(flow)
        return self._turn.end()

    def on_failed(self, client: ClientTransaction, reason: str, now: float) -> list[Effect]:
        """A client transaction ended without a final response; reason: "timeout" or "transport"."""
        branch = client.context
        return self.on_undeliverable(branch, reason, now) if isinstance(branch, Branch) else []

    def on_undeliverable(self, branch: Branch, reason: str, now: float) -> list[Effect]:
        """The request of ``branch`` reached nobody: no next hop, no connection, no response."""
        self._turn.begin(now)
        self._responses.fail(branch, undelivered(branch, reason))
        return self._turn.end()

    # Gateways

    def on_gateway_up(self, gateway: str, abilities: Abilities, now: float, *, cold: bool) -> list[Effect]:
        """A gateway registered. cold: it has none of its former contexts."""
        self._turn.begin(now)
        self._outages.up(gateway, abilities, cold=cold)
        self._announce()
        return self._turn.end()

    def _announce(self) -> None:
        """Announce to UEs what is configured, as far as some gateway can do it.

        A gateway that is lost counts on: the list is held against UEs, and must not change with each outage.
        """
        able = self.gateways.able
        names = tuple(name for name in self._configured if name in able)
        if names != self._requests.announced:
            self._requests.announce(names)
            self._turn.add(Report("media security announced", {"mechanisms": names}))

    def on_gateway_down(self, gateway: str, now: float) -> list[Effect]:
        """The association with a gateway is lost."""
        self._turn.begin(now)
        self._outages.down(gateway)
        return self._turn.end()

    def on_gateway_event(self, gateway: str, context: int, event: Notification, now: float) -> list[Effect]:
        """A notification. Raises IqError 411 or 430: it is about nothing of ours."""
        self._turn.begin(now)
        self._outages.report(gateway, context, event)
        return self._turn.end()

    def resume(self, step: Callable[[ActionReply], None], reply: ActionReply, now: float) -> list[Effect]:
        """The reply that AskGateway asked for is there."""
        self._turn.begin(now)
        step(reply)
        return self._turn.end()

    # Time

    @property
    def timers_running(self) -> int:
        return len(self._timers)

    def tick(self, now: float) -> list[Effect]:
        """What is due; call it about twice a second."""
        self._turn.begin(now)
        for item, _ in self._timers.due(now):
            if isinstance(item, Expiry):
                self.calls.endings.expire(item.call, item.dialog)
            elif isinstance(item, Subscription):
                self._reg_events.due(item)
            elif item.call is not None:
                refusal = SipRefusal("no final response in time", status=408)
                self.calls.endings.give_up(item.call, item, refusal)
        self._outages.expire()
        self._registrations.expire()
        return self._turn.end()

    def release_all(self, now: float) -> list[Effect]:
        """End every call: the process goes out of service (drain is over)."""
        self._turn.begin(now)
        for call in self.calls.table:
            self.calls.endings.release(call, SipRefusal("going out of service", status=503))
        return self._turn.end()
