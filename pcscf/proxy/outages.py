"""Gateways that come and go, and what they report about the media of calls (TS 23.334, TS 24.229 5.2.8)."""

from iq.errors import IqError
from iq.procedures import AuthenticationFailures, BearerChange, Notification, SecurityChange
from pcscf.proxy.branch import Call
from pcscf.proxy.calls import Calls
from pcscf.proxy.effects import Report
from pcscf.proxy.gateways import Abilities, Gateways
from pcscf.proxy.media_events import EVENTS, MediaEvent, details_of, event_of, refusal_of
from pcscf.proxy.turn import Turn

#: Seconds that the calls of a lost gateway are kept: it may come back with its contexts.
GATEWAY_GRACE = 15.0


class Outages:
    """Ends the calls whose gateway or media is lost."""

    def __init__(self, gateways: Gateways, calls: Calls, turn: Turn) -> None:
        self._gateways = gateways
        self._calls = calls
        self._turn = turn
        self._lost: dict[str, float] = {}

    def up(self, gateway: str, abilities: Abilities, *, cold: bool) -> None:
        """A gateway serves. cold: it has none of its former contexts; their calls are over."""
        self._lost.pop(gateway, None)
        if cold:
            self._gateways.up.pop(gateway, None)
            self._release_calls_of(gateway)
        self._gateways.take_up(gateway, abilities, cold=cold)

    def down(self, gateway: str) -> None:
        """The association is lost: the gateway's calls are kept for GATEWAY_GRACE seconds."""
        if self._gateways.up.pop(gateway, None) is not None:
            self._lost[gateway] = self._turn.now + GATEWAY_GRACE

    def report(self, gateway: str, context: int, notification: Notification) -> None:
        """Take a notification. Raises IqError 411 or 430 for what no call of ours has."""
        call = self._gateways.contexts.get((gateway, context))
        if call is None:
            raise IqError(411, "unknown ContextID")
        if not call.media.has(notification.termination):
            raise IqError(430, "unknown TerminationID")
        stream = None
        if isinstance(notification, BearerChange | SecurityChange | AuthenticationFailures):
            stream = notification.stream
        self._happened(event_of(notification), call, stream, details_of(notification))

    def expire(self) -> None:
        """Release the calls of gateways that did not come back in time."""
        if not self._lost:
            return
        for gateway, until in list(self._lost.items()):
            if until <= self._turn.now:
                del self._lost[gateway]
                self._release_calls_of(gateway)

    def _release_calls_of(self, gateway: str) -> None:
        for call in self._calls.table:
            if call.gateway == gateway:
                self._happened(MediaEvent.GATEWAY_LOST, call, None, {})

    def _happened(
        self, event: MediaEvent, call: Call, stream: int | None, details: dict[str, object]
    ) -> None:
        if call.ended:  # its release is on the way to the gateway
            return
        self._turn.counters.media_events[event.value] += 1
        refusal = refusal_of(event, call, self._calls.settings.supervision, self._turn.now, stream)
        if refusal is not None or EVENTS[event].told:
            fields = {"call_id": call.call_id, "media_event": event.value, "gateway": call.gateway}
            self._turn.add(Report("media event", {**fields, **details, "released": refusal is not None}))
        if refusal is not None:
            self._calls.endings.release(call, refusal)
