"""Offer and answer of the lab's UE, and what it says of a far end that breaks a rule."""

import pytest

from lab import sdp
from lab.descriptions import Protection, Terms
from lab.errors import BadDescription
from lab.negotiation import Negotiation
from lab.srtp import SdesKey

GCM, CM = "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80"
LOCAL = ("192.0.2.1", 4000)


def negotiation(protection: Protection, *suites: str, **terms: bool) -> Negotiation:
    return Negotiation(Terms(protection, suites or (CM,), **terms), LOCAL)


def answer_to(offer: bytes, tag: int = 1, **changes: object) -> bytes:
    """Return an edge's answer to an offer of one stream: own key, 3ge2ae:applied."""
    line = sdp.parse(offer).media[0]
    crypto = ()
    if line.crypto:
        chosen = next(SdesKey.parse(c) for c in line.crypto if SdesKey.parse(c).tag == tag)
        crypto = (SdesKey.generate(chosen.suite, tag).crypto(),)
    values: dict[str, object] = {
        "proto": line.proto,
        "port": 20_000,
        "crypto": crypto,
        "indicators": ("applied",) if line.indicators else (),
    }
    values.update(changes)
    return sdp.build(sdp.Description([sdp.MediaLine(**values)]), "198.51.100.20")  # type: ignore[arg-type]


def test_offer_of_e2ae() -> None:
    line = sdp.parse(negotiation(Protection.E2AE, GCM, CM).offer()).media[0]
    keys = [SdesKey.parse(value) for value in line.crypto]
    assert (line.proto, line.indicators, line.rtp) == ("RTP/SAVP", ("requested",), LOCAL)
    assert [(k.tag, k.suite) for k in keys] == [(1, GCM), (2, CM)]
    assert keys[0].octets != keys[1].octets[:28]


def test_offers_of_the_others() -> None:
    e2e = sdp.parse(negotiation(Protection.E2E).offer()).media[0]
    plain = sdp.parse(negotiation(Protection.NONE).offer()).media[0]
    assert (e2e.proto, e2e.indicators, len(e2e.crypto)) == ("RTP/SAVP", (), 1)
    assert (plain.proto, plain.indicators, plain.crypto) == ("RTP/AVP", (), ())


def test_good_answer() -> None:
    own = negotiation(Protection.E2AE, GCM, CM)
    offer = own.offer()
    agreed = own.take_answer(answer_to(offer, tag=2))
    assert own.problems == []
    assert agreed.send is not None
    assert agreed.receive is not None
    assert (agreed.send.suite, agreed.receive.suite, agreed.send.tag) == (CM, CM, 2)
    assert agreed.send.crypto() == sdp.parse(offer).media[0].crypto[1]
    assert agreed.remote == ("198.51.100.20", 20_000)


