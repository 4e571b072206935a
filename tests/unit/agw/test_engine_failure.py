"""The packet engine breaks down over a stream of the whole gateway: its call ends, all others go on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import structlog

from agw.app import Process
from agw.config import Config
from hosting.config import load
from hosting.daemon import Stopping
from iq.errors import IqError
from iq.procedures import Action, ActionReply, Notification, OutOfService, Reason, Release
from tests.support.agw_process import SEND, Palg, call, local, write
from tests.support.engines import require_native
from tests.support.fake_engine import FakeEngine
from tests.support.media_peer import TIMEOUT, Peer, rtp
from tests.support.srtp_reference import Reference


@pytest.fixture
async def palg() -> AsyncIterator[Palg]:
    made = Palg()
    await made.controller.start()
    yield made
    await made.controller.close()


@contextlib.asynccontextmanager
async def running(palg: Palg, folder: Path, kind: str) -> AsyncIterator[Process]:
    made = Process(load(write(folder / "agw.yaml", palg.controller.port, kind=kind), Config))
    await made.start(Stopping())
    yield made
    await made.close()


@pytest.fixture
async def process(palg: Palg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Process]:
    monkeypatch.setattr("agw.app.make_engine", lambda *_: FakeEngine())
    async with running(palg, tmp_path, "portable") as made:
        yield made


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Peer, Peer]]:
    with contextlib.closing(Peer()) as ue, contextlib.closing(Peer()) as far:
        yield ue, far


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not true():
            await _turn()


async def _turn() -> None:
    await asyncio.sleep(0)


def reports(reply: ActionReply) -> list[tuple[int | None, OutOfService]]:
    """Of both terminations that ``reply`` reserved."""
    return [(reply.context, OutOfService(one.termination, Reason.MALFUNCTIONING)) for one in reply.replies]


def refuse(context: int, procedure: Notification) -> ActionReply:
    raise IqError(430, "unknown TerminationID")


async def test_the_controller_is_told_and_releases_it(
    palg: Palg, process: Process, ends: tuple[Peer, Peer]
) -> None:
    gateway = await palg.gateway()
    kept = await palg.act(gateway, call(*ends))
    broken = await palg.act(gateway, call(*ends))
    with structlog.testing.capture_logs() as logs:
        process._engine.fail(max(process._engine.ports), text="index out of bounds")
        await until(lambda: len(palg.told) == 2)
        await palg.act(gateway, Action(broken.context, [Release()]))
    assert palg.told == reports(broken)
    errors = [line for line in logs if line["log_level"] == "error"]
    assert [(line["error"], line["context"]) for line in errors] == [("index out of bounds", broken.context)]
    assert [line["reason"] for line in logs if line["event"] == "context released"] == ["released"]
    assert list(process._contexts.contexts) == [kept.context]
    metrics = {family.name: family for family in process._collect()}
    assert metrics["agw_engine_failures"].samples[0].value == 1.0


@pytest.mark.parametrize("failing", ["refuses", "cuts", "is gone"])
async def test_the_gateway_releases_what_no_controller_will(
    palg: Palg, process: Process, ends: tuple[Peer, Peer], failing: str
) -> None:
    gateway = await palg.gateway()
    kept = await palg.act(gateway, call(*ends))
    broken = await palg.act(gateway, call(*ends))

    def cut(context: int, procedure: Notification) -> ActionReply:
        gateway.association.close("cut")
        return ActionReply(context, [])

    if failing == "is gone":
        await palg.controller.close()
        await until(lambda: not process._link.up)
    palg.answer = refuse if failing == "refuses" else cut
    with structlog.testing.capture_logs() as logs:
        process._engine.fail(max(process._engine.ports))
        await until(lambda: len(process._contexts) == 1)
    assert list(process._contexts.contexts) == [kept.context]
    assert len(process._engine.ports) == 2
    (line,) = [line for line in logs if line["event"] == "context released"]
    assert (line["context"], line["reason"]) == (broken.context, "engine-failed")


async def test_a_call_that_ended_meanwhile_is_logged_alone(
    palg: Palg, process: Process, ends: tuple[Peer, Peer]
) -> None:
    gateway = await palg.gateway()
    over = await palg.act(gateway, call(*ends))
    (port, _) = process._engine.ports
    await palg.act(gateway, Action(over.context, [Release()]))
    with structlog.testing.capture_logs() as logs:
        process._engine.fail(port)
        await palg.act(gateway, call(*ends))
    assert [line["log_level"] for line in logs] == ["error"]
    assert palg.told == []


async def test_the_native_engine_breaks_down_over_one_stream(
    palg: Palg, tmp_path: Path, ends: tuple[Peer, Peer]
) -> None:
    require_native()
    ue, far = ends
    async with running(palg, tmp_path, "native") as process:
        gateway = await palg.gateway()
        kept = await palg.act(gateway, call(ue, far))
        broken = await palg.act(gateway, call(ue, far))
        name = broken.replies[1].termination
        process._engine.break_at_next_packet(process._contexts.terminations[name].ends[1].port)
        with structlog.testing.capture_logs() as logs:
            far.send(rtp(1), local(broken, 1))
            await until(lambda: len(palg.told) == 2)
        assert palg.told == reports(broken)
        assert len([line for line in logs if line["log_level"] == "error"]) == process._outages.failures
        released = await palg.act(gateway, Action(broken.context, [Release()]))
        assert released.error is None
        assert ue.pending() == []
        far.send(rtp(2), local(kept, 1))
        assert Reference(SEND.suite, SEND.key.octets).unprotect(await ue.receive()) == rtp(2)
        again = await palg.act(gateway, call(ue, far))
        far.send(rtp(3), local(again, 1))
        assert Reference(SEND.suite, SEND.key.octets).unprotect(await ue.receive()) == rtp(3)
