"""``imslab ue`` with media under DTLS, as a user starts it, against a live edge: speech and fax."""

import asyncio
import json
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from lab.call import Call
from lab.descriptions import Protection, Terms
from lab.dtls_audio import DTLS_SRTP
from lab.fax import T38
from lab.kind import Kind
from lab.relay import Party
from lab.ue import UserAgent
from tests.support.capture import Capture
from tests.support.edge import PASSWORD, Network, aor, network
from tests.support.programs import Program, need

pytestmark = pytest.mark.interop

IMSLAB = ("env", f"IMSLAB_PASSWORD={PASSWORD}", sys.executable, "-c", "from lab.cli import main; main()")


def ue(directory: Path, net: Network, user: str, *options: str) -> AbstractAsyncContextManager[Program]:
    place = ("--proxy", f"{net.edge.access.host}:{net.edge.access.port}", "--json")
    return Program(*IMSLAB, "ue", aor(user), *place, *options, directory=directory)


async def call(directory: Path, net: Network, *options: str, status: int = 0) -> list[dict[str, Any]]:
    """Let alice call bob; return what each says of its call, alice first."""
    async with ue(directory, net, "bob", "--answer", "1", "--duration", "20", *options) as bob:
        await bob.line("registered for")
        async with ue(directory, net, "alice", "--call", aor("bob"), "--duration", "0.6", *options) as alice:
            reports = []
            for program in (alice, bob):
                assert await program.ended(30) == status, program.text
                report = json.loads(program.lines[-1])
                assert report["verified"] is (status == 0)
                reports.append(report["calls"][0])
            return reports


def seen_by_the_core(net: Network) -> list[Any]:
    """What came from each party of the one call."""
    [[line]] = net.core.witness.history().values()
    return list(line.values())


@pytest.mark.parametrize(
    ("suite", "setup", "more"),
    [("AES_CM_128_HMAC_SHA1_80", "actpass", ()), ("AEAD_AES_128_GCM", "passive", ("--feedback",))],
    ids=["AES-CM, client", "AES-GCM, server"],
)
async def test_speech_by_each_profile_and_role(
    tmp_path: Path, suite: str, setup: str, more: tuple[str, ...]
) -> None:
    options = ("--media", "dtls-srtp", "--suite", suite, "--setup", setup, *more)
    async with network() as net:
        for report in await call(tmp_path, net, *options):
            media = report["media"]
            assert media["suite"] == suite
            assert media["exact"] >= 25
            assert (media["lost"], media["clear"], media["rtcp_clear"]) == (0, 0, 0)
            assert media["rtcp_received"]
        for seen in seen_by_the_core(net):
            assert seen.all_plain
            assert seen.rtcp_plain
        await net.nothing_left()
        assert await net.metric("pcscf", "pcscf_media_decisions_total", action="e2ae") == 2
        assert await net.metric("agw", "agw_dtls_handshakes_total", result="ok") == 2


@pytest.mark.parametrize(("setup", "loss"), [("actpass", 0), ("passive", 70)])
async def test_a_fax(tmp_path: Path, setup: str, loss: int) -> None:
    options = ("--media", "t38", "--setup", setup, "--loss", str(loss))
    async with network() as net:
        sent, taken = await call(tmp_path, net, *options)
        assert (sent["media"]["sends"], taken["media"]["sends"]) == (True, False)
        assert sent["media"]["exact"] == taken["media"]["exact"] == 15
        for report in (sent, taken):
            media = report["media"]
            assert (media["suite"], media["clear"], media["lost"]) == ("DTLS", 0, 0)
            assert media["opaque"]
            assert bool(media["withheld"]) is bool(loss)
            assert bool(media["recovered"] > 3) is bool(loss)  # the first ones may come before the keys
        assert all(seen.all_plain for seen in seen_by_the_core(net))
        await net.nothing_left()


async def test_a_fax_of_which_too_much_is_lost(tmp_path: Path) -> None:
    async with network() as net:
        reports = await call(tmp_path, net, "--media", "t38", "--loss", "90", status=1)
        assert all(report["problems"] for report in reports)
        await net.nothing_left()


