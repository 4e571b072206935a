"""The contract of a packet engine but for SRTP itself: addresses, latching, gates, mux, sockets, counting."""

import asyncio
import contextlib
import socket

import pytest

from agw.engine.api import Counters, DropReason, Engine, EngineError, Leg, Transform
from iq.procedures import Endpoint
from iq.suites import SUITES
from tests.support import engines
from tests.support.media_peer import (
    LOOPBACK,
    Peer,
    Relay,
    arrived,
    crypto,
    dealt_with,
    open_descriptors,
    open_port,
    plain,
    plain_call,
    rtcp,
    rtp,
)
from tests.support.srtp_reference import Reference

CM = "AES_CM_128_HMAC_SHA1_80"
BURST = 192
"""Packets: more than an engine takes at once, fewer than a receive buffer holds."""


async def test_plain_both_ways(relay: Relay) -> None:
    plain_call(relay)
    for payload in (b"", b"x", bytes(range(256)), bytes(1460)):
        relay.from_ue(rtp(1, payload))
        assert await relay.far.receive() == rtp(1, payload)
        relay.from_far(rtp(2, payload))
        assert await relay.ue.receive() == rtp(2, payload)
    relay.ue.send_rtcp(rtcp(), relay.to_access_rtcp)
    assert await relay.far.receive_rtcp() == rtcp()
    relay.far.send_rtcp(rtcp(), relay.to_core_rtcp)
    assert await relay.ue.receive_rtcp() == rtcp()
    counters = relay.engine.state(relay.core).counters
    assert (counters.packets, counters.octets, counters.rtcp) == (4, 4 * 12 + 1 + 256 + 1460, 1)


async def test_packets_come_from_the_gateways_own_ports(relay: Relay) -> None:
    plain_call(relay)
    relay.from_ue(rtp(1))
    await relay.far.receive()
    relay.from_ue(rtp(2))
    relay.ue.send_rtcp(rtcp(), relay.to_access_rtcp)
    async with asyncio.timeout(5):
        _, source = await asyncio.get_running_loop().sock_recvfrom(relay.far.rtp, 2048)
        _, rtcp_source = await asyncio.get_running_loop().sock_recvfrom(relay.far.rtcp, 2048)
    assert source == relay.to_core
    assert rtcp_source == relay.to_core_rtcp


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        pytest.param(b"", "short", id="empty"),
        pytest.param(b"\x80", "short", id="one octet"),
        pytest.param(rtp(1)[:11], "short", id="short header"),
        pytest.param(b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12), "stun", id="STUN"),
        pytest.param(b"\x16\xfe\xfd" + bytes(20), "dtls", id="DTLS"),
        pytest.param(b"\x40" + rtp(1)[1:], "not_media", id="version 1"),
        pytest.param(b"\xc0" + rtp(1)[1:], "not_media", id="version 3"),
        pytest.param(b"\x10" + bytes(30), "not_media", id="ZRTP"),
        pytest.param(rtp(1, bytes(2037)), "too_large", id="too large"),
    ],
)
async def test_what_is_not_media_is_counted(relay: Relay, packet: bytes, reason: str) -> None:
    plain_call(relay)
    relay.from_ue(packet)
    assert await relay.drops(1) == {reason: 1}
    assert relay.far.pending() == []
    assert relay.engine.drain() == []


async def test_rtp_on_the_rtcp_port(relay: Relay) -> None:
    plain_call(relay)
    relay.ue.send_rtcp(rtp(1), relay.to_access_rtcp)
    assert await relay.drops(1) == {"not_media": 1}


async def test_without_mux_payload_types_like_rtcp_are_rtp(relay: Relay) -> None:
    plain_call(relay)
    packet = rtp(1, payload_type=0x80 | 72)
    relay.from_ue(packet)
    assert await relay.far.receive() == packet


async def test_mux_on_the_core_side(relay: Relay) -> None:
    relay.edit(plain(relay.ue.endpoint), plain(relay.far.endpoint, rtcp_mux=True))
    relay.ue.send_rtcp(rtcp(), relay.to_access_rtcp)
    assert await relay.far.receive() == rtcp()
    relay.from_far(rtcp(7))
    assert await relay.ue.receive_rtcp() == rtcp(7)


