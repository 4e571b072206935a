"""What is measured side by side: a bare relay, rtpengine, and the gateway with each of its engines."""

import asyncio
import base64
import itertools
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

from agw.engine.choice import native_missing
from benchmarks.edge import SUBNET
from benchmarks.load import FAR, UE, Leg, Load, Step, place
from benchmarks.media_edge import Made, MediaEdge
from benchmarks.options import Options
from benchmarks.peers import programs
from benchmarks.peers.rtpengine import Ng, RtpEngine, media_of
from benchmarks.processes import SUBJECT, Child, Group
from iq.suites import SUITES

MODES = {"cm80": "AES_CM_128_HMAC_SHA1_80", "gcm": "AEAD_AES_128_GCM", "plain": None}
"""By the load generator's name: the suite, None for plain RTP."""
#: Last octets of the access addresses of gateways that run at the same time.
_HOSTS = {"native": 2, "portable": 32}
_serial = itertools.count(1)


class System(ABC):
    """A relay and the load generator that it has for itself. ``async with`` starts and ends both.

    name: in the tables. most: streams up to which it is measured in steps. warm_up: seconds. bad: packets
    that came back damaged.
    """

    name: str
    most: int = 1_000_000
    warm_up: float = 0.5

    def __init__(self, group: Group, mode: str) -> None:
        self.group = group
        self.mode = mode
        self.suite = MODES[mode]
        self.load = self._new_load()
        self.bad = 0
        self._streams = 0
        self._warm = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    @abstractmethod
    def child(self) -> Child: ...

    @abstractmethod
    async def begin(self) -> None:
        """Start the relay."""

    @abstractmethod
    async def open(self, count: int) -> list[Leg]:
        """Set up ``count`` more streams."""

    @abstractmethod
    async def end(self) -> None: ...

    def _new_load(self) -> Load:
        return Load(self.group, self.mode)

    async def start(self) -> None:
        await self.begin()
        place(self.child.pid, self.cpus())
        await self.load.start(self.child.pid)

    async def close(self) -> None:
        await self.load.close()
        await self.end()

    def cpus(self) -> set[int]:
        return {SUBJECT}

    async def recover(self) -> None:  # noqa: B027 (most need nothing)
        """After an overload: whatever it takes to be as before."""

    async def ensure(self, streams: int) -> None:
        """Have as many as that."""
        if streams > self._streams:
            self.load.add(await self.open(streams - self._streams))
            self._streams = streams

    async def run(self, streams: int, seconds: float) -> Step:
        await self.ensure(streams)
        warm_up = self.warm_up if streams > self._warm else min(self.warm_up, 0.5)
        step = await self.load.run(streams, warm_up, seconds)
        self.child.alive()
        self.bad += step.bad
        self._warm = max(self._warm, streams)
        if not step.held:
            await self.recover()
        return step


class Floor(System):
    """recvfrom and sendto; with AES-CM where that is the mode, else plain."""

    name = "floor"
    _FIRST_PORT = 12_000
    _STREAMS = 4000

    def _new_load(self) -> Load:
        return Load(self.group, "cm80" if self.mode == "cm80" else "plain")

    async def begin(self) -> None:
        keys = [os.urandom(30) for _ in range(2)] if self.mode == "cm80" else []
        self._keys = (keys[0], keys[1]) if keys else (b"", b"")
        numbers = self._STREAMS, self._FIRST_PORT, self.load.ue, self.load.core
        arguments = [SUBNET, *map(str, numbers), *(key.hex() for key in keys)]
        self._child = self.group.start(f"relay-{next(_serial)}", str(programs.build("relay")), *arguments)
        await asyncio.to_thread(self._child.expect, "ready")
        self._ports = itertools.count(self._FIRST_PORT)

    async def end(self) -> None:
        self.group.drop(self._child)

    @property
    def child(self) -> Child:
        return self._child

    async def open(self, count: int) -> list[Leg]:
        ports = itertools.islice(self._ports, count)
        return [(f"{SUBNET}.22", port, f"{SUBNET}.23", port, *self._keys) for port in ports]


