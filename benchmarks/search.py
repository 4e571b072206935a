"""The highest rate that holds: upwards in leaps till one does not, then between the two. Pure."""

import math
from dataclasses import dataclass

#: How far a leap goes, and between which rates, in calls a second, the search stays.
LEAP, LEAST, MOST = 1.5, 10.0, 8000.0
#: Leap of a search that begins where another one has ended.
HOP = 1.15
#: The rate that holds and the one above it are as near to each other as that.
FINE = 1.05
#: Steps after which a search ends, wherever it is.
STEPS = 16


@dataclass(slots=True)
class Search:
    """rate: to be tried next, None when the search is over; held, failed: the best and the worst so far."""

    rate: float | None
    leap: float = LEAP
    held: float | None = None
    failed: float | None = None
    steps: int = 0

    def tell(self, *, held: bool) -> None:
        """How ``rate`` was; it is the next one afterwards."""
        assert self.rate is not None
        self.steps += 1
        if held:
            self.held = self.rate
        else:
            self.failed = self.rate
        self.rate = self._next() if self.steps < STEPS else None

    def _next(self) -> float | None:
        if self.failed is None:
            assert self.held is not None
            return min(self.held * self.leap, MOST) if self.held < MOST else None
        if self.held is None:
            return max(self.failed / self.leap, LEAST) if self.failed > LEAST else None
        return math.sqrt(self.held * self.failed) if self.failed > self.held * FINE else None
