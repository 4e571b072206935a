"""One TCP connection: octets in, octets out, with back-pressure and ends of its two directions."""

import asyncio
import os
import socket
from contextlib import suppress
from typing import Protocol

from agw.tcp.sockets import reset

READ_OCTETS = 65_536
"""Taken at once; so much of a direction waits here at most, the rest in the kernel and at its sender."""


class Owner(Protocol):
    """Whom a connection tells, never from within a call of the owner's own."""

    def received(self, data: bytes) -> None: ...

    def finished_reading(self) -> None:
        """The peer sends no more (FIN)."""

    def drained(self) -> None:
        """What waited was sent, and so was the end, if ``finish`` was called."""

    def broken(self, cause: str) -> None:
        """The connection is unusable."""


class Connection:
    """A connected socket. It reads only while ``read(True)`` stands.

    waiting: octets that were written and not sent yet; who writes has to stop until ``drained``.
    ended: the peer sends no more; closed: neither do we.
    """

    __slots__ = ("_loop", "_open", "_owner", "_reads", "_sock", "closed", "ended", "finishing", "waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, owner: Owner) -> None:
        self._loop = loop
        self._sock = sock
        self._owner = owner
        self._reads = False
        self._open = True
        self.waiting = b""
        self.ended = self.finishing = self.closed = False

    def read(self, wanted: bool) -> None:
        """Read, or leave what comes to the kernel, which holds the peer up."""
        wanted = wanted and not self.ended
        if wanted is self._reads:
            return
        self._reads = wanted
        if wanted:
            self._loop.add_reader(self._sock.fileno(), self._readable)
        else:
            self._loop.remove_reader(self._sock.fileno())

    def write(self, data: bytes) -> None:
        """Send, now or as soon as the peer takes it. Not while something waits."""
        sent = self._send(data)
        if sent < len(data):
            self.waiting = data[sent:]
            self._loop.add_writer(self._sock.fileno(), self._writable)

    def finish(self) -> None:
        """Send no more after what waits (FIN)."""
        self.finishing = True
        if not self.waiting:
            self._shut()

    @property
    def over(self) -> bool:
        """Have both directions come to their end?"""
        return self.ended and self.closed

    def close(self) -> None:
        """What the kernel has is still sent."""
        self._forget()
        self._sock.close()

    def abort(self) -> None:
        """The peer hears that this is no orderly end, unless it is one."""
        self._forget()
        if self.over:
            self._sock.close()
        else:
            reset(self._sock)

    def _forget(self) -> None:
        self._open = False
        self.read(False)
        if self.waiting:
            self._loop.remove_writer(self._sock.fileno())
            self.waiting = b""

    def _readable(self) -> None:
        try:
            data = self._sock.recv(READ_OCTETS)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._owner.broken(text(error))
            return
        if data:
            self._owner.received(data)
        else:
            self.ended = True
            self._reads = False
            self._loop.remove_reader(self._sock.fileno())
            self._owner.finished_reading()

    def _writable(self) -> None:
        self.waiting = self.waiting[self._send(self.waiting) :]
        if self.waiting:
            return
        self._loop.remove_writer(self._sock.fileno())
        if self.finishing:
            self._shut()
        self._owner.drained()

    def _send(self, data: bytes) -> int:
        """How much of ``data`` is done with. After an error nothing waits any more."""
        try:
            return self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self._loop.call_soon(self._break, text(error))
            return len(data)

    def _break(self, cause: str) -> None:
        if self._open:
            self._owner.broken(cause)

    def _shut(self) -> None:
        self.closed = True
        with suppress(OSError):  # broken meanwhile, as the next read tells
            self._sock.shutdown(socket.SHUT_WR)


def text(error: OSError) -> str:
    """What the operating system calls it."""
    return os.strerror(error.errno) if error.errno else type(error).__name__
