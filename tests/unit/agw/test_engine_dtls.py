"""The contract of a packet engine for legs under DTLS: SRTCP with keys of its own, and legs whose datagrams
all go to Python."""

import pytest

from agw.engine.api import MAX_HANDED_OVER, Datagram, Leg, Transform
from tests.support.media_peer import LOOPBACK, Peer, Relay, crypto, dealt_with, plain, rtcp, rtp
from tests.support.srtp_reference import Reference

CM = "AES_CM_128_HMAC_SHA1_80"
SEND, RECEIVE, RTCP_SEND, RTCP_RECEIVE = (crypto(CM, first) for first in (1, 50, 100, 150))
UDPTL = b"\x00\x01\x03\xab\xcd\xef\x00\x00"


def apart(relay: Relay, **changes: object) -> Leg:
    leg = Leg(Transform.SRTP, SEND, RECEIVE, True, True, relay.ue.endpoint, True, rtcp_apart=True)
    leg.rtcp_send, leg.rtcp_receive = RTCP_SEND, RTCP_RECEIVE
    for name, value in changes.items():
        setattr(leg, name, value)
    return leg


async def test_srtcp_has_keys_of_its_own(relay: Relay) -> None:
    relay.edit(apart(relay), plain(relay.far.endpoint))
    media, control = Reference(CM, RECEIVE.key.octets), Reference(CM, RTCP_RECEIVE.key.octets)
    relay.from_ue(media.protect(rtp(1)))
    assert await relay.far.receive() == rtp(1)
    relay.ue.send_rtcp(control.protect_rtcp(rtcp(), 1), relay.to_access_rtcp)
    assert await relay.far.receive_rtcp() == rtcp()
    relay.ue.send_rtcp(media.protect_rtcp(rtcp(), 2), relay.to_access_rtcp)  # the key of RTP
    assert await relay.drops(3) == {"auth": 1}
    relay.from_far(rtp(1))
    assert Reference(CM, SEND.key.octets).unprotect(await relay.ue.receive()) == rtp(1)
    relay.far.send_rtcp(rtcp(), relay.to_core_rtcp)
    assert Reference(CM, RTCP_SEND.key.octets).unprotect_rtcp(await relay.ue.receive_rtcp()) == rtcp()


async def test_a_key_that_is_not_there_closes_its_direction_alone(relay: Relay) -> None:
    relay.edit(apart(relay, rtcp_send=None, rtcp_receive=None), plain(relay.far.endpoint))
    media, control = Reference(CM, RECEIVE.key.octets), Reference(CM, RTCP_RECEIVE.key.octets)
    relay.from_ue(media.protect(rtp(1)))
    assert await relay.far.receive() == rtp(1)
    relay.ue.send_rtcp(control.protect_rtcp(rtcp(), 1), relay.to_access_rtcp)
    relay.ue.send_rtcp(rtcp(), relay.to_access_rtcp)
    relay.far.send_rtcp(rtcp(), relay.to_core_rtcp)
    assert await relay.drops(3) == {"no_key": 2}
    assert await relay.core_drops(1) == {"no_key": 1}
    relay.edit(apart(relay), plain(relay.far.endpoint))  # the second association is there
    relay.from_ue(media.protect(rtp(1)))  # and RTP goes on where it was
    assert await relay.drops(4) == {"no_key": 2, "replay": 1}
    relay.ue.send_rtcp(control.protect_rtcp(rtcp(), 1), relay.to_access_rtcp)
    assert await relay.far.receive_rtcp() == rtcp()


async def test_a_key_of_srtcp_that_comes_back_goes_on(relay: Relay) -> None:
    relay.edit(apart(relay), plain(relay.far.endpoint))
    control = Reference(CM, RTCP_RECEIVE.key.octets)
    packet = control.protect_rtcp(rtcp(), 1)
    relay.ue.send_rtcp(packet, relay.to_access_rtcp)
    assert await relay.far.receive_rtcp() == rtcp()
    relay.edit(Leg(), plain(relay.far.endpoint))
    relay.edit(apart(relay), plain(relay.far.endpoint))
    relay.ue.send_rtcp(packet, relay.to_access_rtcp)
    assert await relay.drops(2) == {"replay": 1}


def handed(relay: Relay, **changes: object) -> Leg:
    return plain(relay.far.endpoint, transform=Transform.HANDED, **changes)


@pytest.mark.parametrize("data", [UDPTL, b"\x16\xfe\xfdDTLS", b"", rtp(1), b"\x00\x01" + bytes(18)])
async def test_every_datagram_of_such_a_leg_goes_to_python(relay: Relay, data: bytes) -> None:
    relay.edit(plain(relay.ue.endpoint, transform=Transform.CLOSED, hand_over=True), handed(relay))
    relay.from_far(data)
    counters = await dealt_with(relay.engine, relay.core, 1)
    assert (counters.handed_over, counters.dropped()) == (1, {})
    assert relay.engine.drain() == [Datagram(relay.core, relay.far.rtp.getsockname(), data)]
    assert relay.engine.state(relay.core).last_activity is not None
    assert relay.ue.pending() == []


async def test_from_where_media_may_come_while_the_gate_is_open(relay: Relay) -> None:
    access = plain(relay.ue.endpoint, transform=Transform.CLOSED, hand_over=True)
    relay.edit(access, handed(relay))
    stranger = Peer()
    stranger.send(UDPTL, relay.to_core)
    assert await relay.core_drops(1) == {"source": 1}
    stranger.close()
    relay.edit(access, handed(relay, may_receive=False))
    relay.from_far(UDPTL)
    assert await relay.core_drops(2) == {"source": 1, "gate": 1}
    access.may_send = False
    relay.edit(access, handed(relay))
    relay.from_far(UDPTL)
    assert await relay.core_drops(3) == {"source": 1, "gate": 2}
    assert relay.engine.drain() == []


async def test_such_a_leg_latches_as_any(relay: Relay) -> None:
    relay.edit(
        plain(relay.ue.endpoint, transform=Transform.CLOSED, hand_over=True),
        handed(relay, latching=True, source=LOOPBACK),
    )
    relay.from_far(UDPTL)
    await dealt_with(relay.engine, relay.core, 1)
    assert relay.engine.state(relay.core).source == relay.far.rtp.getsockname()


async def test_nothing_is_sent_plain_out_of_such_a_leg(relay: Relay) -> None:
    """The engine never relays between the two: Python does, once there is an association."""
    relay.edit(plain(relay.ue.endpoint), handed(relay))
    relay.from_far(UDPTL)
    await dealt_with(relay.engine, relay.core, 1)
    assert relay.ue.pending() == []


async def test_no_more_than_python_takes(relay: Relay) -> None:
    relay.edit(plain(relay.ue.endpoint, transform=Transform.CLOSED, hand_over=True), handed(relay))
    for count in range(1, MAX_HANDED_OVER + 1):
        relay.from_far(UDPTL)
        if count % 64 == 0:
            await dealt_with(relay.engine, relay.core, count)
    relay.from_far(UDPTL)
    counters = await dealt_with(relay.engine, relay.core, MAX_HANDED_OVER + 1)
    assert (counters.handed_over, counters.dropped()) == (MAX_HANDED_OVER, {"dtls": 1})
