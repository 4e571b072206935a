"""Streams that go on while many UEs shake hands at once: what handshakes do to packets.

The portable engine shares its thread with the handshakes, the native one has threads of its own.
"""

import asyncio
from contextlib import closing

from benchmarks.byte_load import FarEnd
from benchmarks.dtls_ends import AgwDtls, AgwTls
from benchmarks.handshake_load import Ue, shake
from benchmarks.load import Step
from benchmarks.options import Options
from benchmarks.processes import Group
from benchmarks.systems import Agw, native_or_portable

UES, STREAMS, SECONDS = 200, 20, 3.0
TARGET_MS = 20.0
"""A packet may come so much later: the time between two."""


async def run(group: Group, options: Options) -> int:
    """Print the delay of packets with and without handshakes; return how many were lost or damaged."""
    ues, streams, seconds = (10, 2, 0.5) if options.quick else (UES, STREAMS, SECONDS)
    print(f"\n{streams} streams of SRTP, {seconds:g} s, alone and while {ues} UEs shake hands in step; ms")
    failures = 0
    for kind in dict.fromkeys([native_or_portable(), "portable"]):
        async with Agw(group, "cm80", kind) as system:
            with closing(FarEnd()) as far:
                ends = {"DTLS": AgwDtls(system.edge, client=False), "TLS": AgwTls(system.edge, far.address)}
                for _ in range(options.repetitions):
                    failures += _print(kind, "alone", await system.run(streams, seconds))
                    for name, end in ends.items():
                        peers = [Ue(client=True, stream=name == "TLS") for _ in range(ues)]
                        await end.offer(peers)
                        await end.answer(peers)
                        running = asyncio.ensure_future(system.run(streams, seconds))
                        await asyncio.sleep(min(system.warm_up, 0.5) + seconds / 4)
                        await asyncio.to_thread(shake, peers, in_step=True)
                        failures += _print(kind, f"{ues} of {name}", await running)
                        for peer in peers:
                            peer.close()
                        await end.release()
    return failures


def _print(kind: str, beside: str, step: Step) -> int:
    print(
        f"{kind:9s} {beside:11s} p50 {step.p50:6.2f}  p99 {step.p99:6.2f}  worst {step.worst:6.2f}  "
        f"over 20: {step.slow} of {step.sent}, late {step.late}; generator behind by {1000 * step.lag:.1f}",
        flush=True,
    )
    return step.bad + step.sent - step.back
