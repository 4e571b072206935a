"""Timer queues."""

from hypothesis import given
from hypothesis import strategies as st

from pcscf.transaction.timers import MAX_QUEUES, MIN_SWEEP, Timer, TimerQueues


def due(timers: TimerQueues, now: float) -> list[object]:
    return [item for item, _ in timers.due(now)]


def test_fires_in_time_once() -> None:
    timers = TimerQueues()
    timers.start(2.0, "b", 0.0)
    timers.start(1.0, "a", 0.0, "name")
    assert due(timers, 0.9) == []
    assert list(timers.due(1.0)) == [("a", "name")]
    assert due(timers, 10.0) == ["b"]
    assert due(timers, 10.0) == []
    assert len(timers) == 0


def test_stopped_timers_do_not_fire_and_hold_nothing() -> None:
    timers = TimerQueues()
    timer = timers.start(1.0, "a", 0.0)
    timers.stop(timer)
    timers.stop(timer)
    timers.stop(None)
    assert (timer.item, len(timers), due(timers, 5.0)) == (None, 0, [])
    fired = timers.start(1.0, "b", 5.0)
    assert due(timers, 6.0) == ["b"]
    timers.stop(fired)
    assert len(timers) == 0


def test_one_that_fires_may_stop_and_start_others() -> None:
    timers = TimerQueues()
    timers.start(1.0, "first", 0.0)
    other = timers.start(1.0, "other", 0.0)
    got = []
    for item, _ in timers.due(1.0):
        got.append(item)
        timers.stop(other)
        if item == "first":
            timers.start(0.0, "at once", 1.0)
            timers.start(1.0, "later", 1.0)
    assert got == ["first"]
    assert sorted(map(str, due(timers, 2.0))) == ["at once", "later"]


def test_queues_are_swept_of_stopped_timers() -> None:
    timers = TimerQueues()
    kept = [timers.start(30.0, "kept", 0.0) for _ in range(10)]
    for _ in range(10 * MIN_SWEEP):
        timers.stop(timers.start(30.0, "gone", 0.0))
    assert len(timers) == 10
    assert len(kept[0].queue) < 10 + 2 * MIN_SWEEP
    assert due(timers, 30.0) == ["kept"] * 10


def test_lengths_that_peers_choose_are_bounded() -> None:
    timers = TimerQueues()
    started = [timers.start(1 + i / 100, i, 0.0) for i in range(10 * MAX_QUEUES)]
    assert len({id(timer.queue) for timer in started}) == MAX_QUEUES + 1
    for timer in started[::2]:
        timers.stop(timer)
    assert set(due(timers, 100.0)) == set(range(1, 10 * MAX_QUEUES, 2))
    assert timers.start(99.0, "new", 0.0).queue is not started[-1].queue


@given(
    st.lists(
        st.tuples(st.sampled_from(["start", "stop", "tick"]), st.integers(0, 90), st.floats(0, 3)),
        max_size=60,
    )
)
def test_behaves_like_a_plain_list(steps: list[tuple[str, int, float]]) -> None:
    timers, now, model, handles = TimerQueues(), 0.0, {}, {}
    for number, (step, value, wait) in enumerate(steps):
        if step == "start":
            handles[number] = timers.start(float(value), number, now)
            model[number] = now + value
        elif step == "stop" and handles:
            chosen = list(handles)[value % len(handles)]
            timer: Timer = handles[chosen]
            timers.stop(timer)
            model.pop(chosen, None)
        elif step == "tick":
            now += wait
            expected = {item for item, deadline in model.items() if deadline <= now}
            assert set(due(timers, now)) == expected
            for item in expected:
                del model[item]
        assert len(timers) == len(model)
