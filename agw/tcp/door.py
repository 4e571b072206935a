"""The port of one side, and how a connection comes to be there: it is accepted, or made."""

import asyncio
import errno
import os
import socket
from contextlib import suppress
from functools import partial
from typing import Protocol

from agw.security.turns import Turns
from agw.tcp.connection import text
from agw.tcp.sockets import bound, listening, prepare, reset

Address = tuple[str, int]


class House(Protocol):
    """Whom a door belongs to."""

    def admits(self, address: Address) -> bool:
        """May who connects from there come in? False closes the connection at once."""

    def arrived(self, sock: socket.socket, address: Address) -> None:
        """Accepted, or connected."""

    def failed(self, cause: str) -> None:
        """Not connected, or not able to listen. Also out of a call of the house's own."""

    def exhausted(self) -> None:
        """The process has no descriptor left for who knocks: ``listen`` again later."""


class Door:
    """One port. It is taken as long as something listens there or a connection from there is being made."""

    __slots__ = ("_connecting", "_house", "_listener", "_loop", "_turns", "_where")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, house: House, where: tuple[str, int, int], turns: Turns
    ) -> None:
        """Take the port: a SYN waits there, and nobody is accepted. where: address, port, DSCP. turns: which
        those who arrive take, as there may be a handshake to begin.

        Raises OSError."""
        self._loop = loop
        self._turns = turns
        self._house = house
        self._where = where
        self._listener: socket.socket | None = listening(*where)
        self._connecting: socket.socket | None = None

    def reserve(self) -> None:
        """Take the port again, if it is there; ``listen`` tries once more."""
        try:
            self._listener = listening(*self._where)
        except OSError:
            self._listener = None

    def listen(self) -> None:
        """Accept, one connection after the other."""
        try:
            if self._listener is None:
                self._listener = listening(*self._where)
        except OSError as error:
            self._house.failed(text(error))
            return
        self._loop.add_reader(self._listener.fileno(), self._acceptable)

    def connect(self, to: Address) -> None:
        """From the port, which listens no more; from any one where the kernel still remembers a connection
        between the two. Nobody counts on the port of who connects, which SDP has as 9 (RFC 4145 4.1)."""
        self._close_listener()
        address, port, dscp = self._where
        try:
            try:
                sock = _connecting(address, port, dscp, to)
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                sock = _connecting(address, 0, dscp, to)
        except OSError as error:
            self._house.failed(text(error))
            return
        self._connecting = sock
        self._loop.add_writer(sock.fileno(), self._connectable, sock, to)

    def close(self) -> None:
        self._close_listener()
        if self._connecting is not None:
            self._loop.remove_writer(self._connecting.fileno())
            self._connecting.close()
            self._connecting = None

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None

    def _acceptable(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener.fileno())
            self._turns.add(partial(self._accept, self._listener))

    def _accept(self, listener: socket.socket) -> None:
        if listener is not self._listener:
            return  # closed meanwhile
        self._loop.add_reader(listener.fileno(), self._acceptable)
        try:
            sock, address = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError:
            self._loop.remove_reader(listener.fileno())
            self._house.exhausted()
            return
        where = address[0].partition("%")[0], address[1]
        if not self._house.admits(where):
            reset(sock)
            return
        sock.setblocking(False)
        with suppress(OSError):  # it may have gone again, as the first read will tell
            prepare(sock, self._where[2])
        self._house.arrived(sock, where)

    def _connectable(self, sock: socket.socket, to: Address) -> None:
        self._loop.remove_writer(sock.fileno())
        self._turns.add(partial(self._connected, sock, to))

    def _connected(self, sock: socket.socket, to: Address) -> None:
        if sock is not self._connecting:
            return  # closed meanwhile
        self._connecting = None
        if number := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            sock.close()
            self._house.failed(os.strerror(number))
            return
        with suppress(OSError):
            prepare(sock, self._where[2])
        self._house.arrived(sock, to)


def _connecting(address: str, port: int, dscp: int, to: Address) -> socket.socket:
    """A socket on its way. Raises OSError."""
    sock = bound(address, port, dscp)
    number = sock.connect_ex(to)
    if number in (0, errno.EINPROGRESS):
        return sock
    sock.close()
    raise OSError(number, os.strerror(number))
