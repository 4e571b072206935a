"""The transaction user: what happens to each request, response, failure and gateway event. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field

from iq.procedures import ActionReply, Notification
from pcscf.admin.counters import Counters, method_label
from pcscf.errors import SipRefusal
from pcscf.flow import Flow, Listener, Side
from pcscf.proxy import routing
from pcscf.proxy.branch import Branch
from pcscf.proxy.calls import Calls, CallSettings
from pcscf.proxy.deregistration import Deregistration
from pcscf.proxy.effects import Effect, Forward
from pcscf.proxy.emergency import EmergencyCalls, EmergencySettings
from pcscf.proxy.gateways import Gateways, unavailable
from pcscf.proxy.originating import HeaderSettings, check_security_verify, originate
from pcscf.proxy.outages import Outages
from pcscf.proxy.refusals import flow_failed
from pcscf.proxy.reg_event import RegEvents
from pcscf.proxy.registrations import Registrations
from pcscf.proxy.restoration import check_reachable, undelivered
from pcscf.proxy.session_timer import Expiry
from pcscf.proxy.subscription import Subscription
from pcscf.proxy.terminating import answer_from_ue, terminate
from pcscf.proxy.trust import FORBIDDEN, strip_for_ue, strip_untrusted
from pcscf.proxy.turn import Turn
from pcscf.registration.bindings import Binding
from pcscf.registration.outbound import answer_keep
from pcscf.registration.registrar import Registrar
from pcscf.sip.headers import tag_of
from pcscf.sip.message import Message, Request, Response
from pcscf.sip.uri import SipUri
from pcscf.transaction.layer import ClientTransaction, ServerTransaction
from pcscf.transaction.timers import TimerQueues

#: Requests that exist in dialogs of INVITE alone: without their call there is nothing to forward them to.
_OF_CALLS = frozenset({"INVITE", "BYE", "PRACK", "UPDATE", "INFO"})


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
        self._settings = settings
        self._registrar = registrar
        self._counters = counters
        self._own = routing.OwnAddresses(listeners)
        self._turn = Turn(random, counters)
        self._timers: TimerQueues = TimerQueues()
        self.gateways = Gateways(self._turn)
        self.calls = Calls(settings.calls, self._turn, self.gateways, self._timers)
        self._emergency = EmergencyCalls(
            settings.emergency, settings.headers, registrar, self._turn, self.calls
        )
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
            registrar, self._turn, self.calls.table, self._reg_events, settings.next_hop
        )
        self.draining = False
        self._outages = Outages(self.gateways, self.calls.table, self.calls.endings, self._turn)

    # Requests

    def on_request(self, server: ServerTransaction, now: float) -> list[Effect]:
        """A new request, other than CANCEL and the ACK of a 2xx."""
        self._turn.begin(now)
        request = server.request
        self._counters.requests[server.flow.listener.side, method_label(request.method)] += 1
        try:
            self._request(server, request.copy(), server.flow)
        except SipRefusal as refusal:
            self._turn.refuse(server, refusal)
        return self._turn.end()

    def _request(self, server: ServerTransaction, out: Request, flow: Flow) -> None:
        """Judge and edit ``out``, the copy to forward (RFC 3261 16.3 to 16.6). Raises SipRefusal."""
        listener = flow.listener
        routing.check_proxy_require(out)
        branch = Branch(server=server, request=out, to=listener.side.other, arrived_on=listener)
        branch.loop = routing.check_loop(out, self._own)
        server.context = branch
        if listener.side is Side.ACCESS and out.method == "REGISTER":
            routing.decrement_max_forwards(out)
            self._registrations.to_core(branch, out, flow, leaving_only=self.draining)
            return
        if listener.side is Side.CORE and out.method == "NOTIFY" and self._reg_events.is_ours(out.uri):
            self._reg_events.notify(server, out)
            return
        self._police(out, listener.side)
        token = routing.strip_own_routes(out, self._own)
        if out.method == "OPTIONS" and "route" not in out and self._own.has(SipUri.parse(out.uri)):
            self._turn.answer(server, 200)
            return
        routing.decrement_max_forwards(out)
        if tag_of(out.get("to") or ""):
            self._in_dialog(branch, out, flow, token)
        elif listener.side is Side.ACCESS:
            self._originate(branch, out, flow)
        else:
            self._terminate(branch, out, token)

    def _police(self, message: Message, side: Side) -> None:
        """Count what ``side`` has no right to say; that it goes, the header procedures see to."""
        forbidden = FORBIDDEN[side]
        for key, _ in message.fields:
            if key in forbidden:
                self._counters.policed[side.value, key] += 1

    def _originate(self, branch: Branch, request: Request, flow: Flow) -> None:
        service = self._emergency.service(request.uri)
        if service is not None:
            self._emergency.start(branch, request, flow, service)
            return
        binding = self._registrar.sender(request, flow)
        if binding is None:
            raise SipRefusal("not registered", status=403)
        if binding.emergency:
            raise SipRefusal("an emergency registration serves no other calls", status=403)
        check_reachable(binding)
        headers, turn = self._settings.headers, self._turn
        check_security_verify(request, binding, flow.listener, headers)
        branch.request = originate(request, binding, headers, turn.random, turn.now)
        if self._settings.next_hop and "route" not in branch.request:
            branch.uri = self._settings.next_hop
        else:
            branch.uri = routing.route_onward(branch.request)
        branch.served = binding
        self._start(branch, binding)

    def _terminate(self, branch: Branch, request: Request, token: str | None) -> None:
        if token:
            binding = self._registrar.by_token(token, request.uri)
        else:
            binding = self._registrar.trunks.addressed(request, ours=self._own.has(SipUri.parse(request.uri)))
        if binding is None:
            if token and self._registrar.had_token(token):
                raise flow_failed()
            raise SipRefusal("no such binding", status=404)
        if binding.flow.closed:
            raise flow_failed()
        branch.request, branch.saved = terminate(request, binding)
        branch.flow = binding.flow
        self._start(branch, binding)

    def _start(self, branch: Branch, binding: Binding) -> None:
        if branch.method == "INVITE":
            if self.draining:
                raise unavailable("going out of service")
            self.calls.start(branch, binding, frozenset(self._registrar.network(binding.flow.listener)))
            return
        if branch.method in routing.DIALOG_METHODS:
            branch.token = binding.token
        self._turn.add(Forward(branch))

    def _in_dialog(self, branch: Branch, request: Request, flow: Flow, token: str | None) -> None:
        """A request with a To tag goes where its Route says; whose it is, our token in there tells."""
        call = self.calls.table.get(token, request.get("call-id")) if token else None
        if call is not None:
            binding = call.binding
        elif token and request.method not in _OF_CALLS:
            binding = self._binding(token, request.uri if branch.to is Side.ACCESS else None)
        else:
            raise SipRefusal("no such dialog", status=481)
        if branch.to is Side.CORE:
            if not binding.owns(flow):
                raise SipRefusal("not the flow of this dialog", status=403)
            strip_untrusted(request)
            branch.uri = routing.route_onward(request)
        else:
            strip_for_ue(request)
            branch.flow = binding.flow
        if call is not None:
            branch.call = call
            self.calls.request(call, branch)
        else:
            self._turn.add(Forward(branch))

    def _binding(self, token: str, contact: str | None) -> Binding:
        """Return the binding of a flow token in a dialog. Raises SipRefusal 430, 481."""
        binding = self._registrar.by_token(token, contact)
        if binding is None:
            if contact is not None and self._registrar.had_token(token):
                raise flow_failed()
            raise SipRefusal("no such dialog", status=481)
        return binding

    def on_ack(self, request: Request, flow: Flow, now: float) -> list[Effect]:
        """The ACK of a 2xx: it has no transaction and no answer, so that what is wrong with it is dropped."""
        self._turn.begin(now)
        self._counters.requests[flow.listener.side, "ACK"] += 1
        try:
            self._ack(request.copy(), flow)
        except SipRefusal as refusal:
            self._counters.refusals[refusal.reason, refusal.status] += 1
        return self._turn.end()

    def _ack(self, request: Request, flow: Flow) -> None:
        side = flow.listener.side
        token = routing.strip_own_routes(request, self._own)
        routing.decrement_max_forwards(request)
        call = self.calls.table.get(token, request.get("call-id")) if token else None
        if call is None or (side is Side.ACCESS and not call.binding.owns(flow)):
            raise SipRefusal("ACK of no call", status=481)
        branch = Branch(server=None, request=request, to=side.other, call=call)
        if branch.to is Side.CORE:
            strip_untrusted(request)
            branch.uri = routing.route_onward(request)
        else:
            strip_for_ue(request)
            branch.flow = call.binding.flow
        self.calls.ack(call, branch)

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
                self._response(branch, response)
            except SipRefusal as refusal:  # it cannot be read where it matters
                self._failed(branch, SipRefusal(refusal.reason, status=502))
        return self._turn.end()

    def _response(self, branch: Branch, response: Response) -> None:
        server = branch.server
        if server is None:
            if branch.outcome is not None and response.status >= 200:
                branch.outcome(response)
            return
        response.pop_value("via")
        if branch.to is Side.ACCESS:
            self._police(response, Side.ACCESS)
        if branch.registration is not None:
            response = self._registrations.from_core(branch, branch.registration, response)
            self._turn.respond(server, response)
            return
        if branch.to is Side.CORE:
            strip_for_ue(response)
            if branch.method == "INVITE" and branch.served is not None and response.status < 300:
                answer_keep(response, server.flow.listener)
        elif branch.saved is not None:
            charging = self._settings.headers.charging
            response = answer_from_ue(response, branch.saved, charging, self._turn.now)
        else:
            strip_untrusted(response)
        if branch.call is not None:
            self.calls.response(branch.call, branch, response)
        else:
            branch.answered = branch.answered or response.status >= 200
            self._turn.respond(server, response)

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
        self._failed(branch, undelivered(branch, reason))
        return self._turn.end()

    def _failed(self, branch: Branch, refusal: SipRefusal) -> None:
        if branch.outcome is not None:
            branch.outcome(None)
        if branch.server is None or branch.answered:
            return
        if branch.call is not None:
            self.calls.endings.give_up(branch.call, branch, refusal)
        else:
            branch.answered = True
            self._turn.refuse(branch.server, refusal)

    # Gateways

    def on_gateway_up(self, gateway: str, suites: frozenset[str], now: float, *, cold: bool) -> list[Effect]:
        """A gateway registered. cold: it has none of its former contexts."""
        self._turn.begin(now)
        self._outages.up(gateway, suites, cold=cold)
        return self._turn.end()

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
