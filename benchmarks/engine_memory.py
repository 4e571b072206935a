"""Memory of an established protected stream at the gateway: the engine's own, and that of Python's objects.

The engine is also run alone in a process that keeps nothing else: what a stream adds to that process is the
engine's. Kernel sockets are in neither.
"""

import asyncio
import sys
from pathlib import Path

from benchmarks import report
from benchmarks.load import Leg, Load, place
from benchmarks.options import Options
from benchmarks.processes import SUBJECT, Group
from benchmarks.systems import MODES, Agw, native_or_portable

COUNTS = (1000, 4500)
#: What the portable engine carries at a time.
PORTABLE_COUNTS = (100, 400)
#: KiB of the native engine for a stream.
TARGET = 4.0
#: Every stream has carried packets in both directions, and has its SRTP state then.
MEDIA_SECONDS = 0.5


async def run(group: Group, options: Options) -> int:
    """Print the table; return 1 where the native engine takes more than TARGET."""
    kind = native_or_portable()
    counts = (20, 60) if options.quick else COUNTS if kind == "native" else PORTABLE_COUNTS
    whole = await _gateway(group, kind, counts)
    alone = await _alone(group, kind, counts)
    print(
        f"KiB of memory (PSS) per established {MODES['cm80']} stream with media; 4 sockets each, not counted"
    )
    each: dict[str, float] = {}
    for name, points in (("agw", whole), (f"{kind} engine alone", alone)):
        start, some, all_ = points
        each[name] = (all_ - some) / (counts[1] - counts[0])
        print(
            f"{name:22s} {start / 1024:6.1f} MiB before; "
            f"{(some - start) / counts[0]:6.2f} each of {counts[0]}, "
            f"{(all_ - start) / counts[1]:6.2f} each of {counts[1]}; {each[name]:6.2f} each between the two"
        )
    engine = each[f"{kind} engine alone"]
    verdict = report.verdict(engine, at_most=TARGET) if kind == "native" else ""
    print(
        f"engine {engine:.2f}, contexts and terminations {each['agw'] - engine:.2f} KiB a stream  {verdict}"
    )
    return int(kind == "native" and not options.quick and engine > TARGET)


async def _gateway(group: Group, kind: str, counts: tuple[int, int]) -> list[int]:
    async with Agw(group, "cm80", kind) as system:
        points = [_pss(system.child.pid)]
        for count in counts:
            await system.ensure(count)
            await system.load.run(count, 0, MEDIA_SECONDS)
            points.append(_pss(system.child.pid))
    return points


async def _alone(group: Group, kind: str, counts: tuple[int, int]) -> list[int]:
    load = Load(group, "cm80")
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.engine_alone", kind, str(load.ue), str(load.core),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        await child.stdout.readline()  # it is ready
        place(child.pid, {SUBJECT})
        await load.start(child.pid)
        points, opened = [_pss(child.pid)], 0
        for count in counts:
            child.stdin.write(f"{count - opened}\n".encode())
            load.add([_leg(await child.stdout.readline()) for _ in range(count - opened)])
            opened = count
            await load.run(count, 0, MEDIA_SECONDS)
            points.append(_pss(child.pid))
        child.stdin.close()
        await child.wait()
    finally:
        await load.close()
        if child.returncode is None:
            child.kill()
            await child.wait()
    return points


def _leg(line: bytes) -> Leg:
    address, first, other, second, there, back = line.decode("ascii").split()
    return address, int(first), other, int(second), bytes.fromhex(there), bytes.fromhex(back)


def _pss(pid: int) -> int:
    """KiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
