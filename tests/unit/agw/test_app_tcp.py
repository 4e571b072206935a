"""TCP media through the whole gateway: Iq in, connections, Iq back."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agw.app import Process
from agw.config import Config
from hosting.config import load
from hosting.daemon import Stopping
from iq.fingerprint import Fingerprint
from iq.procedures import (
    Action,
    BearerChange,
    Change,
    Configure,
    Latch,
    Mode,
    Release,
    Reserve,
    SecurityCause,
    SecurityChange,
    Setup,
    Stream,
)
from tests.support.agw_process import Palg, local, write
from tests.support.media_peer import LOOPBACK, until
from tests.support.tcp_media import ELSEWHERE, End, refused


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
    assert len(made._tcp) == 0


async def test_a_message_session_over_iq(palg: Palg, process: Process) -> None:
    """The UE's offer, the answer of the core, octets, and the end of it."""
    gateway = await palg.gateway()
    ue_stream = Stream(1, "message", "TCP/MSRP", "*", Mode.SEND_RECEIVE, setup=Setup.PASSIVE)
    core_stream = Stream(1, "message", "TCP/MSRP", "*", Mode.SEND_RECEIVE)
    with contextlib.closing(End()) as ue, contextlib.closing(End()) as far:
        reserve = [
            Reserve("access", [ue_stream], 300, Latch.LATCH, LOOPBACK),
            Reserve("core", [core_stream], 300),
        ]
        reply = await palg.act(gateway, Action(None, reserve))
        assert reply.error is None
        context, (access, core) = reply.context, [one.termination for one in reply.replies]
        assert context is not None
        to_access, to_core = local(reply, 0), local(reply, 1)
        assert await refused(to_access, ELSEWHERE)
        answer = Stream(1, "message", "TCP/MSRP", "*", remote=far.endpoint, setup=Setup.ACTIVE)
        assert (await palg.act(gateway, Action(context, [Configure(core, [answer])]))).error is None
        await ue.connect(to_access)
        assert (await far.accept())[0] == to_core[0]
        await ue.send(b"MSRP d93kswow SEND\r\n")
        assert await far.receive(20) == b"MSRP d93kswow SEND\r\n"
        assert process._tcp.tally == {"source": 1, "established": 1}
        far.connection.close()
        assert await ue.end() == ""
        ue.connection.close()
        await until(lambda: palg.told != [])
        assert palg.told == [(context, BearerChange(core, 1, Change.RELEASED, "closed"))]
        # A new connection, as a=connection:new in a re-INVITE asks for.
        again = [Configure(access, [ue_stream]), Configure(core, [answer])]
        assert (await palg.act(gateway, Action(context, again))).error is None
        await ue.connect(to_access)
        await far.accept()
        await until(lambda: process._tcp.connections() == 2)
        assert (await palg.act(gateway, Action(context, [Release()]))).error is None
        assert await ue.end() == ""
        assert await far.end() == ""


async def test_what_cannot_be_connected_is_told(palg: Palg, process: Process) -> None:
    gateway = await palg.gateway()
    with contextlib.closing(End()) as ue, contextlib.closing(End()) as far:
        far.listener.close()
        streams = [
            Stream(1, "application", "TCP/BFCP", "*", setup=Setup.ACTIVE, remote=end.endpoint)
            for end in (ue, far)
        ]
        streams[1].establish = True
        reserve = [Reserve("access", [streams[0]], 300), Reserve("core", [streams[1]], 300)]
        reply = await palg.act(gateway, Action(None, reserve))
        assert reply.error is None
        await until(lambda: palg.told != [])
        [(context, told)] = palg.told
        assert context == reply.context
        assert told == BearerChange(reply.replies[1].termination, 1, Change.FAILED, "Connection refused")


async def test_a_ue_that_is_not_who_it_has_to_be_is_told(palg: Palg, process: Process) -> None:
    gateway = await palg.gateway()
    with contextlib.closing(End()) as ue, contextlib.closing(End()) as far:
        access = Stream(1, "message", "TCP/TLS/MSRP", "*", setup=Setup.PASSIVE, choose_fingerprint="sha-256")
        access.remote_fingerprints = (Fingerprint("sha-256", bytes(32)),)
        core = Stream(1, "message", "TCP/MSRP", "*", setup=Setup.ACTIVE, remote=far.endpoint)
        reserve = [Reserve("access", [access], 300, Latch.LATCH, LOOPBACK), Reserve("core", [core], 300)]
        reply = await palg.act(gateway, Action(None, reserve))
        assert reply.error is None
        assert reply.replies[0].streams[0].local_fingerprint is not None
        await ue.connect(local(reply, 0))
        await ue.send(b"MSRP d93kswow SEND\r\n")
        await until(lambda: palg.told != [])
        failed = SecurityChange(reply.replies[0].termination, 1, Change.FAILED, SecurityCause.PROTOCOL)
        assert palg.told == [(reply.context, failed)]
        assert far.sock is None
