"""What a second worker thread brings: at equal load in CPU, and with a backlog in packets a second.

Both CPUs are the gateway's. The backlog needs no generator at the same time: the gateway is stopped for less
than what it takes as a stall, the sockets are filled, and it goes on alone.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from benchmarks import report
from benchmarks.errors import BenchmarkFailed
from benchmarks.options import Options
from benchmarks.processes import DRIVER, SUBJECT, Group
from benchmarks.systems import Agw, native_or_portable

STREAMS = 1000
#: Packets in each direction of a stream that the sockets are to hold, and seconds for sending them.
PACKETS, FILL = 60, 0.6
#: Share of the backlog that has to come back: after a second's standstill the gateway drops it as stale.
WHOLE = 0.99
TRIES = 3


@dataclass
class Subject:
    """A gateway; us of CPU per packet at equal load and with a backlog, packets/s with a backlog; by run."""

    system: Agw
    costs: list[float] = field(default_factory=list)
    backlog_costs: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    async def measure(self, streams: int, seconds: float) -> int:
        """Do one of each; returns how many packets were damaged."""
        step = await self.system.run(streams, seconds)
        self.costs.append(step.cost)
        bad: int = step.bad
        for _ in range(TRIES):
            found = await self.system.load.backlog(streams, PACKETS, FILL)
            bad += found["bad"]
            if found["back"] >= WHOLE * found["sent"]:
                break
        else:
            raise BenchmarkFailed(f"{self.system.name}: {found['back']} of {found['sent']} came back")
        self.rates.append(found["back"] / found["seconds"])
        self.backlog_costs.append(found["cpu"] * 1e6 / found["back"])
        return bad


async def run(group: Group, options: Options) -> int:
    """Print the figures; return how many packets were damaged."""
    kind = native_or_portable()
    workers = (1, 2) if kind == "native" else (1,)
    streams, seconds = (20, 0.2) if options.quick else (STREAMS, options.seconds)
    if kind == "portable":
        streams = min(streams, 100)
    bad = 0
    for mode in ("cm80", "plain"):
        async with AsyncExitStack() as stack:
            both = frozenset({SUBJECT, DRIVER})
            subjects = [
                Subject(await stack.enter_async_context(Agw(group, mode, kind, count, both)))
                for count in workers
            ]
            for _ in range(options.repetitions):
                for subject in subjects:
                    bad += await subject.measure(streams, seconds)
        for subject in subjects:
            costs, backlog = report.spread(subject.costs, 2), report.spread(subject.backlog_costs, 2)
            rates = report.spread([rate / 1000 for rate in subject.rates], 0)
            print(
                f"{mode:5s} {streams} streams  {subject.system.name:9s} {costs} us at equal load; "
                f"backlog {rates} k packets/s, {backlog} us"
            )
        if len(subjects) == 2:
            one, two = subjects
            ratios = [more / less for less, more in zip(one.rates, two.rates, strict=True)]
            print(f"{mode:5s} two workers / one: {report.spread(ratios, 2)} times the packets/s", flush=True)
    return bad
