"""REGISTER on its way through the proxy core, and what its outcome means for calls."""

from pcscf.flow import Flow, Side
from pcscf.proxy.branch import Branch
from pcscf.proxy.effects import Forward
from pcscf.proxy.gateways import Gateways, unavailable
from pcscf.proxy.reg_event import RegEvents
from pcscf.proxy.table import CallTable
from pcscf.proxy.turn import Turn
from pcscf.registration.registrar import PendingRegistration, Registrar
from pcscf.sip.message import Request, Response

#: Final responses to REGISTER after which the UE tries again at once.
_CHALLENGES = frozenset({401, 407, 423, 494})


class Registrations:
    """next_hop: URI of the I-CSCF, None for RFC 3263 on the home domain."""

    def __init__(
        self,
        registrar: Registrar,
        turn: Turn,
        calls: CallTable,
        gateways: Gateways,
        reg_events: RegEvents,
        next_hop: str | None,
    ) -> None:
        self._registrar = registrar
        self._turn = turn
        self._calls = calls
        self._gateways = gateways
        self._reg_events = reg_events
        self._next_hop = next_hop

    def to_core(self, branch: Branch, request: Request, flow: Flow, *, leaving_only: bool) -> None:
        """Send a REGISTER on. Raises SipRefusal: 503 with leaving_only, unless it removes contacts alone.

        An emergency registration is served to the last (24.229 5.2.10), as the call is that follows it.
        """
        turn = self._turn
        edited, pending = self._registrar.to_core(request, flow, turn.now, turn.random)
        if leaving_only and any(one.expires and not one.emergency for one in pending.contacts):
            raise unavailable("going out of service")
        branch.request, branch.registration = edited, pending
        branch.uri = self._next_hop or branch.request.uri
        turn.add(Forward(branch))

    def from_core(self, branch: Branch, pending: PendingRegistration, response: Response) -> Response:
        """Return a response as it goes to the UE; a final one changes bindings and is counted."""
        response = self._registrar.from_core(pending, response, self._turn.now)
        if response.status >= 200:
            branch.answered = True
            self._note(pending, response.status)
        return response

    def _note(self, pending: PendingRegistration, status: int) -> None:
        """Count an outcome; a contact that comes on another flow takes its calls along."""
        outcomes = self._turn.counters.registrations
        if status >= 300:
            if status not in _CHALLENGES:
                outcomes["refused"] += 1
            return
        outcomes["registered"] += len(pending.installed) - pending.refreshed
        outcomes["refreshed"] += pending.refreshed
        outcomes["removed"] += len(pending.removed)
        for new in pending.installed:
            for call in self._calls.of(new.aor):
                old = call.binding
                if old is not new and not old.live and old.is_contact(new.contact, new.instance, new.reg_id):
                    call.binding = new
                    self._gateways.move(call)
        self._reg_events.registered(pending.installed)
        self._reg_events.gone([*pending.removed, *pending.moved])

    def flow_closed(self, flow: Flow) -> None:
        """A connection of a UE is gone, and with it the contacts that were reached by it (RFC 5626 4.4)."""
        if flow.listener.side is Side.ACCESS:
            gone = self._registrar.bindings.drop_flow(flow.key)
            self._turn.counters.registrations["flow_lost"] += len(gone)
            self._reg_events.gone(gone)

    def expire(self) -> None:
        """Forget the contacts whose time has passed."""
        if expired := self._registrar.bindings.expire(self._turn.now):
            self._turn.counters.registrations["expired"] += len(expired)
            self._reg_events.gone(expired)
