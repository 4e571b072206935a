"""``imslab ue`` as a user starts it, against a live edge: over each transport, and what TLS may not trust."""

import asyncio
import json
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from lab.address import Target
from lab.descriptions import Protection, Terms
from lab.identity import Identity
from lab.kinds import KINDS
from lab.sockets import free_port
from tests.support.certificates import Files, issue
from tests.support.edge import PASSWORD, aor, network
from tests.support.programs import Program

pytestmark = pytest.mark.interop

IMSLAB = ("env", f"IMSLAB_PASSWORD={PASSWORD}", sys.executable, "-c", "from lab.cli import main; main()")


def over(transport: str, files: Files | None) -> tuple[Target, Any]:
    """Return where the edge's only access listener is, and what makes it so."""
    target = Target(transport, "127.0.0.1", free_port("127.0.0.1"))

    def edit(settings: dict[str, Any]) -> None:
        point = {"transport": transport, "address": target.host, "port": target.port}
        if files is None:
            point["confidential"] = True  # nobody reads loopback
        else:
            point |= {"certificate": str(files.certificate), "private_key": str(files.private_key)}
        settings["access"]["listen"] = [point]

    return target, edit


def ue(
    directory: Path, user: str, proxy: Target, *options: str | Path
) -> AbstractAsyncContextManager[Program]:
    place = ("--proxy", f"{proxy.host}:{proxy.port}", "--transport", proxy.transport)
    return Program(*IMSLAB, "ue", aor(user), *place, "--json", *options, directory=directory)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_two_call_each_other(tmp_path: Path, transport: str) -> None:
    files = issue(tmp_path, "edge") if transport == "tls" else None
    trust = ("--ca", files.ca) if files is not None else ()
    target, edit = over(transport, files)
    async with (
        network(edit_pcscf=edit) as net,
        ue(tmp_path, "bob", target, *trust, "--answer", "1") as bob,
    ):
        await bob.line("registered for")
        call = ("--call", aor("bob"), "--duration", "0.5")
        async with ue(tmp_path, "alice", target, *trust, *call) as alice:
            for program in (alice, bob):
                assert await program.ended(20) == 0
                report = json.loads(program.lines[-1])
                assert report["verified"] is True
                assert report["calls"][0]["media"]["exact"] >= 20
                assert report["calls"][0]["media"]["clear"] == 0
        await net.nothing_left()
        assert await net.metric("pcscf", "pcscf_media_decisions_total", action="e2ae") == 2
        assert await net.metric("pcscf", "pcscf_bindings") == 0


@pytest.mark.parametrize("media", ["msrp", "bfcp"])
@pytest.mark.parametrize("echo", [(), ("--echo",)], ids=["talks", "echoes"])
async def test_other_media(tmp_path: Path, media: str, echo: tuple[str, ...]) -> None:
    """Over TLS to and from the gateway on both legs, and plain between them."""
    target, edit = over("udp", None)
    async with (
        network(edit_pcscf=edit) as net,
        ue(tmp_path, "bob", target, "--media", media, "--answer", "1", *echo) as bob,
    ):
        await bob.line("registered for")
        call = ("--media", media, "--call", aor("bob"), "--duration", "0.5")
        async with ue(tmp_path, "alice", target, *call) as alice:
            for program in (alice, bob):
                assert await program.ended(20) == 0
                report = json.loads(program.lines[-1])
                assert report["verified"] is True
                seen = report["calls"][0]["media"]
                assert seen["exact"] >= 5
                assert seen["clear"] == 0
                assert seen["opaque"] > 0
                assert seen["suite"].startswith("TLSv1.3")
        await net.nothing_left()
        [[line]] = net.core.witness.history().values()
        assert all(seen.all_plain for seen in line.values())
        assert await net.metric("pcscf", "pcscf_media_decisions_total", action="e2ae") == 2


@pytest.mark.parametrize("media", ["msrp", "bfcp"])
@pytest.mark.parametrize("protection", [Protection.E2E, Protection.NONE])
async def test_media_that_the_gateway_only_passes(media: str, protection: Protection) -> None:
    """TLS from end to end is read by nobody, plain media by everybody."""
    kind, terms = KINDS[media], Terms(protection)
    async with network(core={"end_to_end": True}) as net:
        caller, callee = (
            await net.ue("alice", kind=kind, terms=terms),
            await net.ue("bob", kind=kind, terms=terms),
        )
        placed = caller.place(callee.aor)
        taken = await callee.incoming.get()
        await asyncio.gather(taken.accept(), placed.answered())
        for seen in await asyncio.gather(*(call.media.exchange(3) for call in (placed, taken))):
            assert seen.problems(3) == []
        assert placed.problems == taken.problems == []
        await placed.hangup()
        [line] = net.core.witness.observed(placed.call_id)
        assert [seen.all_plain for seen in line.values()] == [protection is Protection.NONE] * 2
        assert all(bool(seen.opaque) is (protection is Protection.E2E) for seen in line.values())
        await net.nothing_left()


