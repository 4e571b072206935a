"""What a packet engine does. Values go in, counters come out: no call into Python for a packet.

A *port* is what the gateway opens at one termination for one stream: a socket for RTP on an even number and
one for RTCP on the next. Two ports that are joined make a stream. Every port has a *leg*: what is done to
packets that arrive at it or leave from it. An engine may run in threads of its own: edits take effect in the
order given, at the latest at ``commit``.

For each datagram an engine counts exactly one thing, at the port that received it: forwarded, handed over to
Python, or one drop reason. It forwards nothing that failed authentication or replay protection, and moves no
latched address on a packet that it did not authenticate. It raises nothing for a packet.
"""

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import NewType, Protocol

from iq.errors import EdgeError
from iq.procedures import Endpoint
from iq.suites import Crypto

PortId = NewType("PortId", int)
"""An open port; never used again for another one."""

Address = tuple[str, int]


MAX_HANDED_OVER = 1024
"""Datagrams that wait for ``Engine.drain``; more are dropped and counted."""


class EngineError(EdgeError):
    """The engine could not do what a leg asks for; the port stays closed to media. No key in the text."""


class DropReason(IntEnum):
    """Why a datagram was not forwarded. Counted per port, never logged per packet."""

    SHORT = 0
    """Fewer octets than its header, MKI and tag take."""
    NOT_MEDIA = 1
    """Not RTP or RTCP of version 2 (RFC 7983), or RTP on the RTCP port."""
    STUN = 2
    """STUN that nobody here asked for (``Leg.hand_over``), or more of it than Python takes."""
    DTLS = 3
    """The same for DTLS, and for datagrams of a leg that hands over all (``Transform.HANDED``)."""
    TOO_LARGE = 4
    """Above MAX_DATAGRAM, or above what the way out takes (EMSGSIZE)."""
    SOURCE = 5
    """Not from Remote, not from the latched address, outside the source filter."""
    AUTH = 6
    """The tag does not fit: tampered with, wrong key, or not protected at all; also authentic SRTCP that was
    not encrypted (E flag 0), since encryption was agreed upon (RFC 4568 6.3.2)."""
    REPLAY = 7
    """Seen before; also what would have to be protected twice under one index."""
    REPLAY_OLD = 8
    """Older than the replay window."""
    MALFORMED = 9
    """A header that contradicts its length."""
    NO_KEY = 10
    """The leg is to be protected, and the key for this direction is not known (yet)."""
    SSRC_LIMIT = 11
    GATE = 12
    """The mode of one of the two terminations keeps the gate closed."""
    UNJOINED = 13
    """There is no other side (yet)."""
    NO_REMOTE = 14
    """The other side has no address to send to (yet)."""
    SOCKET = 15
    """The operating system refused to receive or to send."""
    STALE = 16
    """Waited in the socket while the process stood still: the call is past it."""


class Transform(Enum):
    """What stands between the wire and the stream at one leg."""

    CLOSED = "closed"
    """Nothing passes (NO_KEY): the two legs do not fit together, or not yet."""
    NONE = "none"
    """RTP and RTCP as they are: plain, or SRTP that passes end to end, bit for bit."""
    SRTP = "srtp"
    """SRTP and SRTCP on the wire, keys in ``send`` and ``receive``; a missing key closes its direction."""
    DATAGRAM = "datagram"
    """Any datagram, unread (UDPTL, DTLS that passes end to end). The port above carries nothing of its own,
    yet is relayed alike."""
    HANDED = "handed"
    """Every datagram goes to Python, if it comes from where media may and the gate lets it pass (UDPTL whose
    other leg is under DTLS)."""


@dataclass(slots=True)
class Leg:
    """One side of a stream.

    send, receive: keys for what leaves and what arrives; the MKI of ``receive`` is cut off, none is sent.
    may_send, may_receive: the gate of this termination (H.248.1 7.1.7 Mode).
    remote: numeric; None: not known yet. Without ``latching`` only packets from there are taken.
    latching: take the source of the first packet instead of ``remote``: the first that authenticates on a
    protected leg (and a later one that authenticates moves it); elsewhere the first from within ``source``,
    and then only ``Engine.relatch`` moves it.
    source: an address or a prefix ("192.0.2.0/24"); None: any.
    rtcp_mux: RTCP shares the RTP port in both directions (RFC 5761).
    hand_over: STUN and DTLS that arrive here wait for ``Engine.drain``, if they come from where media might.
    rtcp_apart: SRTCP has keys of its own, ``rtcp_send`` and ``rtcp_receive``; a missing one closes its
    direction (DTLS-SRTP without mux: one association for each port, RFC 5764 4).
    """

    transform: Transform = Transform.CLOSED
    send: Crypto | None = None
    receive: Crypto | None = None
    may_send: bool = False
    may_receive: bool = False
    remote: Endpoint | None = None
    latching: bool = False
    source: str | None = None
    rtcp_mux: bool = False
    hand_over: bool = False
    rtcp_apart: bool = False
    rtcp_send: Crypto | None = None
    rtcp_receive: Crypto | None = None


