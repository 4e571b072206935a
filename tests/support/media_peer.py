"""Ends of media streams for tests: a UDP peer with RTP and RTCP sockets, packets, and two peers with an
engine between them. Everything waits for readiness of sockets, nothing for time."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agw.engine.api import Counters, Engine, Leg, PortId, Transform
from iq.procedures import Endpoint
from iq.suites import SUITES, Crypto, Key

TIMEOUT = 5.0
LOOPBACK = "127.0.0.1"


def rtp(seq: int, payload: bytes = b"media", ssrc: int = 0x1234, payload_type: int = 0) -> bytes:
    head = bytes([0x80, payload_type]) + seq.to_bytes(2, "big") + (seq * 160).to_bytes(4, "big")
    return head + ssrc.to_bytes(4, "big") + payload


def rtcp(ssrc: int = 0x1234, packet_type: int = 200) -> bytes:
    """A sender report without report blocks."""
    return bytes([0x80, packet_type, 0, 6]) + ssrc.to_bytes(4, "big") + bytes(range(20))


def crypto(suite: str, fill: int, mki: tuple[int, int] | None = None) -> Crypto:
    """A key that is different for each ``fill``."""
    return Crypto(suite, Key(bytes((fill + i) & 0xFF for i in range(SUITES[suite].octets))), mki=mki)


class Peer:
    """A far end: two sockets on any free ports."""

    def __init__(self, address: str = LOOPBACK) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.rtp = socket.socket(family, socket.SOCK_DGRAM)
        self.rtcp = socket.socket(family, socket.SOCK_DGRAM)
        for sock in (self.rtp, self.rtcp):
            sock.bind((address, 0))
            sock.setblocking(False)
        self.endpoint = Endpoint(address, self.rtp.getsockname()[1], self.rtcp.getsockname()[1])

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        self.rtp.sendto(data, to)

    def send_rtcp(self, data: bytes, to: tuple[str, int]) -> None:
        self.rtcp.sendto(data, to)

    async def receive(self) -> bytes:
        return await _receive(self.rtp)

    async def receive_rtcp(self) -> bytes:
        return await _receive(self.rtcp)

    def pending(self) -> list[bytes]:
        """What has arrived on either socket and was not received."""
        found = []
        for sock in (self.rtp, self.rtcp):
            with contextlib.suppress(BlockingIOError):
                while True:
                    found.append(sock.recv(4096))
        return found

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


async def _receive(sock: socket.socket) -> bytes:
    async with asyncio.timeout(TIMEOUT):
        return await asyncio.get_running_loop().sock_recv(sock, 4096)


def open_port(engine: Engine, address: str = LOOPBACK) -> tuple[PortId, int]:
    """Open any free even port and the next one."""
    for _ in range(200):
        number = free_port(address) & ~1
        with contextlib.suppress(OSError):
            return engine.open(address, number, 0), number
    raise AssertionError("no free pair of ports")


def free_port(address: str = LOOPBACK) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))
        return int(sock.getsockname()[1])


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def arrived(counters: Counters) -> int:
    """Datagrams that an engine has dealt with: each is counted once."""
    return counters.packets + counters.rtcp + counters.handed_over + sum(counters.drops)


async def dealt_with(engine: Engine, port: PortId, count: int) -> Counters:
    """Wait until ``port`` has dealt with ``count`` datagrams."""
    await until(lambda: arrived(engine.state(port).counters) >= count)
    counters = engine.state(port).counters
    assert arrived(counters) == count
    return counters


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not true():
            await _turn()


async def _turn() -> None:
    """One turn of the loop, in which it serves all sockets that are ready."""
    await asyncio.sleep(0)


@dataclass
class Relay:
    """A UE, an engine with one stream, and a far end in the core."""

    engine: Engine
    ue: Peer = field(default_factory=Peer)
    far: Peer = field(default_factory=Peer)

    def __post_init__(self) -> None:
        self.access, number = open_port(self.engine)
        self.to_access, self.to_access_rtcp = (LOOPBACK, number), (LOOPBACK, number + 1)
        self.core, number = open_port(self.engine)
        self.to_core, self.to_core_rtcp = (LOOPBACK, number), (LOOPBACK, number + 1)
        self.engine.join(self.access, self.core)

    def edit(self, access: Leg, core: Leg) -> None:
        self.engine.edit(self.access, access)
        self.engine.edit(self.core, core)
        self.engine.commit()

    def from_ue(self, data: bytes) -> None:
        self.ue.send(data, self.to_access)

    def from_far(self, data: bytes) -> None:
        self.far.send(data, self.to_core)

    async def drops(self, count: int) -> dict[str, int]:
        """Drops at the access port after it has dealt with ``count`` datagrams."""
        return (await dealt_with(self.engine, self.access, count)).dropped()

    async def core_drops(self, count: int) -> dict[str, int]:
        return (await dealt_with(self.engine, self.core, count)).dropped()

    def close(self) -> None:
        self.ue.close()
        self.far.close()


def plain(remote: Endpoint | None, **changes: object) -> Leg:
    """A leg without SRTP whose gate is open."""
    leg = Leg(Transform.NONE, may_send=True, may_receive=True, remote=remote)
    for name, value in changes.items():
        setattr(leg, name, value)
    return leg


def plain_call(relay: Relay, **access: object) -> None:
    """Plain on both sides; ``access``: what is different at the access leg."""
    relay.edit(plain(relay.ue.endpoint, **access), plain(relay.far.endpoint))
