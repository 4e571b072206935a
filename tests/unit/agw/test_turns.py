"""Handshakes take turns: what comes at once is done in portions, in its order."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial

import pytest

from agw.security.events import Event
from agw.security.turns import STEPS, Turns
from agw.tcp.connection import READ_OCTETS
from agw.tcp.secured import Secured
from iq.procedures import SecurityCause
from tests.support.dtls_ends import Clock
from tests.support.media_peer import until


class Failure(Exception):
    """Of a step."""


def fail() -> None:
    raise Failure


def test_some_steps_for_each_turn_of_the_loop() -> None:
    clock, done = Clock(), list[int]()
    turns = Turns(clock.call_soon)
    for number in range(2 * STEPS + 1):
        turns.add(partial(done.append, number))
    assert done == []
    for count in (STEPS, 2 * STEPS, 2 * STEPS + 1):
        clock.turn()
        assert done == list(range(count))
    assert len(turns) == clock.armed == 0


def test_a_step_that_adds_one_waits_for_the_others() -> None:
    clock, done = Clock(), list[str]()
    turns = Turns(clock.call_soon)
    turns.add(lambda: turns.add(partial(done.append, "again")))
    turns.add(partial(done.append, "other"))
    clock.turn()
    clock.turn()
    assert done == ["other", "again"]


def test_a_step_that_fails_is_the_only_one() -> None:
    clock, done = Clock(), list[str]()
    turns = Turns(clock.call_soon)
    turns.add(fail)
    turns.add(partial(done.append, "next"))
    with pytest.raises(Failure):
        clock.turn()
    clock.turn()
    assert done == ["next"]
    turns.add(partial(done.append, "later"))
    clock.turn()
    assert done == ["next", "later"]


class Handshake:
    """Stands for a Session that never gets done. took: what it was given."""

    def __init__(self) -> None:
        self.took: list[bytes] = []

    def start(self, _now: float) -> list[Event]:
        return []

    def receive(self, data: bytes, _now: float) -> list[Event]:
        self.took.append(data)
        return []

    def output(self) -> bytes:
        return b""

    def close(self) -> None:
        """Nothing to say."""


class Nobody:
    """An owner that is told of nothing."""

    def told(self, *_: object) -> None:
        raise AssertionError("nothing has happened")

    established = drained = received = finished_reading = truncated = broken = told

    def insecure(self, cause: SecurityCause, detail: str) -> None:
        raise AssertionError(detail)


class Held:
    """A loop's call_soon that waits till the test says so."""

    def __init__(self) -> None:
        self.works: list[Callable[[], None]] = []

    def call_soon(self, work: Callable[[], None]) -> None:
        self.works.append(work)


async def test_nothing_more_is_read_while_a_step_waits() -> None:
    """Nor does a connection that has gone take its step."""
    loop, held, session = asyncio.get_running_loop(), Held(), Handshake()
    mine, its = socket.socketpair()
    mine.setblocking(False)
    connection = Secured(loop, mine, Nobody(), session, Turns(held.call_soon))
    with its:
        connection.start()
        its.sendall(b"one")
        await until(lambda: held.works != [])
        its.sendall(b"two")
        connection.read(False)  # as the side does whenever its leg is edited
        for _ in range(5):
            await asyncio.sleep(0)
        assert mine.recv(READ_OCTETS, socket.MSG_PEEK) == b"two"
        held.works.pop()()
        assert session.took == [b"one"]
        await until(lambda: held.works != [])
        connection.abort()
        held.works.pop()()
        assert session.took == [b"one"]
