"""Kamailio as registrar and S-CSCF-like proxy (configs/kamailio/kamailio.cfg) behind real pcscf and agw."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.errors import CallFailed, RegistrationFailed
from lab.sockets import free_port
from lab.ue import UserAgent
from tests.support.edge import DOMAIN, PASSWORD, aor, network
from tests.support.programs import Program, need

pytestmark = pytest.mark.interop

CONFIG = Path(__file__).parents[2] / "configs" / "kamailio" / "kamailio.cfg"
PACKETS = 25


@contextlib.asynccontextmanager
async def kamailio(directory: Path, children: int = 2) -> AsyncIterator[tuple[str, Program]]:
    """Start it; yield its SIP URI and the program. With one child datagrams keep their order."""
    need("kamailio")
    port = free_port("127.0.0.1")
    definitions = [f"PORT={port}", f"DOMAIN={DOMAIN}", f"PASSWORD={PASSWORD}", f"CHILDREN={children}"]
    options = [part for text in definitions for part in ("-A", text)]
    async with Program(
        "kamailio", "-DD", "-E", "-f", CONFIG, "-Y", directory, "-P", directory / "kamailio.pid", *options,
        directory=directory,
    ) as program:  # fmt: skip
        await program.listening(port)
        await program.listening(port, "tcp")
        yield f"sip:127.0.0.1:{port}", program


async def test_two_ues_register_and_call_each_other(tmp_path: Path):
    async with kamailio(tmp_path) as (uri, program), network(next_hop=uri) as net:
        alice, bob = await net.ue("alice"), await net.ue("bob")
        for ue in (alice, bob):
            assert ue.registration.service_route == [f"<sip:orig@{uri.removeprefix('sip:')};lr>"]
            assert ue.registration.associated == [ue.aor]
            assert ue.registration.security_server
            assert not ue.registration.problems
        for caller, callee in ((alice, bob), (bob, alice)):
            await converse(caller, callee)
        await give_up(alice, bob)
        with pytest.raises(CallFailed, match="404"):
            await alice.call(aor("nobody"), timeout=10)
        await bob.deregister()
        with pytest.raises(CallFailed, match="404"):
            await alice.call(aor("bob"), timeout=10)
        await net.nothing_left()
        assert await net.metric("pcscf", "pcscf_bindings") == 1
        protected = await net.metric("pcscf", "pcscf_media_decisions_total", action="e2ae", media="audio")
        assert protected == 3 * 2 + 2  # both legs of three calls, one leg of two that reached nobody
        assert "ERROR" not in program.text, program.text


async def test_a_wrong_password_is_refused(tmp_path: Path):
    async with kamailio(tmp_path) as (uri, _), network(next_hop=uri) as net:
        async with UserAgent(aor("alice"), "wrong", net.edge.access) as alice:
            with pytest.raises(RegistrationFailed, match="401"):
                await alice.register()
        assert await net.metric("pcscf", "pcscf_bindings") == 0


async def converse(caller: UserAgent, callee: UserAgent) -> None:
    """A call that rings, is answered, put on hold and resumed; media both ways; the callee hangs up."""
    placed = caller.place(callee.aor)
    taken = await asyncio.wait_for(callee.incoming.get(), 10)
    taken.ring()
    await asyncio.wait_for(placed.ringing.wait(), 10)
    await taken.accept()
    await placed.answered(10)
    await asyncio.gather(placed.media.exchange(PACKETS), taken.media.exchange(PACKETS))
    await placed.hold()
    await placed.resume()
    await asyncio.gather(placed.media.exchange(PACKETS), taken.media.exchange(PACKETS))
    await taken.hangup()
    await asyncio.wait_for(placed.ended.wait(), 10)
    for call in (placed, taken):
        statistics = call.media.statistics()
        assert not statistics.problems(2 * PACKETS)
        assert statistics.opaque == statistics.received
        assert not call.problems


async def give_up(caller: UserAgent, callee: UserAgent) -> None:
    """A call that rings and is cancelled."""
    placed = caller.place(callee.aor)
    taken = await asyncio.wait_for(callee.incoming.get(), 10)
    taken.ring()
    await asyncio.wait_for(placed.ringing.wait(), 10)
    placed.cancel()
    with pytest.raises(CallFailed, match="487"):
        await placed.answered(10)
    await asyncio.wait_for(taken.ended.wait(), 10)