async def test_hold_keeps_the_association() -> None:
    async with network() as net:
        alice = await net.ue("alice", kind=DTLS_SRTP)
        await net.echo("bob", kind=DTLS_SRTP)
        call = await alice.call(aor("bob"))
        assert (await call.media.exchange(5, interval=0.01)).problems(5) == []
        await call.hold()
        await call.resume()
        assert (await call.media.exchange(5, interval=0.01)).problems(10) == []
        await call.hangup()
        assert call.problems == []
        assert await net.metric("agw", "agw_dtls_handshakes_total", result="ok") == 2


async def connect(net: Network, kind: Kind, terms: Terms) -> tuple[Call, Call]:
    """Return a call of alice to bob, as each of them has it."""
    return await dial(*[await net.ue(user, kind=kind, terms=terms) for user in ("alice", "bob")])


async def dial(caller: UserAgent, callee: UserAgent) -> tuple[Call, Call]:
    placed = caller.place(callee.aor)
    taken = await callee.incoming.get()
    await asyncio.gather(taken.accept(), placed.answered())
    return placed, taken


@pytest.mark.parametrize("kind", [T38, DTLS_SRTP], ids=lambda kind: kind.name)
async def test_a_far_end_without_protection(kind: Kind) -> None:
    """The edge protects the leg of the UE that announced it, whoever calls."""
    async with network() as net:
        ends = [
            await net.ue("alice", kind=kind),
            await net.ue("bob", kind=kind, terms=Terms(Protection.NONE)),
        ]
        for caller, callee in (ends, ends[::-1]):
            calls = await dial(caller, callee)
            await asyncio.gather(*(call.media.exchange(10, interval=0.01) for call in calls))
            await calls[0].hangup()
            for call in calls:
                seen = call.media.statistics()
                assert seen.problems(10) == call.problems == []
                assert (seen.suite is None) is (call.agent is ends[1])
        assert await net.metric("pcscf", "pcscf_media_decisions_total", action="e2ae") == 2
        assert await net.metric("pcscf", "pcscf_media_decisions_total", action="plain") == 2


@pytest.mark.parametrize("kind", [T38, DTLS_SRTP], ids=lambda kind: kind.name)
@pytest.mark.parametrize("protection", [Protection.NONE, Protection.E2E])
async def test_without_an_access_edge(kind: Kind, protection: Protection) -> None:
    """Plain, and protected up to the far end: the core sees what the UEs sent."""
    async with network(core={"end_to_end": True}) as net:
        calls = await connect(net, kind, Terms(protection))
        await asyncio.gather(*(call.media.exchange(10, interval=0.01) for call in calls))
        await calls[0].hangup()
        for call in calls:
            assert call.media.statistics().problems(10) == []
            assert call.problems == []
        for seen in seen_by_the_core(net):
            assert seen.all_plain is (protection is Protection.NONE)
        assert await net.metric("agw", "agw_dtls_handshakes_total") == 0


async def test_a_fax_as_others_read_it(tmp_path: Path) -> None:
    """Wireshark finds T.30 in the core, and nothing but DTLS on the access legs."""
    need("dumpcap", "tshark")
    async with Capture(tmp_path, "udp") as wire:
        async with network() as net:
            calls = await connect(net, T38, Terms())
            relay = net.core.witness._calls[calls[0].call_id][0]
            core = [relay.facing(party)[1] for party in Party]
            access = [call.media.local[1] for call in calls]
            await asyncio.gather(*(call.media.exchange(5, interval=0.01) for call in calls))
            await calls[0].hangup()
            assert [call.media.statistics().problems(5) for call in calls] == [[], []]
        await wire.finish()
    rules = (*(f"udp.port=={port},t38" for port in core), *(f"udp.port=={port},dtls" for port in access))

    async def frames(port: int) -> list[int]:
        found = await wire.read(f"t30 && udp.dstport=={port}", "t30.FacsimileControl", decode_as=rules)
        return [int(value, 0) & 0x7F for [value] in found]

    assert [await frames(port) for port in core] == [[0x41, 0x74, 0x5F], [0x01, 0x21, 0x31]]
    image = await wire.read("t38", "t38.field_data", decode_as=rules)
    assert len(image) > 50
    for port in access:
        inside = await wire.read(f"udp.port=={port}", "dtls.record.content_type", decode_as=rules)
        assert {kind for [kinds] in inside for kind in kinds.split(",")} >= {"22", "23"}
        assert [
            "",
        ] not in inside
    assert await wire.read("_ws.malformed && (t38 || dtls)", "frame.number", decode_as=rules) == []
