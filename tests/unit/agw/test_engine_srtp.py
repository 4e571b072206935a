"""SRTP at one leg, plain RTP at the other, held against an independent SRTP (tests.support)."""

from collections.abc import Callable

import pytest

from agw.engine.api import Engine, Leg, Transform
from agw.engine.srtp import Receiver, Sender
from iq.suites import SUITES, Crypto, Key
from tests.support.media_peer import Relay, crypto, dealt_with, rtcp, rtp
from tests.support.protected_call import CM, ProtectedCall
from tests.support.srtp_reference import Reference, gcm_rtcp_tag_only

GCM = "AEAD_AES_128_GCM"
EVERY_ENGINE = {CM, "AES_CM_128_HMAC_SHA1_32", GCM, "AEAD_AES_256_GCM"}
"""Suites that no engine is without."""
EVERY_SUITE = list(SUITES)


async def test_abilities(make: Callable[..., Engine]) -> None:
    abilities = make(replay_window=256).abilities
    assert abilities.suites == tuple(name for name in SUITES if name in abilities.suites)
    assert set(abilities.suites) >= EVERY_ENGINE
    assert (abilities.replay_window, abilities.workers) == (256, 1)


@pytest.mark.parametrize("suite", EVERY_SUITE)
@pytest.mark.parametrize("mki", [None, (1, 1), (0xBEEF, 4)], ids=["no MKI", "MKI 1", "MKI 4"])
async def test_both_ways(relay: Relay, suite: str, mki: tuple[int, int] | None) -> None:
    call = ProtectedCall(relay, suite, mki)
    for seq in range(3):
        packet = rtp(seq, b"from the UE %d" % seq)
        call.send(packet)
        assert await relay.far.receive() == packet
        packet = rtp(seq, b"to the UE %d" % seq, ssrc=0x9999)
        relay.from_far(packet)
        assert call.gateway.unprotect(await relay.ue.receive()) == packet
    for index in (1, 2):
        relay.ue.send_rtcp(call.ue.protect_rtcp(rtcp(), index, call.mki), relay.to_access_rtcp)
        assert await relay.far.receive_rtcp() == rtcp()
        relay.far.send_rtcp(rtcp(0x9999), relay.to_core_rtcp)
        assert call.gateway.unprotect_rtcp(await relay.ue.receive_rtcp()) == rtcp(0x9999)
    counters = relay.engine.state(relay.access).counters
    assert (counters.packets, counters.rtcp, counters.dropped()) == (3, 2, {})


async def test_rtcp_index_may_start_at_zero(relay: Relay) -> None:
    call = ProtectedCall(relay)
    relay.ue.send_rtcp(call.ue.protect_rtcp(rtcp(), 0), relay.to_access_rtcp)
    assert await relay.far.receive_rtcp() == rtcp()


async def test_header_with_csrc_and_extension(relay: Relay) -> None:
    call = ProtectedCall(relay)
    head = bytes([0x92, 0x60]) + rtp(1)[2:12]
    packet = head + bytes(8) + b"\xbe\xde\x00\x01" + bytes(4) + b"payload"
    call.send(packet)
    assert await relay.far.receive() == packet
    relay.from_far(packet)
    assert call.gateway.unprotect(await relay.ue.receive()) == packet


async def test_packet_of_ethernet_size(relay: Relay) -> None:
    call = ProtectedCall(relay, GCM)
    packet = rtp(1, bytes(1444))
    relay.from_far(packet)
    protected = await relay.ue.receive()
    assert len(protected) == 1472
    assert call.gateway.unprotect(protected) == packet
    relay.from_ue(call.ue.protect(packet))
    assert await relay.far.receive() == packet


@pytest.mark.parametrize("suite", EVERY_SUITE)
async def test_tampered_packets_are_dropped(relay: Relay, suite: str) -> None:
    call = ProtectedCall(relay, suite)
    good = call.ue.protect(rtp(10, b"sixteen octets.."))
    for at in (1, 3, 5, 9, 20, len(good) - 1):
        relay.from_ue(good[:at] + bytes([good[at] ^ 0x01]) + good[at + 1 :])
    assert await relay.drops(6) == {"auth": 6}
    relay.from_ue(good)
    assert await relay.far.receive() == rtp(10, b"sixteen octets..")
    assert relay.far.pending() == []


@pytest.mark.parametrize("suite", EVERY_SUITE)
async def test_tampered_rtcp_is_dropped(relay: Relay, suite: str) -> None:
    call = ProtectedCall(relay, suite)
    good = call.ue.protect_rtcp(rtcp(), 1)
    for at in (1, 9, len(good) - 1):
        relay.ue.send_rtcp(good[:at] + bytes([good[at] ^ 0x01]) + good[at + 1 :], relay.to_access_rtcp)
    assert await relay.drops(3) == {"auth": 3}
    assert relay.far.pending() == []


