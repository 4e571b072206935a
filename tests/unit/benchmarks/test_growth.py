"""benchmarks.growth and benchmarks.verdicts: a leak is told from noise, and from what follows the load."""

import math
import random

import pytest

from benchmarks.growth import HOUR, Bound, fit
from benchmarks.verdicts import judge

TIMES = [5.0 * number for number in range(721)]  # an hour
NOISE = random.Random(1)


def noisy(slope: float) -> list[float]:
    """Values that grow by ``slope`` an hour under noise of 50."""
    return [1000 + slope * time / HOUR + NOISE.gauss(0, 50) for time in TIMES]


def test_a_straight_line_is_found_without_doubt() -> None:
    found = fit(TIMES, [3 + 0.01 * time for time in TIMES])
    assert found is not None
    assert found.slope == pytest.approx(36)
    assert found.error == 0


def test_what_stays_the_same_does_not_grow() -> None:
    found = fit(TIMES, [7.0] * len(TIMES))
    assert found is not None
    assert (found.slope, found.error) == (0, 0)


def test_noise_alone_is_no_growth() -> None:
    found = fit(TIMES, noisy(0))
    assert found is not None
    assert abs(found.slope) < 3 * found.error
    assert not found.exceeds(0)


def test_growth_under_noise_is_found() -> None:
    found = fit(TIMES, noisy(200))
    assert found is not None
    assert found.slope == pytest.approx(200, abs=4 * found.error)
    assert found.exceeds(100)


def test_waves_are_in_more_doubt_than_noise() -> None:
    """Samples that follow each other resemble each other: fewer of them say something."""
    waves = [50 * math.sin(time / 100) for time in TIMES]
    slow, fast = fit(TIMES, waves), fit(TIMES, NOISE.sample(waves, len(waves)))
    assert slow is not None
    assert fast is not None
    assert slow.error > 2 * fast.error


def test_few_samples_say_nothing() -> None:
    assert fit(TIMES[:4], [1, 2, 3, 4]) is None


def test_what_a_warm_up_fills_is_no_growth() -> None:
    values = [min(time, 300.0) for time in TIMES]
    assert not judge("x", TIMES, values, Bound(10), 300.0, ended=False).grew
    assert judge("x", TIMES, values, Bound(10), 0.0, ended=False).grew


@pytest.mark.parametrize(("after", "stayed"), [(2.0, False), (3.0, True)])
def test_what_does_not_come_back_is_told(after: float, stayed: bool) -> None:
    values = [2.0, *[100.0] * (len(TIMES) - 2), after]
    row = judge("x", TIMES, values, Bound(10, rest=0), 300.0, ended=True)
    assert (row.grew, row.stayed) == (False, stayed)
    assert ("NOT RELEASED" in str(row)) == stayed


def test_without_an_end_nothing_is_said_about_what_is_left() -> None:
    assert not judge("x", TIMES, [2.0, *[100.0] * 720], Bound(10, rest=0), 300.0, ended=False).stayed


@pytest.mark.parametrize(("least", "grew"), [(245.0, True), (255.0, False)])
def test_little_growth_within_a_run_says_nothing(least: float, grew: bool) -> None:
    values = [10 * time for time in TIMES[:7]]  # 250 from the first sample under load on
    assert judge("x", TIMES[:7], values, Bound(10, least=least), 0.0, ended=False).grew is grew