@dataclass(slots=True)
class Counters:
    """What arrived at one port: RTP packets and octets (UDP payload) and RTCP packets that were forwarded,
    datagrams that were handed over, and drops by DropReason."""

    packets: int = 0
    octets: int = 0
    rtcp: int = 0
    handed_over: int = 0
    drops: list[int] = field(default_factory=lambda: [0] * len(DropReason))

    def add(self, other: "Counters") -> None:
        self.packets += other.packets
        self.octets += other.octets
        self.rtcp += other.rtcp
        self.handed_over += other.handed_over
        if any(other.drops):
            self.drops = list(map(operator.add, self.drops, other.drops))

    def plus(self, other: "Counters") -> "Counters":
        drops = list(map(operator.add, self.drops, other.drops))
        return Counters(
            self.packets + other.packets,
            self.octets + other.octets,
            self.rtcp + other.rtcp,
            self.handed_over + other.handed_over,
            drops,
        )

    def dropped(self) -> dict[str, int]:
        """Reasons that occurred, by lower-case name."""
        return {DropReason(index).name.lower(): count for index, count in enumerate(self.drops) if count}


@dataclass(slots=True)
class PortState:
    """What an engine knows of a port. source, rtcp_source: latched, None before.

    last_activity: loop time in seconds of the last packet that passed its source and authentication checks,
    None before the first.
    """

    counters: Counters
    source: Address | None
    rtcp_source: Address | None
    last_activity: float | None


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this engine can do.

    suites: names as in iq.suites. replay_window: packets. workers: threads that move packets.
    rollover: ``Engine.rollovers`` and ``set_rollover`` work.
    """

    name: str
    suites: tuple[str, ...]
    replay_window: int
    workers: int
    rollover: bool


@dataclass(slots=True)
class Datagram:
    """STUN or DTLS between Python and the far end of ``port`` (RFC 7983).

    address: where it came from, or goes to. rtcp: of the socket on the odd number.
    """

    port: PortId
    address: Address
    data: bytes
    rtcp: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """The engine broke down over this port: it and the one joined to it carry no more. No key in text."""

    port: PortId
    text: str


@dataclass(frozen=True, slots=True)
class Rollover:
    """How far one SSRC has come under the present key of one direction (RFC 3711 3.3.1).

    sends: the direction that leaves the leg. roc: rollover counter; sequence: the highest so far, None before
    the first packet. srtcp: the highest SRTCP index so far, None before the first packet.
    """

    ssrc: int
    sends: bool
    roc: int
    sequence: int | None = None
    srtcp: int | None = None


class Engine(Protocol):
    """A packet engine. All calls come from one thread."""

    @property
    def abilities(self) -> Abilities: ...

    def open(self, address: str, port: int, dscp: int) -> PortId:
        """Bind ``port`` (even) and the next one on ``address``; synchronous. dscp: 0 to 63.

        The new port is unjoined and its leg is closed. Raises OSError: nothing is left open.
        """

    def edit(self, port: PortId, leg: Leg) -> None:
        """Replace the leg. An equal key goes on with its rollover counters, replay and SSRC state; so does
        the one before, where a change is taken back. A new key begins with ROC 0 and knows no SSRC (RFC 3711
        3.3.1). After a new receive key the old one is tried until the first packet that authenticates with
        the new one, for two seconds at most. Raises EngineError: the leg is closed then."""

    def join(self, one: PortId, other: PortId) -> None:
        """Make both ports the two sides of a stream. Both are unjoined before."""

    def relatch(self, port: PortId) -> None:
        """Let the next packet from elsewhere move the latch once more (H.248.37 RELATCH)."""

    def close(self, port: PortId) -> Counters:
        """Close both sockets before returning; the other side is unjoined. Returns the last count."""

    def state(self, port: PortId) -> PortState: ...

    def commit(self) -> None:
        """All edits so far take effect: called once after each batch."""

    def rollovers(self, port: PortId) -> list[Rollover]:
        """Every SSRC that the leg's keys have met, without those of SRTCP alone. Raises EngineError: not with
        this engine."""

    def set_rollover(self, port: PortId, rollover: Rollover) -> None:
        """Go on from there: for a stream that another gateway began, or whose ROC was signalled. What was
        known of this SSRC and direction is forgotten. Raises EngineError: no key for this direction, too many
        SSRCs, or not with this engine."""

    def watch(self, ready: Callable[[], None]) -> None:
        """Have ``ready`` called from the loop whenever ``drain`` or ``failures`` have something. Once."""

    def drain(self) -> list[Datagram]:
        """Datagrams handed over since the last call, at most MAX_HANDED_OVER; the oldest first."""

    def failures(self) -> list[Failure]:
        """Ports that broke down since the last call; they stay open until they are closed."""

    def send(self, datagrams: Iterable[Datagram]) -> None:
        """Send as they are, whatever the gate says. What cannot be sent is lost, as on any network."""

    def stop(self) -> None:
        """Close everything."""
