"""Packets that fail authentication: how many are told of, and how often."""

from collections import Counter

import pytest

from agw.control.forgeries import PERIOD, Forgeries
from agw.engine.api import Counters, DropReason, PortId, PortState
from iq.procedures import AuthenticationFailures, Release
from tests.support.agw_controller import Controller, access, core


class Watched:
    """A gateway whose engine drops what the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.controller = Controller()
        self.forgeries = Forgeries(self.controller.contexts, 100)
        self.failed: Counter[PortId] = Counter()
        monkeypatch.setattr(self.controller.engine, "state", self.state)

    def state(self, port: PortId) -> PortState:
        counters = Counters()
        counters.drops[DropReason.AUTH] = self.failed[port]
        return PortState(counters, None, None, None)

    def tick(self, now: float) -> list[tuple[int, AuthenticationFailures]]:
        return self.forgeries.tick(now)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def test_a_flood_is_told_once_a_period(watched: Watched) -> None:
    context, ue, _ = watched.controller.call()
    port = min(watched.controller.engine.ports)
    watched.failed[port] = 99
    assert watched.tick(1000.0) == []
    watched.failed[port] = 250
    assert watched.tick(1001.0) == [(context, AuthenticationFailures(ue, 1, 151))]
    watched.failed[port] = 9000
    assert watched.tick(1002.0) == watched.tick(1000.9 + PERIOD) == []
    assert watched.tick(1001.0 + PERIOD) == [(context, AuthenticationFailures(ue, 1, 8750))]
    assert watched.tick(1001.0 + 2 * PERIOD) == []
    assert watched.forgeries.told == 2


def test_a_flood_before_the_first_look(watched: Watched) -> None:
    context, ue, _ = watched.controller.call()
    watched.failed[min(watched.controller.engine.ports)] = 100
    assert watched.tick(1000.0) == [(context, AuthenticationFailures(ue, 1, 100))]


def test_few_of_them_over_a_long_time_are_none(watched: Watched) -> None:
    watched.controller.call()
    port = min(watched.controller.engine.ports)
    for minute in range(10):
        watched.failed[port] += 50
        assert watched.tick(1000.0 + minute * PERIOD) == []


def test_plain_streams_and_ended_ones_are_not_looked_at(watched: Watched) -> None:
    context, *_ = watched.controller.call()
    for port in watched.controller.engine.ports:
        watched.failed[port] = 1000
    plain = watched.controller.act(
        None, access(transport="RTP/AVP", local_crypto=None, remote_crypto=None), core()
    )
    for port in watched.controller.engine.ports:
        watched.failed[port] = 1000
    assert [one for one, _ in watched.tick(1000.0)] == [context]
    assert plain.error is None
    watched.controller.act(context, Release())
    assert watched.tick(1000.0 + PERIOD) == []


def test_many_streams_take_turns(watched: Watched) -> None:
    watched.forgeries = Forgeries(watched.controller.contexts, 100, at_once=2)
    contexts = {watched.controller.call()[0] for _ in range(4)}
    for port in watched.controller.engine.ports:
        watched.failed[port] = 1000
    told = [[context for context, _ in watched.tick(1000.0 + second)] for second in range(4)]
    assert [len(one) for one in told] == [1, 1, 1, 1]
    assert set().union(*told) == contexts
