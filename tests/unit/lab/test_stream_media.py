"""MSRP and BFCP between the lab's UEs and through its core, directly, over loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from lab import sdp
from lab.application import BFCP, Floors
from lab.call import Call
from lab.core import CoreNetwork
from lab.descriptions import Protection, Terms
from lab.errors import BadDescription, CallFailed
from lab.kind import Kind
from lab.message import FILE_SIZE, MSRP, Messages
from lab.relay import Party
from lab.ue import UserAgent

FAST = 0.001
USERS = {"alice": "wonder", "bob": "builder"}
KINDS = pytest.mark.parametrize("kind", [MSRP, BFCP], ids=["msrp", "bfcp"])


@contextlib.asynccontextmanager
async def stage(
    kind: Kind, terms: Terms, called: Terms | None = None, *, echo: bool = False, relay: bool = True
) -> AsyncIterator[tuple[CoreNetwork, Call, Call]]:
    """A call of alice to bob that is answered."""
    async with contextlib.AsyncExitStack() as stack:
        core = CoreNetwork("ims.example", USERS, behind_edge=False, end_to_end=True, relay=relay)
        await stack.enter_async_context(core)
        alice = UserAgent("sip:alice@ims.example", "wonder", core.target, kind=kind, terms=terms)
        bob = UserAgent(
            "sip:bob@ims.example", "builder", core.target, kind=kind, terms=called or terms, echo=echo
        )
        for agent in (alice, bob):
            await stack.enter_async_context(agent)
            await agent.register()
        placed = alice.place(bob.aor)
        taken = await bob.incoming.get()
        await asyncio.gather(taken.accept(), placed.answered())
        yield core, placed, taken


async def talk(*calls: Call, units: int = 3) -> list[list[str]]:
    seen = await asyncio.gather(*(call.media.exchange(units, interval=FAST) for call in calls))
    return [statistics.problems(units) for statistics in seen]


@KINDS
@pytest.mark.parametrize("protection", [Protection.NONE, Protection.E2E])
@pytest.mark.parametrize("setup", ["actpass", "active", "passive"])
@pytest.mark.parametrize("relay", [True, False])
async def test_a_call(kind: Kind, protection: Protection, setup: str, relay: bool) -> None:
    async with stage(kind, Terms(protection, setup=setup), relay=relay) as (core, placed, taken):
        assert await talk(placed, taken) == [[], []]
        assert await talk(placed, taken, units=2) == [[], []]
        plain = protection is Protection.NONE
        seen = [call.media.statistics() for call in (placed, taken)]
        assert [(one.clear > 0, one.opaque > 0, one.suite is None) for one in seen] == [
            (plain, not plain, plain)
        ] * 2
        if relay:
            (line,) = core.witness.observed(placed.call_id)
            assert all(line[party].all_plain is plain for party in Party)
        assert placed.keys == taken.keys
        assert (placed.keys == set()) is plain
        await placed.hangup()
        await asyncio.wait_for(taken.ended.wait(), 5)
        assert placed.problems == taken.problems == []
        assert [call.media.statistics().failure for call in (placed, taken)] == ["", ""]


async def test_a_file_is_checked_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(MSRP, Terms(Protection.NONE)) as (_, placed, taken):
        sent = placed.media.session.send

        def damaged(name: str, content_type: str, content: bytes):
            assert len(content) == FILE_SIZE
            return sent(name, content_type, content[:-1] + bytes([content[-1] ^ 1]))

        monkeypatch.setattr(type(placed.media.session), "send", lambda _, *message: damaged(*message))
        await placed.media.send(1)
        await taken.media.until(lambda: taken.media.session.counts.received == 1, 5)
        assert taken.media.statistics().problems(1) == ["0 of 1 messages arrived bit-exact", "1 bad"]


async def test_messages_come_back_from_an_echo() -> None:
    async with stage(MSRP, Terms(Protection.E2E), echo=True) as (_, placed, taken):
        assert await talk(placed) == [[]]
        assert taken.media.statistics().exact == 3


@KINDS
async def test_hold_and_resume_keep_the_connection(kind: Kind) -> None:
    async with stage(kind, Terms(Protection.E2E)) as (_, placed, taken):
        assert await talk(placed, taken) == [[], []]
        await placed.hold()
        await taken.resume()
        assert await talk(placed, taken) == [[], []]
        with pytest.raises(Exception, match="no keys in its description"):
            await placed.rekey()
        assert placed.problems == taken.problems == []


@KINDS
async def test_another_certificate_than_that_of_the_description(kind: Kind) -> None:
    """Nothing is said to who shows it."""

    def wrong(message: object) -> None:
        body = getattr(message, "body", b"")
        if b"a=fingerprint" in body and b" 200 " in message.encode()[:20]:  # type: ignore[attr-defined]
            lines = body.split(b"\r\n")
            at = next(i for i, line in enumerate(lines) if line.startswith(b"a=fingerprint"))
            lines[at] = lines[at][:-2] + (b"00" if lines[at][-2:] != b"00" else b"11")
            message.set_body(b"\r\n".join(lines))  # type: ignore[attr-defined]

    async with contextlib.AsyncExitStack() as stack:
        core = CoreNetwork("ims.example", USERS, behind_edge=False, tamper=wrong)
        await stack.enter_async_context(core)
        agents = []
        for user, password in USERS.items():
            terms = Terms(Protection.E2E)
            agents.append(UserAgent(f"sip:{user}@ims.example", password, core.target, kind=kind, terms=terms))
            await stack.enter_async_context(agents[-1])
            await agents[-1].register()
        placed = agents[0].place(agents[1].aor)
        taken = await agents[1].incoming.get()
        await asyncio.gather(taken.accept(), placed.answered())
        await placed.media.exchange(1, grace=0)
        assert "TLS: certificate verify failed" in placed.media.statistics().problems(1)
        assert taken.media.statistics().exact == 0


@KINDS
async def test_who_differs_in_protection_is_refused(kind: Kind) -> None:
    with pytest.raises(CallFailed, match=r"this end wants|488"):
        async with stage(kind, Terms(Protection.NONE), Terms(Protection.E2E)):
            pass


def messages(body: bytes, *edits: tuple[bytes, bytes]) -> bytes:
    for old, new in edits:
        assert old in body
        body = body.replace(old, new)
    return body


async def test_where_msrp_connects_to() -> None:
    """RFC 6714 has the address in c= and m=; everybody else in a=path."""
    plain = Terms(Protection.NONE, setup="passive")
    far, near = (Messages(terms, "127.0.0.1", "x", False) for terms in (plain, Terms(Protection.NONE)))
    with contextlib.closing(far), contextlib.closing(near):
        offer = messages(far.offer(), (b"a=path:msrp://127.0.0.1:", b"a=path:msrp://192.0.2.1:"))
        peering = near.certified.take_offer(offer)
        near.understand(peering.line)
        assert near.where(peering) == far.channel.local
        peering = near.certified.take_offer(messages(offer, (b"a=msrp-cema\r\n", b"")))
        assert near.where(peering) == ("192.0.2.1", far.channel.local[1])


async def test_strict_ends_of_msrp() -> None:
    async with stage(MSRP, Terms(Protection.E2E, cema=False)) as (_, placed, taken):
        assert await talk(placed, taken) == [[], []]
        assert b"msrp-cema" not in placed.media.offer()


@pytest.mark.parametrize("line", [b"", b"a=path:nonsense\r\n"])
async def test_msrp_without_a_path(line: bytes) -> None:
    media = Messages(Terms(Protection.NONE), "127.0.0.1", "x", False)
    with contextlib.closing(media):
        body = sdp.build(sdp.Description([sdp.MediaLine("message", "TCP/MSRP", 9, "127.0.0.1")]), "127.0.0.1")
        with pytest.raises(BadDescription, match="a=path"):
            media.answer(body + line)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (b"", "floorctrl"),
        (b"a=floorctrl:s-only\r\n", "wanted"),
        (b"a=floorctrl:s-only\r\na=confid:1\r\na=userid:65536\r\na=floorid:1\r\n", "too large"),
        (b"a=floorctrl:s-only\r\na=confid:x\r\na=userid:1\r\na=floorid:1 mstrm:10\r\n", "wanted"),
    ],
)
async def test_floor_control_that_nobody_can_use(lines: bytes, reason: str) -> None:
    media = Floors(Terms(Protection.NONE), "127.0.0.1", "x", False)
    with contextlib.closing(media):
        body = sdp.build(
            sdp.Description([sdp.MediaLine("application", "TCP/BFCP", 9, "127.0.0.1")]), "127.0.0.1"
        )
        with pytest.raises(BadDescription, match=reason):
            media.answer(body + lines)


async def test_a_server_may_offer_itself() -> None:
    media = Floors(Terms(Protection.NONE), "127.0.0.1", "x", False)
    with contextlib.closing(media):
        lines = b"a=floorctrl:s-only\r\na=confid:4321\r\na=userid:1234\r\na=floorid:1 mstrm:10\r\n"
        line = sdp.MediaLine("application", "TCP/BFCP", 9, "127.0.0.1")
        answer = media.answer(sdp.build(sdp.Description([line]), "127.0.0.1") + lines)
        assert b"a=floorctrl:c-only" in answer
        assert media.client is not None
        assert (media.client.about.conference, media.client.about.user) == (4321, 1234)
