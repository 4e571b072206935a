"""Whether the process keeps up with its input. Pure: the shell measures, this judges, with hysteresis."""

#: Samples in a row that have to be late before it counts: one long pause is over when it is seen.
LATE_SAMPLES = 2
#: Of the limit: what is calm again, and how long it has to stay so (seconds).
CALM_SHARE = 0.25
CALM_FOR = 1.0


class Overload:
    """``on`` from when input waits for longer than ``limit`` seconds until it has long been in time again.

    lag: the last sample. since, refused: of the episode going on or the last one: when it began, and what
    was refused for it.
    """

    __slots__ = ("_calm_since", "_late", "_limit", "lag", "on", "refused", "since")

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._late = 0
        self._calm_since: float | None = None
        self.on = False
        self.lag = 0.0
        self.since = 0.0
        self.refused = 0

    def measure(self, lag: float, now: float) -> bool:
        """Take a sample: input waits for ``lag`` seconds. Tell whether ``on`` has changed."""
        self.lag = lag
        if not self.on:
            self._late = self._late + 1 if lag > self._limit else 0
            if self._late < LATE_SAMPLES:
                return False
            self.on, self.since, self.refused, self._calm_since = True, now, 0, None
            return True
        if lag > self._limit * CALM_SHARE:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= CALM_FOR:
            self.on, self._late = False, 0
            return True
        return False
