"""Who is served at all: rates of each source on the access side, and the overload of the process. Pure."""

from hosting.counters import Tally
from pcscf.errors import SipRefusal
from pcscf.flow import Flow, Side
from pcscf.overload import Overload
from pcscf.ratelimit import RateLimit, source_of
from pcscf.sip.headers import tag_of
from pcscf.sip.message import Request

#: Retry-After, in seconds: of a source that sends too much, and of an overload, where each refused request
#: is told the next of these numbers, so that they do not all come back at once.
RATE_RETRY_AFTER = 1
OVERLOAD_RETRY_AFTER = range(2, 12)
#: Emergency calls (RFC 5031) are served whatever else happens: so many a second of one source, and so many at
#: once. Beyond that they are requests like others, so that their name is no way past the limits.
_EMERGENCY = "urn:service:sos"
EMERGENCY_RATE = 5.0
EMERGENCY_BURST = 20


class Admission:
    """Judges each request that is no retransmission, before anything is done for it.

    requests, registrations: rates of one source on the access side. The core is trusted and has none.
    refusals: what is refused is counted there, by (reason, status).
    """

    __slots__ = ("_emergencies", "_overload", "_refusals", "_registrations", "_requests")

    def __init__(
        self, requests: RateLimit, registrations: RateLimit, overload: Overload, refusals: Tally
    ) -> None:
        self._emergencies = RateLimit(EMERGENCY_RATE, EMERGENCY_BURST)
        self._requests = requests
        self._registrations = registrations
        self._overload = overload
        self._refusals = refusals

    def check(self, request: Request, flow: Flow, now: float) -> None:
        """Raises SipRefusal 503 with Retry-After (RFC 3261 21.5.4). now: seconds."""
        method = request.method
        emergency = method == "INVITE" and request.uri[: len(_EMERGENCY)].lower() == _EMERGENCY
        if emergency and self._emergencies.admit(source_of(flow.remote[0]), now):
            return
        if flow.listener.side is Side.ACCESS:
            source = source_of(flow.remote[0])
            if not self._requests.admit(source, now):
                raise self._later("rate of requests", RATE_RETRY_AFTER)
            if method == "REGISTER" and not self._registrations.admit(source, now):
                raise self._later("rate of registrations", RATE_RETRY_AFTER)
        overload = self._overload
        if overload.on and method not in ("ACK", "CANCEL") and not tag_of(request.get("to") or ""):
            retry_after = OVERLOAD_RETRY_AFTER[overload.refused % len(OVERLOAD_RETRY_AFTER)]
            overload.refused += 1
            raise self._later("overload", retry_after)

    def _later(self, reason: str, seconds: int) -> SipRefusal:
        self._refusals[reason, 503] += 1
        return SipRefusal(reason, status=503, headers=(("Retry-After", str(seconds)),))
