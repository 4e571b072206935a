"""What SIP costs: CPU per call, calls and registrations that one core carries, memory of held calls."""

from collections.abc import Callable

from benchmarks import call_cost, capacity, held, sides
from benchmarks.edge import describe_limits
from benchmarks.options import Options
from benchmarks.processes import Group
from benchmarks.sides import Side
from benchmarks.sipp import Sipp

PARTS: dict[str, Callable[[Options, Sipp, list[Side]], int]] = {
    "cost": call_cost.run,
    "capacity": capacity.calls,
    "registrations": capacity.registrations,
    "held": held.run,
}


def run(options: Options) -> int:
    """Print what was asked for, all where nothing was; return how many of our calls were lost."""
    print(describe_limits())
    lost = 0
    for name in [part for part in PARTS if part in options.parts] or PARTS:
        with Group() as group:  # processes of its own: what one part has filled is not the next one's memory
            sipp = Sipp(group)
            sipp.serve()
            both = sides.start(group, sipp, peers=options.peers)
            print(f"\n{name}", flush=True)
            for side in both:
                side.warm_up(sipp, 10 if options.quick else sides.WARM_UP)
            lost += PARTS[name](options, sipp, both)
            for side in both:
                side.alive()
    return lost
