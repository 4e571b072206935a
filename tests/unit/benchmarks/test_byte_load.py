"""benchmarks.byte_load: octets that a relay loses or changes are noticed."""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from agw.tcp.msrp import Rewriter, Rewriting
from benchmarks import msrp_load
from benchmarks.byte_load import BLOCK, MIB, PLAIN, Transfer, transfer
from benchmarks.errors import BenchmarkFailed

Change = Callable[[bytes], bytes]
ROUNDS = 3


def through(change: Change) -> Transfer:
    """Send some rounds through a relay that does ``change`` to what it reads."""
    source, entry = socket.socketpair()
    out, sink = socket.socketpair()

    def relay() -> None:
        with entry, out, suppress(OSError):  # its ends have given up
            while data := entry.recv(BLOCK):
                out.sendall(change(data))

    thread = threading.Thread(target=relay)
    thread.start()
    try:
        with sink, source:
            return transfer(source, sink, ROUNDS, [os.getpid()])
    finally:
        thread.join()


def once(change: Change) -> Change:
    """Do it to the first piece alone."""
    waiting = [change]
    return lambda data: waiting.pop()(data) if waiting else data


def test_what_arrives_as_it_was_sent() -> None:
    done = through(lambda data: data)
    assert done.octets == ROUNDS * len(PLAIN.sent)
    assert done.rate > 0
    assert done.cpu > 0


def test_an_octet_that_changed() -> None:
    with pytest.raises(BenchmarkFailed, match="changed"):
        through(once(lambda data: bytes([data[0] ^ 1]) + data[1:]))


def test_a_piece_that_came_twice() -> None:
    with pytest.raises(BenchmarkFailed, match="changed"):
        through(once(lambda data: data + data))


def test_a_rate_and_a_cost() -> None:
    done = Transfer(50 * MIB, seconds=0.5, cpu=0.25, memory=0, stolen=0.0)
    assert done.rate == pytest.approx(104.8576)
    assert done.cost == pytest.approx(500)


def test_messages_arrive_with_the_paths_of_the_other_side() -> None:
    """As the gateway's own part for it makes of them."""
    access, core = msrp_load.access(secured=True), msrp_load.CORE
    for one, other in ((access, core), (core, access)):
        found = msrp_load.messages(one, other)
        rewriter = Rewriter(Rewriting(one.local, other.remote, other.local))
        assert rewriter.feed(found.sent) == found.arrives
        assert found.sent != found.arrives
        assert not rewriter.within
        assert rewriter.foreign == 0
