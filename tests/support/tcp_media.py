"""Ends of TCP media for tests: a UE and a far end with the relay between them, over loopback sockets."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from agw.engine.api import PortId
from agw.security.session import HANDSHAKE_SECONDS, MAX_HANDSHAKES, Handshakes
from agw.security.sessions import TlsSessions
from agw.tcp.api import Report, TcpLeg
from agw.tcp.relay import TcpRelay
from iq.procedures import Endpoint, Setup
from tests.support.media_peer import LOOPBACK, TIMEOUT, until

ELSEWHERE = "127.0.0.3"
"""An address that nobody expects."""


class End:
    """A peer: it listens on any free port and connects from any; one connection at a time."""

    def __init__(self) -> None:
        self.listener = socket.create_server((LOOPBACK, 0))
        self.listener.setblocking(False)
        self.endpoint = Endpoint(LOOPBACK, self.listener.getsockname()[1])
        self.sock: socket.socket | None = None

    async def connect(self, to: tuple[str, int], source: str = LOOPBACK) -> None:
        self.sock = await connect(to, source)

    async def accept(self) -> tuple[str, int]:
        """Whence it came."""
        async with asyncio.timeout(TIMEOUT):
            self.sock, address = await asyncio.get_running_loop().sock_accept(self.listener)
        self.sock.setblocking(False)
        return address

    @property
    def connection(self) -> socket.socket:
        assert self.sock is not None
        return self.sock

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(TIMEOUT):
            await asyncio.get_running_loop().sock_sendall(self.connection, data)

    async def receive(self, octets: int) -> bytes:
        """Exactly so many, or what came before the end."""
        found = bytearray()
        async with asyncio.timeout(TIMEOUT):
            while len(found) < octets:
                data = await asyncio.get_running_loop().sock_recv(self.connection, octets - len(found))
                if not data:
                    break
                found += data
        return bytes(found)

    async def end(self) -> str:
        """How it ends: "" orderly, else the error."""
        try:
            assert await self.receive(1) == b""
        except OSError as error:
            return type(error).__name__
        return ""

    def finish(self) -> None:
        self.connection.shutdown(socket.SHUT_WR)

    def silent(self) -> bool:
        """Is there nothing to read?"""
        try:
            self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self.listener.close()
        if self.sock is not None:
            self.sock.close()


async def connect(to: tuple[str, int], source: str = LOOPBACK) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind((source, 0))
    try:
        async with asyncio.timeout(TIMEOUT):
            await asyncio.get_running_loop().sock_connect(sock, to)
    except OSError:
        sock.close()
        raise
    return sock


async def refused(to: tuple[str, int], source: str = LOOPBACK) -> bool:
    """Is a connection refused, or reset at once?"""
    with suppress(ConnectionError):
        sock = await connect(to, source)
        with sock:
            async with asyncio.timeout(TIMEOUT):
                await asyncio.get_running_loop().sock_recv(sock, 1)
        return False
    return True


def make_relay(seconds: float = HANDSHAKE_SECONDS, most: int = MAX_HANDSHAKES) -> TcpRelay:
    """seconds, most: of handshakes of TLS."""
    sessions = TlsSessions(Handshakes(most), seconds)
    return TcpRelay(asyncio.get_running_loop(), sessions.session, establish=30.0)


@dataclass
class Call:
    """Two peers and a relay with one stream."""

    relay: TcpRelay
    ue: End = field(default_factory=End)
    far: End = field(default_factory=End)

    def __post_init__(self) -> None:
        self.told: list[Report] = []
        self.relay.watch(lambda: self.told.extend(self.relay.reports()))
        self.access, self.to_access = open_port(self.relay)
        self.core, self.to_core = open_port(self.relay)
        self.relay.join(self.access, self.core)

    def leg(self, setup: Setup | None, end: End, **changes: object) -> TcpLeg:
        leg = TcpLeg(setup, may_send=True, may_receive=True, remote=end.endpoint)
        for name, value in changes.items():
            setattr(leg, name, value)
        return leg

    def edit_access(self, setup: Setup | None, **changes: object) -> None:
        self.relay.edit(self.access, self.leg(setup, self.ue, **changes))

    def edit_core(self, setup: Setup | None, **changes: object) -> None:
        self.relay.edit(self.core, self.leg(setup, self.far, **changes))

    async def up(self) -> None:
        """The ordinary way: the UE connects, and with that the gateway to the far end."""
        self.edit_access(Setup.PASSIVE)
        self.edit_core(Setup.ACTIVE)
        await self.ue.connect(self.to_access)
        await self.far.accept()
        await self.standing()

    async def standing(self) -> None:
        await until(lambda: self.relay.connections() == 2)

    async def passes(self) -> None:
        """Octets pass both ways."""
        await self.ue.send(b"MSRP a786hjs2 SEND")
        assert await self.far.receive(18) == b"MSRP a786hjs2 SEND"
        await self.far.send(b"MSRP a786hjs2 200 OK")
        assert await self.ue.receive(20) == b"MSRP a786hjs2 200 OK"

    async def reported(self, count: int = 1) -> list[Report]:
        await until(lambda: len(self.told) >= count)
        return self.told

    async def until(self, true: Callable[[], bool]) -> None:
        await until(true)

    def close(self) -> None:
        self.ue.close()
        self.far.close()


def open_port(relay: TcpRelay, address: str = LOOPBACK) -> tuple[PortId, tuple[str, int]]:
    """Open any port that is free."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for _ in range(200):
        with socket.create_server((address, 0), family=family) as sock:
            number = sock.getsockname()[1]
        with suppress(OSError):
            return relay.open(address, number, 0), (address, number)
    raise AssertionError("no free port")
