"""How figures are printed: the median, and between which values the runs were."""

import statistics
from collections.abc import Sequence


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Return ``median (lowest-highest)``; one value alone stands for itself."""
    middle = f"{statistics.median(values):.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def middle(values: Sequence[float]) -> float:
    return statistics.median(values)


def verdict(value: float, *, at_most: float | None = None, at_least: float | None = None) -> str:
    """Say whether a target is met."""
    if at_most is not None:
        return f"target at most {at_most:g}: {'met' if value <= at_most else 'NOT MET'}"
    assert at_least is not None
    return f"target at least {at_least:g}: {'met' if value >= at_least else 'NOT MET'}"
