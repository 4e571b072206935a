"""Handshakes at the gateway: CPU beside rtpengine, stunnel and OpenSSL alone; many at once beside media.

DTLS-SRTP in both roles over UDP, TLS 1.3 over TCP; certificates on both sides (P-256), none resumed.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path

from OpenSSL import SSL

from agw.security.certificates import Identity
from benchmarks import handshake_burst, openssl_alone, report
from benchmarks.byte_load import FarEnd, connect, write_pem
from benchmarks.byte_relays import AgwBytes, ByteRelay, StunnelBytes
from benchmarks.dtls_ends import AgwDtls, DtlsEnd, RtpengineDtls
from benchmarks.handshake_load import IDENTITY, Ue, shake
from benchmarks.load import alone
from benchmarks.media_edge import MediaEdge
from benchmarks.options import Options
from benchmarks.peers.rtpengine import RtpEngine
from benchmarks.processes import Group, cpu_seconds, driving
from hosting import logs

COUNT, AT_ONCE = 200, 20
"""Handshakes of a run, and how many go on at a time."""
_SETTLE = 0.05
"""Seconds until the last one has come to its end at both ends."""


def run(options: Options) -> int:
    """Print the tables; return how many packets of media were late or damaged. Raises BenchmarkFailed."""
    logs.setup("error")
    with driving(), Group() as group:
        asyncio.run(_dtls(group, options))
        asyncio.run(_tls(group, options))
        return asyncio.run(handshake_burst.run(group, options))


async def _dtls(group: Group, options: Options) -> None:
    count = 10 if options.quick else COUNT
    print(f"DTLS-SRTP, {count} a run, {AT_ONCE} at a time; CPU of one handshake")
    async with AsyncExitStack() as stack:
        edge = MediaEdge(group, "agw-dtls", {}, 2)
        stack.push_async_callback(edge.close)
        await edge.start()
        engine = RtpEngine(group) if options.peers else None
        for client in (False, True):
            ends: list[DtlsEnd] = [AgwDtls(edge, client=client)]
            if engine is not None:
                ends.append(RtpengineDtls(engine, client=client))
            role = "client, with its answer" if client else "server"
            found: dict[str, list[tuple[float, float]]] = {end.name: [] for end in ends}
            for turn in range(options.repetitions + 1):
                for end in ends:
                    measured = await _shake(end, count)
                    if turn:  # the first one warms up
                        found[end.name].append(measured)
            for name, runs in found.items():
                _print(role, name, [cpu for cpu, _ in runs], [rate for _, rate in runs])
    _print_alone(openssl_alone.dtls, count, options.repetitions, datagrams=True)


async def _shake(end: DtlsEnd, count: int) -> tuple[float, float]:
    """CPU ms of one handshake, handshakes a second."""
    cpu = seconds = 0.0
    for first in range(0, count, AT_ONCE):
        ues = [Ue(client=not end.client) for _ in range(min(AT_ONCE, count - first))]
        await end.offer(ues)
        if not end.client:
            await end.answer(ues)
        async with alone():
            before, started = cpu_seconds([end.child.pid]), time.perf_counter()
            if end.client:
                await end.answer(ues)
            await asyncio.to_thread(shake, ues)
            seconds += time.perf_counter() - started
            await asyncio.sleep(_SETTLE)
            cpu += cpu_seconds([end.child.pid]) - before
        for ue in ues:
            ue.close()
        await end.release()
        end.child.alive()
    return 1000 * cpu / count, count / seconds


async def _tls(group: Group, options: Options) -> None:
    count = 10 if options.quick else COUNT
    print(f"\nTLS 1.3, {count} a run, one after the other; CPU of one connection and its handshake")
    pem = write_pem(group.directory / "ue.pem", IDENTITY)
    async with AsyncExitStack() as stack:
        far = stack.enter_context(closing(FarEnd()))
        edge = MediaEdge(group, "agw-tls", {}, 2)
        stack.push_async_callback(edge.close)
        await edge.start()
        relays: list[ByteRelay] = [AgwBytes(edge, far.address, IDENTITY)]
        if options.peers:
            own = write_pem(group.directory / "stunnel.pem", Identity(dt.datetime.now(dt.UTC)))
            relays.append(StunnelBytes(group, far.address, own, pem))
        found: dict[str, list[tuple[float, float]]] = {relay.name: [] for relay in relays}
        for turn in range(options.repetitions + 1):
            for relay in relays:
                measured = await _connect(relay, far, pem, count)
                if turn:
                    found[relay.name].append(measured)
        for name, runs in found.items():
            _print("server", name, [cpu for cpu, _ in runs], [rate for _, rate in runs])
    _print_alone(openssl_alone.tls, count, options.repetitions, datagrams=False)


async def _connect(relay: ByteRelay, far: FarEnd, pem: Path, count: int) -> tuple[float, float]:
    """CPU ms of one connection, connections a second."""
    places = [await relay.open() for _ in range(count)]

    def connections() -> None:
        for to in places:
            with connect(to, pem), far.accept():
                pass  # it stands, so the UE has proved itself

    async with alone():
        pids = relay.pids()
        before, started = cpu_seconds(pids), time.perf_counter()
        await asyncio.to_thread(connections)
        seconds = time.perf_counter() - started
        await asyncio.sleep(_SETTLE)
        cpu = cpu_seconds(pids) - before
    await relay.close()
    relay.child.alive()
    return 1000 * cpu / count, count / seconds


def _print_alone(make: Callable[[], SSL.Context], count: int, repetitions: int, *, datagrams: bool) -> None:
    context = make()
    for role, which in (("server", 0), ("client", 1)):
        means = []
        for _ in range(repetitions):
            spent = [openssl_alone.handshake(context, datagrams=datagrams)[which] for _ in range(count)]
            means.append(1000 * sum(spent) / count)
        _print(role, "OpenSSL", means)


def _print(role: str, name: str, costs: Sequence[float], rates: Sequence[float] = ()) -> None:
    rate = f"{report.spread(rates, 0)}/s" if rates else ""
    print(f"{role:23s}  {name:10s} {report.spread(costs, 2):18s} ms  {rate}", flush=True)
