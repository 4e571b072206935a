"""The two that are compared in signalling, up at the same time and driven by the same scenarios."""

import time
from dataclasses import dataclass, field

from benchmarks.edge import Edge
from benchmarks.peers.kamailio import Kamailio
from benchmarks.peers.rtpengine import RtpEngine
from benchmarks.processes import Child, Group, cpu_seconds, free_port
from benchmarks.sipp import Sipp

EDGE, PEERS = "edge", "Kamailio + rtpengine"
#: Calls before the first measured one, and their rate.
WARM_UP, WARM_UP_RATE = 100, 50
#: Cores below which a side counts as calm, and seconds that it may take to be so.
CALM, CALM_WAIT = 0.1, 15.0


@dataclass
class Side:
    """edge: port that UEs send to; ue: port of the UE that is registered there."""

    name: str
    parts: dict[str, Child]
    edge: int
    ue: int = field(default_factory=free_port)
    pids: dict[str, list[int]] = field(default_factory=dict)

    def warm_up(self, sipp: Sipp, calls: int) -> None:
        """Place some calls, and remember the processes that then run."""
        sipp.call(self.edge, self.ue, WARM_UP_RATE, calls).wait()
        self.pids = {name: child.pids() for name, child in self.parts.items()}

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU so far, by process."""
        return {part: cpu_seconds(pids) for part, pids in self.pids.items()}

    def alive(self) -> None:
        """Raises BenchmarkFailed if a process has ended."""
        for child in self.parts.values():
            child.alive()

    def calm_down(self) -> None:
        """Wait till what an overload has left behind is worked off, CALM_WAIT at most."""
        until = time.monotonic() + CALM_WAIT
        while time.monotonic() < until:
            before = sum(self.cpu().values())
            time.sleep(0.5)
            if sum(self.cpu().values()) - before < CALM * 0.5:
                break
        self.alive()


def start(group: Group, sipp: Sipp, *, peers: bool) -> list[Side]:
    """Start ours, with a UE that is registered, and the peers where they are wanted."""
    edge = Edge(group, sipp.registrar)
    sides = [Side(EDGE, {"pcscf": edge.pcscf, "agw": edge.agw}, edge.access)]
    sipp.register(edge.access, sides[0].ue)
    if peers:
        engine = RtpEngine(group)
        proxy = Kamailio(group, sipp.uas, engine.ng, sipp.registrar)
        sides.append(Side(PEERS, {"Kamailio": proxy.child, "rtpengine": engine.child}, proxy.port))
    return sides
