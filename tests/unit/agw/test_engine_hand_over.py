"""The contract of a packet engine for what shares the ports of media: STUN and DTLS (RFC 7983), on their way
to Python and back."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from agw.engine.api import MAX_HANDED_OVER, Datagram, Engine, Leg, Transform
from agw.engine.portable import PortableEngine
from tests.support.media_peer import (
    LOOPBACK,
    TIMEOUT,
    Peer,
    Relay,
    crypto,
    dealt_with,
    open_port,
    plain,
    plain_call,
    rtp,
)

CM = "AES_CM_128_HMAC_SHA1_80"
STUN = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(range(12))
DTLS = b"\x16\xfe\xfd" + bytes(range(40))
FOREIGN = [pytest.param(STUN, id="STUN"), pytest.param(DTLS, id="DTLS")]
PORTION = 64
"""Datagrams that every receive buffer has room for."""


@pytest.fixture
def stranger() -> Iterator[Peer]:
    with contextlib.closing(Peer()) as peer:
        yield peer


class Watch:
    """Drains an engine whenever it says that something waits. empty: times that nothing did."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.got: list[Datagram] = []
        self.calls = self.empty = 0
        engine.watch(self.ready)

    def ready(self) -> None:
        self.calls += 1
        found = self.engine.drain()
        self.got += found
        self.empty += not found

    async def take(self, count: int) -> list[Datagram]:
        async with asyncio.timeout(TIMEOUT):
            while len(self.got) < count:
                await _turn()
        got, self.got = self.got, []
        return got


async def _turn() -> None:
    await asyncio.sleep(0)


@pytest.mark.parametrize("data", FOREIGN)
async def test_handed_over_from_both_sockets(relay: Relay, data: bytes) -> None:
    watch = Watch(relay.engine)
    plain_call(relay, hand_over=True)
    relay.from_ue(data)
    assert await watch.take(1) == [Datagram(relay.access, relay.ue.rtp.getsockname(), data, False)]
    relay.ue.send_rtcp(data, relay.to_access_rtcp)
    assert await watch.take(1) == [Datagram(relay.access, relay.ue.rtcp.getsockname(), data, True)]
    relay.from_far(data)  # the other leg did not ask
    (reason,) = await relay.core_drops(1)
    assert reason in ("stun", "dtls")
    counters = await dealt_with(relay.engine, relay.access, 2)
    assert (counters.handed_over, counters.packets, counters.dropped()) == (2, 0, {})
    assert relay.engine.state(relay.access).last_activity is None  # it is no media
    assert relay.far.pending() == []
    assert (watch.got, watch.calls, watch.empty) == ([], 2, 0)


async def test_media_and_nonsense_are_not_handed_over(relay: Relay) -> None:
    watch = Watch(relay.engine)
    plain_call(relay, hand_over=True)
    relay.from_ue(rtp(1))
    assert await relay.far.receive() == rtp(1)
    for data in (b"", b"\x80", b"\x10" + bytes(30), b"\x40" + rtp(1)[1:], b"\x00" + bytes(2048)):
        relay.from_ue(data)
    assert await relay.drops(6) == {"short": 2, "not_media": 2, "too_large": 1}
    assert watch.got == []


@pytest.mark.parametrize(
    "leg",
    [
        pytest.param(Leg(Transform.CLOSED), id="closed"),
        pytest.param(Leg(Transform.SRTP), id="keys are to come"),
        pytest.param(Leg(Transform.SRTP, crypto(CM, 1), crypto(CM, 100)), id="keys"),
        pytest.param(Leg(Transform.NONE), id="gate closed"),
    ],
)
async def test_handed_over_before_media_may_pass(relay: Relay, leg: Leg) -> None:
    watch = Watch(relay.engine)
    leg.hand_over, leg.remote = True, relay.ue.endpoint
    relay.edit(leg, plain(relay.far.endpoint))
    relay.from_ue(DTLS)
    assert [datagram.data for datagram in await watch.take(1)] == [DTLS]


async def test_a_leg_that_relays_unread_relays_these_too(relay: Relay) -> None:
    watch = Watch(relay.engine)
    relay.edit(
        plain(relay.ue.endpoint, transform=Transform.DATAGRAM, hand_over=True),
        plain(relay.far.endpoint, transform=Transform.DATAGRAM),
    )
    relay.from_ue(DTLS)
    assert await relay.far.receive() == DTLS
    assert watch.got == []


async def test_without_latching_only_from_remote(relay: Relay, stranger: Peer) -> None:
    watch = Watch(relay.engine)
    plain_call(relay, hand_over=True)
    stranger.send(STUN, relay.to_access)
    stranger.send_rtcp(DTLS, relay.to_access_rtcp)
    relay.ue.send_rtcp(STUN, relay.to_access)  # the right address, the wrong port
    assert await relay.drops(3) == {"source": 3}
    relay.edit(plain(None, hand_over=True), plain(relay.far.endpoint))
    relay.from_ue(STUN)
    assert await relay.drops(4) == {"source": 4}
    assert watch.got == []


