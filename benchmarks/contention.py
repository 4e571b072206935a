"""Streams that go on while others come and go: what reserving and releasing does to their packets."""

import asyncio
import time

from benchmarks.load import Step
from benchmarks.options import Options
from benchmarks.processes import Group
from benchmarks.systems import Agw, native_or_portable

HELD_STREAMS, SENDING, RATE = 4500, 100, 200


async def run(group: Group, options: Options) -> int:
    """Print lateness with and without the churn; return how many packets were damaged or lost."""
    held, sending, seconds = (
        (50, 5, 0.3) if options.quick else (HELD_STREAMS, SENDING, max(options.seconds, 5.0))
    )
    if native_or_portable() == "portable":
        held = min(held, 1000)
    failures = 0
    async with Agw(group, "cm80", native_or_portable()) as system:
        await system.ensure(held)
        for _ in range(options.repetitions):
            failures += _print(held, "nothing else", await system.run(sending, seconds), 0.0)
            churn = _Churn(system)
            async with churn:
                step = await system.run(sending, seconds)
            failures += _print(held, "others come and go", step, churn.rate)
    return failures


class _Churn:
    """Opens and releases RATE streams a second while it is entered."""

    def __init__(self, system: Agw) -> None:
        self.rate = 0.0
        self._system = system
        self._done = 0
        self._over = False

    async def __aenter__(self) -> None:
        self._started = time.monotonic()
        self._task = asyncio.ensure_future(self._churn())

    async def __aexit__(self, *_: object) -> None:
        self.rate = self._done / (time.monotonic() - self._started)
        self._over = True
        await self._task

    async def _churn(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            begun = 0
            while not self._over:
                due = int((time.monotonic() - self._started) * RATE)
                for _ in range(due - begun):
                    tasks.create_task(self._one())
                begun = max(begun, due)
                await asyncio.sleep(0.002)

    async def _one(self) -> None:
        made = await self._system.make(1)
        await self._system.edge.release(made[0].context)
        self._done += 1


def _print(held: int, beside: str, step: Step, rate: float) -> int:
    churn = f" at {rate:.0f}/s" if rate else ""
    print(
        f"{held} streams held, {step.streams} sending, {beside + churn:28s} late {step.late} of {step.sent}, "
        f"over 20 ms {step.slow}; p50 {step.p50:.2f}, p99 {step.p99:.2f}, worst {step.worst:.2f} ms; "
        f"{step.cores:.2f} cores; generator behind by {1000 * step.lag:.1f} ms, stolen {step.stolen:.2f} s",
        flush=True,
    )
    return step.bad + step.late
