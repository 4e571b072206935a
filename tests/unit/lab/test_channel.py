"""A connection of the lab's media: who connects, who waits, and how it ends."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from lab import channel
from lab.channel import ENDED, Channel
from lab.tls import CLOSED


class End:
    """A channel and what it got."""

    def __init__(self) -> None:
        self.raw = bytearray()
        self.said = bytearray()
        self.moved = asyncio.Event()
        self.channel = Channel(
            "127.0.0.1", arrived=self.raw.extend, said=self.said.extend, moved=self.moved.set
        )

    async def over(self) -> str:
        async with asyncio.timeout(5):
            while not self.channel.failure:
                self.moved.clear()
                await self.moved.wait()
        return self.channel.failure


@contextlib.contextmanager
def ends() -> Iterator[tuple[End, End]]:
    a, b = End(), End()
    with contextlib.closing(a.channel), contextlib.closing(b.channel):
        yield a, b


async def test_who_connects_and_who_waits() -> None:
    with ends() as (a, b):
        assert not a.channel.write(b"too early")
        b.channel.open(None, None)
        a.channel.open(b.channel.local, None)
        assert await a.channel.ready()
        assert await b.channel.ready()
        assert await a.channel.send(b"octets")
        a.channel.close()
        assert await b.over() == ENDED
        assert (bytes(b.said), bytes(b.raw)) == (b"octets", b"octets")
        assert a.channel.failure == CLOSED
        assert not await a.channel.ready()
        assert not await a.channel.send(b"too late")


async def test_nobody_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "OPEN_WAIT", 0.0)
    with ends() as (a, b):
        gone = b.channel.local
        b.channel.close()
        a.channel.open(gone, None)
        assert await a.over() == f"127.0.0.1:{gone[1]} takes no connection"
        assert not await a.channel.ready()


async def test_nobody_comes() -> None:
    with ends() as (a, _):
        a.channel.open(None, None)
        assert not await a.channel.ready(0.01)
        assert a.channel.failure == ""


async def test_a_peer_that_does_not_read_costs_no_more_than_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MAX_UNREAD", 1 << 20)
    with socket.create_server(("127.0.0.1", 0)) as deaf, ends() as (a, _):
        a.channel.open(deaf.getsockname(), None)
        assert await a.channel.ready()
        assert any(not a.channel.write(bytes(1 << 20)) for _ in range(64))
        assert a.channel.failure == "the peer reads nothing"
