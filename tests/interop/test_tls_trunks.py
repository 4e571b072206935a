"""baresip as a trunk over TLS (access.static): whom the edge connects to has to prove its name (RFC 5922)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.address import Target
from lab.call import Call
from lab.errors import CallFailed
from lab.media import Statistics
from lab.sockets import free_port
from tests.support.baresip import Baresip, free_pair, trunk
from tests.support.certificates import issue
from tests.support.edge import Network, aor, network
from tests.support.programs import need, until

pytestmark = pytest.mark.interop

PACKETS = 25


@pytest.fixture(autouse=True)
def _peers() -> None:
    need("baresip")


@asynccontextmanager
async def with_trunk(directory: Path, **proof: Any) -> AsyncIterator[tuple[Network, Baresip]]:
    """``proof``: what the edge demands of the trunk, whose certificate is for localhost and 127.0.0.1."""
    files, port = issue(directory, "pbx"), free_pair()
    target = Target("tls", "127.0.0.1", free_port("127.0.0.1"))

    def edit(settings: dict[str, Any]) -> None:
        access = settings["access"]
        access["listen"].append({
            "transport": "tls", "address": target.host, "port": target.port,
            "certificate": str(files.certificate), "private_key": str(files.private_key),
        })  # fmt: skip
        access["static"] = [{
            "aor": aor("pbx"), "contact": f"sip:pbx@127.0.0.1:{port + 1};transport=tls",
            "mechanisms": ["sdes-srtp"], "ca": str(files.ca), **proof,
        }]  # fmt: skip

    async with AsyncExitStack() as stack:
        net = await stack.enter_async_context(network(edit_pcscf=edit))
        net.core.static["pbx"] = f"sip:pbx@127.0.0.1:{net.edge.core.port}"
        pbx = await stack.enter_async_context(trunk(directory, aor("pbx"), port, target, files))
        await pbx.program.listening(port + 1, "tcp")
        yield net, pbx


async def talk(call: Call) -> None:
    """Send speech, and wait for as much of the trunk's, which nobody could read on the way."""
    await call.media.send(PACKETS)

    async def look() -> Statistics:
        return call.media.statistics()

    seen = await until(look, lambda statistics: statistics.received >= PACKETS)
    assert seen.opaque == seen.received


@pytest.mark.parametrize("proof", [{}, {"server_name": "localhost"}])
async def test_calls_to_a_trunk(tmp_path: Path, proof: dict[str, Any]) -> None:
    async with with_trunk(tmp_path, **proof) as (net, pbx):
        alice = await net.ue("alice")
        for hangs_up in ("alice", "pbx"):
            call = await alice.call(aor("pbx"), timeout=10)
            await pbx.event("CALL_ESTABLISHED")
            await talk(call)
            await (call.hangup() if hangs_up == "alice" else pbx.command("hangup"))
            await asyncio.wait_for(call.ended.wait(), 10)
            await pbx.event("CALL_CLOSED")
        await pbx.program.line("incoming rtp for 'audio' established")
        await net.nothing_left()
        assert await net.metric("pcscf", "pcscf_media_decisions_total", action="e2ae") == 4
        # One connection of ours for both calls, and one that the trunk opens for its BYE.
        assert await net.metric("pcscf", "pcscf_transport_events_total", event="tls_handshakes") == 2


async def test_calls_from_a_trunk(tmp_path: Path) -> None:
    async with with_trunk(tmp_path) as (net, pbx):
        bob = await net.ue("bob")
        await pbx.command("dial", aor("bob"))
        call = await asyncio.wait_for(bob.incoming.get(), 10)
        await call.accept()
        await talk(call)
        await pbx.program.line("incoming rtp for 'audio' established")
        await call.hangup()
        await pbx.event("CALL_CLOSED")
        await net.nothing_left()
        assert await net.metric("pcscf", "pcscf_media_decisions_total", action="e2ae") == 2


@pytest.mark.parametrize("wrong", ["ca", "name"])
async def test_who_cannot_prove_its_name_gets_no_call(tmp_path: Path, wrong: str) -> None:
    other = issue(tmp_path, "other").ca
    proof = {"ca": str(other)} if wrong == "ca" else {"server_name": "pbx.example"}
    async with with_trunk(tmp_path, **proof) as (net, pbx):
        alice = await net.ue("alice")
        with pytest.raises(CallFailed, match="430"):  # RFC 5626 11
            await alice.call(aor("pbx"), timeout=20)
        assert "INVITE" not in pbx.program.text
        await net.nothing_left()
        failed = await net.metric("pcscf", "pcscf_transport_events_total", event="tls_handshakes_failed")
        assert failed >= 1
