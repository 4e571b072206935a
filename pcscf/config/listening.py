"""What the listening points of both sides have in common."""

from collections.abc import Iterator

from hosting.config import Finding, Location, Section
from hosting.sections import Address, Host, Port, is_wildcard


class ListeningPoint(Section):
    transport: str = "udp"
    address: Address = "127.0.0.1"
    """IP address to listen on; 0.0.0.0 or :: is every address of this host."""
    port: Port = 5060
    """0: any free port, for tests."""
    advertise: Host | None = None
    """Host written into Via, Path and Record-Route; null: ``address``."""

    @property
    def host(self) -> str:
        """What peers are told to send to."""
        return self.advertise or self.address

    def problems(self) -> Iterator[Finding]:
        if self.advertise is None and is_wildcard(self.address):
            yield ("advertise",), f"is needed where address is {self.address}: nobody can send to that"
        elif self.advertise in ("0.0.0.0", "::"):
            yield ("advertise",), f"is {self.advertise}: nobody can send to that"


#: A socket: "udp" or "tcp" below everything else, address, port.
Socket = tuple[str, str, int]


def collisions(sockets: list[tuple[Location, Socket]]) -> Iterator[Finding]:
    """Listening points that cannot both be opened. Port 0 never collides."""
    for index, (at, (below, address, port)) in enumerate(sockets):
        for earlier, (other_below, other_address, other_port) in sockets[:index]:
            if port and (below, port) == (other_below, other_port) and _overlap(address, other_address):
                name = ".".join(str(step) for step in earlier)
                yield at, f"{below} {address} port {port} is taken by {name}"
                break


def _overlap(one: str, other: str) -> bool:
    same_family = (":" in one) == (":" in other)
    return one == other or (same_family and (is_wildcard(one) or is_wildcard(other)))
