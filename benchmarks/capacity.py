"""How many calls, and how many registrations, a second one core carries: all processes of a side share it.

A rate holds where at most a thousandth of its calls is lost and at most a hundredth of the requests had to be
repeated: a queue that only grows loses nobody within seconds, but it makes SIP's 500 ms pass.
"""

import resource
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks import report
from benchmarks.machine import Steal
from benchmarks.options import Options
from benchmarks.processes import cpu_seconds, free_port, quiet
from benchmarks.search import HOP, Search
from benchmarks.sides import EDGE, Side
from benchmarks.sipp import HELD, Calls, Run, Sipp

#: Share of calls whose requests may be repeated.
REPEATED = 0.01
#: A machine that is taken away for a moment fails a step, too: one clean run of so many is enough.
TRIES = 2
#: Rates that the searches begin with.
FIRST_CALLS, FIRST_REGISTRATIONS = 200.0, 200.0
#: Users that register in turn.
USERS = 10_000

Place = Callable[[Side, float, int], Run]


@dataclass(frozen=True, slots=True)
class Step:
    """One run at a rate. cores: CPU of the side's processes for all that came, over the time that it came in;
    driver: the same of SIPp's."""

    rate: float
    calls: Calls
    cores: float
    driver: float
    stolen: float

    @property
    def held(self) -> bool:
        total = self.calls.all
        return self.calls.lost <= HELD * total and self.calls.retransmissions <= REPEATED * total

    def __str__(self) -> str:
        stolen = f", stolen {self.stolen:.1f} s" if self.stolen >= 0.1 else ""
        # A rate that does not hold is answered in part, and in part later.
        cores = f", {self.cores:.2f} cores, SIPp {self.driver:.2f}" if self.held else ""
        return (
            f"{self.rate:.0f}/s: lost {self.calls.lost} of {self.calls.all}, "
            f"{self.calls.retransmissions} retransmissions{cores}{stolen}"
        )


@dataclass(slots=True)
class Found:
    """What the searches of one side came to: the step that held and the one above it, for each repetition."""

    held: list[Step] = field(default_factory=list)
    above: list[Step] = field(default_factory=list)


def calls(options: Options, sipp: Sipp, sides: list[Side]) -> int:
    """Print how many calls a second hold; return 1 where not even the lowest rate of ours did."""

    def place(side: Side, rate: float, count: int) -> Run:
        return sipp.call(side.edge, side.ue, rate, count)

    return _measure("calls", place, FIRST_CALLS, options, sipp, sides)


def registrations(options: Options, sipp: Sipp, sides: list[Side]) -> int:
    """The same for registrations: REGISTER, 401, REGISTER with digest, 200."""
    ports = {side.name: free_port() for side in sides}

    def place(side: Side, rate: float, count: int) -> Run:
        return sipp.run("register_digest.xml", side.edge, ports[side.name], rate, count, users=USERS)

    return _measure("registrations", place, FIRST_REGISTRATIONS, options, sipp, sides)


def _measure(what: str, place: Place, first: float, options: Options, sipp: Sipp, sides: list[Side]) -> int:
    print(
        f"{what} a second on one core; {options.seconds:g} s a step, {TRIES} tries, {options.repetitions} "
        f"searches; held: at most {HELD:.1%} lost, {REPEATED:.0%} repeated"
    )
    found = {side.name: Found() for side in sides}
    for _ in range(options.repetitions):
        _search(place, first, options, sipp, sides, found)
    middle = {}
    for side in sides:
        one = found[side.name]
        if one.held:
            middle[side.name] = report.middle([step.rate for step in one.held])
            per_core = [step.rate / max(step.cores, 0.01) for step in one.held]
            print(
                f"{what} {side.name:21s} {report.spread([step.rate for step in one.held], 0)} a second held; "
                f"a core used {report.spread(per_core, 0)}"
            )
        else:
            print(f"{what} {side.name:21s} not even the lowest rate held")
        for step in one.above:
            print(f"  the step above: {step}")
    if len(middle) == 2:
        ours, theirs = middle.values()
        print(f"{what} edge / peers = {ours / theirs:.2f}", flush=True)
    return int(EDGE not in middle)


def _search(
    place: Place, first: float, options: Options, sipp: Sipp, sides: list[Side], found: dict[str, Found]
) -> None:
    """One search for each side; they take turns, a step each."""
    searches: dict[str, Search] = {}
    best: dict[str, Step] = {}
    above: dict[str, Step] = {}
    for side in sides:
        before = found[side.name].held
        searches[side.name] = Search(before[-1].rate, HOP) if before else Search(first)
    while any(search.rate is not None for search in searches.values()):
        for side in sides:
            search = searches[side.name]
            if search.rate is None:
                continue
            step = _try(place, search.rate, options, sipp, side)
            print(f"  {side.name:21s} {step}", flush=True)
            (best if step.held else above)[side.name] = step
            search.tell(held=step.held)
            if options.quick and search.steps == 2:
                search.rate = None
    for side in sides:
        if side.name in best:
            found[side.name].held.append(best[side.name])
        if side.name in above:
            found[side.name].above.append(above[side.name])


def _try(place: Place, rate: float, options: Options, sipp: Sipp, side: Side) -> Step:
    for _ in range(TRIES):
        step = _one(place, rate, options.seconds, sipp, side)
        if step.held:
            break
        side.calm_down()
    return step


def _one(place: Place, rate: float, seconds: float, sipp: Sipp, side: Side) -> Step:
    count = max(1, round(rate * seconds))
    with quiet():
        steal, driver, before = Steal(), _driver(sipp), side.cpu()
        counted = place(side, rate, count).wait()
        used, load = sum(side.cpu().values()) - sum(before.values()), count / rate
        return Step(rate, counted, used / load, (_driver(sipp) - driver) / load, steal.seconds())


def _driver(sipp: Sipp) -> float:
    """Seconds of CPU of SIPp: of what serves, and of what has ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return cpu_seconds(sipp.serving) + ended.ru_utime + ended.ru_stime