@pytest.mark.parametrize("suite", EVERY_SUITE)
async def test_authentic_rtcp_in_the_clear_is_dropped(relay: Relay, suite: str) -> None:
    """E flag 0 (RFC 3711 3.4, RFC 7714 9.3): encryption was agreed upon, by whoever has the key."""
    call = ProtectedCall(relay, suite)
    keys, packet = call.ue.rtcp, rtcp()
    word = (7).to_bytes(4, "big")
    if SUITES[suite].aead:
        clear = packet + gcm_rtcp_tag_only(keys, packet, 7) + word
    else:
        clear = packet + word + call.ue._tag(keys, packet + word, SUITES[suite].rtcp_tag)
    relay.ue.send_rtcp(clear, relay.to_access_rtcp)
    assert await relay.drops(1) == {"auth": 1}
    relay.ue.send_rtcp(call.ue.protect_rtcp(packet, 7), relay.to_access_rtcp)  # it took no index
    assert await relay.far.receive_rtcp() == packet
    relay.ue.send_rtcp(clear, relay.to_access_rtcp)
    assert (await relay.drops(3))["auth"] == 2
    assert relay.far.pending() == []


@pytest.mark.parametrize("suite", EVERY_SUITE)
async def test_replays_are_dropped(relay: Relay, suite: str) -> None:
    call = ProtectedCall(relay, suite)
    call.send(rtp(7))
    call.send(rtp(7))
    relay.ue.send_rtcp(call.ue.protect_rtcp(rtcp(), 5), relay.to_access_rtcp)
    relay.ue.send_rtcp(call.ue.protect_rtcp(rtcp(), 5), relay.to_access_rtcp)
    assert await relay.drops(4) == {"replay": 2}
    assert sorted(relay.far.pending()) == sorted([rtp(7), rtcp()])


async def test_replay_window_is_128_packets(relay: Relay) -> None:
    call = ProtectedCall(relay)
    for seq in (1000, 1000 - 127, 1000 - 128):
        call.send(rtp(seq))
    assert await relay.drops(3) == {"replay_old": 1}
    assert await relay.far.receive() == rtp(1000)
    assert await relay.far.receive() == rtp(1000 - 127)
    assert relay.far.pending() == []


@pytest.mark.parametrize("suite", EVERY_SUITE)
async def test_wrong_key_and_plain_packets_are_dropped(relay: Relay, suite: str) -> None:
    ProtectedCall(relay, suite)
    wrong = Reference(suite, crypto(suite, 50).key.octets)
    relay.from_ue(wrong.protect(rtp(1)))
    relay.from_ue(rtp(2, bytes(160)))
    relay.ue.send_rtcp(wrong.protect_rtcp(rtcp(), 1), relay.to_access_rtcp)
    relay.ue.send_rtcp(rtcp() + bytes(30), relay.to_access_rtcp)
    assert await relay.drops(4) == {"auth": 4}
    assert relay.far.pending() == []


@pytest.mark.parametrize("suite", EVERY_SUITE)
@pytest.mark.parametrize("mki", [None, (1, 2)])
async def test_truncated_packets_are_dropped(relay: Relay, suite: str, mki: tuple[int, int] | None) -> None:
    call = ProtectedCall(relay, suite, mki)
    whole = call.ue.protect(rtp(1), 0, call.mki)
    for length in range(len(whole)):
        relay.from_ue(whole[:length])
    drops = await relay.drops(len(whole))
    assert set(drops) <= {"short", "auth"}
    assert drops["short"] == min(12 + SUITES[suite].rtp_tag + len(call.mki), len(whole))
    assert relay.far.pending() == []


async def test_every_short_rtcp_is_dropped(relay: Relay) -> None:
    call = ProtectedCall(relay)
    whole = call.ue.protect_rtcp(rtcp(), 1)
    for length in range(len(whole)):
        relay.ue.send_rtcp(whole[:length], relay.to_access_rtcp)
    assert set(await relay.drops(len(whole))) == {"short", "auth"}
    assert relay.far.pending() == []


async def test_roll_over_of_the_sequence_number(relay: Relay) -> None:
    call = ProtectedCall(relay)
    for seq, roc in ((65534, 0), (65535, 0), (0, 1), (1, 1)):
        call.send(rtp(seq), roc)
        assert await relay.far.receive() == rtp(seq)
        relay.from_far(rtp(seq))
        assert call.gateway.unprotect(await relay.ue.receive(), roc) == rtp(seq)
    call.send(rtp(2), 0)  # what an end without a rollover counter would send
    assert await relay.drops(5) == {"auth": 1}


async def test_new_ssrc_starts_its_own_count(relay: Relay) -> None:
    call = ProtectedCall(relay)
    for seq, roc, ssrc in ((65535, 0, 1), (0, 1, 1), (40000, 0, 2), (1, 1, 1)):
        call.send(rtp(seq, ssrc=ssrc), roc)
        assert await relay.far.receive() == rtp(seq, ssrc=ssrc)


