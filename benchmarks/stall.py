"""A relay that stood still: how long till each stream flows again.

The process is stopped while packets keep coming; a stream flows again when a packet that was sent after the
stop has come through in each direction. What waited in the sockets is too old to be of use to anybody.
"""

from benchmarks import report
from benchmarks.options import Options
from benchmarks.processes import Group
from benchmarks.systems import Agw, Rtpengine, System, native_or_portable

STOP, AFTER = 10.0, 8.0
WITHIN = 2.0
STREAMS, FEW = 1000, 50


async def run(group: Group, options: Options) -> int:
    """Print the figures; return how many of our runs had streams that did not flow within WITHIN seconds."""
    kind = native_or_portable()
    plan: list[tuple[type[Rtpengine] | None, int]] = [(None, FEW), (Rtpengine, FEW), (None, STREAMS)]
    if options.quick:
        plan = [(None, 5)]
    failed = 0
    for peer, streams in plan:
        if peer is not None and not options.peers:
            continue
        system: System = peer(group, "cm80") if peer is not None else Agw(group, "cm80", kind)
        async with system:
            missed = await _stall(system, streams, options)
            failed += missed if peer is None else 0
    return failed


async def _stall(system: System, streams: int, options: Options) -> int:
    await system.ensure(streams)
    stop, after = (0.3, 1.0) if options.quick else (STOP, AFTER)
    before = 0.2 if options.quick else max(1.0, system.warm_up)
    found = await system.load.stall(streams, before, stop, after)
    again: list[float] = found["again"]
    share = sum(seconds <= WITHIN for seconds in again) / streams
    slowest = (
        f"{max(again):.2f} s" if len(again) == streams else f"never ({found['never']} streams in {after:g} s)"
    )
    half = f"{report.middle(again):.3f} s" if again else "never"
    print(
        f"stopped {stop:g} s  {streams:5d} streams  {system.name:9s} half flow again within {half}, "
        f"the slowest {slowest}; within {WITHIN:g} s {100 * share:.1f} %  "
        f"{report.verdict(share, at_least=1)}; bad {found['bad']}",
        flush=True,
    )
    return int(share < 1 or found["bad"] > 0)
