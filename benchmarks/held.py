"""Memory of calls that are held without media, and what is left of it when they have ended.

Two waves: what the second one does not leave behind is not a leak but memory that will be used again.
"""

import time

from benchmarks.options import Options
from benchmarks.processes import resident
from benchmarks.sides import EDGE, Side
from benchmarks.sipp import Calls, Sipp

RATE = 100
#: Seconds until the transactions of a call have ended: Timers H, J, L and M are 32 s.
SETTLED = 36.0
#: kB per 1000 calls of the second wave that may be left: what waits for the garbage collector differs by so
#: much. A call that stayed would be 20,000.
LEFT = 5000.0

#: kB of resident memory by process: before; with the first calls held, after them; the same of the second.
Moments = list[dict[str, int]]


def run(options: Options, sipp: Sipp, sides: list[Side]) -> int:
    """Print the table; return the number of our calls that were lost, or 1 where memory was left behind."""
    settled = 1.0 if options.quick else SETTLED
    moments: dict[str, Moments] = {side.name: [] for side in sides}
    _look(sides, moments)
    lost = 0
    for _ in range(2):
        lost += _wave(options.calls, settled, sipp, sides, moments)
    print(f"{options.calls} calls held without media, twice; MB of resident memory, and kB a call")
    print("           before   held  released  held again  released", end="")
    print("   kB a call: held  released  again  released")
    left = {name: _print(found, options.calls) for name, found in moments.items()}
    return lost or int(not options.quick and left[EDGE] > LEFT)


def _look(sides: list[Side], moments: dict[str, Moments]) -> None:
    for side in sides:
        moments[side.name].append({part: resident(pids) for part, pids in side.pids.items()})


def _wave(calls: int, settled: float, sipp: Sipp, sides: list[Side], moments: dict[str, Moments]) -> int:
    """Hold the calls of all at a time, look, let them end, look again; return our lost calls."""
    ramp = calls / RATE
    hold = int((ramp + settled + 2) * 1000)
    runs = [sipp.call(side.edge, side.ue, RATE, calls, hold=hold) for side in sides]
    time.sleep(ramp + settled + 1)
    _look(sides, moments)
    ended: list[Calls] = [run.wait() for run in runs]
    time.sleep(settled)
    _look(sides, moments)
    return ended[0].lost


def _print(moments: Moments, calls: int) -> float:
    """Print a line for each process; return kB that 1000 calls of the second wave left."""
    start, first, after, second, end = moments
    for part in start:
        sizes = [one[part] / 1024 for one in moments]
        more = [
            (first[part] - start[part]) / calls,
            (after[part] - start[part]) / calls,
            (second[part] - after[part]) / calls,
            (end[part] - after[part]) / calls,
        ]
        print(
            f"{part:9s}{sizes[0]:8.1f}{sizes[1]:7.1f}{sizes[2]:10.1f}{sizes[3]:12.1f}{sizes[4]:10.1f}"
            f"{more[0]:18.1f}{more[1]:10.1f}{more[2]:7.1f}{more[3]:10.1f}"
        )
    return sum(end[part] - after[part] for part in start) * 1000 / calls
