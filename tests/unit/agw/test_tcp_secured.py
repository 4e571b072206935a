"""A connection under TLS whose peer makes TLS itself talk: what it has to answer does not pile up."""

import asyncio
import socket

from agw.security.events import Established, Event
from agw.security.turns import Turns
from agw.tcp.connection import READ_OCTETS
from agw.tcp.secured import Secured
from iq.procedures import SecurityCause
from tests.support.tls_ends import NOBODY


class Talkative:
    """Stands for a Session that answers every octet with one, as a flood of KeyUpdate (RFC 8446 4.6.3) would
    have it; OpenSSL gives tests no way to ask for those."""

    def __init__(self) -> None:
        self.answers = b""

    def start(self, _now: float) -> list[Event]:
        return [Established(NOBODY)]

    def receive(self, data: bytes, _now: float) -> list[Event]:
        self.answers += data
        return []

    def output(self) -> bytes:
        answers, self.answers = self.answers, b""
        return answers

    def close(self) -> None:
        """Nothing more to say."""


class Reader:
    """An owner that reads all the time."""

    def __init__(self) -> None:
        self.connection: Secured | None = None
        self.drains = 0

    def established(self) -> None:
        assert self.connection is not None
        self.connection.read(True)

    def drained(self) -> None:
        self.drains += 1

    def received(self, data: bytes) -> None:
        raise AssertionError("nothing was in the clear")

    def finished_reading(self) -> None:
        raise AssertionError("nothing has ended")

    def truncated(self) -> None:
        raise AssertionError("nothing has ended")

    def broken(self, cause: str) -> None:
        raise AssertionError(cause)

    def insecure(self, cause: SecurityCause, detail: str) -> None:
        raise AssertionError(detail)


async def test_who_does_not_read_the_answers_of_tls_is_not_read() -> None:
    loop = asyncio.get_running_loop()
    mine, its = socket.socketpair()
    for sock in (mine, its):
        sock.setblocking(False)
    owner = Reader()
    connection = owner.connection = Secured(loop, mine, owner, Talkative(), Turns(loop.call_soon))
    connection.start()
    sent = 0
    for _ in range(1000):
        try:
            sent += its.send(bytes(READ_OCTETS))
        except BlockingIOError:
            break
        await asyncio.sleep(0)
    else:
        raise AssertionError("never held up")
    assert len(connection.waiting) <= READ_OCTETS
    assert len(connection._held) <= READ_OCTETS
    got = 0
    async with asyncio.timeout(10):
        while got < sent:
            got += len(await loop.sock_recv(its, READ_OCTETS))
    assert connection.waiting == b""
    assert owner.drains > 0
    connection.close()
    its.close()
