"""Handshakes take turns: 200 that come at once are a tenth of a second, and no media waits for that long."""

from collections import deque
from collections.abc import Callable

STEPS = 4
"""For each turn of the loop. One takes a third of a millisecond."""


class Turns:
    """call_soon: the loop's."""

    __slots__ = ("_call_soon", "_going", "_waiting")

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._call_soon = call_soon
        self._waiting: deque[Callable[[], None]] = deque()
        self._going = False

    def __len__(self) -> int:
        """Steps that wait."""
        return len(self._waiting)

    def add(self, step: Callable[[], None]) -> None:
        """Have ``step`` done in a later turn of the loop, after those that were added before."""
        self._waiting.append(step)
        if not self._going:
            self._going = True
            self._call_soon(self._work)

    def _work(self) -> None:
        waiting = self._waiting
        try:
            for _ in range(min(STEPS, len(waiting))):
                waiting.popleft()()
        finally:
            self._going = bool(waiting)
            if waiting:
                self._call_soon(self._work)
