"""Connections that carry SIP (RFC 3261 18, RFC 7118): one flow each, accepted or opened.

A flow is the same for TCP, TLS, WS and WSS: ``Tls`` decrypts where there is TLS, a ``Session`` says what the
octets mean, and bounds, waiting output and timeouts are here, once.
"""

import asyncio
import ssl
from itertools import count
from typing import Protocol, cast

from pcscf.flow import Listener
from pcscf.sip.message import Request, Response
from pcscf.transport.identity import Peer
from pcscf.transport.session import Session, SipStream
from pcscf.transport.tls import Tls
from pcscf.transport.websocket import WebSocketSession

#: Octets that may wait to be sent; a peer that does not read loses its connection.
MAX_OUTPUT = 1024 * 1024
#: Waiting octets of one connection that do not count for all of them together.
SMALL_OUTPUT = 4096
#: Seconds that the handshakes of TLS and WebSocket may take together.
HANDSHAKE_TIMEOUT = 10.0
#: Seconds that an accepted connection may take for its first message, and any message for its rest.
MESSAGE_TIMEOUT = 32.0
#: Seconds without an octet after which a connection is closed. Registered phones are silent for long.
IDLE_TIMEOUT = 7200.0
#: Seconds that the rest of what a refused peer sends is read and thrown away.
LINGER = 2.0

WEBSOCKET = frozenset({"ws", "wss"})

_numbers = count(1)


class Owner(Protocol):
    """What a connection tells the transports."""

    def arrived(self, message: Request | Response, flow: "StreamFlow") -> None: ...

    def opened(self, flow: "StreamFlow") -> bool:
        """Tell whether the connection may stay."""
        ...

    def established(self, flow: "StreamFlow") -> None:
        """The handshakes of an accepted connection are done."""
        ...

    def lost(self, flow: "StreamFlow") -> None: ...

    def elsewhere(self, flow: "StreamFlow", response: bytes) -> None:
        """Send a response whose connection is gone (RFC 3261 18.2.2)."""
        ...

    def holds(self, flow: "StreamFlow", octets: int) -> None:
        """So many octets wait for the rest of their message; the owner may abort any connection for it."""
        ...

    def waits(self, flow: "StreamFlow", octets: int) -> None:
        """So many octets wait to be sent; the owner may abort any connection for it."""
        ...

    def count(self, name: str) -> None: ...


