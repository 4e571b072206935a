"""CPU per packet: SRTP on the access side, RTP on the core side, and back, paced as telephony is.

The gateway is a real process, its contexts are made through real Iq. Beside it rtpengine in userspace, and a
relay in C that does nothing else: the floor of this kernel. All are up at the same time and take turns. Every
packet that returns is authenticated and compared by the load generator.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from agw.engine.choice import native_missing
from benchmarks import contention, engine_memory, report, scaling, stall
from benchmarks.load import Step
from benchmarks.options import Options
from benchmarks.processes import Group, driving
from benchmarks.saturation import LADDER, Saturation, saturate
from benchmarks.systems import Agw, side_by_side
from hosting import logs

#: What the native engine is to reach: of the CPU of rtpengine and of the floor at TARGET_STREAMS with
#: AES_CM_128_HMAC_SHA1_80, and times rtpengine's packets per core at saturation.
OF_RTPENGINE, OF_FLOOR, TIMES_RTPENGINE = 0.6, 1.2, 1.5
TARGET_STREAMS = 1000
QUICK_SECONDS = 0.2


@dataclass
class Results:
    """Steps by mode, streams and system, one for each repetition; saturation by mode and system; packets that
    our gateway damaged."""

    steps: dict[tuple[str, int, str], list[Step]] = field(default_factory=dict)
    saturation: dict[tuple[str, str], Saturation] = field(default_factory=dict)
    damaged: int = 0


def run(options: Options) -> int:
    """Print what was asked for, the table unless it was something else; return how much of it failed."""
    logs.setup("error")
    parts: dict[str, Callable[[Group, Options], Awaitable[int]]] = {
        "stall": stall.run,
        "scaling": scaling.run,
        "memory": engine_memory.run,
        "contention": contention.run,
    }
    wanted = [parts[name] for name in parts if name in options.parts] or [_table]
    with driving():
        return sum(asyncio.run(_in_group(part, options)) for part in wanted)


async def _in_group(part: Callable[[Group, Options], Awaitable[int]], options: Options) -> int:
    with Group() as group:
        return await part(group, options)


async def _table(group: Group, options: Options) -> int:
    results = Results()
    if missing := native_missing():
        print(f"native: {missing}; without it there is nothing to compare")
    print(f"{_seconds(options):g} s a run, {options.repetitions} runs a step; us of CPU per packet relayed")
    for mode in options.modes:
        async with side_by_side(group, mode, options) as systems:
            for streams in options.streams:
                able = [system for system in systems if streams <= system.most]
                for _ in range(options.repetitions):
                    for system in able:
                        step = await system.run(streams, _seconds(options))
                        results.steps.setdefault((mode, streams, system.name), []).append(step)
                for system in able:
                    _print(mode, system.name, results.steps[mode, streams, system.name])
            ladder = (max(options.streams) + 1,) if options.quick else LADDER
            for name, found in (await saturate(systems, _seconds(options), ladder)).items():
                results.saturation[mode, name] = found
                print(f"{mode:5s} saturation  {name:9s} {found}", flush=True)
            results.damaged += sum(system.bad for system in systems if isinstance(system, Agw))
    _print_ratios(results, options)
    return _failures(results)


def _seconds(options: Options) -> float:
    return QUICK_SECONDS if options.quick else options.seconds


def _print(mode: str, name: str, steps: list[Step]) -> None:
    cost = report.spread([step.cost for step in steps], 2)
    late = 100 * max(step.late / max(step.sent, 1) for step in steps)
    stolen = sum(step.stolen for step in steps)
    cores = max(step.cores for step in steps)
    user, p99 = (report.middle([getattr(step, name) for step in steps]) for name in ("user", "p99"))
    notes = "" if _held(steps) else "  DID NOT HOLD"
    notes += f"  bad {bad}" if (bad := sum(step.bad for step in steps)) else ""
    notes += f"  stolen {stolen:.1f} s" if stolen >= 0.1 else ""
    print(
        f"{mode:5s} {steps[0].streams:5d} streams  {name:9s} {cost:22s} {cores:.2f} cores  user {user:.2f}  "
        f"late {late:.2f} %  p99 {p99:.1f} ms{notes}",
        flush=True,
    )


def _held(steps: list[Step]) -> bool:
    """In most of the runs: a machine that is taken away for a moment is nobody's fault."""
    return 2 * sum(step.held for step in steps) > len(steps)


def _print_ratios(results: Results, options: Options) -> None:
    print("\nnative in proportion, each run with the one of the other system next to it")
    for mode in options.modes:
        for streams in options.streams:
            for peer in ("rtpengine", "floor"):
                ours, theirs = (results.steps.get((mode, streams, name)) for name in ("native", peer))
                if ours is None or theirs is None:
                    continue
                ratios = [one.cost / other.cost for one, other in zip(ours, theirs, strict=True)]
                limit = OF_RTPENGINE if peer == "rtpengine" else OF_FLOOR
                target = (mode, streams) == ("cm80", TARGET_STREAMS)
                verdict = report.verdict(report.middle(ratios), at_most=limit) if target else ""
                of = peer if peer == "rtpengine" or mode == "cm80" else "plain floor"
                print(
                    f"{mode:5s} {streams:5d} streams  CPU / {of:11s} {report.spread(ratios, 2):22s} {verdict}"
                )
        ours_most, theirs_most = (results.saturation.get((mode, name)) for name in ("native", "rtpengine"))
        if ours_most and theirs_most and ours_most.held and theirs_most.held:
            ratio = ours_most.held.per_core / theirs_most.held.per_core
            target = mode == "cm80" and not options.quick
            verdict = report.verdict(ratio, at_least=TIMES_RTPENGINE) if target else ""
            print(f"{mode:5s} saturation     per core / rtpengine  {ratio:<16.2f} {verdict}")


def _failures(results: Results) -> int:
    """Damaged packets, and steps that the native engine has to carry and did not."""
    return results.damaged + sum(
        name == "native" and streams <= TARGET_STREAMS and not _held(steps)
        for (_, streams, name), steps in results.steps.items()
    )
