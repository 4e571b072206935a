"""The collector of cycles stays away while load grows, and sees everything when there is time."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from hosting.garbage import GROWN, IDLE, IDLE_STEPS, INTERVAL, THRESHOLDS, Garbage


class Cycle:
    """Refers to itself: goes when the collector looks, and not before."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def garbage() -> Iterator[Garbage]:
    """A collector as one that was started; what a test does to the interpreter's is undone."""
    thresholds = gc.get_threshold()
    loop = asyncio.new_event_loop()
    garbage = Garbage(loop)
    gc.collect()
    gc.disable()
    garbage.step(0, 0.0)
    yield garbage
    gc.enable()
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    loop.close()


def cycle() -> weakref.ref[Cycle]:
    return weakref.ref(Cycle())


def idle(garbage: Garbage, steps: int, cpu: float) -> None:
    for _ in range(steps):
        garbage.step(0, cpu)


def test_what_comes_in_numbers_is_out_of_sight_until_there_is_time(garbage: Garbage) -> None:
    left = cycle()
    garbage.step(GROWN + 1, 1.0)
    gc.collect()
    assert left() is not None
    idle(garbage, IDLE_STEPS - 1, 1.0)
    assert left() is not None
    garbage.step(0, 1.0)
    assert left() is None


def test_slow_growth_is_left_to_the_interpreter(garbage: Garbage) -> None:
    left = cycle()
    garbage.step(GROWN, 1.0)
    garbage.step(2 * GROWN, 2.0)
    assert left() is not None
    gc.collect()
    assert left() is None


def test_a_busy_process_looks_at_nothing(garbage: Garbage) -> None:
    left = cycle()
    garbage.step(GROWN + 1, 1.0)
    for step in range(2 * IDLE_STEPS):
        garbage.step(0, 1.0 + (step + 1) * IDLE * INTERVAL * 1.01)
    assert left() is not None


def test_with_nothing_out_of_sight_an_idle_process_rests(garbage: Garbage) -> None:
    left = cycle()
    idle(garbage, 2 * IDLE_STEPS, 1.0)
    assert left() is not None


def test_counting_begins_again_behind_each_freeze(garbage: Garbage) -> None:
    garbage.step(GROWN + 1, 1.0)
    left = cycle()
    garbage.step(GROWN, 2.0)
    gc.collect()
    assert left() is None


async def test_it_goes_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hosting.garbage.INTERVAL", 0.0)
    thresholds = gc.get_threshold()
    garbage = Garbage(asyncio.get_running_loop())
    twice = asyncio.Event()
    steps: list[tuple[int, float]] = []

    def step(new: int, cpu: float) -> None:
        steps.append((new, cpu))
        if len(steps) == 2:
            twice.set()

    monkeypatch.setattr(garbage, "step", step)
    garbage.start()
    try:
        assert gc.get_threshold() == THRESHOLDS
        await asyncio.wait_for(twice.wait(), 10)
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
    assert all(new >= 0 and cpu > 0 for new, cpu in steps)
