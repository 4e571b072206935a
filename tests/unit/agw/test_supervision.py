"""Heartbeats, silence and the loss of control."""

import pytest

from agw.control.supervision import CONTROL_GRACE, MAX_DUE, Supervision
from iq.errors import IqError
from iq.procedures import Action, Configure, Heartbeat, MediaInactivity, Mode, Release, Reserve, Stream
from tests.support.fake_engine import gateway


class Gateway:
    def __init__(self, pairs: int = 8) -> None:
        """pairs: of ports, for as many streams."""
        self.contexts, self.engine = gateway(pairs, 2 * pairs)
        self.supervision = Supervision(self.contexts)

    def reserve(self, now: float, heartbeat: int = 300, inactivity: int | None = None) -> str:
        stream = Stream(1, mode=Mode.SEND_RECEIVE)
        reserve = Reserve("access", [stream], heartbeat, inactivity=inactivity)
        reply = self.contexts.execute(Action(None, [reserve]), now)
        return reply.replies[0].termination

    def tick(self, now: float, controlled: bool = True) -> list[tuple[int, Heartbeat | MediaInactivity]]:
        return self.supervision.tick(now, controlled)


@pytest.fixture
def agw() -> Gateway:
    return Gateway()


def test_heartbeat_after_silence_of_the_controller(agw: Gateway) -> None:
    name = agw.reserve(0.0)
    assert agw.tick(299.0) == []
    assert agw.tick(300.0) == [(1, Heartbeat(name))]
    assert agw.tick(301.0) == []
    assert agw.tick(600.0) == [(1, Heartbeat(name))]


def test_what_is_due_at_once_is_told_in_portions() -> None:
    agw = Gateway(2 * MAX_DUE + 1)
    names = [agw.reserve(0.0) for _ in range(2 * MAX_DUE + 1)]
    told = [agw.tick(300.0 + tick) for tick in range(4)]
    assert [len(due) for due in told] == [MAX_DUE, MAX_DUE, 1, 0]
    assert [report.termination for due in told for _, report in due] == names


def test_a_command_puts_the_heartbeat_off(agw: Gateway) -> None:
    name = agw.reserve(0.0)
    agw.contexts.execute(Action(1, [Configure(name, [])]), 200.0)
    assert agw.tick(300.0) == []
    assert agw.tick(500.0) == [(1, Heartbeat(name))]


@pytest.mark.parametrize("code", [411, 430, 435])
def test_what_the_controller_does_not_know_is_released(agw: Gateway, code: int) -> None:
    name = agw.reserve(0.0)
    assert agw.supervision.answered(1, Heartbeat(name), IqError(code, "unknown"), 300.0)
    assert agw.engine.ports == {}
    assert [ended.reason for ended in agw.contexts.ended] == ["heartbeat"]
    assert not agw.supervision.answered(1, Heartbeat(name), IqError(code, "unknown"), 301.0)


def test_other_answers_release_nothing(agw: Gateway) -> None:
    name = agw.reserve(0.0)
    for error in (None, IqError(500, "internal"), IqError(510, "resources")):
        assert not agw.supervision.answered(1, Heartbeat(name), error, 300.0)
    assert not agw.supervision.answered(2, Heartbeat(name), IqError(430, "unknown"), 300.0)
    assert len(agw.engine.ports) == 1


def test_silence_is_told_once_for_each_interval(agw: Gateway) -> None:
    name = agw.reserve(0.0, inactivity=30)
    port = min(agw.engine.ports)
    assert agw.tick(29.0) == []
    agw.engine.activity[port] = 28.0
    assert agw.tick(30.0) == []
    assert agw.tick(57.0) == []
    assert agw.tick(58.0) == [(1, MediaInactivity(name))]
    assert agw.tick(59.0) == []
    assert agw.tick(88.0) == [(1, MediaInactivity(name))]


@pytest.mark.parametrize("held", [Mode.INACTIVE, Mode.SEND_ONLY])
def test_a_stream_on_hold_is_silent_on_purpose(agw: Gateway, held: Mode) -> None:
    name = agw.reserve(0.0, inactivity=30)
    agw.contexts.execute(Action(1, [Configure(name, [Stream(1, mode=held)])]), 10.0)
    assert agw.tick(100.0) == []
    agw.contexts.execute(Action(1, [Configure(name, [Stream(1, mode=Mode.SEND_RECEIVE)])]), 101.0)
    assert agw.tick(130.0) == []
    assert agw.tick(131.0) == [(1, MediaInactivity(name))]


def test_media_goes_on_for_a_while_without_a_controller(agw: Gateway) -> None:
    agw.reserve(0.0, heartbeat=100_000)
    agw.reserve(0.0, heartbeat=100_000)
    assert agw.tick(10.0, controlled=False) == []
    agw.tick(10.0 + CONTROL_GRACE - 1, controlled=False)
    assert len(agw.contexts) == 2
    agw.tick(10.0 + CONTROL_GRACE, controlled=True)
    agw.tick(11.0 + CONTROL_GRACE, controlled=False)
    agw.tick(10.0 + 2 * CONTROL_GRACE, controlled=False)
    assert len(agw.contexts) == 2
    agw.tick(11.0 + 2 * CONTROL_GRACE, controlled=False)
    assert len(agw.contexts) == 0
    assert agw.engine.ports == {}
    assert [ended.reason for ended in agw.contexts.ended] == ["control-lost"] * 2


def test_a_twin_that_stays_is_closed(agw: Gateway) -> None:
    """The other termination of the context goes on without a stream to join."""
    both = [Reserve(realm, [Stream(1, mode=Mode.SEND_RECEIVE)], 300) for realm in ("access", "core")]
    reply = agw.contexts.execute(Action(None, list(both)), 0.0)
    name = reply.replies[0].termination
    agw.supervision.answered(1, Heartbeat(name), IqError(430, "unknown"), 1.0)
    (leg,) = agw.engine.legs.values()
    assert leg.transform.name == "CLOSED"
    agw.contexts.execute(Action(1, [Release()]), 2.0)
    assert len(agw.contexts) == 0
