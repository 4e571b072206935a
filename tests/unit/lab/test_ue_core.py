"""The lab's UEs and core talking to each other directly, over loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from lab.call import Call
from lab.core import CoreNetwork
from lab.descriptions import Protection, Terms
from lab.errors import CallFailed, RegistrationFailed
from lab.ladder import Ladder
from lab.relay import Party
from lab.trace import Trace
from lab.ue import UserAgent

FAST = 0.001
PLAIN = Terms(Protection.NONE)
USERS = {"alice": "wonder", "bob": "builder"}


@contextlib.asynccontextmanager
async def stage(
    transport: str = "udp", terms: Terms = PLAIN, *, relay: bool = True, trace: Trace | None = None
) -> AsyncIterator[tuple[CoreNetwork, UserAgent, UserAgent]]:
    """A core that takes UEs without P-CSCF, and two registered UEs."""
    async with contextlib.AsyncExitStack() as stack:
        core = CoreNetwork("ims.example", USERS, behind_edge=False, relay=relay, trace=trace)
        await stack.enter_async_context(core)
        ues = []
        for user, password in USERS.items():
            proxy = core.target._replace(transport=transport)
            agent = UserAgent(f"sip:{user}@ims.example", password, proxy, terms=terms, trace=trace)
            ues.append(await stack.enter_async_context(agent))
            await agent.register()
        yield core, ues[0], ues[1]


async def connect(caller: UserAgent, callee: UserAgent) -> tuple[Call, Call]:
    placed = caller.place(callee.aor)
    taken = await callee.incoming.get()
    taken.ring()
    await asyncio.gather(taken.accept(), placed.answered())
    return placed, taken


async def talk(*calls: Call, packets: int = 10) -> list[list[str]]:
    seen = await asyncio.gather(*(call.media.exchange(packets, interval=FAST) for call in calls))
    return [statistics.problems(packets) for statistics in seen]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_register_call_and_hang_up(transport: str) -> None:
    async with stage(transport) as (core, alice, bob):
        placed, taken = await connect(alice, bob)
        assert placed.provisional == [180]
        assert await talk(placed, taken) == [[], []]
        (line,) = core.witness.observed(placed.call_id)
        assert all(line[party].plain == 10 and line[party].all_plain for party in Party)
        await placed.hangup()
        await asyncio.wait_for(taken.ended.wait(), 5)
        assert taken.media.statistics().exact == 10
        assert (alice.calls, bob.calls, len(core.witness)) == ({}, {}, 0)
        assert placed.problems == taken.problems == []
        await alice.deregister()
        with pytest.raises(CallFailed) as failure:
            await bob.call("sip:alice@ims.example")
        assert failure.value.status == 480


async def test_callee_hangs_up() -> None:
    async with stage() as (_, alice, bob):
        placed, taken = await connect(alice, bob)
        await taken.hangup()
        await asyncio.wait_for(placed.ended.wait(), 5)
        assert placed.reason == "far end hung up"


async def test_end_to_end_sdes_is_opaque_to_the_core() -> None:
    async with stage(terms=Terms(Protection.E2E, ("AEAD_AES_128_GCM",))) as (core, alice, bob):
        placed, taken = await connect(alice, bob)
        assert await talk(placed, taken) == [[], []]
        (line,) = core.witness.observed(placed.call_id)
        assert (line[Party.CALLER].plain, line[Party.CALLER].opaque) == (0, 10)
        assert placed.keys == taken.keys
        assert len(placed.keys) == 2


async def test_hold_resume_and_rekey() -> None:
    async with stage(terms=Terms(Protection.E2E)) as (_, alice, bob):
        placed, taken = await connect(alice, bob)
        await placed.hold()
        assert taken.media.negotiation.agreed is not None
        assert taken.media.negotiation.agreed.direction == "recvonly"
        await placed.resume()
        assert await talk(placed, taken) == [[], []]
        assert len(placed.keys) == 2
        await taken.rekey()
        assert len(taken.keys) == 3
        assert await talk(placed, taken, packets=5) == [[], []]
        assert placed.problems == taken.problems == []


async def test_early_media_and_identical_answer() -> None:
    async with stage() as (_, alice, bob):
        placed = alice.place(bob.aor)
        taken = await bob.incoming.get()
        taken.ring(183, answer=True)
        await placed.ringing.wait()
        assert await talk(taken, placed, packets=5) == [[], []]
        await asyncio.gather(taken.accept(), placed.answered())
        assert placed.problems == []


async def test_reject_and_cancel() -> None:
    async with stage() as (core, alice, bob):
        placed = alice.place(bob.aor)
        (await bob.incoming.get()).reject(486)
        with pytest.raises(CallFailed, match="486 Busy Here"):
            await placed.answered()
        placed = alice.place(bob.aor)
        taken = await bob.incoming.get()
        taken.ring()
        await placed.ringing.wait()
        placed.cancel()
        with pytest.raises(CallFailed, match="487"):
            await placed.answered()
        assert taken.ended.is_set()
        assert taken.reason == "cancelled"
        assert len(core.witness) == 0


async def test_callee_refuses_what_its_terms_exclude() -> None:
    async with stage() as (_, alice, bob):
        bob.terms = Terms(Protection.E2AE)
        placed = alice.place(bob.aor)
        taken = await bob.incoming.get()
        with pytest.raises(CallFailed, match="this end is protected"):
            await taken.accept()
        with pytest.raises(CallFailed, match="488"):
            await placed.answered()


async def test_answer_callback_and_echo() -> None:
    async def answer(call: Call) -> None:
        await call.accept()

    async with stage() as (core, alice, bob):
        echo = UserAgent(bob.aor, USERS["bob"], core.target, terms=PLAIN, answer=answer, echo=True)
        async with echo:
            await echo.register()
            call = await alice.call(bob.aor)
            assert (await call.media.exchange(5, interval=FAST)).problems(5) == []
            await call.hangup()


async def test_wrong_password_and_unknown_user() -> None:
    async with stage() as (core, alice, _):
        wrong = UserAgent("sip:bob@ims.example", "nonsense", core.target, terms=PLAIN)
        async with wrong:
            with pytest.raises(RegistrationFailed, match="403"):
                await wrong.register()
        with pytest.raises(CallFailed, match="404"):
            await alice.call("sip:nobody@ims.example")


async def test_a_core_behind_an_edge_wants_path_and_judges() -> None:
    async with CoreNetwork("ims.example", USERS) as core:
        agent = UserAgent("sip:alice@ims.example", "wonder", core.target)
        async with agent:
            with pytest.raises(RegistrationFailed, match="403"):
                await agent.register()
            agent.registration.service_route = [core.registrar.service_route]
            with pytest.raises(CallFailed, match="403"):
                await agent.call("sip:bob@ims.example")
        found = set(core.violations)
        assert {
            "REGISTER without Path",
            "REGISTER security-client reached the core",
            "REGISTER require: mediasec reached the core",
            "INVITE without P-Asserted-Identity",
            "INVITE p-preferred-identity reached the core",
            "INVITE 3ge2ae:requested reached the core",
            "INVITE a=crypto on RTP/SAVP reached the core",
        } <= found
        assert not any("inline" in text for text in found)


async def test_static_far_end() -> None:
    async with contextlib.AsyncExitStack() as stack:
        core = CoreNetwork("ims.example", USERS, behind_edge=False)
        await stack.enter_async_context(core)
        far = await stack.enter_async_context(UserAgent("sip:far@x", "", core.target, terms=PLAIN))
        core.static["sipp"] = far.contact
        alice = UserAgent("sip:alice@ims.example", "wonder", core.target, terms=PLAIN)
        await stack.enter_async_context(alice)
        await alice.register()
        placed = alice.place("sip:sipp@ims.example")
        taken = await far.incoming.get()
        assert taken.uri == far.contact
        await asyncio.gather(taken.accept(), placed.answered())
        assert await talk(placed, taken) == [[], []]


async def test_trace_has_every_message_and_no_key() -> None:
    trace = Trace()
    async with stage(terms=Terms(Protection.E2E), trace=trace) as (_, alice, bob):
        placed, taken = await connect(alice, bob)
        await placed.hangup()
        await asyncio.wait_for(taken.ended.wait(), 5)
        text = str(Ladder("alice", "bob", edge=None).render(trace.events)) + repr(trace.events)
        assert [e.label for e in trace.events if e.node == "alice" and e.method == "REGISTER"] == [
            *("REGISTER", "401", "REGISTER", "200")
        ]
        labels = [e.label for e in trace.events if e.node == "bob" and e.call_id == placed.call_id]
        assert [x for x in labels if x != "100"] == ["INVITE", "180", "200", "ACK", "BYE", "200"]
        for secret in (*placed.keys, *USERS.values()):
            assert secret not in text
