"""Streams of octets through the gateway, as MSRP has them: MB/s and CPU, beside socat and stunnel.

TCP to TCP beside socat, TLS 1.3 (AES-128-GCM, certificates on both sides) to TCP beside stunnel, each in both
directions, in turn; and the same with MSRP, whose messages the gateway reads and the peers do not.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from agw.security.certificates import Identity
from benchmarks import msrp_load, report
from benchmarks.byte_load import PLAIN, FarEnd, Round, Transfer, connect, transfer, write_pem
from benchmarks.byte_relays import AgwBytes, ByteRelay, SocatBytes, StunnelBytes
from benchmarks.load import alone
from benchmarks.media_edge import MediaEdge
from benchmarks.options import Options
from benchmarks.processes import Group, driving
from hosting import logs

TARGET = 0.5
"""Of the peer's octets a second, and of its octets for a second of CPU."""
WARM_UP = 1
TO_CORE, TO_UE = "to the core", "to the UE"


@dataclass(frozen=True)
class Kind:
    """Relays of the same thing, which take turns. pem: of the UE, where it speaks TLS. rounds: by direction,
    of a MiB."""

    name: str
    relays: Sequence[ByteRelay]
    far: FarEnd
    pem: Path | None
    rounds: Mapping[str, Round]

    async def transfer(self, relay: ByteRelay, direction: str, mebibytes: int) -> Transfer:
        to = await relay.open()
        async with alone():
            done = await asyncio.to_thread(self._transfer, relay, to, direction, mebibytes)
        await relay.close()
        relay.child.alive()
        return done

    def _transfer(self, relay: ByteRelay, to: tuple[str, int], direction: str, mebibytes: int) -> Transfer:
        with connect(to, self.pem) as ue, self.far.accept() as far:
            ends = (ue, far) if direction == TO_CORE else (far, ue)
            one = self.rounds[direction]
            if not relay.aware:
                one = Round(one.sent, one.sent)
            return transfer(*ends, mebibytes, relay.pids(), one)


def run(options: Options) -> int:
    """Print the table; octets that are lost or changed end it. Raises BenchmarkFailed."""
    logs.setup("error")
    with driving(), Group() as group:
        asyncio.run(_table(group, options))
    return 0


async def _table(group: Group, options: Options) -> None:
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
                        found[relay.name].append(await kind.transfer(relay, direction, options.mebibytes))
                where = f"{kind.name:16s} {direction:11s}"
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
        kinds = []
        for secured in (False, True):
            peer: list[ByteRelay] = []
            if options.peers and secured:
                own = write_pem(group.directory / "stunnel.pem", Identity(now))
                peer.append(StunnelBytes(group, far.address, own, pem))
            elif options.peers:
                peer.append(SocatBytes(group, far.address))
            for aware in (False, True):
                ours = AgwBytes(edge, far.address, ue if secured else None, aware=aware)
                name = f"{'TLS' if secured else 'TCP'} to TCP{', MSRP' if aware else ''}"
                rounds = _messages(secured=secured) if aware else {TO_CORE: PLAIN, TO_UE: PLAIN}
                kinds.append(Kind(name, [ours, *peer], far, pem if secured else None, rounds))
        yield kinds


def _messages(*, secured: bool) -> dict[str, Round]:
    """By direction."""
    access, core = msrp_load.access(secured=secured), msrp_load.CORE
    return {TO_CORE: msrp_load.messages(access, core), TO_UE: msrp_load.messages(core, access)}


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