async def test_with_latching_from_within_the_source_filter(relay: Relay, stranger: Peer) -> None:
    watch = Watch(relay.engine)
    plain_call(relay, hand_over=True, latching=True, source=LOOPBACK)
    with contextlib.closing(Peer("127.0.0.9")) as outside:
        outside.send(STUN, relay.to_access)
        assert await relay.drops(1) == {"source": 1}
    stranger.send(STUN, relay.to_access)
    await watch.take(1)
    assert relay.engine.state(relay.access).source is None  # no media came: nothing is latched
    relay.from_ue(rtp(1))
    assert await relay.far.receive() == rtp(1)
    stranger.send(STUN, relay.to_access)  # and what is latched stays
    assert (await watch.take(1))[0].address == stranger.rtp.getsockname()
    assert relay.engine.state(relay.access).source == relay.ue.rtp.getsockname()
    relay.from_far(rtp(1))
    assert await relay.ue.receive() == rtp(1)
    assert stranger.pending() == []


async def test_a_protected_leg_that_latches_takes_them_from_anywhere(relay: Relay, stranger: Peer) -> None:
    watch = Watch(relay.engine)
    keys = crypto(CM, 1), crypto(CM, 100)
    access = Leg(Transform.SRTP, *keys, True, True, relay.ue.endpoint, True, "192.0.2.1", hand_over=True)
    relay.edit(access, plain(relay.far.endpoint))
    stranger.send(DTLS, relay.to_access)
    stranger.send_rtcp(STUN, relay.to_access_rtcp)
    assert {datagram.rtcp for datagram in await watch.take(2)} == {False, True}
    state = relay.engine.state(relay.access)
    assert (state.source, state.rtcp_source) == (None, None)
    relay.from_far(rtp(1))
    await relay.ue.receive()
    assert stranger.pending() == []


async def test_a_flood_is_bounded(relay: Relay) -> None:
    plain_call(relay, hand_over=True)
    sent = [STUN + number.to_bytes(2) for number in range(MAX_HANDED_OVER)]
    sent += [STUN, STUN, DTLS]
    for start in range(0, len(sent), PORTION):
        for data in sent[start : start + PORTION]:
            relay.from_ue(data)
        counters = await dealt_with(relay.engine, relay.access, min(start + PORTION, len(sent)))
    assert (counters.handed_over, counters.dropped()) == (MAX_HANDED_OVER, {"stun": 2, "dtls": 1})
    assert [datagram.data for datagram in relay.engine.drain()] == sent[:MAX_HANDED_OVER]
    assert relay.engine.drain() == []
    watch = Watch(relay.engine)
    relay.from_ue(DTLS)
    assert [datagram.data for datagram in await watch.take(1)] == [DTLS]


async def test_sent_as_they_are_from_the_ports_own_sockets(relay: Relay) -> None:
    """The gate is closed, and neither leg has a remote."""
    to, to_rtcp = relay.ue.rtp.getsockname(), relay.ue.rtcp.getsockname()
    relay.engine.send(
        [Datagram(relay.access, to, STUN), Datagram(relay.access, to_rtcp, DTLS, True)],
    )
    async with asyncio.timeout(TIMEOUT):
        loop = asyncio.get_running_loop()
        assert await loop.sock_recvfrom(relay.ue.rtp, 2048) == (STUN, relay.to_access)
        assert await loop.sock_recvfrom(relay.ue.rtcp, 2048) == (DTLS, relay.to_access_rtcp)
    assert relay.engine.state(relay.access).counters.packets == 0


async def test_what_cannot_be_sent_is_lost(relay: Relay) -> None:
    to = relay.ue.rtp.getsockname()
    closed, _ = open_port(relay.engine)
    relay.engine.close(closed)
    relay.engine.send(
        [
            Datagram(closed, to, STUN),
            Datagram(relay.access, (LOOPBACK, 0), STUN),
            Datagram(relay.access, ("2001:db8::1", 4000), STUN),
            Datagram(relay.access, to, bytes(70_000)),
            Datagram(relay.access, to, DTLS),
        ]
    )
    assert await relay.ue.receive() == DTLS
    assert relay.ue.pending() == []


async def test_ipv6(engine: Engine) -> None:
    watch = Watch(engine)
    port, number = open_port(engine, "::1")
    with contextlib.closing(Peer("::1")) as peer:
        engine.edit(port, Leg(remote=peer.endpoint, hand_over=True))
        engine.commit()
        peer.send(STUN, ("::1", number))
        assert await watch.take(1) == [Datagram(port, ("::1", peer.endpoint.port), STUN)]
        engine.send([Datagram(port, ("::1", peer.endpoint.port), DTLS)])
        assert await peer.receive() == DTLS


async def test_told_only_when_something_waits(relay: Relay) -> None:
    watch = Watch(relay.engine)
    plain_call(relay, hand_over=True)
    for _ in range(PORTION):
        relay.from_ue(STUN)
    await watch.take(PORTION)
    assert watch.calls <= PORTION
    assert watch.empty == 0


async def test_told_once_for_a_batch() -> None:
    """All ports that are ready in one turn of the loop, and whatever comes until it is fetched."""
    engine = PortableEngine(asyncio.get_running_loop())
    told: list[None] = []
    engine.watch(lambda: told.append(None))
    with contextlib.closing(Peer()) as peer:
        ports = [open_port(engine) for _ in range(8)]
        for port, _ in ports:
            engine.edit(port, Leg(remote=peer.endpoint, hand_over=True))
        for count in (1, 2):
            for _, number in ports:
                peer.send(STUN, (LOOPBACK, number))
            for port, _ in ports:
                await dealt_with(engine, port, count)
        assert (len(told), len(engine.drain())) == (1, 16)
        peer.send(STUN, (LOOPBACK, ports[0][1]))
        await dealt_with(engine, ports[0][0], 3)
        assert (len(told), len(engine.drain())) == (2, 1)
    engine.stop()
