"""Memory of calls that are held without media, and what is left of it when they have ended.

Two waves: what the second one does not leave behind is not a leak but memory that will be used again.
"""

import time
from dataclasses import dataclass, field

from benchmarks.edge import Edge
from benchmarks.options import Options
from benchmarks.peers.kamailio import Kamailio
from benchmarks.peers.rtpengine import RtpEngine
from benchmarks.processes import Child, Group, free_port, resident
from benchmarks.sipp import Calls, Sipp

RATE = 100
#: Seconds until the transactions of a call have ended: Timers H, J, L and M are 32 s.
SETTLED = 36.0
#: kB per 1000 calls of the second wave that may be left: what waits for the garbage collector differs by so
#: much. A call that stayed would be 20,000.
LEFT = 5000.0


@dataclass
class Subject:
    """A system under load; kB of resident memory after each moment, by process."""

    name: str
    parts: dict[str, Child]
    edge: int
    ue: int = field(default_factory=free_port)
    moments: list[dict[str, int]] = field(default_factory=list)

    def look(self) -> None:
        self.moments.append({part: resident(child.pids()) for part, child in self.parts.items()})


def run(options: Options) -> int:
    """Print the table; return the number of our calls that were lost, or 1 where memory was left behind."""
    calls = options.calls
    settled = 1.0 if options.quick else SETTLED
    with Group() as group:
        sipp = Sipp(group)
        sipp.serve()
        edge = Edge(group, sipp.registrar)
        subjects = [Subject("edge", {"pcscf": edge.pcscf, "agw": edge.agw}, edge.access)]
        sipp.register(edge.access, subjects[0].ue)
        if options.peers:
            engine = RtpEngine(group)
            proxy = Kamailio(group, sipp.uas, engine.ng)
            parts = {"Kamailio": proxy.child, "rtpengine": engine.child}
            subjects.append(Subject("Kamailio + rtpengine", parts, proxy.port))
        for subject in subjects:
            sipp.call(subject.edge, subject.ue, 50, 10).wait()
            subject.look()
        lost = 0
        for _ in range(2):
            lost += _wave(sipp, subjects, calls, settled)
    left = [_print(subject, calls) for subject in subjects]
    return lost or int(not options.quick and left[0] > LEFT)


def _wave(sipp: Sipp, subjects: list[Subject], calls: int, settled: float) -> int:
    """Hold the calls of all systems at a time, look, let them end, look again; return our lost calls."""
    ramp = calls / RATE
    hold = int((ramp + settled + 2) * 1000)
    runs = [sipp.call(subject.edge, subject.ue, RATE, calls, hold=hold) for subject in subjects]
    time.sleep(ramp + settled + 1)
    for subject in subjects:
        subject.look()
    ended: list[Calls] = [run.wait() for run in runs]
    time.sleep(settled)
    for subject in subjects:
        subject.look()
    return ended[0].lost


def _print(subject: Subject, calls: int) -> float:
    """Print kB per call while held, and per call of the second wave what was left; return that per 1000."""
    start, first, after, second, end = subject.moments
    for part in start:
        held = (first[part] - start[part]) / calls
        left = (after[part] - start[part]) / calls
        again = (second[part] - after[part]) / calls
        remains = (end[part] - after[part]) / calls
        print(
            f"{part:9s} {start[part] / 1024:6.1f} MB at start; {calls} calls held: {held:6.1f} kB a call, "
            f"{left:6.1f} when they had ended; a second time {again:6.1f} and {remains:6.1f}"
        )
    return sum(end[part] - after[part] for part in start) * 1000 / calls
