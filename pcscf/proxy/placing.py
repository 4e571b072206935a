"""The last step before a request is sent: which core listener sends it, and what depends on that. Pure."""

from collections.abc import Callable, Iterable

from pcscf.flow import Listener, Side
from pcscf.proxy import routing
from pcscf.proxy.branch import Branch


class Placing:
    """Shared by everything that executes Forward.

    udp_limit: octets above which a request goes over TCP (RFC 3261 18.1.1). random: returns that many octets.
    """

    __slots__ = ("_core", "_limit", "_random")

    def __init__(self, listeners: Iterable[Listener], udp_limit: int, random: Callable[[int], bytes]) -> None:
        self._core: dict[str, Listener] = {}
        for listener in listeners:
            if listener.side is Side.CORE:
                self._core.setdefault(listener.transport, listener)
        self._limit = udp_limit
        self._random = random

    def listener(self, branch: Branch, transport: str | None) -> Listener | None:
        """Return the core listener that sends ``branch``; None where no listener speaks ``transport``.

        transport: as the next hop's URI names it, None where it leaves it open. A request that is large for
        UDP tries TCP first and keeps what ``fall_back`` needs.
        """
        core = self._core
        if transport is None:
            transport = "udp" if "udp" in core else "tcp"
        if transport == "udp" and "tcp" in core and routing.estimated_size(branch.request) > self._limit:
            if "udp" in core:
                branch.bare_fields = list(branch.request.fields)
            transport = "tcp"
        return core.get(transport)

    def fall_back(self, branch: Branch) -> Listener | None:
        """Return the UDP listener for a large request that TCP did not take, and make it ready for that.

        None where it has no such second way (RFC 3261 18.1.1), or nobody waits for it any more.
        """
        if branch.bare_fields is None or branch.cancelled or branch.answered:
            return None
        branch.request.fields, branch.bare_fields = branch.bare_fields, None
        return self._core["udp"]

    def address(self, branch: Branch, listener: Listener) -> None:
        """Put Record-Route and our Via on the request, for ``listener`` to send."""
        request = branch.request
        if branch.token and branch.arrived_on is not None:
            routing.record_route(request, branch.token, branch.arrived_on, listener)
        routing.push_via(request, listener, f"{routing.MAGIC_COOKIE}{self._random(8).hex()}.{branch.loop}")
