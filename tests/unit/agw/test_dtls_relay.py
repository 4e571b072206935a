"""Calls under DTLS over real sockets and both engines."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from agw.engine.api import Engine
from iq.procedures import Change, Configure, Endpoint, Mode, SecurityCause, Stream
from tests.support.dtls_call import FAX, SRTP, DtlsCall, DtlsGateway
from tests.support.media_peer import LOOPBACK, rtcp, rtp, until
from tests.support.tls_ends import MINE, NOBODY

UDPTL = bytes.fromhex("0005 06 c001800000ff 00 01 06 c001800000fe")


@pytest.fixture
async def gateway(engine: Engine) -> DtlsGateway:
    return DtlsGateway(engine)


@pytest.fixture
async def call(gateway: DtlsGateway) -> AsyncIterator[Callable[..., DtlsCall]]:
    made: list[DtlsCall] = []

    def one(transport: str = SRTP, **changes: object) -> DtlsCall:
        made.append(gateway.call(transport, **changes))
        return made[-1]

    yield one
    for each in made:
        each.close()
    assert gateway.contexts.open_ports == len(gateway.dtls) == gateway.handshakes.going == 0


async def both_ways(call: DtlsCall, number: int = 1) -> None:
    await until(lambda: call.gateway.dtls.keys(access_port(call)).send is not None)
    mine, its = call.media.srtp()
    call.ue.send(mine.protect(rtp(number)), call.to_access)
    assert await call.far.receive() == rtp(number)
    call.far.send(rtp(number), call.to_core)
    assert its.unprotect(await call.ue.receive()) == rtp(number)


def access_port(call: DtlsCall):
    return call.gateway.contexts.terminations[call.access].ends[1].port


@pytest.mark.parametrize("client", [False, True], ids=["gateway is server", "gateway is client"])
async def test_srtp_under_mux(call: Callable[..., DtlsCall], client: bool) -> None:
    made = await call(client=client).establish()
    await both_ways(made)
    mine, its = made.media.srtp()
    made.ue.send(mine.protect_rtcp(rtcp(), 1), made.to_access)
    assert await made.far.receive_rtcp() == rtcp()
    made.far.send_rtcp(rtcp(), made.to_core_rtcp)
    assert its.unprotect_rtcp(await made.ue.receive()) == rtcp()


@pytest.mark.parametrize("client", [False, True], ids=["gateway is server", "gateway is client"])
async def test_srtp_with_an_association_for_rtcp(call: Callable[..., DtlsCall], client: bool) -> None:
    made = await call(client=client, mux=False).establish()
    await both_ways(made)
    await until(lambda: made.gateway.dtls.keys(access_port(made)).rtcp_send is not None)
    mine, its = made.control.srtp()
    made.ue.send_rtcp(mine.protect_rtcp(rtcp(), 1), made.to_access_rtcp)
    assert await made.far.receive_rtcp() == rtcp()
    made.far.send_rtcp(rtcp(), made.to_core_rtcp)
    assert its.unprotect_rtcp(await made.ue.receive_rtcp()) == rtcp()


@pytest.mark.parametrize("lost", range(3, 7))
async def test_a_datagram_of_the_handshake_is_lost(call: Callable[..., DtlsCall], lost: int) -> None:
    """The hello with the cookie, and each flight after it: who waits for it sends again after a second."""
    made = call(client=lost % 2 == 0)
    made.media.lost = frozenset({lost})
    await made.establish()
    answering = asyncio.ensure_future(made.media.turn())  # a flight that comes again
    await until(lambda: made.gateway.dtls.keys(access_port(made)).send is not None)
    answering.cancel()
    assert made.media.carried > lost
    await both_ways(made)


async def test_nothing_is_forwarded_before_the_keys(call: Callable[..., DtlsCall]) -> None:
    made = call()
    made.ue.send(rtp(1), made.to_access)
    made.far.send(rtp(1), made.to_core)
    assert await made.drops("access", 1) == {"no_key": 1}
    assert await made.drops("core", 1) == {"no_key": 1}
    await made.establish()
    await both_ways(made)
    made.ue.send(rtp(7, bytes(160)), made.to_access)  # and nothing plain afterwards
    await until(lambda: made.counters().dropped().get("auth") == 1)
    assert made.far.pending() == []
    assert made.ue.pending() == []


async def test_media_does_not_touch_python(call: Callable[..., DtlsCall]) -> None:
    made = await call().establish()
    await both_ways(made)
    before = made.counters().handed_over
    for number in range(2, 12):
        await both_ways(made, number)
    assert made.counters().handed_over == before
    assert (made.counters().packets, made.counters("core").packets) == (11, 11)


async def test_a_fingerprint_that_does_not_match(call: Callable[..., DtlsCall], gateway: DtlsGateway) -> None:
    made = await call(announced=(NOBODY,)).establish()
    assert not made.media.up
    assert [report[1:3] for report in gateway.reports] == [(Change.FAILED, SecurityCause.FINGERPRINT)]
    made.far.send(rtp(1), made.to_core)
    assert await made.drops("core", 1) == {"no_key": 1}


async def test_a_re_offer_keeps_or_renews_the_association(call: Callable[..., DtlsCall]) -> None:
    made = await call(tls_id="association-number-one").establish()
    await both_ways(made, 1)
    made.configure()
    await both_ways(made, 2)  # the rollover counter and the replay window go on
    mine, _ = made.media.srtp()
    made.ue.send(mine.protect(rtp(2)), made.to_access)
    await until(lambda: made.counters().dropped().get("replay") == 1)
    made.configure(tls_id="association-number-two")
    await both_ways(made, 3)  # the old one serves while there is no new one
    made.media = made.association()
    await made.establish()
    keys = made.gateway.dtls.keys(access_port(made))
    mine, its = made.media.srtp()
    await until(lambda: made.gateway.dtls.keys(access_port(made)) != keys or keys.send is not None)
    made.ue.send(mine.protect(rtp(1)), made.to_access)
    assert await made.far.receive() == rtp(1)
    made.far.send(rtp(9), made.to_core)
    assert its.unprotect(await made.ue.receive()) == rtp(9)


async def test_another_certificate_of_the_ue(call: Callable[..., DtlsCall]) -> None:
    made = await call().establish()
    await both_ways(made)
    made.configure(identity=MINE)
    made.media = made.association()
    await made.establish()
    assert made.media.up
    mine, _ = made.media.srtp()
    made.ue.send(mine.protect(rtp(1)), made.to_access)
    assert await made.far.receive() == rtp(1)


async def test_a_ue_behind_a_nat_that_only_listens(call: Callable[..., DtlsCall]) -> None:
    """Its handshake says where it is, before any media of its own does."""
    made = call()
    stream = made.stream()
    stream.remote = Endpoint(LOOPBACK, 9)
    made.gateway.act(made.context, Configure(made.access, [stream]))
    await made.establish()
    await until(lambda: made.gateway.dtls.keys(access_port(made)).send is not None)
    made.far.send(rtp(1), made.to_core)
    _, its = made.media.srtp()
    assert its.unprotect(await made.ue.receive()) == rtp(1)


async def test_hold_keeps_the_association(call: Callable[..., DtlsCall]) -> None:
    made = await call().establish()
    await both_ways(made)
    gateway = made.gateway
    gateway.act(made.context, Configure(made.access, [Stream(1, transport="", mode=Mode.INACTIVE)]))
    made.far.send(rtp(2), made.to_core)
    await until(lambda: made.counters("core").dropped() == {"gate": 1})
    gateway.act(made.context, Configure(made.access, [Stream(1, transport="", mode=Mode.SEND_RECEIVE)]))
    await both_ways(made, 3)
    assert dict(gateway.dtls.handshakes) == {"ok": 1}


@pytest.mark.parametrize("client", [False, True], ids=["gateway is server", "gateway is client"])
async def test_udptl(call: Callable[..., DtlsCall], client: bool) -> None:
    made = call(FAX, client=client)
    made.far.send(UDPTL, made.to_core)  # too early
    await until(lambda: made.gateway.dtls.tally["unassociated"] == 1)
    await made.establish()
    for packet in (UDPTL, b"\x00\x07\x00", b"\x80" * 600):
        made.media.send(packet)
        assert await made.far.receive() == packet
        made.far.send(packet, made.to_core)
        assert await made.media.receive() == packet
    assert made.counters().packets == 3
    media = made.gateway.contexts.media
    ends = [made.gateway.contexts.terminations[name].ends[1] for name in (made.access, made.core)]
    assert None not in [media.state(end).last_activity for end in ends]  # it is not silent
    made.gateway.act(made.context, Configure(made.core, [Stream(1, transport="", mode=Mode.INACTIVE)]))
    made.media.send(UDPTL)
    await until(lambda: made.gateway.dtls.tally["gate"] == 1)
    made.far.send(UDPTL, made.to_core)
    await until(lambda: made.counters("core").dropped() == {"gate": 1})


async def test_plain_udptl_does_not_pass_a_leg_under_dtls(call: Callable[..., DtlsCall]) -> None:
    made = await call(FAX).establish()
    made.ue.send(UDPTL, made.to_access)
    made.ue.send(b"\x90" + UDPTL, made.to_access)
    await until(lambda: sum(made.counters().dropped().values()) + made.gateway.dtls.tally["stun"] == 2)
    assert made.far.pending() == []


async def test_200_handshakes_at_once_do_not_stop_media(
    call: Callable[..., DtlsCall], gateway: DtlsGateway
) -> None:
    made = await call().establish()
    await both_ways(made)
    others = [call() for _ in range(200)]
    handshakes = asyncio.gather(*(one.establish() for one in others))
    mine, _ = made.media.srtp()
    carried = 0
    while not handshakes.done():
        carried += 1
        made.ue.send(mine.protect(rtp(1 + carried)), made.to_access)
        assert await made.far.receive() == rtp(1 + carried)
    await handshakes
    assert all(one.media.up for one in others)
    assert dict(gateway.dtls.handshakes) == {"ok": 201}
    assert carried > 5  # packets in between, none of which was lost


async def test_a_call_that_ends_tells_the_ue(call: Callable[..., DtlsCall]) -> None:
    made = await call().establish()
    made.gateway.contexts.release(made.gateway.contexts.contexts[made.context], "released", 0.0)
    made.gateway.contexts.settle()
    assert made.gateway.contexts.ended[0].directions[made.access].handed_over > 0
    await made.media.turn()
    assert [type(event).__name__ for event in made.media.told] == ["Established", "Closed"]
