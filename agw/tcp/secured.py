"""A TCP connection under TLS that ends here: in the clear to its owner, as ``Connection`` is."""

import asyncio
import socket
from functools import partial
from typing import Protocol

from agw.security.events import Closed, Data, Established, Event, Failed
from agw.security.session import Session
from agw.security.turns import Turns
from agw.tcp.connection import Connection, Owner
from iq.procedures import SecurityCause


class SecuredOwner(Owner, Protocol):
    """Whom a connection under TLS tells. What an ``Owner`` hears, it hears only after ``established``."""

    def established(self) -> None:
        """The peer has proved itself."""

    def insecure(self, cause: SecurityCause, detail: str) -> None:
        """TLS failed: nothing passes any more."""

    def truncated(self) -> None:
        """The peer's TCP connection ended without a close_notify; ``finished_reading`` follows."""


class Secured:
    """Has what a ``Connection`` has. Besides what waits there, at most what one reading of the socket brought
    waits here: in the clear for who reads, and encrypted (answers of TLS itself) for the peer."""

    __slots__ = (
        "_clear", "_gone", "_held", "_inner", "_last", "_loop", "_owner", "_session", "_step", "_turns",
        "_up", "_wanted", "ended", "finishing",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        owner: SecuredOwner,
        session: Session,
        turns: Turns,
    ) -> None:
        """turns: which the steps of the handshake take."""
        self._loop = loop
        self._owner = owner
        self._session = session
        self._turns = turns
        self._step = False
        self._inner = Connection(loop, sock, self)
        self._clear = self._held = b""
        self._up = self._wanted = self._last = self._gone = False
        self.ended = self.finishing = False

    def start(self) -> None:
        """Begin the handshake. May tell the owner at once."""
        self._inner.read(True)
        self._take(self._session.start(self._loop.time()))

    def tick(self, now: float) -> None:
        """now: loop time."""
        self._take(self._session.tick(now))

    # As a Connection

    @property
    def waiting(self) -> bytes:
        return self._inner.waiting or self._held

    @property
    def closed(self) -> bool:
        return self._inner.closed

    @property
    def over(self) -> bool:
        return self.ended and self.closed

    def read(self, wanted: bool) -> None:
        self._wanted = wanted
        if wanted and (self._clear or self._last):
            self._loop.call_soon(self._deliver)
        else:
            self._resume()

    def write(self, data: bytes) -> None:
        events = self._session.send(data)
        self._push()
        if events:
            self._loop.call_soon(self._take, events)

    def finish(self) -> None:
        self.finishing = True
        self._session.close()
        self._push()

    def close(self) -> None:
        if not self._gone:
            self._session.close()
            self._push()
        self._gone = True
        self._inner.close()

    def abort(self) -> None:
        self._session.close()
        self._gone = True
        self._inner.abort()

    # Owner of the connection below

    def received(self, data: bytes) -> None:
        if self._up:
            self._take(self._session.receive(data, self._loop.time()))
            return
        self._step = True
        self._resume()
        self._turns.add(partial(self._take_step, data))

    def _take_step(self, data: bytes) -> None:
        """What arrived is a step of the handshake; nothing more is read before it is done."""
        self._step = False
        if not self._gone:
            self._take(self._session.receive(data, self._loop.time()))
            self._resume()

    def finished_reading(self) -> None:
        if not self._up:
            self._take(self._session.transport_ended())
        elif not self._last:
            self._owner.truncated()
            self._last = True
            self._deliver()

    def drained(self) -> None:
        if self._held:
            self._push()
        if self._up and not self.waiting:
            self._resume()
            self._owner.drained()

    def broken(self, cause: str) -> None:
        if self._up:
            self._owner.broken(cause)
        else:
            self._owner.insecure(SecurityCause.CLOSED, cause)

    def _take(self, events: list[Event]) -> None:
        if self._gone:
            return
        self._push()
        failed: Failed | None = None
        established = False
        for event in events:
            match event:
                case Established():
                    established = True
                case Data(octets):
                    self._clear += octets
                case Closed():
                    self._last = True
                case Failed():
                    failed = event
        if established:
            self._up = True
            self._resume()
            self._owner.established()
        self._deliver()
        if failed is not None and not self._gone:
            self._owner.insecure(failed.cause, failed.detail)

    def _push(self) -> None:
        """Send what TLS has to send; as long as some of it waits, the peer is not read."""
        out = self._held + self._session.output()
        if out and not self._inner.finishing:
            if self._inner.waiting:
                self._held = out
                self._resume()
                return
            self._held = b""
            self._inner.write(out)
        if self.finishing:
            self._inner.finish()

    def _deliver(self) -> None:
        """Hand over what is there, if it is wanted."""
        if not self._wanted or self._gone:
            return
        if self._clear:
            data, self._clear = self._clear, b""
            self._owner.received(data)
        if self._last and not self.ended and not self._gone:
            self.ended = True
            self._owner.finished_reading()
        self._resume()

    def _resume(self) -> None:
        if not self._gone:
            wanted = self._wanted or not self._up
            waits = self._step or self._held or self._clear or self._last
            self._inner.read(wanted and not waits)
