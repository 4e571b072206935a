"""Where a request goes, and where next when it fails there (RFC 3263 4.3), with what depends on it. Pure."""

from collections.abc import Callable, Iterable

from pcscf.flow import Listener, Side
from pcscf.proxy import routing
from pcscf.proxy.branch import Branch, Way
from pcscf.transaction.layer import ClientTransaction

#: Ways that one request is tried, at most: each may take 64*T1 to fail.
MAX_WAYS = 4

#: Transport as the next hop's URI or DNS names it (None: open), numeric host, port.
Hop = tuple[str | None, str, int]


class Placing:
    """Shared by everything that executes Forward.

    udp_limit: octets above which a request goes over TCP (RFC 3261 18.1.1). random: returns that many octets.
    """

    __slots__ = ("_core", "_limit", "_random")

    def __init__(self, listeners: Iterable[Listener], udp_limit: int, random: Callable[[int], bytes]) -> None:
        self._core: dict[str, list[Listener]] = {}
        for listener in listeners:
            if listener.side is Side.CORE:
                self._core.setdefault(listener.transport, []).append(listener)
        self._limit = udp_limit
        self._random = random

    def first(self, branch: Branch, hops: Iterable[Hop]) -> Way | None:
        """Return the first way for ``branch``, which keeps the others; None where no listener speaks any.

        hops: in their order. A request that is large for UDP tries each with TCP first.
        """
        ways: list[Way] = []
        by_udp = ["udp"]
        if "tcp" in self._core and routing.estimated_size(branch.request) > self._limit:
            by_udp = ["tcp", "udp"]
        for transport, host, port in hops:
            wanted = transport or ("udp" if "udp" in self._core else "tcp")
            for by in by_udp if wanted == "udp" else [wanted]:
                listener = self._listener(by, host)
                if listener is not None:
                    ways.append((listener, host, port))
        if len(ways) > 1:
            branch.bare_fields = list(branch.request.fields)
            branch.ways = ways[1:MAX_WAYS]
        return ways[0] if ways else None

    def further(self, branch: Branch, client: ClientTransaction, event: int | str) -> Way | None:
        """Return the next way where ``event`` of ``client`` calls for one, with the request ready for it.

        event: the status of a response, "timeout" or "transport". That is 503, or a failure before any
        response came; another response settles it. To the same place by UDP leads TCP refused alone.
        """
        if not branch.ways or client is not branch.client or branch.cancelled or branch.answered:
            return None
        if event == 100:
            return None
        if isinstance(event, int) and event != 503:
            branch.ways, branch.bare_fields = [], None
            return None
        if branch.heard and event != 503:
            return None
        if event != "transport":
            branch.ways = [way for way in branch.ways if way[1:] != client.flow.remote]
        if not branch.ways or branch.bare_fields is None:
            return None
        request = branch.request = branch.request.copy()  # the transaction that failed keeps its own
        request.fields = list(branch.bare_fields)
        branch.heard = False
        return branch.ways.pop(0)

    def _listener(self, transport: str, host: str) -> Listener | None:
        """Return the first listener that can reach ``host``: an address does not reach the other family."""
        six = ":" in host
        for listener in self._core.get(transport, ()):
            own = listener.host
            if (":" in own) == six or not (":" in own or own[-1:].isdigit()):
                return listener
        return None

    def address(self, branch: Branch, listener: Listener) -> None:
        """Put Record-Route and our Via on the request, for ``listener`` to send."""
        request = branch.request
        if branch.token and branch.arrived_on is not None:
            routing.record_route(request, branch.token, branch.arrived_on, listener)
        routing.push_via(request, listener, f"{routing.MAGIC_COOKIE}{self._random(8).hex()}.{branch.loop}")
