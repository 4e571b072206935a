"""Streams that get packets which fail authentication: counted by the engine, watched here, told on Iq."""

from agw.control.contexts import Contexts
from agw.control.legs import SDES
from agw.control.termination import End
from agw.engine.api import DropReason
from iq.procedures import AuthenticationFailures

THRESHOLD = 100
"""Packets of one stream within PERIOD that are told of (``limits.auth_failures``)."""
PERIOD = 60.0
"""Seconds. A stream is told of once in each."""
MAX_LOOKED_AT = 500
"""Terminations of one tick; the rest wait for the next."""


class Forgeries:
    """Looks at the counters of all protected streams in turn. told: reports so far."""

    def __init__(self, contexts: Contexts, threshold: int = THRESHOLD, at_once: int = MAX_LOOKED_AT) -> None:
        self.told = 0
        self._contexts = contexts
        self._threshold = threshold
        self._at_once = at_once
        self._round: list[str] = []

    def tick(self, now: float) -> list[tuple[int, AuthenticationFailures]]:
        """What to tell, with its context. now: loop time."""
        terminations = self._contexts.terminations
        if not self._round:
            self._round = list(terminations)
        turn, self._round = self._round[: self._at_once], self._round[self._at_once :]
        reports = []
        for name in turn:
            termination = terminations.get(name)
            if termination is None:
                continue
            for end in termination.ends.values():
                if end.transport.upper() in SDES and (count := self._exceeded(end, now)):
                    report = AuthenticationFailures(name, end.id, count)
                    reports.append((termination.context.id, report))
        self.told += len(reports)
        return reports

    def _exceeded(self, end: End, now: float) -> int:
        """How many there were since the last report, or in this period; 0: too few to tell of now."""
        watch = end.forgeries
        if watch.told and now < watch.until:
            return 0
        failed = self._contexts.media.state(end).counters.drops[DropReason.AUTH]
        count = failed - watch.before
        told = count >= self._threshold
        if told or now >= watch.until:
            watch.before, watch.until, watch.told = failed, now + PERIOD, told
        return count if told else 0
