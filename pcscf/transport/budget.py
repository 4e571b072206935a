"""Octets that connections keep in memory, bounded for all of them together. No sockets."""

import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

#: Of the bound, what is free again once connections had to give way: one look at all of them serves many.
MARGIN = 8

K = TypeVar("K", bound=Hashable)


class Budget(Generic[K]):
    """Who holds how much, and who gives way above ``limit`` octets.

    Of the source that holds most, the connection that has held something for longest: a message that is on
    its way for a moment stays, and a source that fills the memory does so at its own cost. Connections of
    sources that are "", which are trusted, come last.
    """

    __slots__ = ("_held", "_limit", "total")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[K, tuple[str, int]] = {}  # in the order in which they began to hold something
        self.total = 0

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, holder: K, source: str, octets: int) -> bool:
        """Note that ``holder`` has ``octets``; tell whether it is too much for all of them."""
        known = self._held.get(holder)
        if known is not None:
            self.total -= known[1]
        if octets:
            self._held[holder] = source, octets
            self.total += octets
        elif known is not None:
            del self._held[holder]
        return self.total > self._limit

    def release(self, measure: Callable[[K], int]) -> list[K]:
        """Take off and return those who have to give way. measure: what a holder has at present."""
        by_source: defaultdict[str, deque[K]] = defaultdict(deque)
        sums: defaultdict[str, int] = defaultdict(int)
        for holder, (source, _) in list(self._held.items()):
            octets = measure(holder)
            self.hold(holder, source, octets)
            if octets:
                by_source[source].append(holder)
                sums[source] += octets
        gone: list[K] = []
        if self.total <= self._limit:
            return gone
        largest = [(not source, -octets, source) for source, octets in sums.items()]
        heapq.heapify(largest)
        while largest and self.total > self._limit - self._limit // MARGIN:
            trusted, octets, source = heapq.heappop(largest)
            holder = by_source[source].popleft()
            octets += self._held[holder][1]
            self.hold(holder, source, 0)
            gone.append(holder)
            if octets:
                heapq.heappush(largest, (trusted, octets, source))
        return gone
