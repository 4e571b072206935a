"""Streams that go on while many UEs shake hands at once: what handshakes do to packets.

The portable engine shares its thread with the handshakes, the native one has threads of its own.
"""

import asyncio
from collections.abc import Sequence
from contextlib import closing

from benchmarks import report
from benchmarks.byte_load import FarEnd
from benchmarks.dtls_ends import AgwDtls, AgwTls
from benchmarks.handshake_load import Ue, shake
from benchmarks.load import Step
from benchmarks.options import Options
from benchmarks.processes import Group
from benchmarks.systems import Agw, native_or_portable

UES, STREAMS, SECONDS = 200, 20, 3.0
WAIT = 600.0
"""Seconds for the machine to be ours."""
TARGET_MS = 20.0
"""The time between two packets: the worst one may come so much later."""


async def run(group: Group, options: Options) -> int:
    """Print the delay of packets with and without handshakes; return how many were late or damaged."""
    ues, streams, seconds = (10, 2, 0.5) if options.quick else (UES, STREAMS, SECONDS)
    print(f"\n{streams} streams of SRTP, {seconds:g} s, alone and while {ues} UEs shake hands in step; ms")
    failures = 0
    for kind in dict.fromkeys([native_or_portable(), "portable"]):
        found: dict[str, list[Step]] = {}
        with closing(FarEnd()) as far:
            async with Agw(group, "cm80", kind) as system:
                ends = {"DTLS": AgwDtls(system.edge, client=False), "TLS": AgwTls(system.edge, far.address)}
                for _ in range(options.repetitions):
                    found.setdefault("alone", []).append(await system.run(streams, seconds))
                    for name, end in ends.items():
                        step = await _beside(system, end, name == "TLS", ues, streams, seconds)
                        found.setdefault(f"{ues} of {name}", []).append(step)
        for beside, steps in found.items():
            _print(kind, beside, steps)
            failures += sum(step.bad + step.late for step in steps)
    return failures


async def _beside(system: Agw, end: AgwDtls, stream: bool, ues: int, streams: int, seconds: float) -> Step:
    """A step in whose first half so many shake hands."""
    peers = [Ue(client=True, stream=stream) for _ in range(ues)]
    await end.offer(peers)
    await end.answer(peers)
    running = asyncio.ensure_future(system.run(streams, seconds))
    await asyncio.wait_for(system.load.working.wait(), WAIT)
    await asyncio.sleep(min(system.warm_up, 0.5) + seconds / 4)
    await asyncio.to_thread(shake, peers, in_step=True)
    step = await running
    for peer in peers:
        peer.close()
    await end.release()
    return step


def _print(kind: str, beside: str, steps: Sequence[Step]) -> None:
    p50, p99, worst = (
        report.spread([getattr(step, name) for step in steps], 2) for name in ("p50", "p99", "worst")
    )
    slow, sent = sum(step.slow for step in steps), sum(step.sent for step in steps)
    lag = max(step.lag for step in steps)
    verdict = report.verdict(report.middle([step.worst for step in steps]), at_most=TARGET_MS)
    print(
        f"{kind:9s} {beside:11s} p50 {p50:17s} p99 {p99:19s} worst {worst:20s} over 20 ms: {slow} of {sent}; "
        f"generator behind by {1000 * lag:.1f}; {verdict}",
        flush=True,
    )
