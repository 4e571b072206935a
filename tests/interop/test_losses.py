"""A process of the edge that dies, hangs or starts anew in the middle of calls: noticed, told, cleaned up."""

import asyncio
from typing import Any

import pytest

from lab.call import Call
from lab.errors import CallFailed
from lab.processes import Process
from lab.ue import UserAgent
from pcscf.sip.message import Response
from tests.support.edge import Network, aor, assert_clean, frozen, kill, network
from tests.support.iq_relay import IqRelay
from tests.support.programs import until

pytestmark = pytest.mark.interop

#: Seconds in which a gateway that is gone has to be missed (three audits, one each three seconds).
NOTICED = 10.0


async def lost(pcscf: Process, since: int) -> dict[str, Any]:
    """Wait until the P-CSCF says that it has lost its gateway."""
    return await pcscf.wait_for(lambda event: event.get("event") == "iq.down", NOTICED, since=since)


async def refusal(caller: UserAgent) -> Response:
    """Place a call that has to fail, and return what it failed with."""
    call = caller.place(aor("bob"))
    with pytest.raises(CallFailed):
        await call.answered(10)
    assert call._invitation is not None
    return await call._invitation.final


async def established(net: Network) -> tuple[UserAgent, Call]:
    alice = await net.ue("alice")
    await net.echo("bob")
    call = await alice.call(aor("bob"), timeout=10)
    assert not (await call.media.exchange(5)).problems(5)
    return alice, call


async def test_a_gateway_that_dies():
    async with network(clean=False) as net:
        alice, call = await established(net)
        seen = len(net.edge.pcscf.events)
        await kill(net.edge.agw)
        await lost(net.edge.pcscf, seen)
        status, health = await net.health("pcscf")
        assert (status, health["status"], health["calls"]) == (503, "no gateway", 2)
        assert health["gateways"] == {"<agw.ims.example>": False}
        response = await refusal(alice)
        assert response.status == 503
        assert int(response.get("retry-after") or 0) > 0

        await net.restart("agw")
        await until(lambda: net.health("pcscf"), lambda one: one[0] == 200)
        await asyncio.wait_for(call.ended.wait(), 10)  # the gateway has come back without its contexts
        assert "cause=503" in call.reason
        await net.good_call(alice, "bob")
        await net.nothing_left()
        assert_clean(net.edge.pcscf)
        assert_clean(net.edge.agw)


async def test_a_gateway_that_hangs_and_comes_back():
    async with network() as net:
        alice, call = await established(net)
        seen = len(net.edge.pcscf.events)
        with frozen(net.edge.agw):
            await lost(net.edge.pcscf, seen)
            assert (await net.health("pcscf"))[0] == 503
            assert (await refusal(alice)).status == 503
        await until(lambda: net.health("pcscf"), lambda one: one[0] == 200, 15)
        # In time, and with its contexts: the call has not ended.
        assert not call.ended.is_set()
        await call.media.exchange(5)
        assert not (await call.hangup()).problems(10)
        await net.good_call(alice, "bob")
        await net.nothing_left()


async def test_a_release_that_nobody_hears():
    async with IqRelay() as relay, network(edit_agw=relay.between) as net:
        alice, call = await established(net)
        relay.dead = True
        await call.hangup()
        await until(lambda: net.metric("pcscf", "pcscf_active_calls"), lambda calls: not calls)
        assert await net.metric("agw", "agw_contexts") == 2
        relay.cut()
        relay.dead = False
        await net.nothing_left()
        await net.good_call(alice, "bob")
        await net.nothing_left()


async def test_a_controller_that_dies():
    async with network(clean=False) as net:
        alice, _ = await established(net)
        assert await net.metric("agw", "agw_contexts") == 2
        await kill(net.edge.pcscf)
        await until(lambda: net.health("agw"), lambda seen: seen[0] == 503)
        assert (await net.health("agw"))[1]["status"] == "no controller"
        assert await net.metric("agw", "agw_contexts") == 2  # media goes on without it

        await net.restart("pcscf")  # it serves as soon as a gateway is there
        await net.nothing_left()
        assert (await refusal(alice)).status == 403  # bindings are gone with the process
        for ue in (alice, await net.echo("bob")):
            await ue.register()
        await net.good_call(alice, "bob")
        await net.nothing_left()
        assert_clean(net.edge.pcscf)
        assert_clean(net.edge.agw)
