"""Timers as queues of constant length, swept by one tick.

SIP has few different timer lengths and nearly every timer is stopped before it fires, so each length has a
queue whose entries are in the order of their deadlines: start and stop are O(1) and touch no event loop.
"""

from collections import deque
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any

#: Lengths with a queue of their own; timers of further lengths share one heap (peers may choose lengths).
MAX_QUEUES = 64
#: A queue is swept of stopped timers when they are more than half of it and at least so many.
MIN_SWEEP = 1024


class Timer:
    """One timer. ``item`` and ``name`` are the caller's; ``item`` is None once it is stopped or has fired."""

    __slots__ = ("deadline", "item", "name", "queue")

    def __init__(self, deadline: float, item: Any, name: Any, queue: "_Queue") -> None:
        self.deadline = deadline
        self.item = item
        self.name = name
        self.queue = queue


class _Queue:
    """Timers of one length, the earliest first."""

    __slots__ = ("stopped", "timers")

    def __init__(self) -> None:
        self.timers: deque[Timer] = deque()
        self.stopped = 0

    def sweep(self) -> None:
        self.timers = deque(timer for timer in self.timers if timer.item is not None)
        self.stopped = 0

    def push(self, timer: Timer) -> None:
        self.timers.append(timer)

    def first(self) -> Timer | None:
        return self.timers[0] if self.timers else None

    def __len__(self) -> int:
        return len(self.timers)

    def pop(self) -> None:
        self.timers.popleft()


class _Heap(_Queue):
    """Timers of any length."""

    __slots__ = ("_order", "heap")

    def __init__(self) -> None:
        super().__init__()
        self.heap: list[tuple[float, int, Timer]] = []
        self._order = count()

    def sweep(self) -> None:
        self.heap = [entry for entry in self.heap if entry[2].item is not None]
        heapify(self.heap)
        self.stopped = 0

    def push(self, timer: Timer) -> None:
        heappush(self.heap, (timer.deadline, next(self._order), timer))

    def first(self) -> Timer | None:
        return self.heap[0][2] if self.heap else None

    def __len__(self) -> int:
        return len(self.heap)

    def pop(self) -> None:
        heappop(self.heap)


class TimerQueues:
    """All timers of one owner; ``len()`` is how many run. The caller brings the time, in seconds."""

    __slots__ = ("_heap", "_queues", "_running")

    def __init__(self) -> None:
        self._queues: dict[float, _Queue] = {}
        self._heap = _Heap()
        self._running = 0

    def __len__(self) -> int:
        return self._running

    def start(self, length: float, item: Any, now: float, name: Any = None) -> Timer:
        """Start a timer that is due at ``now + length``. ``item`` must not be None."""
        queue = self._queues.get(length)
        if queue is None:
            if len(self._queues) < MAX_QUEUES:
                queue = self._queues[length] = _Queue()
            else:
                queue = self._heap
        timer = Timer(now + length, item, name, queue)
        queue.push(timer)
        self._running += 1
        return timer

    def stop(self, timer: Timer | None) -> None:
        """Stop ``timer``; one that has fired, was stopped or is None changes nothing."""
        if timer is None or timer.item is None:
            return
        timer.item = None
        self._running -= 1
        queue = timer.queue
        queue.stopped += 1
        if queue.stopped >= MIN_SWEEP and queue.stopped * 2 > len(queue):
            queue.sweep()

    def due(self, now: float) -> Iterator[tuple[Any, Any]]:
        """Yield (item, name) of each timer that is due. Timers may be started and stopped meanwhile."""
        for length, queue in [*self._queues.items(), (None, self._heap)]:
            while (timer := queue.first()) is not None and (timer.item is None or timer.deadline <= now):
                queue.pop()
                if timer.item is None:
                    queue.stopped -= 1
                    continue
                item, timer.item = timer.item, None
                self._running -= 1
                yield item, timer.name
            if length is not None and queue.first() is None:
                del self._queues[length]
