"""What every request is judged by, and which part of the proxy it belongs to (RFC 3261 16.3 to 16.6)."""

from dataclasses import replace

from pcscf.errors import SipRefusal
from pcscf.flow import Flow, Side
from pcscf.proxy import routing
from pcscf.proxy.branch import Branch
from pcscf.proxy.calls import Calls
from pcscf.proxy.effects import Forward
from pcscf.proxy.emergency import EmergencyCalls
from pcscf.proxy.gateways import unavailable
from pcscf.proxy.originating import HeaderSettings, check_security_verify, originate
from pcscf.proxy.refusals import flow_failed
from pcscf.proxy.reg_event import RegEvents
from pcscf.proxy.registrations import Registrations
from pcscf.proxy.restoration import check_reachable
from pcscf.proxy.terminating import terminate, terminate_within
from pcscf.proxy.trust import police, strip_for_ue, strip_untrusted
from pcscf.proxy.turn import Turn
from pcscf.registration.bindings import Binding
from pcscf.registration.registrar import Registrar
from pcscf.sip.headers import tag_of
from pcscf.sip.message import Request
from pcscf.sip.uri import SipUri
from pcscf.transaction.layer import ServerTransaction

#: Requests that exist in dialogs of INVITE alone: without their call there is nothing to forward them to.
_OF_CALLS = frozenset({"INVITE", "BYE", "PRACK", "UPDATE", "INFO"})


class Requests:
    """Requests on their way, from either side.

    own: what addresses are ours. next_hop: URI of the I-CSCF, None for RFC 3263 on the home domain.
    draining: the node goes out of service: nothing new begins.
    """

    def __init__(
        self,
        own: routing.OwnAddresses,
        next_hop: str | None,
        headers: HeaderSettings,
        registrar: Registrar,
        registrations: Registrations,
        reg_events: RegEvents,
        emergency: EmergencyCalls,
        calls: Calls,
        turn: Turn,
    ) -> None:
        self._own = own
        self._next_hop = next_hop
        self._headers = headers
        self._registrar = registrar
        self._registrations = registrations
        self._reg_events = reg_events
        self._emergency = emergency
        self._calls = calls
        self._turn = turn
        self.draining = False

    @property
    def announced(self) -> tuple[str, ...]:
        """Media security that UEs are told of."""
        return self._headers.mechanisms

    def announce(self, mechanisms: tuple[str, ...]) -> None:
        """Tell UEs of these from now on."""
        self._headers = replace(self._headers, mechanisms=mechanisms)
        self._registrar.announce(mechanisms)

    def take(self, server: ServerTransaction, out: Request) -> None:
        """Judge and edit ``out``, the copy to forward (RFC 3261 16.3 to 16.6). Raises SipRefusal."""
        flow = server.flow
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
        police(out, listener.side, self._turn.counters)
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
        headers, turn = self._headers, self._turn
        check_security_verify(request, binding, flow.listener, headers)
        branch.request = originate(request, binding, headers, turn.random, turn.now)
        if self._next_hop and "route" not in branch.request:
            branch.uri = self._next_hop
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
            self._calls.start(branch, binding, self._registrar.announced_on(binding.flow.listener))
            return
        if branch.method in routing.DIALOG_METHODS:
            branch.token = binding.token
        self._turn.add(Forward(branch))

    def _in_dialog(self, branch: Branch, request: Request, flow: Flow, token: str | None) -> None:
        """A request with a To tag goes where its Route says; whose it is, our token in there tells."""
        call = self._calls.table.get(token, request.get("call-id")) if token else None
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
            branch.saved = terminate_within(request, binding)
            branch.flow = binding.flow
        if call is not None:
            branch.call = call
            self._calls.request(call, branch)
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

    def acknowledge(self, request: Request, flow: Flow) -> None:
        """Take the ACK of a 2xx on its way. Raises SipRefusal: it is of no call of that flow."""
        side = flow.listener.side
        token = routing.strip_own_routes(request, self._own)
        routing.decrement_max_forwards(request)
        call = self._calls.table.get(token, request.get("call-id")) if token else None
        if call is None or (side is Side.ACCESS and not call.binding.owns(flow)):
            raise SipRefusal("ACK of no call", status=481)
        branch = Branch(server=None, request=request, to=side.other, call=call)
        if branch.to is Side.CORE:
            strip_untrusted(request)
            branch.uri = routing.route_onward(request)
        else:
            strip_for_ue(request)
            branch.flow = call.binding.flow
        self._calls.ack(call, branch)
