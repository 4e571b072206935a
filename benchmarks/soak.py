"""A long run at a steady rate: what grows, and what is left when all calls have ended.

Calls that are answered, put on hold by a re-INVITE, cancelled and refused, and registrations that are
challenged, refreshed and ended. Every few seconds the daemons' memory, open files and gauges are read.
"""

import contextlib
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks import verdicts
from benchmarks.edge import Edge, describe_limits
from benchmarks.errors import BenchmarkFailed
from benchmarks.options import Options
from benchmarks.processes import Child, Group, free_port
from benchmarks.sipp import Calls, Run, Sipp
from benchmarks.watching import LOG_OCTETS, Watched

#: Kind, scenario, who is called, share of the rate. Registrations come on top of the calls.
MIX = (
    ("answered", "uac.xml", "bob", 0.4),
    ("re-INVITE", "uac_again.xml", "again", 0.2),
    ("cancelled", "uac_cancel.xml", "ring", 0.2),
    ("refused", "uac_refused.xml", "busy", 0.2),
    ("registrations", "register_life.xml", "", 0.2),
)
#: ms of each pause in a scenario: how long a call is held or rings, a registration lasts.
HOLD = 2000
#: Seconds that calls under way get to end.
ENDING = 20.0
#: Different users that register in turn.
USERS = 1000
#: Seconds between two samples, less in a run that has not so many; the most samples of a run.
EVERY, SAMPLES, MOST = 5.0, 60, 2000
#: Seconds after which what fills up is full, and growth is fitted: the transactions of the last 32 s, the
#: heap, which finds its size in the first minutes. A quarter of a shorter run, of which less can be told, and
#: the transactions at least.
WARM_UP, LEAST_WARM_UP = 300.0, 60.0
#: Seconds after the load until everything that belongs to it is gone: Timers H, J, L and M are 32 s.
SETTLED = 40.0
#: Seconds between two looks at whether the load has ended or somebody wants to end it.
STEP = 0.2


@dataclass
class Soak:
    """What is under way. times: seconds of each sample since the load began; the first one is from before."""

    watched: list[Watched]
    runs: dict[str, Run] = field(default_factory=dict)
    serving: list[Child] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    interrupted: bool = False

    def look(self, now: float) -> None:
        for one in self.watched:
            one.look()
            one.read_log()
        self.times.append(now)
        for child in (*self.serving, *(run.child for run in self.runs.values())):
            if child.log.stat().st_size > LOG_OCTETS:
                child.log.open("wb").close()  # SIPp's screens


def run(options: Options) -> int:
    """Print the table; return how much was wrong: calls lost, what grew or stayed, errors logged."""
    seconds = options.minutes * 60
    settled = 1.0 if options.quick else SETTLED
    with Group() as group:
        sipp = Sipp(group)
        sipp.serve("uas_mix.xml", "registrar_life.xml")
        edge = Edge(group, sipp.registrar)
        children = {"pcscf": edge.pcscf, "agw": edge.agw}
        soak = Soak([Watched(name, child, edge.admin[name]) for name, child in children.items()])
        soak.serving = sipp.children
        ports = {kind: free_port() for kind, *_ in MIX}
        for port in ports.values():
            sipp.register(edge.access, port)
        print(
            f"{options.minutes:g} minutes, {options.rate:g} calls/s of {HOLD / 1000:g} s and more, "
            f"{options.rate * MIX[-1][3]:g} registrations/s of {USERS} users\n{describe_limits()}",
            flush=True,
        )
        broken = ""
        counted: dict[str, Calls] = {}
        with _interrupts(soak):
            try:
                _settle(soak, settled, patiently=False)  # the transactions of the registrations
                soak.look(0.0)
                for kind, scenario, to, share in MIX:
                    rate = options.rate * share
                    count = max(1, round(rate * seconds))
                    soak.runs[kind] = sipp.run(
                        scenario, edge.access, ports[kind], rate, count,
                        hold=HOLD, to=to, users=USERS, every=10,
                    )  # fmt: skip
                loaded = _load(soak, seconds)
                for one in soak.runs.values():
                    one.no_more()
                counted = {kind: one.wait(ENDING) for kind, one in soak.runs.items()}
                _settle(soak, settled, patiently=True)
                soak.look(loaded)
            except BenchmarkFailed as failed:
                broken = str(failed)
        warm_up = min(WARM_UP, max(seconds / 4, LEAST_WARM_UP))
        wrong = verdicts.tell(soak.times, soak.watched, counted, warm_up, options.quick)
    if broken:
        raise BenchmarkFailed(broken)
    return wrong


def _load(soak: Soak, seconds: float) -> float:
    """Sample until the load is over or somebody ends it; return how many seconds that were."""
    every = max(1.0, min(EVERY, seconds / SAMPLES), seconds / MOST)
    started = time.monotonic()
    due = every
    while (now := time.monotonic() - started) < seconds and not soak.interrupted:
        if now >= due:
            soak.look(now)
            due += every * max(1, int((now - due) / every) + 1)
        time.sleep(min(STEP, max(due - now, 0.0)))
    return time.monotonic() - started


def _settle(soak: Soak, seconds: float, *, patiently: bool) -> None:
    """Wait; patiently: also for somebody who wants to end it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and (patiently or not soak.interrupted):
        time.sleep(STEP)
        for one in soak.watched:
            one.child.alive()


@contextlib.contextmanager
def _interrupts(soak: Soak) -> Iterator[None]:
    """The first SIGINT or SIGTERM ends the load and no more; a second one ends everything."""

    def interrupt(*_: object) -> None:
        if soak.interrupted:
            raise KeyboardInterrupt
        soak.interrupted = True
        print("interrupted: no more calls, those under way may end", flush=True)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
