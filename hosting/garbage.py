"""When the collector of cycles looks at what a process holds.

Objects of calls go by themselves when nothing refers to them any more; the collector is for the few others
that refer to each other. But it looks when there are many new objects, so when calls become more, and at what
lives: 100,000 objects of calls, which stay for half a minute, hold up everything for 40 to 100 ms, and for
nothing. So what is new while load grows is put out of its sight, and everything is looked at when there is
time.
"""

import asyncio
import gc
import time

INTERVAL = 1.0
"""Seconds between two steps."""
THRESHOLDS = 100_000, 20, 5
"""New objects, and looks at younger ones, after which the interpreter itself looks (its own: 700, 10, 10)."""
GROWN = 10_000
"""Objects more than a step before: load grows."""
IDLE = 0.02
"""Of a core; below it there is time: the look at everything takes some 50 ms where no calls are."""
IDLE_STEPS = 30


class Garbage:
    """Starts itself again on the loop, as long as that runs."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._new = 0
        self._cpu = time.process_time()
        self._idle = 0
        self._unseen = False

    def start(self) -> None:
        """Put out of sight what was made so far: it lives as long as the process."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)
        self._again()

    def step(self, new: int, cpu: float) -> None:
        """new: objects more than at the last look; cpu: seconds that the process has taken so far."""
        grown, self._new = new - self._new, new
        busy, self._cpu = cpu - self._cpu, cpu
        if grown > GROWN:
            gc.freeze()
            self._new, self._unseen = 0, True
        self._idle = self._idle + 1 if busy < IDLE * INTERVAL else 0
        if self._unseen and self._idle >= IDLE_STEPS:
            self._unseen = False
            gc.unfreeze()
            gc.collect()
            gc.freeze()

    def _again(self) -> None:
        self._loop.call_later(INTERVAL, self._due)

    def _due(self) -> None:
        self.step(gc.get_count()[0], time.process_time())
        self._again()
