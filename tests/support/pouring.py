"""Ends of a large transfer: MSRP chunks in, what arrives is hashed; who writes notices that nobody reads."""

import hashlib
import os
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

BODY = 65_536
STUCK_SECONDS = 0.5
"""Without room for one more octet: the peer, and all on the way to it, hold no more."""
WAIT = 60.0
_RECORD = 16_384


def chunks(octets: int) -> Iterator[bytes]:
    """A message of about so many octets in SEND requests (RFC 4975 5.1), no two alike."""
    content = os.urandom(2 * BODY)
    for number in range(-(-octets // BODY)):
        first = number * BODY
        head = (
            f"MSRP t{number:x} SEND\r\nTo-Path: msrp://127.0.0.1:2855/a7s;tcp\r\n"
            f"From-Path: msrp://127.0.0.1:2856/b8t;tcp\r\nMessage-ID: 87652491\r\n"
            f"Byte-Range: {first + 1}-{first + BODY}/*\r\nContent-Type: application/octet-stream\r\n\r\n"
        )
        at = number % BODY
        yield head.encode() + content[at : at + BODY] + f"\r\n-------t{number:x}+\r\n".encode()


def small(sock: socket.socket) -> socket.socket:
    """Have the kernel keep little for ``sock``: what is on the way is at the gateway then."""
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, BODY)
    return sock


@dataclass
class Pouring:
    """One direction. held: octets on the way each time that the writer was stuck.

    pauses: how often the reader waits for that before it reads ``portion`` more, and then all there is.
    """

    source: socket.socket
    sink: socket.socket
    octets: int
    pauses: int = 0
    portion: int = 4 << 20
    look: Callable[[], None] = lambda: None
    held: list[int] = field(default_factory=list)
    sent: int = 0
    received: int = 0

    def run(self) -> bool:
        """Whether what arrived is what was sent, octet for octet. ``look`` is called while all is stuck."""
        self._stuck = threading.Event()
        self._poured = hashlib.sha256()
        writer = threading.Thread(target=self._write)
        writer.start()
        caught = hashlib.sha256()
        self.sink.settimeout(WAIT)
        for _ in range(self.pauses):
            assert self._stuck.wait(WAIT), "the writer was never held up"
            self.held.append(self.sent - self.received)
            self.look()
            self._read(caught, self.received + self.portion)
            self._stuck.clear()
        self._read(caught, None)
        writer.join(WAIT)
        assert self.received == self.sent
        return caught.digest() == self._poured.digest()

    def _write(self) -> None:
        self.source.setblocking(False)
        for chunk in chunks(self.octets):
            self._poured.update(chunk)
            left = memoryview(chunk)
            while left:
                count = self._send(left[:_RECORD])
                self.sent += count
                left = left[count:]
        self._finish()

    def _finish(self) -> None:
        """Say that nothing more comes."""
        if not isinstance(self.source, ssl.SSLSocket):
            self.source.shutdown(socket.SHUT_WR)
            return
        while True:
            try:
                self.source.unwrap()
            except ssl.SSLWantWriteError:
                select.select([], [self.source], [], WAIT)
            except ssl.SSLWantReadError:
                return  # sent; the peer's own comes later

    def _send(self, data: memoryview) -> int:
        while True:
            try:
                return self.source.send(data)
            except (BlockingIOError, ssl.SSLWantWriteError):
                if not select.select([], [self.source], [], STUCK_SECONDS)[1]:
                    self._stuck.set()
                    select.select([], [self.source], [], WAIT)

    def _read(self, caught: "hashlib._Hash", until: int | None) -> None:
        """So far, or to the end."""
        while until is None or self.received < until:
            data = self.sink.recv(BODY)
            if not data:
                return
            caught.update(data)
            self.received += len(data)