def test_re_offer_keeps_the_agreed_key_alone() -> None:
    own = negotiation(Protection.E2AE, GCM, CM)
    first = own.offer()
    own.take_answer(answer_to(first, tag=2))
    second = sdp.parse(own.offer("sendonly"))
    assert second.media[0].crypto == sdp.parse(first).media[0].crypto[1:]
    assert second.media[0].direction == "sendonly"
    assert second.origin == (sdp.parse(first).origin[0], "2")
    own.rekey()
    third = sdp.parse(own.offer()).media[0]
    assert SdesKey.parse(third.crypto[0]).tag == 2
    assert third.crypto != second.media[0].crypto


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"proto": "RTP/AVP"}, "RTP/AVP"),
        ({"port": 0}, "refuses"),
        ({"crypto": ()}, "0 a=crypto"),
        ({"crypto": ("1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40,) * 2}, "2 a=crypto"),
        ({"crypto": ("7 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40,)}, "tag 7"),
        ({"crypto": ("1 AES_CM_128_HMAC_SHA1_32 inline:" + "A" * 40,)}, "_32 was not offered"),
    ],
)
def test_unusable_answers(changes: dict[str, object], reason: str) -> None:
    own = negotiation(Protection.E2AE)
    with pytest.raises(BadDescription, match=reason):
        own.take_answer(answer_to(own.offer(), **changes))


def test_doubtful_answers_are_problems() -> None:
    own = negotiation(Protection.E2AE)
    offer = own.offer()
    own.take_answer(answer_to(offer, indicators=(), crypto=sdp.parse(offer).media[0].crypto))
    assert own.problems == [
        "3ge2ae:applied expected, seen: none",
        "the answer repeats the offer's key (RFC 4568 6.1)",
    ]
    without = negotiation(Protection.E2AE, expect_applied=False)
    without.take_answer(answer_to(without.offer(), indicators=()))
    assert without.problems == []


def test_a_far_key_that_changes_alone_is_a_problem() -> None:
    own = negotiation(Protection.E2AE)
    own.take_answer(answer_to(own.offer()))
    own.take_answer(answer_to(own.offer("sendonly")))
    assert own.problems == ["the far end changed its key though ours stayed (TS 23.334 5.11.2.1)"]


def test_callee_of_e2ae_wants_applied_and_answers_with_one_key() -> None:
    edge = sdp.MediaLine(
        proto="RTP/SAVP", port=6, crypto=(SdesKey.generate(CM, 3).crypto(),), indicators=("applied",)
    )
    offer = sdp.build(sdp.Description([edge, sdp.MediaLine(kind="video", port=8)]), "198.51.100.20")
    callee = negotiation(Protection.E2AE)
    audio, video = sdp.parse(callee.answer(offer)).media
    assert callee.problems == []
    assert (audio.proto, len(audio.crypto), audio.indicators) == ("RTP/SAVP", 1, ())
    assert SdesKey.parse(audio.crypto[0]).tag == 3
    assert audio.crypto != edge.crypto
    assert video.port == 0
    again = sdp.parse(callee.answer(offer)).media[0]
    assert again.crypto == audio.crypto
    forged = sdp.build(sdp.Description([sdp.MediaLine(proto="RTP/SAVP", port=6, crypto=edge.crypto)]), "::1")
    callee.answer(forged)
    assert "3ge2ae:applied expected, seen: none" in callee.problems


@pytest.mark.parametrize(
    ("protection", "proto"),
    [(Protection.E2AE, "RTP/AVP"), (Protection.E2E, "RTP/AVP"), (Protection.NONE, "RTP/SAVP")],
)
def test_callee_never_falls_back_by_itself(protection: Protection, proto: str) -> None:
    offer = sdp.build(sdp.Description([sdp.MediaLine(proto=proto, port=6)]), "192.0.2.9")
    with pytest.raises(BadDescription, match=proto):
        negotiation(protection).answer(offer)


def test_callee_skips_suites_that_it_does_not_want() -> None:
    lines = ("1 F8_128_HMAC_SHA1_80 inline:" + "A" * 40, SdesKey.generate(GCM, 2).crypto())
    lines += (SdesKey.generate(CM, 3).crypto(),)
    offer = sdp.build(sdp.Description([sdp.MediaLine(proto="RTP/SAVP", port=6, crypto=lines)]), "192.0.2.9")
    callee = negotiation(Protection.E2E, CM)
    assert SdesKey.parse(sdp.parse(callee.answer(offer)).media[0].crypto[0]).tag == 3
    only = sdp.build(
        sdp.Description([sdp.MediaLine(proto="RTP/SAVP", port=6, crypto=lines[:2])]), "192.0.2.9"
    )
    with pytest.raises(BadDescription, match="not wanted"):
        negotiation(Protection.E2E, CM).answer(only)


def test_no_key_in_repr() -> None:
    own = negotiation(Protection.E2AE)
    agreed = own.take_answer(answer_to(own.offer()))
    assert agreed.send is not None
    for text in (repr(own), repr(agreed), str(own.problems)):
        assert agreed.send.inline not in text
        assert str(agreed.send.octets) not in text
