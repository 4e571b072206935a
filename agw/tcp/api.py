"""What relays TCP media. Values go in, counters and reports come out.

A *port* is one number of a realm, at one termination for one stream; two that are joined make a stream. Each
has at most one connection at a time (state-aware TCP, the direction of its establishment modified: TS 23.334
5.16): the gateway ends TCP on both sides, and what one side receives the other sends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from agw.engine.api import Counters, PortId, PortState
from agw.security.api import Security
from agw.tcp.msrp import Rewriting
from iq.procedures import Change, Endpoint, SecurityCause, Setup

ESTABLISH_SECONDS = 30.0
"""For both connections of a stream, once it is known who connects to whom (``limits.tcp_establish``)."""


@dataclass(slots=True)
class TcpLeg:
    """One side of a stream.

    setup: what the gateway does here; None: not known yet, or both sides do not fit together: nobody is
    accepted and nothing connected, a SYN waits. may_send, may_receive: the gate; a closed one does not break
    the connection, its octets wait.
    remote: whom an active side connects to, and the only address (not port) that a passive one accepts.
    latching: a passive side accepts from ``source``, an address or a prefix (None: any), instead.
    security: TLS ends here, and the connection is there when TLS is; None: octets pass as they are.
    rewriting: what comes from the peer is MSRP, whose paths are led over the gateway; None: it passes unread.
    """

    setup: Setup | None = None
    may_send: bool = False
    may_receive: bool = False
    remote: Endpoint | None = None
    latching: bool = False
    source: str | None = None
    security: Security | None = None
    rewriting: Rewriting | None = None


class Report(NamedTuple):
    """The connections of a stream are gone, which began at ``port``. No octet of media in ``cause``.

    security: it was TLS that failed.
    """

    port: PortId
    change: Change
    cause: str
    security: SecurityCause | None = None


class ByteRelay(Protocol):
    """Relays TCP media. All calls come from the loop's thread; none blocks."""

    def open(self, address: str, port: int, dscp: int) -> PortId:
        """Bind ``port``. The new port is unjoined and its leg says nothing. Its PortId is negative: never one
        of a packet engine. Raises OSError: nothing is left open."""

    def edit(self, port: PortId, leg: TcpLeg) -> None:
        """Replace the leg. A connection goes on where it fits the new one, else it is replaced: then that of
        the other side is, too."""

    def start(self, port: PortId, connect: bool) -> None:
        """After an end or a failure: begin anew on both sides. connect: also in the place of connections that
        stand, and an active side connects now, without waiting for the other side."""

    def join(self, one: PortId, other: PortId) -> None:
        """Make both ports the two sides of a stream. Both are unjoined before."""

    def close(self, port: PortId) -> Counters:
        """Close everything at this port and the connection of the other side, unjoined then. octets: received
        here and handed on."""

    def state(self, port: PortId) -> PortState:
        """source: the peer that is connected."""

    def watch(self, ready: Callable[[], None]) -> None:
        """Have ``ready`` called from the loop whenever ``reports`` has something. Once."""

    def reports(self) -> list[Report]:
        """What ended by itself since the last call; not what ``edit``, ``start`` and ``close`` ended."""