@pytest.mark.parametrize(
    ("access", "core", "rtp_to_core", "rtp_to_ue", "reports"),
    [
        pytest.param((True, True), (True, True), True, True, True, id="both open"),
        pytest.param((True, False), (True, True), False, True, True, id="access SendOnly"),
        pytest.param((False, True), (True, True), True, False, True, id="access ReceiveOnly"),
        pytest.param((True, True), (False, True), False, True, True, id="core ReceiveOnly"),
        pytest.param((True, True), (True, False), True, False, True, id="core SendOnly"),
        pytest.param((False, False), (True, True), False, False, False, id="access Inactive"),
        pytest.param((True, True), (False, False), False, False, False, id="core Inactive"),
    ],
)
async def test_gates(
    relay: Relay,
    access: tuple[bool, bool],
    core: tuple[bool, bool],
    rtp_to_core: bool,
    rtp_to_ue: bool,
    reports: bool,
) -> None:
    relay.edit(
        plain(relay.ue.endpoint, may_send=access[0], may_receive=access[1]),
        plain(relay.far.endpoint, may_send=core[0], may_receive=core[1]),
    )
    relay.from_ue(rtp(1))
    relay.from_far(rtp(2))
    relay.ue.send_rtcp(rtcp(3), relay.to_access_rtcp)
    drops, core_drops = await relay.drops(2), await relay.core_drops(1)
    assert drops.get("gate", 0) == (not rtp_to_core) + (not reports)
    assert core_drops.get("gate", 0) == (not rtp_to_ue)
    assert relay.far.pending() == [rtp(1)] * rtp_to_core + [rtcp(3)] * reports
    assert relay.ue.pending() == [rtp(2)] * rtp_to_ue


async def test_a_closed_gate_keeps_the_rollover_counter_of_the_receiver(relay: Relay) -> None:
    key = crypto(CM, 1)
    leg = Leg(Transform.SRTP, None, key, False, False, relay.ue.endpoint, latching=True)
    relay.edit(leg, plain(relay.far.endpoint))
    ue = Reference(CM, key.key.octets)
    for seq, roc in ((30000, 0), (60000, 0), (20000, 1)):
        relay.from_ue(ue.protect(rtp(seq), roc))
    assert await relay.drops(3) == {"gate": 3}
    leg.may_receive = leg.may_send = True
    relay.edit(leg, plain(relay.far.endpoint))
    relay.from_ue(ue.protect(rtp(20001), 1))
    assert await relay.far.receive() == rtp(20001)


async def test_datagrams_pass_unread(relay: Relay) -> None:
    relay.edit(
        Leg(Transform.DATAGRAM, None, None, True, True, relay.ue.endpoint),
        Leg(Transform.DATAGRAM, None, None, True, True, relay.far.endpoint),
    )
    for data in (b"\x00\x01udptl", b"\x16\xfe\xfdDTLS", rtp(1), b"x"):
        relay.from_ue(data)
        assert await relay.far.receive() == data
    relay.far.send_rtcp(b"any", relay.to_core_rtcp)
    assert await relay.ue.receive_rtcp() == b"any"


async def test_unjoined_and_closed(engine: Engine) -> None:
    port, number = open_port(engine)
    with contextlib.closing(Peer()) as ue:
        ue.send(rtp(1), (LOOPBACK, number))
        assert (await dealt_with(engine, port, 1)).dropped() == {"source": 1}
        engine.edit(port, Leg(remote=ue.endpoint))
        engine.commit()
        ue.send(rtp(1), (LOOPBACK, number))
        assert (await dealt_with(engine, port, 2)).dropped() == {"source": 1, "no_key": 1}
        engine.edit(port, plain(ue.endpoint))
        engine.commit()
        ue.send(rtp(1), (LOOPBACK, number))
        assert (await dealt_with(engine, port, 3)).drops[DropReason.UNJOINED] == 1


async def test_closing_one_side_unjoins_the_other(relay: Relay) -> None:
    plain_call(relay)
    relay.from_ue(rtp(1))
    await relay.far.receive()
    last = relay.engine.close(relay.core)
    assert arrived(last) == 0
    relay.from_ue(rtp(2))
    assert await relay.drops(2) == {"unjoined": 1}


async def test_closing_frees_ports_and_descriptors(engine: Engine) -> None:
    descriptors = open_descriptors()
    for _ in range(3):
        port, number = open_port(engine)
        engine.edit(port, plain(Endpoint(LOOPBACK, 9)))
        engine.close(port)
        for free in (number, number + 1):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind((LOOPBACK, free))
    assert open_descriptors() == descriptors


@pytest.mark.parametrize("taken", [0, 1])
def test_a_port_in_use_leaves_nothing_open(engine: Engine, taken: int) -> None:
    port, number = open_port(engine)
    engine.close(port)
    descriptors = open_descriptors()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((LOOPBACK, number + taken))
        with pytest.raises(OSError, match="Address already in use"):
            engine.open(LOOPBACK, number, 0)
    assert open_descriptors() == descriptors
    engine.close(engine.open(LOOPBACK, number, 0))


