"""Does a quantity grow? A line through samples, with the doubt that is left about its slope. Pure."""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

HOUR = 3600.0
#: Standard errors around a fitted slope within which nothing is claimed.
DOUBT = 2.0
#: Correlation of neighbours above which it is a bend of the curve, and not noise that excuses it.
MOST_ALIKE = 0.8


@dataclass(frozen=True, slots=True)
class Bound:
    """What a quantity may grow, in its units: per_hour, where the fit leaves no doubt and least is exceeded
    within the run; rest above its first value when all load is gone (None: memory is not given back)."""

    per_hour: float
    rest: float | None = None
    least: float = 5.0


@dataclass(frozen=True, slots=True)
class Fit:
    """slope and error: units an hour, the error that of one standard deviation."""

    slope: float
    error: float

    def exceeds(self, per_hour: float) -> bool:
        """Whether the growth is above that beyond doubt."""
        return self.slope - DOUBT * self.error > per_hour


def fit(times: Sequence[float], values: Sequence[float]) -> Fit | None:
    """Least squares over (seconds, value); None for less than five samples.

    Samples that follow each other resemble each other, so that their count overstates what is known: the
    error is widened by their correlation at a distance of one (as of an AR(1) process).
    """
    count = len(times)
    if count < 5:
        return None
    slope, start = statistics.linear_regression(times, values)
    off = [value - start - slope * time for time, value in zip(times, values, strict=True)]
    squares = sum(one * one for one in off)
    middle = statistics.fmean(times)
    spread = sum((time - middle) ** 2 for time in times)
    if squares <= 1e-9 * spread * slope * slope or squares == 0.0:
        return Fit(slope * HOUR, 0.0)
    alike = sum(a * b for a, b in itertools.pairwise(off)) / squares
    alike = min(max(alike, 0.0), MOST_ALIKE)
    error = math.sqrt(squares / (count - 2) / spread * (1 + alike) / (1 - alike))
    return Fit(slope * HOUR, error * HOUR)
