"""Where packets may come from and where they go: Remote, latching, source filters (H.248.37)."""

import contextlib
from collections.abc import Iterator

import pytest

from agw.engine.api import Leg, Transform
from tests.support.media_peer import (
    LOOPBACK,
    Peer,
    Relay,
    crypto,
    plain,
    plain_call,
    rtcp,
    rtp,
)
from tests.support.srtp_reference import Reference

CM = "AES_CM_128_HMAC_SHA1_80"


@pytest.fixture
def stranger() -> Iterator[Peer]:
    with contextlib.closing(Peer()) as peer:
        yield peer


async def test_core_takes_packets_from_remote_alone(relay: Relay, stranger: Peer) -> None:
    plain_call(relay)
    stranger.send(rtp(1), relay.to_core)
    stranger.send_rtcp(rtcp(), relay.to_core_rtcp)
    relay.far.send_rtcp(rtp(1), relay.to_core)  # the right address, the wrong port
    assert await relay.core_drops(3) == {"source": 3}
    relay.from_far(rtp(2))
    assert await relay.ue.receive() == rtp(2)
    assert relay.ue.pending() == []
    assert relay.engine.state(relay.core).source is None


async def test_without_remote_nothing_is_taken_or_sent(relay: Relay) -> None:
    relay.edit(plain(relay.ue.endpoint, latching=True), plain(None))
    relay.from_far(rtp(1))
    relay.from_ue(rtp(1))
    assert await relay.core_drops(1) == {"source": 1}
    assert await relay.drops(1) == {"no_remote": 1}


async def test_plain_latch_holds_its_first_source(relay: Relay, stranger: Peer) -> None:
    relay.edit(plain(None, latching=True, source=LOOPBACK), plain(relay.far.endpoint))
    relay.from_far(rtp(1))
    assert await relay.core_drops(1) == {"no_remote": 1}
    relay.from_ue(rtp(1))
    assert await relay.far.receive() == rtp(1)
    stranger.send(rtp(2), relay.to_access)
    assert await relay.drops(2) == {"source": 1}
    relay.from_far(rtp(2))
    assert await relay.ue.receive() == rtp(2)
    assert stranger.pending() == []
    state = relay.engine.state(relay.access)
    assert state.source == relay.ue.rtp.getsockname()
    assert state.rtcp_source is None
    stranger.send_rtcp(rtcp(), relay.to_access_rtcp)  # RTCP latches for itself
    assert await relay.far.receive_rtcp() == rtcp()
    assert relay.engine.state(relay.access).rtcp_source == stranger.rtcp.getsockname()


async def test_plain_latch_only_from_within_the_source_filter(relay: Relay) -> None:
    plain_call(relay, latching=True, source="127.9.0.0/16")
    relay.from_ue(rtp(1))
    assert await relay.drops(1) == {"source": 1}
    relay.from_far(rtp(1))  # nor is anything sent to an address outside
    assert await relay.core_drops(1) == {"no_remote": 1}
    with contextlib.closing(Peer("127.9.3.4")) as ue:
        ue.send(rtp(2), relay.to_access)
        assert await relay.far.receive() == rtp(2)
        relay.from_far(rtp(3))
        assert await ue.receive() == rtp(3)


async def test_early_media_goes_to_remote_before_the_latch(relay: Relay) -> None:
    plain_call(relay, latching=True, source=LOOPBACK)
    relay.from_far(rtp(1))
    assert await relay.ue.receive() == rtp(1)


async def test_relatch_moves_once(relay: Relay) -> None:
    plain_call(relay, latching=True)
    relay.from_ue(rtp(1))
    await relay.far.receive()
    relay.engine.relatch(relay.access)
    relay.engine.commit()
    relay.from_ue(rtp(2))
    await relay.far.receive()
    relay.from_far(rtp(2))
    assert await relay.ue.receive() == rtp(2)  # valid until the first packet from elsewhere
    with contextlib.closing(Peer()) as moved, contextlib.closing(Peer()) as other:
        moved.send(rtp(3), relay.to_access)
        assert await relay.far.receive() == rtp(3)
        other.send(rtp(4), relay.to_access)
        relay.from_ue(rtp(5))
        assert await relay.drops(5) == {"source": 2}
        relay.from_far(rtp(6))
        assert await moved.receive() == rtp(6)


async def test_protected_latch_moves_by_authentication_alone(relay: Relay, stranger: Peer) -> None:
    send, receive = crypto(CM, 1), crypto(CM, 100)
    access = Leg(Transform.SRTP, send, receive, True, True, relay.ue.endpoint, True, "192.0.2.1")
    relay.edit(access, plain(relay.far.endpoint))
    ue = Reference(CM, receive.key.octets)
    packet = ue.protect(rtp(1))
    relay.from_ue(packet)
    assert await relay.far.receive() == rtp(1)
    stranger.send(rtp(2, bytes(40)), relay.to_access)
    stranger.send(packet, relay.to_access)  # a replay
    stranger.send_rtcp(rtcp() + bytes(20), relay.to_access_rtcp)
    assert await relay.drops(4) == {"auth": 2, "replay": 1}
    state = relay.engine.state(relay.access)
    assert (state.source, state.rtcp_source) == (relay.ue.rtp.getsockname(), None)
    relay.from_far(rtp(1))
    await relay.ue.receive()
    assert stranger.pending() == []
    stranger.send(ue.protect(rtp(2)), relay.to_access)
    assert await relay.far.receive() == rtp(2)
    relay.from_far(rtp(2))
    assert Reference(CM, send.key.octets).unprotect(await stranger.receive()) == rtp(2)
    assert relay.engine.state(relay.access).source == stranger.rtp.getsockname()
    assert relay.ue.pending() == []


async def test_switching_latching_off_returns_to_remote(relay: Relay) -> None:
    plain_call(relay, latching=True)
    with contextlib.closing(Peer()) as other:
        other.send(rtp(1), relay.to_access)
        assert await relay.far.receive() == rtp(1)
        plain_call(relay, latching=True)
        other.send(rtp(2), relay.to_access)
        assert await relay.far.receive() == rtp(2)
        plain_call(relay)
        other.send(rtp(3), relay.to_access)
        assert await relay.drops(3) == {"source": 1}
    relay.from_far(rtp(4))
    assert await relay.ue.receive() == rtp(4)