async def test_ipv6(engine: Engine) -> None:
    access, number = open_port(engine, "::1")
    core, core_number = open_port(engine)
    engine.join(access, core)
    with contextlib.closing(Peer("::1")) as ue, contextlib.closing(Peer()) as far:
        engine.edit(access, plain(Endpoint("0:0:0:0:0:0:0:1", ue.endpoint.port)))
        engine.edit(core, plain(far.endpoint))
        engine.commit()
        ue.send(rtp(1), ("::1", number))
        assert await far.receive() == rtp(1)
        far.send(rtp(2), (LOOPBACK, core_number))
        assert await ue.receive() == rtp(2)


@pytest.mark.parametrize(
    ("address", "level", "option"),
    [
        pytest.param(LOOPBACK, socket.IPPROTO_IP, socket.IP_RECVTOS, id="IPv4"),
        pytest.param("::1", socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, id="IPv6"),
    ],
)
async def test_dscp(engine: Engine, address: str, level: int, option: int) -> None:
    probe, number = open_port(engine, address)
    engine.close(probe)
    access, (core, core_number) = engine.open(address, number, 46), open_port(engine, address)
    engine.join(access, core)
    with contextlib.closing(Peer(address)) as ue, contextlib.closing(Peer(address)) as far:
        ue.rtp.setsockopt(level, option, 1)
        engine.edit(access, plain(ue.endpoint))
        engine.edit(core, plain(far.endpoint))
        engine.commit()
        far.send(rtp(1), (address, core_number))
        await dealt_with(engine, core, 1)
        _, ancillary, _, _ = ue.rtp.recvmsg(2048, 64)
    assert ancillary[0][2][0] == 46 << 2


async def test_bursts_arrive_whole_and_in_order(relay: Relay) -> None:
    plain_call(relay)
    for seq in range(BURST):
        relay.from_ue(rtp(seq))
    counters = await dealt_with(relay.engine, relay.access, BURST)
    assert counters.packets == BURST
    assert relay.far.pending() == [rtp(seq) for seq in range(BURST)]


async def test_last_activity(relay: Relay) -> None:
    plain_call(relay)
    before = asyncio.get_running_loop().time()
    relay.from_ue(rtp(1)[:11])
    await relay.drops(1)
    assert relay.engine.state(relay.access).last_activity is None
    relay.from_ue(rtp(1))
    await relay.far.receive()
    at = relay.engine.state(relay.access).last_activity
    assert at is not None
    assert before <= at <= asyncio.get_running_loop().time()


async def test_errors_of_sockets_are_counted(relay: Relay) -> None:
    relay.edit(plain(relay.ue.endpoint), plain(Endpoint("255.255.255.255", 9)))  # EACCES
    relay.from_ue(rtp(1))
    assert await relay.drops(1) == {"socket": 1}


def test_an_impossible_leg_closes_the_port(relay: Relay) -> None:
    wrong = crypto(CM, 1)
    wrong.suite = "AEAD_AES_128_GCM"
    beyond = [crypto(name, 1) for name in SUITES if name not in relay.engine.abilities.suites]
    for leg in (
        *(Leg(Transform.SRTP, one, None, True, True) for one in (wrong, *beyond)),
        Leg(Transform.SRTP, None, wrong, True, True),
        plain(Endpoint("no address", 1)),
        plain(None, source="no prefix", latching=True),
    ):
        with pytest.raises(EngineError) as caught:
            relay.engine.edit(relay.access, leg)
        assert "\\x01\\x02" not in repr(caught.value)


async def test_stop_closes_everything(kind: str) -> None:
    descriptors = open_descriptors()
    engine = engines.make(kind)
    engine.watch(lambda: None)
    ports = [open_port(engine), open_port(engine)]
    engine.stop()
    engine.stop()
    for _, number in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((LOOPBACK, number))
    del engine
    assert open_descriptors() == descriptors


def test_counters_add_up() -> None:
    one, other = Counters(1, 100, 2), Counters(3, 50, 4)
    one.drops[DropReason.AUTH] = 5
    other.drops[DropReason.AUTH] = 6
    other.drops[DropReason.SOCKET] = 1
    one.add(other)
    assert (one.packets, one.octets, one.rtcp) == (4, 150, 6)
    assert one.dropped() == {"auth": 11, "socket": 1}
