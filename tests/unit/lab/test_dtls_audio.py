"""Audio keyed by DTLS between two of the lab's ends, over loopback."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lab import sdp
from lab.descriptions import Protection, Terms
from lab.dtls_audio import DtlsAudio
from lab.errors import BadDescription
from lab.srtp import DTLS_PROFILES

FAST = 0.001
LOOPBACK = "127.0.0.1"


def terms(*suites: str, setup: str = "actpass", protection: Protection = Protection.E2E) -> Terms:
    return Terms(protection, suites or tuple(DTLS_PROFILES), setup=setup)


@contextlib.contextmanager
def pair(
    one: Terms, other: Terms | None = None, *, echo: bool = False
) -> Iterator[tuple[DtlsAudio, DtlsAudio]]:
    """Two ends that have not spoken; ``one`` is going to offer, the other one may echo."""
    made = DtlsAudio(one, LOOPBACK, "a", False), DtlsAudio(other or one, LOOPBACK, "b", echo)
    try:
        yield made
    finally:
        for end in made:
            end.close()


def connect(a: DtlsAudio, b: DtlsAudio) -> sdp.MediaLine:
    """Carry offer and answer; return the offer's line."""
    offer = a.offer()
    a.take_answer(b.answer(offer))
    [line] = sdp.parse(offer).media
    return line


async def exchange(a: DtlsAudio, b: DtlsAudio, packets: int = 10) -> None:
    seen = await asyncio.gather(*(end.exchange(packets, interval=FAST) for end in (a, b)))
    assert [one.problems(packets) for one in seen] == [[], []]


@pytest.mark.parametrize("suite", DTLS_PROFILES)
@pytest.mark.parametrize("setup", ["actpass", "active", "passive"])
async def test_both_ways(suite: str, setup: str) -> None:
    with pair(terms(suite, setup=setup), terms(setup="actpass")) as (a, b):
        line = connect(a, b)
        assert (line.proto, line.value("setup"), line.crypto) == ("UDP/TLS/RTP/SAVP", setup, ())
        assert line.value("rtcp-mux") == ""
        await exchange(a, b)
        for end in (a, b):
            seen = end.statistics()
            assert seen.suite == suite
            assert (seen.clear, seen.opaque, seen.rtcp_clear) == (0, 10, 0)
            assert seen.rtcp_received
            assert all(check.passed for check in seen.checks("x", 10))
            assert end.problems == []
        assert a.keys & b.keys


async def test_plain_has_its_rtcp_on_a_port_of_its_own() -> None:
    with pair(terms(protection=Protection.NONE)) as (a, b):
        line = connect(a, b)
        assert (line.proto, line.attributes) == (
            "RTP/AVP",
            ("rtpmap:8 PCMA/8000", "rtpmap:101 telephone-event/8000"),
        )
        await exchange(a, b)
        assert a.statistics().suite is None
        assert a.keys == set()


async def test_the_profile_with_feedback_is_answered_by_itself() -> None:
    with pair(replace(terms(), feedback=True), terms()) as (a, b):
        offer = a.offer()
        answer = b.answer(offer)
        a.take_answer(answer)
        assert [sdp.parse(body).media[0].proto for body in (offer, answer)] == ["UDP/TLS/RTP/SAVPF"] * 2
        await exchange(a, b, 3)


async def test_an_echo() -> None:
    with pair(terms(), echo=True) as (a, b):
        connect(a, b)
        assert (await a.exchange(10, interval=FAST)).problems(10) == []
        assert b.statistics().sent == 10


async def test_no_common_profile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.dtls_audio.QUIET", 0.05)
    with pair(terms("AES_CM_128_HMAC_SHA1_80"), terms("AEAD_AES_128_GCM")) as (a, b):
        connect(a, b)
        seen = await asyncio.gather(*(end.exchange(2, interval=FAST, grace=0) for end in (a, b)))
        assert a.problems == b.problems == ["the association has no SRTP profile"]
        assert [one.received for one in seen] == [0, 0]


async def test_a_further_offer_keeps_keys_and_counters() -> None:
    with pair(terms()) as (a, b):
        connect(a, b)
        await exchange(a, b, 5)
        keys = set(a.keys)
        offer = b.offer("sendonly")
        answer = a.answer(offer)
        b.take_answer(answer)
        assert sdp.parse(answer).media[0].direction == "recvonly"
        assert sdp.parse(answer).media[0].value("setup") == "passive"  # a was the server
        seen = await asyncio.gather(*(end.exchange(5, interval=FAST) for end in (a, b)))
        assert [one.exact for one in seen] == [10, 10]
        assert a.keys == keys


async def test_another_identity_makes_another_association() -> None:
    with pair(terms()) as (a, b), pair(terms()) as (c, _):
        connect(a, b)
        await exchange(a, b, 5)
        before = a._secured.end
        connect(c, b)
        await exchange(c, b, 5)
        assert a._secured.end is before
        assert c.statistics().exact == 5


async def test_rtcp_has_to_come_with_rtp() -> None:
    with pair(terms()) as (a, b), pytest.raises(BadDescription, match="rtcp-mux"):
        b.answer(a.offer().replace(b"a=rtcp-mux\r\n", b""))


async def test_media_inside_the_association_is_a_fault() -> None:
    with pair(terms()) as (a, b):
        connect(a, b)
        await exchange(a, b, 2)
        a._secured.send(b"not here")
        await exchange(a, b, 2)
        assert b.problems == ["a record of DTLS carries media (RFC 5764 3)"]


async def test_a_far_end_that_says_nothing_is_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.dtls_audio.QUIET", 0.05)
    with pair(terms()) as (a, b):
        connect(a, b)
        await a.send(3, interval=FAST)
        assert await b.arrived(3, timeout=2)
