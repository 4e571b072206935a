"""CPU per call: INVITE, 180, 200, ACK, BYE, 200 with reserve, configure and release at the gateway.

Ours and Kamailio + rtpengine are up at the same time and take turns, driven by the same SIPp scenarios:
machines differ, and one machine differs from minute to minute; what holds is the ratio within one run.
"""

import statistics
import time
from dataclasses import dataclass

from benchmarks import report
from benchmarks.machine import Steal
from benchmarks.options import Options
from benchmarks.processes import quiet
from benchmarks.sides import EDGE, Side
from benchmarks.sipp import HELD, Calls, Sipp

#: Seconds after the last call until everything that belongs to it is gone: Timers H, J, L, M are 32 s.
AFTERMATH = 36.0


@dataclass
class Step:
    """One run at one rate; cost: ms of CPU per call that succeeded, by process."""

    calls: Calls
    cost: dict[str, float]
    seconds: float
    stolen: float

    @property
    def total(self) -> float:
        return sum(self.cost.values())


@dataclass
class Clocks:
    """Of a side: cores that each process uses idle, its CPU clock before the first run; calls since then."""

    idle: dict[str, float]
    before: dict[str, float]
    calls: int = 0


def run(options: Options, sipp: Sipp, sides: list[Side]) -> int:
    """Print the table; return how many of our calls were lost at rates that were to be held."""
    with quiet():
        clocks = _idle(sides, 1.0 if options.quick else 4.0)
    started = time.monotonic()
    steps = _steps(options, sipp, sides, clocks)
    if not options.quick:
        _aftermath(sides, clocks, started)
    return _lost(steps)


def _idle(sides: list[Side], seconds: float) -> dict[str, Clocks]:
    """Measure what the processes use while nothing happens, and remember where their clocks stand."""
    before = {side.name: side.cpu() for side in sides}
    time.sleep(seconds)
    clocks = {}
    for side in sides:
        now = side.cpu()
        idle = {part: (now[part] - before[side.name][part]) / seconds for part in now}
        clocks[side.name] = Clocks(idle, now)
    cores = ", ".join(f"{part} {value:.4f}" for one in clocks.values() for part, value in one.idle.items())
    print(f"idle      {cores} cores")
    return clocks


def _steps(
    options: Options, sipp: Sipp, sides: list[Side], clocks: dict[str, Clocks]
) -> dict[tuple[str, int], list[Step]]:
    found: dict[tuple[str, int], list[Step]] = {}
    print(f"{options.seconds:g} s a run, {options.repetitions} runs a rate, in turn; ms of CPU per call")
    for rate in options.rates:
        for _ in range(options.repetitions):
            for side in sides:
                step = _one(sipp, side, rate, options.seconds)
                found.setdefault((side.name, rate), []).append(step)
                clocks[side.name].calls += step.calls.succeeded
        for side in sides:
            _print(side.name, rate, found[side.name, rate])
        if len(sides) == 2:
            ours, theirs = (_median(found[side.name, rate]) for side in sides)
            print(f"{rate:6d}/s  edge / peers = {ours / theirs:.2f}")
    return found


def _one(sipp: Sipp, side: Side, rate: int, seconds: float) -> Step:
    calls = max(1, round(rate * seconds))
    with quiet():
        steal, before, started = Steal(), side.cpu(), time.monotonic()
        counted = sipp.call(side.edge, side.ue, rate, calls).wait()
        after, ended = side.cpu(), time.monotonic()
    cost = {p: (after[p] - before[p]) * 1e3 / max(counted.succeeded, 1) for p in after}
    return Step(counted, cost, ended - started, steal.seconds())


def _print(name: str, rate: int, steps: list[Step]) -> None:
    parts = "  ".join(
        f"{part} {report.spread([step.cost[part] for step in steps])}" for part in steps[0].cost
    )
    lost = sum(step.calls.lost for step in steps)
    again = sum(step.calls.retransmissions for step in steps)
    stolen = sum(step.stolen for step in steps)
    print(
        f"{rate:6d}/s  {name:21s} {report.spread([s.total for s in steps])} = {parts}  "
        f"lost {lost} of {sum(s.calls.succeeded + s.calls.lost for s in steps)}, "
        f"retransmissions {again}" + (f", stolen {stolen:.1f} s" if stolen >= 0.1 else ""),
        flush=True,
    )


def _median(steps: list[Step]) -> float:
    return statistics.median(step.total for step in steps)


def _aftermath(sides: list[Side], clocks: dict[str, Clocks], started: float) -> None:
    """All CPU from the first run to the end of the last timer, less idle, over all calls.

    A run ends before the timers of its transactions do: this is the figure that leaves out nothing.
    """
    time.sleep(AFTERMATH)
    for side in sides:
        now, seconds, clock = side.cpu(), time.monotonic() - started, clocks[side.name]
        cost = {
            part: (now[part] - clock.before[part] - clock.idle[part] * seconds) * 1e3 / max(clock.calls, 1)
            for part in now
        }
        parts = "  ".join(f"{part} {value:.3f}" for part, value in cost.items())
        print(f"all calls {side.name:21s} {sum(cost.values()):.3f} = {parts}  with all that follows them")


def _lost(steps: dict[tuple[str, int], list[Step]]) -> int:
    lost = 0
    for (name, _), runs in steps.items():
        if name == EDGE:
            gone = sum(step.calls.lost for step in runs)
            if gone > HELD * sum(step.calls.succeeded + step.calls.lost for step in runs):
                lost += gone
    return lost
