"""A bound on the requests of one source address. Pure."""

#: Source addresses watched at a time; beyond, the whole table starts anew (it is one second's work).
MAX_SOURCES = 65_536


class RateLimit:
    """Admit at most ``per_second`` messages of one source in each second of the caller's clock."""

    __slots__ = ("_counts", "_per_second", "_until")

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._counts: dict[str, int] = {}
        self._until = 0.0

    def admit(self, source: str, now: float) -> bool:
        """Count a message of ``source``; False where it is one too many. now: seconds."""
        counts = self._counts
        if now >= self._until or len(counts) > MAX_SOURCES:
            counts.clear()
            self._until = now + 1.0
        count = counts.get(source, 0) + 1
        counts[source] = count
        return count <= self._per_second
