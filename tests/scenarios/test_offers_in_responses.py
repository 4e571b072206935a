"""Offers that come in the responses to an INVITE without one, where not all goes well."""

import pytest

from tests.support.calls import REQUESTED, UE_ANSWER, Established, bye, ends, establish
from tests.support.ladder import OTHER_KEY, Leg, callee_leg, caller_leg, plain, secure
from tests.support.stage import Stage

BOTH = pytest.mark.parametrize("by_ue", [True, False])


def sides(call: Established, *, by_ue: bool) -> tuple[Leg, Leg, bytes, bytes]:
    """The leg that asks, the other one, the offer of that other one, and the answer to it."""
    if by_ue:
        return call.ue, call.core, plain(version=2, more="a=ptime:20"), secure(version=2, more="a=ptime:20")
    return call.core, call.ue, secure(version=2, more="a=ptime:20"), plain(version=2, more="a=ptime:20")


def goes_on(call: Established) -> None:
    """Both sides can offer again, and the keys are those of before."""
    for leg, other, offer, answer in (
        (call.ue, call.core, secure(version=9), plain(version=9)),
        (call.core, call.ue, plain(version=10), secure(version=10, more="")),
    ):
        leg.send("UPDATE", offer)
        came = other.end.request("UPDATE")
        other.end.answer(came, 200, answer)
        assert leg.end.response(200).body
    call.hang_up()


@BOTH
def test_the_same_answer_to_a_second_offer_is_taken(stage: Stage, by_ue: bool) -> None:
    """SIPp and others write one and the same description into every ACK."""
    call = establish(ends(stage))
    asks, offers, offer, answer = sides(call, by_ue=by_ue)
    acks = []
    for _ in range(2):
        asks.send("INVITE")
        asks.end.response(100)
        came = offers.end.request("INVITE")
        offers.end.answer(came, 200, offer)
        ok = asks.end.response(200)
        assert (b"crypto" in ok.body) is by_ue
        asks.send("ACK", answer, cseq=asks.cseq)
        acks.append(offers.end.request("ACK").body)
        assert (b"crypto" in acks[-1]) is not by_ue
    assert acks[0] == acks[1]
    goes_on(call)


@BOTH
def test_an_ack_without_the_answer_leaves_everything_as_it_was(stage: Stage, by_ue: bool) -> None:
    call = establish(ends(stage))
    asks, offers, offer, _ = sides(call, by_ue=by_ue)
    more = b"m=video 31000 RTP/AVP 34\r\n"
    asks.send("INVITE")
    asks.end.response(100)
    offers.end.answer(offers.end.request("INVITE"), 200, offer + more)
    asks.end.response(200)
    assert stage.ports() == 4
    asks.send("ACK", cseq=asks.cseq)
    offers.end.request("ACK")
    assert stage.ports() == 2
    goes_on(call)


@pytest.mark.parametrize("originating", [True, False])
def test_a_first_ack_without_the_answer_leaves_a_call_without_media(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    sent, came = between.ring(b"")
    between.callee.answer(came, 200, plain() if originating else REQUESTED)
    leg = caller_leg(between.caller, sent, between.caller.response(200))
    leg.send("ACK", cseq=1)
    between.callee.request("ACK")
    assert stage.ports() == 0
    goes_on(Established(between, leg, callee_leg(between.callee, came), sent, came, sent))


@BOTH
@pytest.mark.parametrize("answered", [False, True])
def test_a_reinvite_that_fails_behind_its_offer(stage: Stage, by_ue: bool, answered: bool) -> None:
    call = establish(ends(stage))
    asks, offers, offer, answer = sides(call, by_ue=by_ue)
    before = {port: (leg.remote, leg.transform) for port, leg in stage.gateway.engine.legs.items()}
    more = b"m=video 31000 RTP/AVP 34\r\n"
    asks.send("INVITE")
    asks.end.response(100)
    came = offers.end.request("INVITE")
    offers.end.answer(came, 183, offer + more, "RSeq: 1", "Require: 100rel")
    asks.end.response(183)
    assert stage.ports() == 4
    if answered:
        declined = b"m=video 0 RTP/SAVP 34\r\n" if by_ue else more
        asks.send("PRACK", answer + declined, f"RAck: 1 {asks.cseq} INVITE")
        offers.end.answer(offers.end.request("PRACK"), 200)
        asks.end.response(200)
    offers.end.answer(came, 500)
    offers.end.request("ACK")
    asks.end.response(500)
    assert {p: (leg.remote, leg.transform) for p, leg in stage.gateway.engine.legs.items()} == before
    goes_on(call)


@pytest.mark.parametrize("originating", [True, False])
def test_two_phones_that_offer_the_same_in_their_200(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    sent, came = between.ring(b"")
    offer, answer = (plain(), UE_ANSWER) if originating else (REQUESTED, plain())
    legs = {}
    for tag in ("b1", "b2"):
        between.callee.answer(came, 200, offer, tag=tag)
        legs[tag] = caller_leg(between.caller, sent, between.caller.response(200))
    assert stage.ports() == 4
    for leg in legs.values():
        leg.send("ACK", answer, cseq=1)
        assert between.callee.request("ACK").body
    for tag, leg in legs.items():
        leg.send("BYE")
        between.callee.answer(between.callee.request("BYE"), 200)
        between.caller.response(200)
        assert stage.ports() == (2 if tag == "b1" else 0)


@pytest.mark.parametrize("body", [b"", plain(version=7)])
def test_an_ack_that_crosses_an_update_is_not_about_it(stage: Stage, body: bytes) -> None:
    """The callee offers before it has the ACK of its 2xx, which holds no answer or a stray description."""
    between = ends(stage, originating=False)
    sent, came = between.ring()
    between.ue.answer(came, 200, UE_ANSWER)
    caller = caller_leg(between.core, sent, between.core.response(200))
    callee = callee_leg(between.ue, came)
    callee.send("UPDATE", secure(OTHER_KEY, version=2, more="a=3ge2ae:requested\na=sendonly"))
    update = between.core.request("UPDATE")
    caller.send("ACK", body, cseq=1)
    assert between.ue.request("ACK").body == b""
    between.core.answer(update, 200, plain(version=2, more="a=recvonly"))
    assert b"a=recvonly" in between.ue.response(200).body
    bye(between, caller)
