"""The TCP connection of one medium, with TLS on it where certificates say so: clear octets come and go."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from lab.sockets import Address
from lab.tls import CLOSED, Tls

#: Seconds until a connection has to be up, and between two tries of it.
OPEN_WAIT = 10.0
RETRY = 0.1
#: Octets that wait for a peer which does not read, where the sender does not wait.
MAX_UNREAD = 64 << 20
#: Why a connection is over that was ended in order, by the peer.
ENDED = "the peer closed"


class Channel(asyncio.Protocol):
    """Bound at once; ``open`` connects or accepts once. ``failure`` says why it is over, "" while it is not.

    arrived: gets raw octets, as they are on the wire; said: gets what they say; moved: told when the
    connection is up, and when it is over.
    """

    def __init__(
        self,
        address: str,
        *,
        arrived: Callable[[bytes], None],
        said: Callable[[bytes], None],
        moved: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = socket.create_server(
            (address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET
        )
        self._socket.setblocking(False)
        self.local: Address = (address, self._socket.getsockname()[1])
        self.tls: Tls | None = None
        self.failure = ""
        self.up = asyncio.Event()
        self._arrived = arrived
        self._said = said
        self._moved = moved
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def open(self, remote: Address | None, tls: Tls | None) -> None:
        """Connect to ``remote``, or wait for the peer where it is None; later calls do nothing."""
        if self._opening is None and not self.failure:
            self.tls = tls
            self._opening = self._loop.create_task(self._open(remote), name="channel")

    async def ready(self, timeout: float = OPEN_WAIT) -> bool:  # noqa: ASYNC109 -- ends quietly
        """Wait until octets can be sent; False where it failed or ``timeout`` seconds went by."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.up.wait(), timeout)
        return self.up.is_set() and not self.failure

    async def send(self, octets: bytes) -> bool:
        """Send, and wait while the peer takes no more; False where the connection is over."""
        if self.write(octets):
            await self._writable.wait()
        return not self.failure

    def write(self, octets: bytes) -> bool:
        """Send without waiting; False where the connection is not up."""
        if self._transport is None or self.failure or not self.up.is_set():
            return False
        self._transport.write(self.tls.send(octets) if self.tls is not None else octets)
        if self._transport.get_write_buffer_size() > MAX_UNREAD:
            self._over("the peer reads nothing")
            self._transport.abort()
        return not self.failure

    def close(self) -> None:
        """End the connection in order and let go of the sockets; further calls do nothing."""
        if self._opening is not None:
            self._opening.cancel()
        if self._transport is not None:
            if self.tls is not None and not self.failure:
                self._transport.write(self.tls.close())
            self._transport.close()
        self._socket.close()
        self._over(CLOSED)

    async def _open(self, remote: Address | None) -> None:
        deadline = self._loop.time() + OPEN_WAIT
        try:
            if remote is None:
                accepted, _ = await self._loop.sock_accept(self._socket)
                await self._loop.connect_accepted_socket(lambda: self, accepted)
                return
            while True:
                with contextlib.suppress(ConnectionError):
                    await self._loop.create_connection(lambda: self, *remote)
                    return
                if self._loop.time() > deadline:
                    self._over(f"{remote[0]}:{remote[1]} takes no connection")
                    return
                await asyncio.sleep(RETRY)
        except OSError as error:
            self._over(error.strerror or type(error).__name__)

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self.tls is None:
            self._ready()
        else:
            transport.write(self.tls.start())

    def data_received(self, data: bytes) -> None:
        self._arrived(data)
        if self.tls is None:
            self._said(data)
            return
        said, back = self.tls.receive(data)
        assert self._transport is not None
        if back:
            self._transport.write(back)
        if self.tls.up and not self.up.is_set():
            self._ready()
        if said:
            self._said(said)
        if self.tls.reason:
            self._over(ENDED if self.tls.reason == CLOSED else f"TLS: {self.tls.reason}")
            self._transport.close()

    def eof_received(self) -> None:
        self._over(ENDED)

    def connection_lost(self, exc: Exception | None) -> None:
        self._over(str(exc) if exc is not None else ENDED)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _ready(self) -> None:
        self.up.set()
        self._moved()

    def _over(self, reason: str) -> None:
        if not self.failure:
            self.failure = reason
            self._writable.set()
            self.up.set()
            self._moved()
