"""CPU per call: INVITE, 180, 200, ACK, BYE, 200 with reserve, configure and release at the gateway.

Ours and Kamailio + rtpengine are up at the same time and take turns, driven by the same SIPp scenarios:
machines differ, and one machine differs from minute to minute; what holds is the ratio within one run.
"""

import statistics
import time
from dataclasses import dataclass, field

from benchmarks import report
from benchmarks.edge import Edge
from benchmarks.machine import Steal
from benchmarks.options import Options
from benchmarks.peers.kamailio import Kamailio
from benchmarks.peers.rtpengine import RtpEngine
from benchmarks.processes import Child, Group, cpu_seconds, free_port, quiet
from benchmarks.sipp import Calls, Sipp

#: Calls before the first measured one, and their rate.
WARM_UP = 100
#: Seconds after the last call until everything that belongs to it is gone: Timers H, J, L, M are 32 s.
AFTERMATH = 36.0
#: Share of calls that may be lost before a rate counts as not held.
HELD = 0.001


@dataclass
class System:
    """One of the two that are compared: its processes, where UEs find it, and the UE's own port."""

    name: str
    parts: dict[str, Child]
    edge: int
    ue: int = field(default_factory=free_port)
    calls: int = 0
    pids: dict[str, list[int]] = field(default_factory=dict)
    idle: dict[str, float] = field(default_factory=dict)
    before: dict[str, float] = field(default_factory=dict)

    def cpu(self) -> dict[str, float]:
        return {part: cpu_seconds(pids) for part, pids in self.pids.items()}


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


def run(options: Options) -> int:
    """Print the table; return how many of our calls were lost at rates that were to be held."""
    with Group() as group:
        sipp = Sipp(group)
        sipp.serve()
        edge = Edge(group, sipp.registrar)
        systems = [System("edge", {"pcscf": edge.pcscf, "agw": edge.agw}, edge.access)]
        sipp.register(edge.access, systems[0].ue)
        if options.peers:
            rtpengine = RtpEngine(group)
            kamailio = Kamailio(group, sipp.uas, rtpengine.ng)
            systems.append(
                System(
                    "Kamailio + rtpengine",
                    {"Kamailio": kamailio.child, "rtpengine": rtpengine.child},
                    kamailio.port,
                )
            )
        for system in systems:
            sipp.call(system.edge, system.ue, 50, WARM_UP if not options.quick else 10).wait()
            system.pids = {name: child.pids() for name, child in system.parts.items()}
        with quiet():
            _idle(systems, 1.0 if options.quick else 4.0)
        started = time.monotonic()
        steps = _steps(options, sipp, systems)
        if not options.quick:
            _aftermath(systems, started)
        for system in systems:
            for child in system.parts.values():
                child.alive()
    return _lost(steps)


def _idle(systems: list[System], seconds: float) -> None:
    """Measure what the processes use while nothing happens, and remember where their clocks stand."""
    for system in systems:
        system.before = system.cpu()
    time.sleep(seconds)
    for system in systems:
        now = system.cpu()
        system.idle = {part: (now[part] - system.before[part]) / seconds for part in now}
        system.before = now
    print("idle      " + ", ".join(f"{p} {v:.4f}" for s in systems for p, v in s.idle.items()) + " cores")


def _steps(options: Options, sipp: Sipp, systems: list[System]) -> dict[tuple[str, int], list[Step]]:
    found: dict[tuple[str, int], list[Step]] = {}
    print(f"{options.seconds:g} s a run, {options.repetitions} runs a rate, in turn; ms of CPU per call")
    for rate in options.rates:
        for _ in range(options.repetitions):
            for system in systems:
                step = _one(sipp, system, rate, options.seconds)
                found.setdefault((system.name, rate), []).append(step)
        for system in systems:
            _print(system.name, rate, found[system.name, rate])
        if len(systems) == 2:
            ours, theirs = (_median(found[system.name, rate]) for system in systems)
            print(f"{rate:6d}/s  edge / peers = {ours / theirs:.2f}")
    return found


def _one(sipp: Sipp, system: System, rate: int, seconds: float) -> Step:
    calls = max(1, round(rate * seconds))
    with quiet():
        steal, before, started = Steal(), system.cpu(), time.monotonic()
        counted = sipp.call(system.edge, system.ue, rate, calls).wait()
        after, ended = system.cpu(), time.monotonic()
    system.calls += counted.succeeded
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


def _aftermath(systems: list[System], started: float) -> None:
    """All CPU from the first run to the end of the last timer, less idle, over all calls.

    A run ends before the timers of its transactions do: this is the figure that leaves out nothing.
    """
    time.sleep(AFTERMATH)
    for system in systems:
        now, seconds = system.cpu(), time.monotonic() - started
        cost = {
            p: (now[p] - system.before[p] - system.idle[p] * seconds) * 1e3 / max(system.calls, 1)
            for p in now
        }
        parts = "  ".join(f"{part} {value:.3f}" for part, value in cost.items())
        print(f"all calls {system.name:21s} {sum(cost.values()):.3f} = {parts}  with all that follows them")


def _lost(steps: dict[tuple[str, int], list[Step]]) -> int:
    lost = 0
    for (name, _), runs in steps.items():
        if name == "edge":
            gone = sum(step.calls.lost for step in runs)
            if gone > HELD * sum(step.calls.succeeded + step.calls.lost for step in runs):
                lost += gone
    return lost
