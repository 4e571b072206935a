"""Who is served at all: rates of each source on the access side, and the overload of the process. Pure."""

from hosting.counters import Tally
from pcscf.errors import SipRefusal
from pcscf.flow import Flow, Side
from pcscf.overload import Overload
from pcscf.proxy.emergency import service_of
from pcscf.ratelimit import RateLimit, source_of
from pcscf.registration.contacts import is_emergency_contact
from pcscf.sip.headers import NameAddr, tag_of
from pcscf.sip.message import Request

#: Retry-After, in seconds: of a source that sends too much, and of an overload, where each refused request
#: is told the next of these numbers, so that they do not all come back at once.
RATE_RETRY_AFTER = 1
OVERLOAD_RETRY_AFTER = range(2, 12)
#: Emergency calls (RFC 5031) and the registrations before them (TS 24.229 5.1.6.2) are served whatever else
#: happens: so many a second of one source, and so many at once. Beyond that they are requests like others, so
#: that their name is no way past the limits.
EMERGENCY_RATE = 5.0
EMERGENCY_BURST = 20


class Admission:
    """Judges each request that is no retransmission, before anything is done for it.

    requests, registrations: rates of one source on the access side. The core is trusted and has none.
    refusals: what is refused is counted there, by (reason, status). numbers: dialled digits that mean an
    emergency call.
    """

    __slots__ = ("_emergencies", "_numbers", "_overload", "_refusals", "_registrations", "_requests")

    def __init__(
        self,
        requests: RateLimit,
        registrations: RateLimit,
        overload: Overload,
        refusals: Tally,
        numbers: frozenset[str] = frozenset(),
    ) -> None:
        self._emergencies = RateLimit(EMERGENCY_RATE, EMERGENCY_BURST)
        self._requests = requests
        self._registrations = registrations
        self._overload = overload
        self._refusals = refusals
        self._numbers = numbers

    def check(self, request: Request, flow: Flow, now: float) -> None:
        """Raises SipRefusal 503 with Retry-After (RFC 3261 21.5.4). now: seconds."""
        reason = self._too_much(request, flow, now)
        retry_after = RATE_RETRY_AFTER
        if not reason and self._overload.on and _begins_something(request):
            reason = "overload"
            retry_after = OVERLOAD_RETRY_AFTER[self._overload.refused % len(OVERLOAD_RETRY_AFTER)]
        if not reason or self._is_emergency(request, flow, now):
            return
        if reason == "overload":
            self._overload.refused += 1
        self._refusals[reason, 503] += 1
        raise SipRefusal(reason, status=503, headers=(("Retry-After", str(retry_after)),))

    def _is_emergency(self, request: Request, flow: Flow, now: float) -> bool:
        if request.method == "INVITE":
            if not service_of(request.uri, self._numbers):
                return False
        elif request.method != "REGISTER" or not _is_emergency_registration(request):
            return False
        core = flow.listener.side is Side.CORE
        return core or self._emergencies.admit(source_of(flow.remote[0]), now)

    def _too_much(self, request: Request, flow: Flow, now: float) -> str:
        """Return which rate the source of ``request`` exceeds, "" for none."""
        if flow.listener.side is Side.CORE:
            return ""
        source = source_of(flow.remote[0])
        if not self._requests.admit(source, now):
            return "rate of requests"
        if request.method == "REGISTER" and not self._registrations.admit(source, now):
            return "rate of registrations"
        return ""


def _begins_something(request: Request) -> bool:
    """Tell whether a request begins a dialog, a transaction outside of any, or a registration."""
    if request.method == "REGISTER":
        return True
    return request.method not in ("ACK", "CANCEL") and not tag_of(request.get("to"))


def _is_emergency_registration(request: Request) -> bool:
    try:
        return is_emergency_contact(NameAddr.parse(request.first("contact") or "").uri)
    except SipRefusal:
        return False
