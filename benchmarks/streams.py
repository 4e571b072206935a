"""Streams of octets through the gateway, as MSRP has them: MB/s and CPU, beside socat and stunnel.

TCP to TCP beside socat, TLS 1.3 (AES-128-GCM, certificates on both sides) to TCP beside stunnel, each in both
directions, in turn.
"""

import asyncio
import datetime as dt
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from agw.security.certificates import Identity
from benchmarks import report
from benchmarks.byte_load import MIB, FarEnd, Transfer, connect, transfer, write_pem
from benchmarks.byte_relays import AgwBytes, ByteRelay, SocatBytes, StunnelBytes
from benchmarks.load import alone
from benchmarks.media_edge import MediaEdge
from benchmarks.options import Options
from benchmarks.processes import DRIVER, Group
from hosting import logs

TARGET = 0.5
"""Of the peer's octets a second, and of its octets for a second of CPU."""
WARM_UP = 1 * MIB
TO_CORE, TO_UE = "to the core", "to the UE"


@dataclass(frozen=True)
class Kind:
    """Relays of the same thing, which take turns. pem: of the UE, where it speaks TLS."""

    name: str
    relays: Sequence[ByteRelay]
    far: FarEnd
    pem: Path | None = None

    async def transfer(self, relay: ByteRelay, direction: str, octets: int) -> Transfer:
        to = await relay.open()
        async with alone():
            done = await asyncio.to_thread(self._transfer, relay, to, direction, octets)
        await relay.close()
        relay.child.alive()
        return done

    def _transfer(self, relay: ByteRelay, to: tuple[str, int], direction: str, octets: int) -> Transfer:
        with connect(to, self.pem) as ue, self.far.accept() as far:
            ends = (ue, far) if direction == TO_CORE else (far, ue)
            return transfer(*ends, octets, relay.pids())


def run(options: Options) -> int:
    """Print the table; octets that are lost or changed end it. Raises BenchmarkFailed."""
    logs.setup("error")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {DRIVER})
    try:
        with Group() as group:
            asyncio.run(_table(group, options))
    finally:
        os.sched_setaffinity(0, before)
    return 0


async def _table(group: Group, options: Options) -> None:
    size = options.mebibytes * MIB
    print(
        f"{options.mebibytes} MiB a run, {options.repetitions} runs; CPU of the relay for 100 MiB, and the "
        "memory that it took at most for a transfer"
    )
    ratios: list[str] = []
    async with _kinds(group, options) as kinds:
        for kind in kinds:
            for direction in (TO_CORE, TO_UE):
                found: dict[str, list[Transfer]] = {relay.name: [] for relay in kind.relays}
                for relay in kind.relays:
                    await kind.transfer(relay, direction, WARM_UP)
                for _ in range(options.repetitions):
                    for relay in kind.relays:
                        found[relay.name].append(await kind.transfer(relay, direction, size))
                where = f"{kind.name}, {direction:11s}"
                for name, transfers in found.items():
                    _print(where, name, transfers)
                if options.peers:
                    ratios.append(_ratios(where, *found.items()))
    if ratios:
        print("\nagw in proportion, each run with the one of the peer next to it", *ratios, sep="\n")


@asynccontextmanager
async def _kinds(group: Group, options: Options) -> AsyncIterator[list[Kind]]:
    """All relays, up at the same time."""
    now = dt.datetime.now(dt.UTC)
    ue = Identity(now)
    pem = write_pem(group.directory / "ue.pem", ue)
    async with AsyncExitStack() as stack:
        far = stack.enter_context(closing(FarEnd()))
        edge = MediaEdge(group, "agw-bytes", {"kind": "portable"}, 2)
        stack.push_async_callback(edge.close)
        await edge.start()
        plain: list[ByteRelay] = [AgwBytes(edge, far.address, None)]
        secure: list[ByteRelay] = [AgwBytes(edge, far.address, ue)]
        if options.peers:
            plain.append(SocatBytes(group, far.address))
            own = write_pem(group.directory / "stunnel.pem", Identity(now))
            secure.append(StunnelBytes(group, far.address, own, pem))
        yield [Kind("TCP to TCP", plain, far), Kind("TLS to TCP", secure, far, pem)]


def _print(where: str, name: str, transfers: Sequence[Transfer]) -> None:
    rate = report.spread([one.rate for one in transfers], 0)
    cost = report.spread([one.cost for one in transfers], 0)
    memory = max(one.memory for one in transfers)
    stolen = sum(one.stolen for one in transfers)
    notes = f"  stolen {stolen:.1f} s" if stolen >= 0.1 else ""
    print(f"{where}  {name:8s} {rate:18s} MB/s  CPU {cost:18s} ms  {memory:5d} kB{notes}", flush=True)


def _ratios(where: str, ours: tuple[str, list[Transfer]], theirs: tuple[str, list[Transfer]]) -> str:
    pairs = list(zip(ours[1], theirs[1], strict=True))
    rates = [one.rate / other.rate for one, other in pairs]
    works = [other.cost / one.cost for one, other in pairs]
    worse = min(report.middle(rates), report.middle(works))
    return (
        f"{where} / {theirs[0]:8s} MB/s {report.spread(rates, 2):17s}  octets for a second of CPU "
        f"{report.spread(works, 2):17s}  {report.verdict(worse, at_least=TARGET)}"
    )
