"""Offer and answer of the lab's media under certificates, and what it says to who breaks a rule."""

import pytest

from lab import sdp
from lab.certified import Certified, Form
from lab.descriptions import Protection, Terms
from lab.errors import BadDescription

FORM = Form("message", "TCP/MSRP", "TCP/TLS/MSRP", ("*",))
FAX = Form("image", "udptl", "UDP/TLS/UDPTL", ("t38",))


def certified(
    protection: Protection = Protection.E2E, port: int = 4000, setup: str = "actpass", form: Form = FORM
) -> Certified:
    return Certified(Terms(protection, setup=setup), ("192.0.2.1", port), form=form)


def edited(body: bytes, *edits: tuple[str, str]) -> bytes:
    for old, new in edits:
        assert old.encode() in body
        body = body.replace(old.encode(), new.encode())
    return body


@pytest.mark.parametrize("protection", [Protection.E2E, Protection.NONE])
@pytest.mark.parametrize("setup", ["actpass", "active", "passive"])
@pytest.mark.parametrize("wanted", ["actpass", "active", "passive"])
def test_two_agree(protection: Protection, setup: str, wanted: str) -> None:
    a, b = certified(protection, setup=setup), certified(protection, 5000, wanted)
    offer = a.offer(("x:1",))
    taken = b.take_offer(offer)
    answered = a.take_answer(b.answer(("y:2",)))
    assert (taken.line.value("x"), answered.line.value("y")) == ("1", "2")
    assert (taken.answerer, answered.answerer) == (True, False)
    connects = setup == "active" or (setup == "actpass" and wanted == "passive")
    assert (answered.active, taken.active) == (connects, not connects)
    assert taken.remote[1] == (9 if setup == "active" else 4000)
    assert answered.remote[1] == (5000 if connects else 9)
    if a.identity is not None and b.identity is not None:
        assert taken.fingerprints == (a.identity.fingerprint,)
        assert answered.fingerprints == (b.identity.fingerprint,)
    else:
        assert taken.fingerprints == answered.fingerprints == ()
        assert b"fingerprint" not in offer
    assert a.problems == b.problems == []


def test_a_further_offer_keeps_the_connection() -> None:
    a, b = certified(), certified(port=5000)
    b.take_offer(a.offer(()))
    a.take_answer(b.answer(()))
    offer = a.offer((), "sendonly")
    assert b.take_offer(offer).active
    answer = b.answer(())
    assert sdp.parse(offer).media[0].value("connection") == "existing"
    line = sdp.parse(answer).media[0]
    assert (line.value("connection"), line.value("setup"), line.direction) == (
        "existing",
        "active",
        "recvonly",
    )


def test_who_has_a_role_keeps_it() -> None:
    a, b = certified(setup="active"), certified(port=5000)
    b.take_offer(a.offer(()))
    a.take_answer(b.answer(()))
    assert not b.take_offer(edited(a.offer(()), ("setup:active", "setup:actpass"))).active


def test_an_edge_says_that_it_protects() -> None:
    a = certified(Protection.E2AE)
    offer = a.offer(())
    assert sdp.parse(offer).media[0].indicators == ("requested",)
    far = certified(Protection.E2AE, 5000)
    far.take_offer(edited(offer, ("3ge2ae:requested", "3ge2ae:applied")))
    assert far.problems == []
    answer = far.answer(())
    a.take_answer(answer)
    assert a.problems == ["3ge2ae:applied expected, seen: none"]


def test_other_lines_of_an_offer_are_refused() -> None:
    b = certified()
    b.take_offer(b"".join([certified().offer(()), b"m=audio 6000 RTP/AVP 8\r\n"]))
    assert [line.port for line in sdp.parse(b.answer(())).media] == [9, 0]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (("setup:actpass", "setup:holdconn"), "a=setup:holdconn"),
        (("TCP/TLS/MSRP", "TCP/MSRP"), "this end wants TCP/TLS/MSRP"),
        (("a=fingerprint", "a=other"), "no a=fingerprint"),
        (("m=message", "m=text"), "no message stream"),
    ],
)
def test_unusable_offers(edit: tuple[str, str], reason: str) -> None:
    with pytest.raises(BadDescription, match=reason):
        certified().take_offer(edited(certified().offer(()), edit))


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (("setup:active", "setup:actpass"), "a=setup:actpass answers actpass"),
        (("TCP/TLS/MSRP", "TCP/MSRP"), "says TCP/MSRP"),
        (("a=fingerprint", "a=other"), "no a=fingerprint"),
        (("m=message 9", "m=message 0"), "refuses"),
    ],
)
def test_unusable_answers(edit: tuple[str, str], reason: str) -> None:
    a, b = certified(), certified(port=5000)
    b.take_offer(a.offer(()))
    with pytest.raises(BadDescription, match=reason):
        a.take_answer(edited(b.answer(()), edit))


def test_a_plain_end_objects_to_what_protection_leaves_behind() -> None:
    a = certified(Protection.NONE)
    line = b"a=fingerprint:SHA-256 AA\r\na=3ge2ae:applied\r\n"
    a.take_offer(certified(Protection.NONE).offer(()) + line)
    assert a.problems == ["a plain stream with a=fingerprint", "a plain stream with 3ge2ae"]


@pytest.mark.parametrize("protection", [Protection.E2E, Protection.NONE])
def test_datagrams_have_a_role_only_under_dtls(protection: Protection) -> None:
    a, b = certified(protection, form=FAX), certified(protection, 5000, form=FAX)
    offer = a.offer(())
    b.take_offer(offer)
    answer = b.answer(())
    assert a.take_answer(answer).remote[1] == 5000
    assert (b"setup:actpass" in offer, b"setup:active" in answer) == (protection is Protection.E2E,) * 2
    assert b"connection" not in offer + answer
