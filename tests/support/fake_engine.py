"""A packet engine without packets. A mock, because what the control of contexts needs of an engine is values:
which ports are open, what each leg was told, what is joined. Packets are the contract tests' business."""

import errno
import itertools
from collections.abc import Callable, Iterable

from agw.control.contexts import Contexts
from agw.control.ports import Interface, PortPool, Realm
from agw.engine.api import (
    Abilities,
    Counters,
    Datagram,
    EngineError,
    Failure,
    Leg,
    PortId,
    PortState,
    Rollover,
)
from agw.security.certificates import Pool
from agw.tcp.api import Report, TcpLeg

SUITES = ("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM")


class FakeEngine:
    """taken: (address, port) that somebody else holds. exhausted: no descriptors. refuse: edit() fails.
    broken: what ``failures`` will tell; ``fail`` adds to it, and says so to whoever watches."""

    def __init__(self) -> None:
        self.abilities = Abilities("fake", SUITES, 128, workers=1, rollover=False)
        self.ports: dict[PortId, tuple[str, int, int]] = {}
        self.legs: dict[PortId, Leg] = {}
        self.joined: dict[PortId, PortId] = {}
        self.activity: dict[PortId, float] = {}
        self.relatched: list[PortId] = []
        self.broken: list[Failure] = []
        self.ready: Callable[[], None] | None = None
        self.taken: set[tuple[str, int]] = set()
        self.exhausted = self.refuse = False
        self.edits = self.commits = 0
        self.tcp = FakeTcp(self)
        self._numbers = itertools.count(1)

    def open(self, address: str, port: int, dscp: int) -> PortId:
        if self.exhausted:
            raise OSError(errno.EMFILE, "Too many open files")
        bound = {where[:2] for where in (self.ports | self.tcp.ports).values()}
        if (address, port) in self.taken | bound:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        number = PortId(next(self._numbers))
        self.ports[number] = (address, port, dscp)
        return number

    def edit(self, port: PortId, leg: Leg) -> None:
        assert port in self.ports
        if self.refuse:
            raise EngineError("refused")
        self.legs[port] = leg
        self.edits += 1

    def join(self, one: PortId, other: PortId) -> None:
        assert one in self.ports
        assert other in self.ports
        assert one not in self.joined
        assert other not in self.joined
        self.joined[one], self.joined[other] = other, one

    def relatch(self, port: PortId) -> None:
        assert port in self.ports
        self.relatched.append(port)

    def close(self, port: PortId) -> Counters:
        del self.ports[port]
        self.legs.pop(port, None)
        if (other := self.joined.pop(port, None)) is not None:
            del self.joined[other]
        return Counters(packets=1, octets=100)

    def state(self, port: PortId) -> PortState:
        assert port in self.ports
        return PortState(Counters(), None, None, self.activity.get(port))

    def commit(self) -> None:
        self.commits += 1

    def fail(self, *ports: PortId, text: str = "index out of bounds") -> None:
        self.broken += [Failure(port, text) for port in ports]
        if self.ready is not None:
            self.ready()

    def rollovers(self, port: PortId) -> list[Rollover]:
        raise EngineError("not with this engine")

    def set_rollover(self, port: PortId, rollover: Rollover) -> None:
        raise EngineError("not with this engine")

    def watch(self, ready: Callable[[], None]) -> None:
        self.ready = ready

    def drain(self) -> list[Datagram]:
        return []

    def failures(self) -> list[Failure]:
        told, self.broken = self.broken, []
        return told

    def send(self, datagrams: Iterable[Datagram]) -> None:
        """Nowhere."""

    def stop(self) -> None:
        for port in list(self.ports):
            self.close(port)


class FakeTcp:
    """A relay of TCP without connections. started: ports, each with ``connect``."""

    def __init__(self, engine: FakeEngine) -> None:
        self.ports: dict[PortId, tuple[str, int, int]] = {}
        self.legs: dict[PortId, TcpLeg] = {}
        self.joined: dict[PortId, PortId] = {}
        self.started: list[tuple[PortId, bool]] = []
        self._engine = engine
        self._numbers = itertools.count(1)

    def open(self, address: str, port: int, dscp: int) -> PortId:
        if self._engine.exhausted:
            raise OSError(errno.EMFILE, "Too many open files")
        if (address, port) in self._engine.taken:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        number = PortId(-next(self._numbers))
        self.ports[number] = (address, port, dscp)
        return number

    def edit(self, port: PortId, leg: TcpLeg) -> None:
        assert port in self.ports
        self.legs[port] = leg

    def start(self, port: PortId, connect: bool) -> None:
        assert port in self.legs
        self.started.append((port, connect))

    def join(self, one: PortId, other: PortId) -> None:
        assert {one, other} <= self.ports.keys()
        assert not {one, other} & self.joined.keys()
        self.joined[one], self.joined[other] = other, one

    def close(self, port: PortId) -> Counters:
        del self.ports[port]
        self.legs.pop(port, None)
        if (other := self.joined.pop(port, None)) is not None:
            del self.joined[other]
        return Counters(octets=50)

    def state(self, port: PortId) -> PortState:
        assert port in self.ports
        return PortState(Counters(), None, None, None)

    def watch(self, ready: Callable[[], None]) -> None:
        """Nothing ends by itself."""

    def reports(self) -> list[Report]:
        return []


def pool(first: int, last: int) -> PortPool:
    """In the order of the numbers: the same octets for each port."""
    return PortPool(first, last, bytes)


def realms(pairs: int = 8) -> dict[str, Realm]:
    """access has both IP versions, core IPv4 alone."""
    access = [
        Interface("access", "127.0.0.1", "198.51.100.7", 46, pool(20000, 20000 + 2 * pairs - 1)),
        Interface("access", "::1", "2001:db8::7", 46, pool(20000, 20000 + 2 * pairs - 1), 6),
    ]
    core = [Interface("core", "127.0.0.1", "127.0.0.1", 0, pool(30000, 30000 + 2 * pairs - 1))]
    return {"access": Realm("access", access), "core": Realm("core", core)}


def gateway(pairs: int = 8, max_ports: int = 1000) -> tuple[Contexts, FakeEngine]:
    engine = FakeEngine()
    return Contexts(engine, realms(pairs), max_ports, engine.tcp, Pool(0).take), engine