async def test_ssrcs_are_limited_in_both_directions(relay: Relay) -> None:
    call = ProtectedCall(relay)
    for ssrc in range(66):
        call.send(rtp(1, ssrc=ssrc))
        relay.from_far(rtp(1, ssrc=ssrc))
    assert await relay.drops(66) == {"ssrc_limit": 2}
    assert await relay.core_drops(66) == {"ssrc_limit": 2}
    call.send(rtp(2, ssrc=63))
    await dealt_with(relay.engine, relay.access, 67)
    assert relay.far.pending()[-1] == rtp(2, ssrc=63)


async def test_forged_ssrcs_take_no_place(relay: Relay) -> None:
    call = ProtectedCall(relay)
    wrong = Reference(CM, crypto(CM, 50).key.octets)
    for ssrc in range(100):
        relay.from_ue(wrong.protect(rtp(1, ssrc=ssrc)))
    assert await relay.drops(100) == {"auth": 100}
    call.send(rtp(1, ssrc=0xFFFF))
    assert await relay.far.receive() == rtp(1, ssrc=0xFFFF)


async def test_an_index_is_never_protected_twice(relay: Relay) -> None:
    ProtectedCall(relay, GCM)
    relay.from_far(rtp(1, b"one text"))
    relay.from_far(rtp(1, b"another!"))
    assert await relay.core_drops(2) == {"replay": 1}
    await relay.ue.receive()
    assert relay.ue.pending() == []


async def test_missing_keys_close_their_direction(relay: Relay) -> None:
    call = ProtectedCall(relay)
    call.edit_leg(send=call.keys[0], receive=None)
    call.send(rtp(1))
    relay.from_far(rtp(1))
    assert call.gateway.unprotect(await relay.ue.receive()) == rtp(1)
    assert await relay.drops(1) == {"no_key": 1}
    call.edit_leg(send=None, receive=call.keys[1])
    call.send(rtp(2))
    relay.from_far(rtp(2))
    assert await relay.far.receive() == rtp(2)
    assert await relay.core_drops(2) == {"no_key": 1}


@pytest.mark.parametrize(
    ("suite", "master", "plain", "protected"),
    [
        pytest.param(
            CM,
            "E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6",
            "800F1234DECAFBADCAFEBABE" + "AB" * 16,
            "800F1234DECAFBADCAFEBABE4E55DC4CE79978D88CA4D215949D2402B78D6ACC99EA179B8DBB",
            id="CM, keys of RFC 3711 B.3",
        ),
        pytest.param(
            CM,
            "E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6",
            "81C8000BCAFEBABE" + "AB" * 16,
            "81C8000BCAFEBABE7128035BE487B9BDBEF89041F977A5A880000001993E08CD54D6C1230798",
            id="CM, RTCP",
        ),
        pytest.param(
            GCM,
            "000102030405060708090A0B0C0D0E0FA0A1A2A3A4A5A6A7A8A9AAAB",
            "800F1234DECAFBADCAFEBABE" + "AB" * 16,
            "800F1234DECAFBADCAFEBABEC5002EDE04CFDD2EB91159E0880AA06ED2976826F796B201DF3131A127E8A392",
            id="GCM",
        ),
    ],
)
def test_vectors(suite: str, master: str, plain: str, protected: str) -> None:
    key = Crypto(suite, Key(bytes.fromhex(master)))
    reports = plain[2:4] == "C8"
    sent = Sender(key, 128).protect(bytes.fromhex(plain), reports)
    assert isinstance(sent, bytes)
    assert sent.hex().upper() == protected
    assert Receiver(key, 128).unprotect(sent, reports, 0.0) == bytes.fromhex(plain)


async def test_rtcp_mux_on_the_access_side(relay: Relay) -> None:
    call = ProtectedCall(relay)
    call.edit(rtcp_mux=True)
    call.send(rtp(1))
    relay.from_ue(call.ue.protect_rtcp(rtcp(), 1))
    assert await relay.far.receive() == rtp(1)
    assert await relay.far.receive_rtcp() == rtcp()
    relay.from_far(rtp(1))
    assert call.gateway.unprotect(await relay.ue.receive()) == rtp(1)
    relay.far.send_rtcp(rtcp(), relay.to_core_rtcp)
    assert call.gateway.unprotect_rtcp(await relay.ue.receive()) == rtcp()


async def test_srtp_on_both_legs(relay: Relay) -> None:
    call = ProtectedCall(relay)
    core = crypto(GCM, 60), crypto(GCM, 160)
    relay.edit(call.access_leg, Leg(Transform.SRTP, *core, True, True, relay.far.endpoint))
    call.send(rtp(1))
    assert Reference(GCM, core[0].key.octets).unprotect(await relay.far.receive()) == rtp(1)
    relay.from_far(Reference(GCM, core[1].key.octets).protect(rtp(5)))
    assert call.gateway.unprotect(await relay.ue.receive()) == rtp(5)


def test_keys_do_not_show(relay: Relay) -> None:
    call = ProtectedCall(relay)
    shown = repr((call.access_leg, relay.engine, relay.engine.state(relay.access)))
    octets = call.keys[0].key.octets
    assert "<key, 30 bytes>" in shown
    for text in (octets.hex(), repr(octets), str(list(octets))):
        assert text not in shown
    assert Key(octets) == call.keys[0].key
