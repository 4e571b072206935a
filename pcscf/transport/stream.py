"""SIP over connections (RFC 3261 18): one flow each, accepted or opened."""

import asyncio
from itertools import count
from typing import Protocol, cast

from pcscf.flow import Listener
from pcscf.sip.build import response_to
from pcscf.sip.framing import PONG, StreamReader
from pcscf.sip.message import Request, Response

#: Octets that may wait to be sent; a peer that does not read loses its connection.
MAX_OUTPUT = 1024 * 1024
#: Seconds that an accepted connection may take for its first message, and any message for its rest.
MESSAGE_TIMEOUT = 32.0
#: Seconds without an octet after which a connection is closed. Registered phones are silent for long.
IDLE_TIMEOUT = 7200.0
#: Seconds that the rest of what a refused peer sends is read and thrown away.
LINGER = 2.0

_numbers = count(1)


class Owner(Protocol):
    """What a connection tells the transports."""

    def arrived(self, message: Request | Response, flow: "StreamFlow") -> None: ...

    def opened(self, flow: "StreamFlow") -> bool:
        """Tell whether the connection may stay."""
        ...

    def lost(self, flow: "StreamFlow") -> None: ...

    def elsewhere(self, flow: "StreamFlow", response: bytes) -> None:
        """Send a response whose connection is gone (RFC 3261 18.2.2)."""
        ...

    def count(self, name: str) -> None: ...


class StreamFlow(asyncio.Protocol):
    """One connection. Until it is up, what is sent waits."""

    __slots__ = (
        "_heard", "_loop", "_owner", "_proved", "_reader", "_since", "_told", "_transport", "_waiting",
        "_waiting_size", "closed", "key", "listener", "remote",
    )  # fmt: skip

    def __init__(
        self,
        listener: Listener,
        owner: Owner,
        loop: asyncio.AbstractEventLoop,
        remote: tuple[str, int] = ("", 0),
    ) -> None:
        self.listener = listener
        self.remote = remote
        self.key: tuple[object, ...] = (listener.transport, next(_numbers))
        self.closed = False
        self._owner = owner
        self._loop = loop
        self._proved = bool(remote[1])  # a connection that we opened may be silent
        self._reader = StreamReader()
        self._since = self._heard = loop.time()
        self._transport: asyncio.Transport | None = None
        self._told = False
        self._waiting: list[bytes] = []
        self._waiting_size = 0

    def send(self, data: bytes) -> None:
        if self.closed:
            if data.startswith(b"SIP/"):
                self._owner.elsewhere(self, data)
            else:
                self._owner.count("sent_on_closed")
        elif self._transport is None:
            self._waiting.append(data)
            self._waiting_size += len(data)
            if self._waiting_size > MAX_OUTPUT:
                self._owner.count("output_overflows")
                self.abort()
        else:
            self._transport.write(data)
            if self._transport.get_write_buffer_size() > MAX_OUTPUT:
                self._owner.count("output_overflows")
                self.abort()

    def abort(self) -> None:
        """Close at once; ``lost`` is told from the loop, never inside this call."""
        if self._transport is not None:
            self._transport.abort()
        if not self.closed:
            self.closed = True
            if self._transport is None:
                self._loop.call_soon(self._tell)

    def check(self, now: float) -> None:
        """Close a connection that keeps us waiting for a message, or has been silent for too long."""
        waits = self._reader.partial or not self._proved
        if (waits and now - self._since > MESSAGE_TIMEOUT) or now - self._heard > IDLE_TIMEOUT:
            self._owner.count("connection_timeouts")
            self.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = stream = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        if peer is not None and not self.remote[1]:
            self.remote = (peer[0], peer[1])
        self._since = self._heard = self._loop.time()
        if self.closed or peer is None or not self._owner.opened(self):
            self.closed = self._told = True  # nobody has heard of it, or everybody of its end
            stream.abort()
            return
        if self._waiting:
            stream.write(b"".join(self._waiting))
            self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        if self.closed:
            return
        reader = self._reader
        self._heard = self._loop.time()
        if not reader.partial:
            self._since = self._heard
        for message in reader.feed(data):
            self._proved = True
            self._since = self._heard
            self._owner.arrived(message, self)
        if reader.pings:
            self._owner.count("pings")
            self.send(PONG * reader.pings)
            reader.pings = 0
        if reader.broken is not None:
            self._refuse()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._owner.count("connection_errors")
        self.closed = True
        self._tell()

    def failed(self) -> None:
        """The connection could not be opened."""
        self.closed = True
        self._tell()

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._owner.lost(self)

    def _refuse(self) -> None:
        """Answer what can be answered on a stream that cannot be read on, and close it (400, 513)."""
        self._owner.count("broken_streams")
        request = self._reader.refused
        if request is not None and request.method != "ACK" and "via" in request:
            self.send(response_to(request, self._reader.status, to_tag=f"stream-{self.key[1]}").encode())
        self.closed = True
        if self._transport is not None:
            # Closing with input unread would reset the connection, and the answer with it.
            self._transport.write_eof()
            self._loop.call_later(LINGER, self._transport.abort)
