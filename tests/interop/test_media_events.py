"""What real gateways report about real media, and what becomes of the call."""

import asyncio
import contextlib
from typing import Any

import pytest

from lab import rtp
from lab.call import Call
from lab.sockets import open_socket
from lab.srtp import DEFAULT_SUITE, Protector, SdesKey
from tests.support.edge import Network, aor, network
from tests.support.node import LOOPBACK

pytestmark = pytest.mark.interop

THRESHOLD = 20
PACKETS = 10


def few_forgeries(settings: dict[str, Any]) -> None:
    settings["limits"] = {"auth_failures": THRESHOLD}


def policy(name: str) -> Any:
    def edit(settings: dict[str, Any]) -> None:
        settings["media_security"] = {"authentication_failures": name}

    return edit


async def forge(call: Call) -> None:
    """Somebody without the key sends to the port that the UE sends to."""
    agreed = call.media.negotiation.agreed
    assert agreed is not None
    wrong = Protector(SdesKey.generate(DEFAULT_SUITE))
    with contextlib.closing(open_socket(LOOPBACK, 0)) as stranger:
        for number in range(THRESHOLD):
            stranger.sendto(wrong.rtp(rtp.build(0xBAD, number, 160 * number)), agreed.remote)


async def told(net: Network) -> dict[str, Any]:
    """What the P-CSCF says of the forgeries; one packet each, of a stream that is named."""
    event = await net.edge.pcscf.wait_for(lambda event: event.get("event") == "media event", 20)
    assert (event["media_event"], event["stream"]) == ("forgeries", 1)
    assert event["packets"] >= THRESHOLD
    assert await net.metric("pcscf", "pcscf_media_events_total", event="forgeries") == 1
    return dict(event)


async def test_forged_packets_are_told_and_the_call_goes_on():
    async with network(edit_agw=few_forgeries) as net:
        alice = await net.ue("alice")
        await net.echo("bob")
        call = await alice.call(aor("bob"), timeout=10)
        await call.media.exchange(PACKETS)
        await forge(call)
        event = await told(net)
        assert (event["call_id"], event["released"]) == (call.call_id, False)
        await call.media.exchange(PACKETS)
        heard = await call.hangup()
        assert not heard.problems(2 * PACKETS)
        await net.nothing_left()


async def test_forged_packets_end_the_call_where_the_operator_wants_it():
    async with network(edit_agw=few_forgeries, edit_pcscf=policy("release")) as net:
        alice = await net.ue("alice")
        await net.echo("bob")
        call = await alice.call(aor("bob"), timeout=10)
        await call.media.exchange(PACKETS)
        await forge(call)
        assert (await told(net))["released"]
        await asyncio.wait_for(call.ended.wait(), 10)
        assert call.reason == 'SIP;cause=500;text="media security failure"'
        await net.nothing_left()


async def test_silence_ends_a_call_but_not_one_on_hold():
    """A phone that holds may send nothing, though it says sendonly; behind the hold it has to."""
    seconds = 2

    def edit(settings: dict[str, Any]) -> None:
        settings["media_security"] = {"media_inactivity": seconds}

    async with network(edit_pcscf=edit) as net:
        alice = await net.ue("alice")
        await net.echo("bob")
        call = await alice.call(aor("bob"), timeout=10)
        await call.media.exchange(PACKETS)
        await call.hold()
        with pytest.raises(TimeoutError):  # nothing is to happen, and nothing tells of it
            await asyncio.wait_for(call.ended.wait(), 3 * seconds)
        await call.resume()
        await call.media.exchange(PACKETS)
        await asyncio.wait_for(call.ended.wait(), 10 * seconds)
        assert call.reason == 'SIP;cause=503;text="the media is lost"'
        await net.nothing_left()
