"""What ends DTLS at a gateway, in memory: an engine that remembers what was sent, a clock that is told the
time, and peers which are sessions of their own."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from agw.dtls.api import DtlsLeg, Report
from agw.dtls.ends import Dtls
from agw.engine.api import Address, Counters, Datagram, PortId, PortState
from agw.security.api import Security
from agw.security.certificates import Identity
from agw.security.events import Data, Established, Event
from agw.security.session import Handshakes, Session
from iq.fingerprint import Fingerprint
from iq.procedures import Endpoint
from tests.support.tls_ends import DTLS, DTLS_SRTP, ITS, MINE, sha256

PORT, CORE = PortId(1), PortId(2)
UE: Address = ("192.0.2.20", 4000)
UE_RTCP: Address = ("192.0.2.20", 4001)
FAR = Endpoint("203.0.113.7", 6000)


class Clock:
    """A loop that knows nothing but time."""

    def __init__(self) -> None:
        self.now = 100.0
        self._number = itertools.count()
        self._timers: list[tuple[float, int, Handle]] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, work: Callable[..., None], *arguments: object) -> "Handle":
        return self.call_at(self.now, work, *arguments)

    def call_at(self, when: float, work: Callable[..., None], *arguments: object) -> "Handle":
        handle = Handle(lambda: work(*arguments))
        heapq.heappush(self._timers, (when, next(self._number), handle))
        return handle

    def turn(self) -> None:
        """One turn of the loop: what is due, not what that makes due."""
        due = []
        while self._timers and self._timers[0][0] <= self.now:
            due.append(heapq.heappop(self._timers)[2])
        for handle in due:
            if handle.work is not None:
                handle.work()

    def pass_by(self, seconds: float) -> None:
        until = self.now + seconds
        while self._timers and self._timers[0][0] <= until:
            self.now = max(self.now, self._timers[0][0])
            self.turn()
        self.now = until

    @property
    def armed(self) -> int:
        return sum(handle.work is not None for _, _, handle in self._timers)


class Handle:
    def __init__(self, work: Callable[[], None]) -> None:
        self.work: Callable[[], None] | None = work

    def cancel(self) -> None:
        self.work = None


class Wire:
    """An engine of which only ``send`` and ``state`` are asked."""

    def __init__(self) -> None:
        self.sent: list[Datagram] = []
        self.latched: Address | None = None

    def send(self, datagrams: list[Datagram]) -> None:
        self.sent += datagrams

    def state(self, port: PortId) -> PortState:
        return PortState(Counters(), self.latched, None, None)


@dataclass
class Peer:
    """The UE's end of one association; rtcp: that of its RTCP port."""

    session: Session
    address: Address
    rtcp: bool = False
    told: list[Event] = field(default_factory=list)

    @property
    def up(self) -> bool:
        return any(isinstance(event, Established) for event in self.told)

    @property
    def data(self) -> list[bytes]:
        return [event.octets for event in self.told if isinstance(event, Data)]


def ue(
    *,
    client: bool = True,
    srtp: bool = True,
    identity: Identity = ITS,
    expected: tuple[Fingerprint, ...] | None = None,
    address: Address = UE,
    rtcp: bool = False,
) -> Peer:
    """A peer that has started."""
    profile = DTLS_SRTP if srtp else DTLS
    expected = sha256(MINE) if expected is None else expected
    session = Session(profile, identity, expected, client=client, handshakes=Handshakes())
    session.start(0.0)
    return Peer(session, address, rtcp)


def leg(**changes: object) -> DtlsLeg:
    """A server for SRTP under mux, that latches."""
    made = DtlsLeg(security(), latching=True, rtcp_mux=True, remote=Endpoint(*UE))
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def security(
    *, client: bool = False, expected: tuple[Fingerprint, ...] | None = None, tls_id: str | None = None
) -> Security:
    return Security(MINE, sha256(ITS) if expected is None else expected, client, tls_id)


def udptl(**changes: object) -> DtlsLeg:
    return leg(srtp=False, rtcp_mux=False, outwards=True, far=CORE, far_remote=FAR, **changes)


class Gateway:
    """Ends of DTLS; keyed, reports: what they told."""

    def __init__(self, handshakes: int = 500, seconds: float = 10.0) -> None:
        self.clock = Clock()
        self.wire = Wire()
        self.handshakes = Handshakes(handshakes)
        self.ends = Dtls(self.clock, self.wire, DTLS_SRTP, DTLS, self.handshakes, seconds=seconds)
        self.keyed: list[PortId] = []
        self.reports: list[Report] = []
        self.ends.watch(self.keyed.append, self.reports.append)

    def sent(self) -> list[Datagram]:
        sent, self.wire.sent = self.wire.sent, []
        return sent

    def take(self, peer: Peer, data: bytes, source: Address | None = None, port: PortId = PORT) -> None:
        self.ends.take([Datagram(port, source or peer.address, data, peer.rtcp)])

    def pump(self, *peers: Peer, port: PortId = PORT) -> list[Datagram]:
        """Carry datagrams until nobody says anything more. What is for nobody of ``peers``."""
        stray: list[Datagram] = []
        busy = True
        while busy:
            busy = False
            for peer in peers:
                for data in peer.session.datagrams():
                    busy = True
                    self.take(peer, data, port=port)
            self.clock.turn()
            for datagram in self.sent():
                for peer in peers:
                    if (datagram.port, datagram.address) == (port, peer.address):
                        busy = True
                        assert datagram.rtcp is peer.rtcp
                        peer.told += peer.session.receive(datagram.data, 0.0, b"gateway")
                        break
                else:
                    stray.append(datagram)
        return stray
