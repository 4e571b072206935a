"""How a request passes the core: where it goes, and what is remembered of it until it is answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.address import Target, target_of
from lab.registrar import Registrar
from lab.relay import Party
from pcscf.errors import SipRefusal
from pcscf.sip.headers import NameAddr, tag_of
from pcscf.sip.message import Request
from pcscf.sip.uri import SipUri
from pcscf.transaction.layer import ClientTransaction, ServerTransaction

#: User part of the Service-Route: what comes over it is originating (TS 24.229 5.4.3.2).
ORIGINATING = "orig"


@dataclass(slots=True)
class Passage:
    """One request under way: the context of its server and its client transaction."""

    server: ServerTransaction
    method: str
    call_id: str
    sender: Party
    initial: bool
    client: ClientTransaction | None = None


@dataclass(slots=True)
class Route:
    """uri: new Request-URI; route: Route values that stay; called: for P-Called-Party-ID, or None."""

    target: Target
    uri: str
    route: list[str]
    called: str | None = None


@dataclass(slots=True)
class Router:
    """registrar: where users are; is_own: is this host and port ours; static: user -> URI of far ends."""

    registrar: Registrar
    is_own: Callable[[str, int | None], bool]
    static: Mapping[str, str]

    def arrive(self, request: Request) -> tuple[list[str], bool]:
        """Return the Route values behind our own, and whether the Service-Route was among these."""
        routes = request.values("route")
        originating = False
        while routes:
            own = SipUri.parse(NameAddr.parse(routes[0]).uri)
            if not self.is_own(own.host, own.port):
                break
            originating |= own.user == ORIGINATING
            routes.pop(0)
        return routes, originating

    def route(self, request: Request, routes: list[str], now: float) -> Route:
        """Return where a request goes. Raises SipRefusal 404 or 480, LabError for a host by name.

        routes: the Route values that are left.
        """
        if routes:
            return Route(target_of(NameAddr.parse(routes[0]).uri), request.uri, routes)
        uri = SipUri.parse(request.uri)
        if uri.host != self.registrar.domain or tag_of(request.get("to")) is not None:
            return Route(target_of(request.uri), request.uri, [])
        return self._terminating(request.uri, uri.user or "", now)

    def _terminating(self, called: str, user: str, now: float) -> Route:
        if far := self.static.get(user):
            return Route(target_of(far), far, [])
        if (binding := self.registrar.binding(user, now)) is None:
            known = user in self.registrar.users
            raise SipRefusal("not registered" if known else "unknown", status=480 if known else 404)
        first = NameAddr.parse(binding.path[0]).uri if binding.path else binding.contact
        return Route(target_of(first), binding.contact, list(binding.path), called)