@pytest.mark.parametrize("media", ["msrp", "bfcp"])
async def test_a_far_end_without_protection(media: str) -> None:
    """The edge protects the leg of the UE that announced it, whoever calls."""
    kind = KINDS[media]
    async with network() as net:
        ends = [
            await net.ue("alice", kind=kind),
            await net.ue("bob", kind=kind, terms=Terms(Protection.NONE)),
        ]
        for caller, callee in (ends, ends[::-1]):
            placed = caller.place(callee.aor)
            taken = await callee.incoming.get()
            await asyncio.gather(taken.accept(), placed.answered())
            await asyncio.gather(*(call.media.exchange(3) for call in (placed, taken)))
            for call in (placed, taken):
                seen = call.media.statistics()
                assert seen.problems(3) == call.problems == []
                assert bool(seen.suite) is (call.agent is ends[0])
            await placed.hangup()
        await net.nothing_left()


@pytest.mark.parametrize("media", ["msrp", "bfcp"])
async def test_a_ue_that_shows_another_certificate_than_its_own(media: str) -> None:
    """The gateway tells, the call ends, and nothing of the media gets through."""
    kind = KINDS[media]
    async with network() as net:
        alice, bob = await net.ue("alice", kind=kind), await net.ue("bob", kind=kind)
        placed = alice.place(bob.aor)
        placed.media.certified.identity = Identity()
        taken = await bob.incoming.get()
        await asyncio.gather(taken.accept(), placed.answered())
        await asyncio.gather(*(asyncio.wait_for(call.ended.wait(), 10) for call in (placed, taken)))
        assert "cause=500" in placed.reason
        assert "cause=500" in taken.reason
        assert placed.media.statistics().failure
        assert placed.media.statistics().exact == taken.media.statistics().exact == 0
        await net.nothing_left()


@pytest.mark.parametrize(
    ("caller", "callee", "setup", "msrp"),
    [
        (False, False, "active", "auto"),
        (False, True, "active", "auto"),
        (True, False, "passive", "auto"),
        (True, False, "active", "aware"),
    ],
)
async def test_msrp_of_ends_that_compare_whole_uris(
    caller: bool, callee: bool, setup: str, msrp: str
) -> None:
    """caller, callee: knows RFC 6714; setup: what the callee prefers; msrp: of the configuration.

    Who does not know it and connects goes where the path of the offer leads: over the gateway, where this is
    aware of MSRP from the offer on.
    """

    def edit(settings: dict[str, Any]) -> None:
        settings["media_security"]["msrp"] = msrp

    async with network(edit_pcscf=edit) as net:
        alice = await net.ue("alice", kind=KINDS["msrp"], terms=Terms(cema=caller))
        bob = await net.ue("bob", kind=KINDS["msrp"], terms=Terms(cema=callee, setup=setup))
        placed = alice.place(bob.aor)
        taken = await bob.incoming.get()
        await asyncio.gather(taken.accept(), placed.answered())
        for seen in await asyncio.gather(*(call.media.exchange(3) for call in (placed, taken))):
            assert seen.problems(3) == []
        await placed.hangup()
        assert placed.problems == taken.problems == []
        await net.nothing_left()


@pytest.mark.parametrize("setup", ["active", "passive"])
@pytest.mark.parametrize("media", ["msrp", "bfcp"])
async def test_who_connects_and_hold(media: str, setup: str) -> None:
    """Either end waits for the gateway or connects to it; a re-INVITE leaves the connection alone."""
    kind = KINDS[media]
    async with network() as net:
        caller = await net.ue("alice", kind=kind, terms=Terms(setup=setup))
        callee = await net.ue("bob", kind=kind, terms=Terms(setup=setup))
        placed = caller.place(callee.aor)
        taken = await callee.incoming.get()
        await asyncio.gather(taken.accept(), placed.answered())
        for _ in range(2):
            for seen in await asyncio.gather(*(call.media.exchange(2) for call in (placed, taken))):
                assert seen.problems(2) == []
            await placed.hold()
            await placed.resume()
        await placed.hangup()
        assert placed.problems == taken.problems == []
        await net.nothing_left()


@pytest.mark.parametrize("wrong", ["ca", "system", "name"])
async def test_another_certificate_is_not_trusted(tmp_path: Path, wrong: str) -> None:
    """It says nothing to who does not prove to be the P-CSCF, and tells its user why."""
    files = issue(tmp_path, "edge")
    trust: tuple[str | Path, ...] = {
        "ca": ("--ca", issue(tmp_path, "other").ca),
        "system": (),
        "name": ("--ca", files.ca, "--server-name", "pcscf.example"),
    }[wrong]
    target, edit = over("tls", files)
    async with network(edit_pcscf=edit) as net, ue(tmp_path, "alice", target, *trust) as alice:
        assert await alice.ended(20) == 1
        assert "REGISTER: 503 TLS handshake failed" in alice.text
        assert "Traceback" not in alice.text
        assert await net.metric("pcscf", "pcscf_requests_total") == 0


async def test_a_name_of_the_certificate(tmp_path: Path) -> None:
    files = issue(tmp_path, "edge")
    target, edit = over("tls", files)
    trust = ("--ca", files.ca, "--server-name", "localhost")
    async with network(edit_pcscf=edit), ue(tmp_path, "alice", target, *trust) as alice:
        assert await alice.ended(20) == 0
        assert json.loads(alice.lines[-1])["verified"] is True
