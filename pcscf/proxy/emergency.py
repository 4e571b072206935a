"""Emergency calls: which requests they are, and their way to the E-CSCF (TS 24.229 5.2.10, RFC 5031)."""

import re
from dataclasses import dataclass, field

from pcscf.errors import SipRefusal
from pcscf.flow import Flow
from pcscf.proxy.branch import Branch
from pcscf.proxy.calls import Calls
from pcscf.proxy.effects import Forward
from pcscf.proxy.identity import asserted_for_request
from pcscf.proxy.originating import HeaderSettings, enter
from pcscf.proxy.refusals import alternative_service
from pcscf.proxy.routing import DIALOG_METHODS
from pcscf.proxy.turn import Turn
from pcscf.registration.bindings import Binding
from pcscf.registration.identities import identities_in
from pcscf.registration.registrar import Registrar
from pcscf.sip.message import Request
from pcscf.sip.uri import SipUri

#: The service of all emergency calls; ambulance, police and so on are below it.
SOS = "urn:service:sos"
#: Whose the calls of UEs without a registration are (RFC 3323 4.1.1.3).
ANONYMOUS = "sip:anonymous@anonymous.invalid"

_SEPARATORS = re.compile(r"[\-.()]")


@dataclass(frozen=True, slots=True)
class EmergencySettings:
    """ecscf: URI of the E-CSCF, None: no emergency calls here. numbers: dialled digits that mean one.

    max_unregistered: calls of UEs without a registration at a time.
    """

    ecscf: str | None = None
    numbers: frozenset[str] = field(default_factory=frozenset)
    max_unregistered: int = 100


class EmergencyCalls:
    """Takes them past what stands in the way of other calls: Service-Route, limits, draining, sec-agree."""

    def __init__(
        self,
        settings: EmergencySettings,
        headers: HeaderSettings,
        registrar: Registrar,
        turn: Turn,
        calls: Calls,
    ) -> None:
        self._settings = settings
        self._headers = headers
        self._registrar = registrar
        self._turn = turn
        self._calls = calls

    def service(self, uri: str) -> str | None:
        """Return the service URN that a Request-URI means, None where it is no emergency."""
        return service_of(uri, self._settings.numbers)

    def start(self, branch: Branch, request: Request, flow: Flow, service: str) -> None:
        """Send a request for ``service`` to the E-CSCF.

        Raises SipRefusal: 380 where it cannot be served here, so that the UE tries another way; 403.
        """
        settings, turn = self._settings, self._turn
        binding = self._registrar.sender(request, flow)
        if binding is not None and binding.expires_at <= turn.now:
            binding = None
        elsewhere = alternative_service(binding.path if binding else None, service)
        if settings.ecscf is None:
            raise elsewhere
        identity = None
        if binding is not None:
            identity = asserted_for_request(request, binding)
        elif request.method != "INVITE":
            raise SipRefusal("not registered", status=403)
        elif len(self._calls.table.of(ANONYMOUS)) >= settings.max_unregistered:
            raise elsewhere
        else:
            binding = self._unregistered(request, flow)
        request.uri = service
        route = [f"<{_loose(settings.ecscf)}>"]
        branch.request = enter(request, route, identity, self._headers, turn.random)
        branch.uri, branch.undelivered = settings.ecscf, elsewhere
        if branch.method == "INVITE":
            self._call(branch, binding, elsewhere)
            return
        if branch.method in DIALOG_METHODS:
            branch.token = binding.token
        turn.add(Forward(branch))

    def _call(self, branch: Branch, binding: Binding, elsewhere: SipRefusal) -> None:
        network = self._registrar.announced_on(binding.flow.listener)
        try:
            self._calls.start(branch, binding, network, emergency=True)
        except SipRefusal as refusal:
            if refusal.status != 503:
                raise
            raise elsewhere from refusal

    def _unregistered(self, request: Request, flow: Flow) -> Binding:
        """Return what the calls of a UE without a registration need to know of it; in no table.

        Its media is protected by what the UEs of its listener are assumed to have, else plain.
        """
        contacts = identities_in(request, "contact")
        assumed = flow.listener.assume
        return Binding(
            ANONYMOUS,
            contacts[0] if contacts else "",
            flow,
            token="",
            announced=assumed,
            mechanisms=assumed.intersection(self._registrar.announced_on(flow.listener)),
        )


def service_of(uri: str, numbers: frozenset[str]) -> str | None:
    """Return the emergency service URN that ``uri`` is, SOS where it dials one of ``numbers``, else None."""
    if uri[:4].lower() == "urn:":
        found = uri.lower()
        return found if found == SOS or found.startswith(f"{SOS}.") else None
    if numbers:
        try:
            user = SipUri.parse(uri).user
        except SipRefusal:
            return None
        if user is not None and _SEPARATORS.sub("", user.partition(";")[0]) in numbers:
            return SOS
    return None


def _loose(uri: str) -> str:
    return uri if ";lr" in uri.lower() else f"{uri};lr"
