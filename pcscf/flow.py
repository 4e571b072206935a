"""Where messages come from and go to: the two sides, listeners, flows (RFC 5626). Values, no sockets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Side(StrEnum):
    """ACCESS is Gm, towards UEs, untrusted; CORE is Mw, towards I/S-CSCF, trusted (24.229 4.4)."""

    ACCESS = "access"
    CORE = "core"

    @property
    def other(self) -> "Side":
        return Side.CORE if self is Side.ACCESS else Side.ACCESS


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """One configured listening point.

    transport: udp, tcp, tls, ws or wss. host: what goes into Via, Path and Record-Route.
    realm: the gateway realm of its media. confidential: SDES keys may travel on it (33.328 6.2.1.2).
    assume: mechanisms that its UEs count as having announced.
    """

    side: Side
    transport: str
    host: str
    port: int
    realm: str
    confidential: bool = False
    assume: frozenset[str] = field(default_factory=frozenset)

    @property
    def reliable(self) -> bool:
        return self.transport != "udp"

    @property
    def encrypts(self) -> bool:
        """Whether this node itself encrypts what it carries."""
        return self.transport in ("tls", "wss")

    @property
    def hostport(self) -> str:
        """``host:port`` with IPv6 in brackets, for Via and URIs."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Flow(Protocol):
    """A UDP 5-tuple or one connection: what a message came on, and what sends on it.

    remote: address and port of the peer. key: hashable, equal for messages of the same flow while it lives,
    never used again for another flow (a closed connection's key does not come back).
    """

    listener: Listener
    remote: tuple[str, int]
    key: tuple[object, ...]

    @property
    def closed(self) -> bool: ...

    def send(self, data: bytes) -> None:
        """Send one message; never raises: a lost flow is reported by the transport's ``on_closed``."""


class StaticFlow:
    """A peer at a configured address, as a flow: opened whenever something is sent to it.

    open_: returns the flow to a numeric address and port. What comes from the peer is of ``covers``: over UDP
    its address and port, over connections, whose ports are any, its address.
    """

    __slots__ = ("_open", "key", "listener", "remote")

    closed = False

    def __init__(
        self, listener: Listener, remote: tuple[str, int], open_: Callable[[Listener, str, int], Flow]
    ) -> None:
        self.listener = listener
        self.remote = remote
        self.key: tuple[object, ...] = source_of(listener, remote)
        self._open = open_

    def opened(self) -> Flow:
        return self._open(self.listener, *self.remote)

    def covers(self, flow: Flow) -> bool:
        return source_of(flow.listener, flow.remote) == self.key

    def send(self, data: bytes) -> None:
        self.opened().send(data)


def source_of(listener: Listener, remote: tuple[str, int]) -> tuple[object, ...]:
    """Return what two messages of one static peer share."""
    return ("static", listener.transport, remote[0], 0 if listener.reliable else remote[1])
