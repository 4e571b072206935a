"""The lab's media end: known speech, SRTP, statistics; over loopback."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator

import pytest

from lab import rtcp, rtp
from lab.errors import BadDescription, LabError
from lab.media import MediaEnd
from lab.sockets import open_pair
from lab.speech import SAMPLES, alaw, payload
from lab.srtp import PROFILES, Protector, SdesKey, Unprotector

FAST = 0.001


@contextlib.contextmanager
def ends(count: int = 2, *, echo: bool = False) -> Iterator[list[MediaEnd]]:
    opened = [MediaEnd(echo=echo and n == 1) for n in range(count)]
    try:
        yield opened
    finally:
        for end in opened:
            end.close()


def connect(a: MediaEnd, b: MediaEnd, suite: str | None) -> None:
    key_a, key_b = (SdesKey.generate(suite), SdesKey.generate(suite)) if suite else (None, None)
    a.connect(b.local, key_a, key_b)
    b.connect(a.local, key_b, key_a)


@pytest.mark.parametrize(
    ("sample", "octet"),
    [(0, 0xD5), (8, 0xD5), (-8, 0x55), (16, 0xD4), (-16, 0x55), (-17, 0x54), (32767, 0xAA), (-32768, 0x2A)],
)
def test_alaw(sample: int, octet: int) -> None:  # ITU-T G.711 table 1a
    assert alaw(sample) == octet


def test_speech_is_a_function_of_ssrc_and_sequence() -> None:
    packets = {payload(ssrc, seq) for ssrc in (1, 2) for seq in range(500)}
    assert len(packets) == 1000
    assert {len(p) for p in packets} == {SAMPLES}
    # Frozen: a capture of last year still has to verify.
    assert payload(0x12345678, 4711)[:8].hex() == "d5e6ed9494959697"


@pytest.mark.parametrize("suite", [None, *PROFILES])
async def test_exchange_both_ways(suite: str | None) -> None:
    with ends() as (a, b):
        connect(a, b, suite)
        seen = await asyncio.gather(a.exchange(20, interval=FAST), b.exchange(20, interval=FAST))
        for statistics in seen:
            assert statistics.problems(20) == []
            assert (statistics.sent, statistics.exact) == (20, 20)
            assert statistics.suite == suite
            assert (statistics.clear, statistics.opaque) == ((0, 20) if suite else (20, 0))
            assert statistics.rtcp_received
            assert (statistics.rtcp_clear == 0) == bool(suite)


async def test_echo_comes_back_exact_under_the_other_key() -> None:
    with ends(echo=True) as (a, b):
        connect(a, b, "AEAD_AES_256_GCM")
        assert (await a.exchange(10, interval=FAST)).problems(10) == []
        assert b.statistics().sent == 10


async def test_a_wrong_key_is_told_apart_from_loss() -> None:
    with ends() as (a, b):
        suite = "AES_CM_128_HMAC_SHA1_80"
        a.connect(b.local, SdesKey.generate(suite), SdesKey.generate(suite))
        b.connect(a.local, SdesKey.generate(suite), SdesKey.generate(suite))
        await a.send(5, interval=FAST)
        await b.arrived(1, timeout=0.05)
        seen = b.statistics()
        assert seen.exact == 0
        assert seen.undecryptable >= 5
        assert "0 of 5 packets arrived bit-exact" in seen.problems(5)


async def test_bad_payload_and_foreign_source_are_counted() -> None:
    with ends(3) as (a, b, stranger):
        connect(a, b, None)
        stranger.connect(b.local)
        a._send_rtp(struct.pack("!BBHII", 0x80, 8, 7, 0, 99) + bytes(SAMPLES))
        await stranger.send(2, interval=FAST)
        await a.send(1, interval=FAST)
        assert await b.arrived(1, timeout=2)
        seen = b.statistics()
        assert (seen.bad, seen.exact, seen.foreign) == (1, 1, 4)  # two RTP and two RTCP packets
        assert {"1 bad", "4 foreign"} <= set(seen.problems(1))


async def test_plain_media_on_a_protected_leg_is_seen() -> None:
    with ends() as (a, b):
        b.connect(a.local, SdesKey.generate("AEAD_AES_128_GCM"), SdesKey.generate("AEAD_AES_128_GCM"))
        a.connect(b.local)
        await a.send(3, interval=FAST)
        await b.arrived(1, timeout=0.05)
        seen = b.statistics()
        assert (seen.clear, seen.exact) == (3, 0)
        assert any("in clear on a protected leg" in p for p in seen.problems(0))


async def test_a_kept_key_keeps_its_context_and_a_new_one_starts_anew() -> None:
    with ends() as (a, b):
        connect(a, b, "AES_CM_128_HMAC_SHA1_80")
        await asyncio.gather(a.exchange(5, interval=FAST), b.exchange(5, interval=FAST))
        a.connect(b.local, a._send_key, a._receive_key)
        await asyncio.gather(a.exchange(5, interval=FAST), b.exchange(5, interval=FAST))
        connect(a, b, "AEAD_AES_128_GCM")
        seen = await asyncio.gather(a.exchange(5, interval=FAST), b.exchange(5, interval=FAST))
        assert [s.problems(15) for s in seen] == [[], []]


def test_reception_counts_loss_reordering_duplicates_and_wrap() -> None:
    def packet(sequence: int) -> rtp.RtpPacket:
        return rtp.RtpPacket(8, sequence & 0xFFFF, sequence * SAMPLES & 0xFFFFFFFF, 1, b"")

    order = [65534, 65535, 65537, 65536, 65536, 65540]
    reception = rtp.Reception(packet(order[0]), 0.0)
    for n, sequence in enumerate(order[1:], 1):
        reception.add(packet(sequence), n * 0.02)
    assert (reception.packets, reception.reordered, reception.duplicates) == (5, 1, 1)
    assert (reception.expected, reception.lost) == (7, 2)


def test_jitter_of_rfc3550() -> None:
    reception = rtp.Reception(rtp.RtpPacket(8, 0, 0, 1, b""), 0.0)
    reception.add(rtp.RtpPacket(8, 1, 160, 1, b""), 0.030)  # 10 ms late: 80 units, J = 80/16
    assert reception.jitter == pytest.approx(5.0)
    reception.add(rtp.RtpPacket(8, 2, 320, 1, b""), 0.050)  # as late as the one before: J -= J/16
    assert reception.jitter == pytest.approx(5.0 - 5.0 / 16)


def test_parse_skips_csrc_extension_and_padding() -> None:
    head = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 1, 8, 5, 6, 7) + bytes(4)
    packet = rtp.parse(head + struct.pack("!HH", 0xBEDE, 1) + bytes(4) + b"voice" + b"\0\0\x03")
    assert packet is not None
    assert (packet.sequence, packet.ssrc, packet.payload) == (5, 7, b"voice")


@pytest.mark.parametrize("data", [b"", b"\x80", bytes(12), b"\x9f" * 12, b"\xa0" + bytes(10) + b"\xff" * 9])
def test_parse_refuses_what_is_no_rtp(data: bytes) -> None:
    assert rtp.parse(data) is None
    assert not rtp.in_clear(data)


def test_in_clear_looks_anywhere_in_the_datagram() -> None:
    packet = rtp.build(1, 2, 3)
    assert rtp.in_clear(packet)
    assert rtp.in_clear(packet[:12] + b"\x7f" + packet[12:])
    assert not rtp.in_clear(Protector(SdesKey.generate("AES_CM_128_HMAC_SHA1_32")).rtp(packet))


def test_reports() -> None:
    reception = rtp.Reception(rtp.RtpPacket(8, 10, 0, 7, b""), 0.0)
    reception.add(rtp.RtpPacket(8, 13, 480, 7, b""), 0.06)
    sender = rtcp.report(5, {7: reception}, now=0.5, sent=3, octets=480, timestamp=99)
    assert struct.unpack_from("!BBHI", sender) == (0x81, 200, 12, 5)
    assert struct.unpack_from("!IIIII", sender, 8) == (2_208_988_800, 0x80000000, 99, 3, 480)
    assert struct.unpack_from("!III", sender, 28) == (7, 128 << 24 | 2, 13)
    assert len(sender) % 4 == 0
    assert rtcp.in_clear(sender)
    receiver = rtcp.report(5, {}, now=0.0)
    assert receiver[1] == 201
    key = SdesKey.generate("AEAD_AES_128_GCM")
    protected = Protector(key).rtcp(sender)
    assert not rtcp.in_clear(protected)
    assert Unprotector(key).rtcp(protected) == sender


@pytest.mark.parametrize("suite", PROFILES)
def test_crypto_line_round_trip(suite: str) -> None:
    key = SdesKey.generate(suite, tag=3)
    assert SdesKey.parse(key.crypto()) == key
    assert SdesKey.parse(key.crypto().rstrip("=") + "|2^31") == key
    assert key.inline not in repr(key)
    assert str(key.octets) not in repr(key)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x AES_CM_128_HMAC_SHA1_80 inline:AAAA",
        "1 AES_CM_128_HMAC_SHA1_80 inline:c2hvcnQ=",
        "1 AES_CM_128_HMAC_SHA1_80 inline:!!!!",
        "1 AES_CM_128_HMAC_SHA1_80 uri:x",
        "1 F8_128_HMAC_SHA1_80 inline:" + "A" * 40,
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40 + "|1:4",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40 + " UNENCRYPTED_SRTP",
    ],
)
def test_bad_crypto_lines_are_refused_without_the_key(value: str) -> None:
    with pytest.raises(BadDescription) as refusal:
        SdesKey.parse(value)
    assert "AAAA" not in str(refusal.value)


def test_pairs_are_even_and_adjacent() -> None:
    first, second = open_pair("127.0.0.1")
    with first, second:
        port = first.getsockname()[1]
        assert port % 2 == 0
        assert second.getsockname()[1] == port + 1
        with pytest.raises(LabError, match=str(port)):
            open_pair("127.0.0.1", port)
    with pytest.raises(LabError, match="odd"):
        open_pair("127.0.0.1", 5)


async def test_close_frees_the_ports() -> None:
    end = MediaEnd()
    end.close()
    end.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(end.local)
