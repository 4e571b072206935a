"""How many streams a relay carries: upwards till more than a thousandth of the packets comes late."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.load import Step
from benchmarks.systems import System

LADDER = (
    100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400, 1500, 1600, 1700, 1800,
    1900, 2000, 2200, 2400, 2600, 2800, 3000, 3300, 3600, 4000,
)  # fmt: skip
#: Where the search begins, for the portable engine and for all others.
_FIRST_PORTABLE, _FIRST = 300, 1000
#: A machine that is taken away for a moment fails a step, too: one clean run of so many is enough.
TRIES = 3


@dataclass(slots=True)
class Saturation:
    """held: the highest step that held, None if none did; failed: the one after it."""

    held: Step | None = None
    failed: Step | None = None

    def __str__(self) -> str:
        if self.held is None:
            return "not even the lowest step held"
        step = self.held
        text = (
            f"{step.streams:5d} streams held: {step.rate / 1000:.0f} k packets/s at {step.cores:.2f} cores = "
            f"{step.per_core / 1000:.0f} k per core, {step.cost:.2f} us"
        )
        if self.failed is None:
            return f"{text}; the last step there is"
        late = 100 * self.failed.late / max(self.failed.sent, 1)
        text += f"; {self.failed.streams} streams: {late:.2f} % late at {self.failed.cores:.2f} cores"
        if self.failed.cores < 0.95 < self.failed.generator:
            text += " (the load generator is at its end)"
        return text


class _Search:
    def __init__(self, system: System, ladder: Sequence[int]) -> None:
        first = _FIRST_PORTABLE if system.name == "portable" else _FIRST
        self.result = Saturation()
        self.done = False
        self._system = system
        self._ladder = ladder
        self._at = min(len(ladder) - 1, sum(step < first for step in ladder))

    async def go_on(self, seconds: float) -> None:
        """Try the next step."""
        step = await self._try(self._ladder[self._at], seconds)
        if step.held:
            self.result.held = step
            self._at += 1
            self.done = self.result.failed is not None or self._at == len(self._ladder)
        else:
            self.result.failed = step
            self._at -= 1
            self.done = self.result.held is not None or self._at < 0

    async def _try(self, streams: int, seconds: float) -> Step:
        for _ in range(TRIES):
            step = await self._system.run(streams, seconds)
            if step.held:
                break
        return step


async def saturate(
    systems: Sequence[System], seconds: float, ladder: Sequence[int] = LADDER
) -> dict[str, Saturation]:
    """By name of the system. They take turns, a step each."""
    searches = {system.name: _Search(system, ladder) for system in systems}
    while running := [search for search in searches.values() if not search.done]:
        for search in running:
            await search.go_on(seconds)
    return {name: search.result for name, search in searches.items()}
