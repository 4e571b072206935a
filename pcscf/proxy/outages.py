"""Gateways that come and go, and what they report about the media of calls (TS 23.334, TS 24.229 5.2.8)."""

from iq.errors import IqError
from iq.procedures import BearerReleased, MediaInactivity, Notification, OutOfService
from pcscf.errors import SipRefusal
from pcscf.proxy.branch import Call
from pcscf.proxy.endings import Endings
from pcscf.proxy.gateways import Gateways
from pcscf.proxy.table import CallTable
from pcscf.proxy.turn import Turn

#: Seconds that the calls of a lost gateway are kept: it may come back with its contexts.
GATEWAY_GRACE = 15.0


class Outages:
    """Ends the calls whose gateway or media is lost."""

    def __init__(self, gateways: Gateways, calls: CallTable, endings: Endings, turn: Turn) -> None:
        self._gateways = gateways
        self._calls = calls
        self._endings = endings
        self._turn = turn
        self._lost: dict[str, float] = {}

    def up(self, gateway: str, suites: frozenset[str], *, cold: bool) -> None:
        """A gateway serves. cold: it has none of its former contexts; their calls are over."""
        self._lost.pop(gateway, None)
        if cold:
            self._gateways.up.pop(gateway, None)
            self._release_calls_of(gateway)
        self._gateways.take_up(gateway, suites, cold=cold)

    def down(self, gateway: str) -> None:
        """The association is lost: the gateway's calls are kept for GATEWAY_GRACE seconds."""
        if self._gateways.up.pop(gateway, None) is not None:
            self._lost[gateway] = self._turn.now + GATEWAY_GRACE

    def report(self, gateway: str, context: int, event: Notification) -> None:
        """Take a notification. Raises IqError 411 or 430 for what no call of ours has."""
        call = self._gateways.contexts.get((gateway, context))
        if call is None:
            raise IqError(411, "unknown ContextID")
        if not call.media.has(event.termination):
            raise IqError(430, "unknown TerminationID")
        if _ends_call(call, event):
            self._endings.release(call, SipRefusal("the media is lost", status=503))

    def expire(self) -> None:
        """Release the calls of gateways that did not come back in time."""
        if not self._lost:
            return
        for gateway, until in list(self._lost.items()):
            if until <= self._turn.now:
                del self._lost[gateway]
                self._release_calls_of(gateway)

    def _release_calls_of(self, gateway: str) -> None:
        for call in self._calls:
            if call.gateway == gateway:
                self._endings.release(call, SipRefusal("the media gateway is lost", status=503))


def _ends_call(call: Call, event: Notification) -> bool:
    """Tell whether a call ends by what its gateway reports.

    Silence is no loss while it rings, nor while all its media is on hold.
    """
    if isinstance(event, MediaInactivity):
        return bool(call.answered) and call.media.listening
    return isinstance(event, BearerReleased | OutOfService)
