"""The whole gateway on loopback: a controller over Iq, an e2ae call with media, metrics, drain, process."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import structlog

from agw.app import Process, describe
from agw.config import Config
from agw.control.termination import EndedContext
from agw.engine.api import Counters, DropReason
from hosting.config import load
from hosting.daemon import StartError, Stopping
from iq.procedures import Action, AuthenticationFailures, Configure, Mode, Release, Stream
from tests.support.agw_process import CM, RECEIVE, SEND, Palg, call, local, write
from tests.support.media_peer import Peer, rtp, until
from tests.support.srtp_reference import Reference


@pytest.fixture
async def palg() -> AsyncIterator[Palg]:
    made = Palg()
    await made.controller.start()
    yield made
    await made.controller.close()


@pytest.fixture
async def process(palg: Palg, tmp_path: Path) -> AsyncIterator[Process]:
    made = Process(load(write(tmp_path / "agw.yaml", palg.controller.port), Config))
    await made.start(Stopping())
    yield made
    await made.close()


async def test_an_e2ae_call_over_iq(palg: Palg, process: Process) -> None:
    gateway = await palg.gateway()
    assert CM in gateway.suites
    with contextlib.closing(Peer()) as ue, contextlib.closing(Peer()) as far:
        reply = await palg.act(gateway, call(ue, far))
        assert reply.error is None
        to_access, to_core = local(reply, 0), local(reply, 1)
        assert to_core[0] == "127.0.0.2"
        ue.send(Reference(CM, RECEIVE.key.octets).protect(rtp(1, b"hello")), to_access)
        assert await far.receive() == rtp(1, b"hello")
        far.send(rtp(1, b"there"), to_core)
        assert Reference(CM, SEND.key.octets).unprotect(await ue.receive()) == rtp(1, b"there")
        hold = Stream(1, "audio", "RTP/SAVP", "0", Mode.INACTIVE)
        name = reply.replies[0].termination
        held = await palg.act(gateway, Action(reply.context, [Configure(name, [hold])]))
        assert held.error is None
        ue.send(Reference(CM, RECEIVE.key.octets).protect(rtp(2)), to_access)
        port = process._contexts.terminations[name].ends[1].port
        async with asyncio.timeout(5):
            while not process._engine.state(port).counters.drops[DropReason.GATE]:
                await _turn()
        await _scrape(process)
        with structlog.testing.capture_logs() as logs:
            released = await palg.act(gateway, Action(reply.context, [Release()]))
        assert released.error is None
    (line,) = [line for line in logs if line["event"] == "context released"]
    assert (line["context"], line["reason"]) == (reply.context, "released")
    assert line["from"][name] == {"packets": 1, "octets": 27, "rtcp": 0, "drops": {"gate": 1}}
    assert len(process._engine) == 0


async def test_a_flood_of_forged_packets_is_told(palg: Palg, process: Process) -> None:
    gateway = await palg.gateway()
    with contextlib.closing(Peer()) as ue, contextlib.closing(Peer()) as far:
        reply = await palg.act(gateway, call(ue, far))
        for seq in range(120):
            ue.send(rtp(seq, bytes(40)), local(reply, 0))
        await until(lambda: palg.told != [])
        name = reply.replies[0].termination
        [(context, told)] = palg.told
        assert (context, told.termination, told.stream) == (reply.context, name, 1)
        assert isinstance(told, AuthenticationFailures)
        assert 100 <= told.count <= 120
        ue.send(Reference(CM, RECEIVE.key.octets).protect(rtp(1)), local(reply, 0))
        assert await far.receive() == rtp(1)
    assert process._forgeries.told == 1


async def _turn() -> None:
    await asyncio.sleep(0)


async def _scrape(process: Process) -> None:
    """Health and metrics while the call is there."""
    base = f"http://127.0.0.1:{process._admin._port}"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{base}/healthz") as answer:
            health = await answer.json()
        async with session.get(f"{base}/metrics") as answer:
            metrics = await answer.text()
    assert (health["status"], health["contexts"], health["ports"]) == ("ok", 1, 2)
    assert (health["engine"], health["workers"]) == ("portable", 1)
    for line in (
        'agw_packets_total{realm="access"} 1.0',
        'agw_octets_total{realm="core"} 17.0',
        'agw_drops_total{realm="access",reason="gate"} 1.0',
        "agw_contexts 1.0",
        "agw_ports 2.0",
        "agw_engine_failures_total 0.0",
        "agw_iq_up 1.0",
    ):
        assert line in metrics.splitlines()


async def test_drain_waits_for_the_last_context(palg: Palg, process: Process) -> None:
    gateway = await palg.gateway()
    with contextlib.closing(Peer()) as ue, contextlib.closing(Peer()) as far:
        reply = await palg.act(gateway, call(ue, far))
        draining = asyncio.ensure_future(process.drain())
        refused = await palg.act(gateway, call(ue, far))
        assert refused.error is not None
        assert not draining.done()
        await palg.act(gateway, Action(reply.context, [Release()]))
        async with asyncio.timeout(5):
            await draining


async def test_another_controller_starts_with_nothing(palg: Palg, process: Process) -> None:
    gateway = await palg.gateway()
    with contextlib.closing(Peer()) as ue, contextlib.closing(Peer()) as far:
        await palg.act(gateway, call(ue, far))
    process._on_up("<palg.test>")
    assert len(process._contexts) == 1
    process._on_up("<other.test>")
    assert len(process._contexts) == 0
    assert len(process._engine) == 0


async def test_an_address_of_another_host_stops_the_start(tmp_path: Path) -> None:
    path = write(tmp_path / "agw.yaml", 2944)
    path.write_text(path.read_text().replace("127.0.0.2", "192.0.2.1"))
    made = Process(load(path, Config))
    with pytest.raises(StartError, match=r"realms.core: 192.0.2.1: "):
        await made.start(Stopping())
    await made.close()


@pytest.mark.parametrize("kind", ["auto", "portable"])
async def test_auto_says_that_it_became_the_portable_engine(
    palg: Palg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setitem(sys.modules, "agw.engine._native", None)
    made = Process(load(write(tmp_path / "agw.yaml", palg.controller.port, kind=kind), Config))
    with structlog.testing.capture_logs() as logs:
        await made.start(Stopping())
    await made.close()
    warnings = [line for line in logs if "portable packet engine" in line["event"]]
    assert [line["native"] for line in warnings] == (["is not built here"] if kind == "auto" else [])


def test_describe() -> None:
    counters = Counters(3, 480, 1)
    counters.drops[DropReason.AUTH] = 2
    assert describe(EndedContext(7, 1.23456, "released", True, {"ip/0/access/1": counters})) == {
        "context": 7,
        "reason": "released",
        "seconds": 1.235,
        "emergency": True,
        "from": {"ip/0/access/1": {"packets": 3, "octets": 480, "rtcp": 1, "drops": {"auth": 2}}},
    }


async def test_the_process(palg: Palg, tmp_path: Path) -> None:
    path = write(tmp_path / "agw.yaml", palg.controller.port)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agw", "run", "-c", str(path), stdout=asyncio.subprocess.PIPE, env=os.environ
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            events = []
            while "ready" not in [event["event"] for event in events]:
                events.append(json.loads(await process.stdout.readline()))
            assert events[-1]["streams"] > 0
            assert events[-1]["bounded_by"].startswith("ports of realm")
            assert (events[-1]["engine"], events[-1]["workers"]) == ("portable", 1)
            assert CM in events[-1]["suites"]
            await palg.gateway()
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
            await palg.down.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