class Rtpengine(System):
    """In userspace, one thread."""

    name = "rtpengine"
    #: It learns in the first seconds of a call where the other side is.
    warm_up = 3.5
    _engine: RtpEngine | None = None

    async def begin(self) -> None:
        self._engine = await asyncio.to_thread(RtpEngine, self.group)
        self._ng = Ng(self._engine.ng)
        self._numbers = itertools.count()

    async def end(self) -> None:
        if self._engine is not None:
            child, self._engine = self._engine.child, None
            await asyncio.to_thread(self.group.drop, child)

    @property
    def child(self) -> Child:
        assert self._engine is not None
        return self._engine.child

    async def recover(self) -> None:
        """It discards what comes in on streams that were overloaded, for half a minute or for good."""
        await self.close()
        self.load, self._streams, self._warm = self._new_load(), 0, 0
        await self.start()

    async def open(self, count: int) -> list[Leg]:
        return await asyncio.to_thread(lambda: [self._call() for _ in range(count)])

    def _call(self) -> Leg:
        suite = self.suite
        key = os.urandom(SUITES[suite].octets) if suite else b""
        line = f"a=crypto:1 {suite} inline:{base64.b64encode(key).decode()}\r\n" if suite else ""
        offer = _sdp(UE, self.load.ue, "RTP/SAVP" if suite else "RTP/AVP", line)
        there, back = self._ng.call(next(self._numbers), offer, _sdp(FAR, self.load.core, "RTP/AVP"))
        (core, core_port, _), (ue, ue_port, text) = media_of(there), media_of(back)
        return ue, ue_port, core, core_port, key, base64.b64decode(text + "=" * (-len(text) % 4))


class Agw(System):
    """The gateway. kind: of its engine; cpus: the first one alone, unless said otherwise."""

    def __init__(
        self,
        group: Group,
        mode: str,
        kind: str,
        workers: int = 1,
        cpus: frozenset[int] = frozenset({SUBJECT}),
    ) -> None:
        super().__init__(group, mode)
        self.name = kind if workers == 1 else f"{kind} x{workers}"
        self.edge = MediaEdge(
            group,
            f"agw-{next(_serial)}",
            {"kind": kind, "workers": workers},
            _HOSTS[kind] + 2 * (workers - 1),
        )
        if kind == "portable":
            self.most = 100
        self._cpus = cpus

    def cpus(self) -> set[int]:
        return set(self._cpus)

    async def begin(self) -> None:
        await self.edge.start()

    async def end(self) -> None:
        await self.edge.close()

    @property
    def child(self) -> Child:
        return self.edge.child

    async def open(self, count: int) -> list[Leg]:
        return [made.leg for made in await self.make(count)]

    async def make(self, count: int) -> list[Made]:
        return await self.edge.reserve(count, (self.load.ue, self.load.core), self.suite)


def native_or_portable() -> str:
    """The fastest engine that is built here."""
    return "portable" if native_missing() else "native"


@asynccontextmanager
async def side_by_side(group: Group, mode: str, options: Options) -> AsyncIterator[Sequence[System]]:
    """All that there are, up at the same time: they take turns."""
    systems: list[System] = [Floor(group, mode)]
    if options.peers:
        systems.append(Rtpengine(group, mode))
    systems += [Agw(group, mode, kind) for kind in dict.fromkeys([native_or_portable(), "portable"])]
    if options.quick:
        for system in systems:
            system.warm_up = 0.1
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(system) for system in systems]


def _sdp(address: str, port: int, transport: str, extra: str = "") -> str:
    return (
        f"v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
        f"m=audio {port} {transport} 8\r\na=rtpmap:8 PCMA/8000\r\n{extra}"
    )