class StreamFlow(asyncio.Protocol):
    """One connection. Until it is up, what is sent waits.

    tls: where the listener speaks it, its context; of a connection that we open, who the peer has to be.
    ours: we opened it. pending: its handshakes are not done yet.
    """

    __slots__ = (
        "_heard", "_held", "_loop", "_owner", "_proved", "_session", "_since", "_tls", "_told", "_transport",
        "_waiting", "_waiting_size", "closed", "key", "listener", "ours", "pending", "remote",
    )  # fmt: skip

    def __init__(
        self,
        listener: Listener,
        owner: Owner,
        loop: asyncio.AbstractEventLoop,
        remote: tuple[str, int] = ("", 0),
        tls: ssl.SSLContext | Peer | None = None,
    ) -> None:
        self.listener = listener
        self.remote = remote
        self.key: tuple[object, ...] = (listener.transport, next(_numbers))
        self.closed = False
        self._owner = owner
        self._loop = loop
        self.ours = self._proved = bool(remote[1])  # a connection that we opened may be silent
        self._tls = Tls(tls) if tls is not None else None
        self._session: Session
        if listener.transport in WEBSOCKET:
            self._session = WebSocketSession(owner.count)
        else:
            self._session = SipStream(owner.count, f"stream-{self.key[1]}")
        self.pending = not self._up
        self._since = self._heard = loop.time()
        self._transport: asyncio.Transport | None = None
        self._told = False
        self._held = 0
        self._waiting: list[bytes] = []
        self._waiting_size = 0

    @property
    def _up(self) -> bool:
        return self._session.up and (self._tls is None or self._tls.up)

    @property
    def unfinished(self) -> int:
        """Octets that came and are no whole message, or no whole handshake, yet."""
        return self._session.held + (self._tls.held if self._tls is not None else 0)

    @property
    def unsent(self) -> int:
        """Octets that the peer has not taken yet."""
        written = self._transport.get_write_buffer_size() if self._transport is not None else 0
        return written + self._waiting_size

    def send(self, data: bytes) -> None:
        if self.closed:
            if data.startswith(b"SIP/"):
                self._owner.elsewhere(self, data)
            else:
                self._owner.count("sent_on_closed")
        elif self._transport is None or self.pending:
            self._waiting.append(data)
            self._waiting_size += len(data)
            self._bound(self._waiting_size)
        else:
            self._write(self._transport, self._session.frame(data))

    def abort(self) -> None:
        """Close at once; ``lost`` is told from the loop, never inside this call."""
        if self._transport is not None:
            self._transport.abort()
        if not self.closed:
            self.closed = True
            if self._transport is None:
                self._loop.call_soon(self._tell)

    def leave(self) -> None:
        """Say goodbye, as far as the peer takes it at once, and close."""
        if self._transport is not None and not self.closed and not self.pending:
            self._write(self._transport, self._session.goodbye())
            if self._tls is not None:
                self._transport.write(self._tls.close())
        self.abort()

    def check(self, now: float) -> None:
        """Close a connection that keeps us waiting for a message, or has been silent for too long."""
        waits = self._session.partial or not self._proved
        if self.pending and self._transport is not None and now - self._since > HANDSHAKE_TIMEOUT:
            self._owner.count("handshake_timeouts")
        elif (waits and now - self._since > MESSAGE_TIMEOUT) or now - self._heard > IDLE_TIMEOUT:
            self._owner.count("connection_timeouts")
        else:
            return
        self.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = stream = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        if peer is not None and not self.remote[1]:
            self.remote = (peer[0], peer[1])
        stream.set_write_buffer_limits(SMALL_OUTPUT, 0)
        self._since = self._heard = self._loop.time()
        if self.closed or peer is None or not self._owner.opened(self):
            self.closed = self._told = True  # nobody has heard of it, or everybody of its end
            stream.abort()
            return
        if not self.pending:
            self._send_waiting(stream)
        elif self.ours and self._tls is not None:
            self._decrypt(self._tls, stream, b"")  # ours is the first word

    def data_received(self, data: bytes) -> None:
        transport, session = self._transport, self._session
        if self.closed or transport is None:
            return
        self._heard = self._loop.time()
        if self._tls is not None:
            data = self._decrypt(self._tls, transport, data)
        if self._proved and not session.partial:
            self._since = self._heard
        for message in session.receive(data, self._heard) if data else ():
            self._proved = True
            self._since = self._heard
            self._owner.arrived(message, self)
        output = session.output()
        if output and not self.closed:
            self._write(transport, output)
        if self.pending and self._up and not self.closed:
            self.pending = False
            self._since = self._heard
            if not self.ours:
                self._owner.established(self)
            self._send_waiting(transport)
        held = self.unfinished
        if held != self._held:
            self._held = held
            self._owner.holds(self, held)
        if session.ended or (self._tls is not None and self._tls.ended):
            self._finish(transport)

    def resume_writing(self) -> None:
        """The peer has taken everything."""
        if not self.closed:
            self._owner.waits(self, 0)

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

    def _decrypt(self, tls: Tls, transport: asyncio.Transport, data: bytes) -> bytes:
        """Return what is in the clear, and send what TLS has to say itself."""
        was_up = tls.up
        plain = tls.receive(data)
        if output := tls.output():
            self._put(transport, output)
        if tls.up and not was_up:
            self._owner.count("tls_handshakes")
        if tls.error is not None:
            self._owner.count("tls_errors" if tls.up else "tls_handshakes_failed")
        return plain

    def _send_waiting(self, transport: asyncio.Transport) -> None:
        for data in self._waiting:
            self._write(transport, self._session.frame(data))
        self._waiting.clear()
        if self._waiting_size > SMALL_OUTPUT and not self.closed:
            written = transport.get_write_buffer_size()
            self._owner.waits(self, written if written > SMALL_OUTPUT else 0)
        self._waiting_size = 0

    def _write(self, transport: asyncio.Transport, data: bytes) -> None:
        self._put(transport, data if self._tls is None else self._tls.encrypt(data))

    def _put(self, transport: asyncio.Transport, octets: bytes) -> None:
        transport.write(octets)
        self._bound(transport.get_write_buffer_size())

    def _bound(self, waiting: int) -> None:
        if waiting > MAX_OUTPUT:
            self._owner.count("output_overflows")
            self.abort()
        elif waiting > SMALL_OUTPUT:
            self._owner.waits(self, waiting)

    def _finish(self, transport: asyncio.Transport) -> None:
        """Close once the last word is out. Closing with input unread would reset the connection, and the last
        word with it."""
        if self.closed:
            return
        self.closed = True
        if self._tls is not None:
            transport.write(self._tls.close())
        transport.write_eof()
        self._loop.call_later(LINGER, transport.abort)
