"""Provisional responses, repetitions and forks: one question to the gateway, one answer to each question."""

import pytest

from pcscf.sip.message import Request
from tests.support.calls import REQUESTED, Ends, bye, ends
from tests.support.ladder import caller_leg, plain
from tests.support.stage import Stage


@pytest.mark.parametrize("originating", [True, False])
def test_the_same_description_comes_out_the_same(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    sent, came = between.ring()
    stage.gateway.asked()
    bodies = []
    for status in (180, 183, 200):
        between.callee.answer(came, status, between.answer)
        bodies.append(between.caller.response(status).body)
    assert bodies[0]
    assert bodies == bodies[:1] * 3
    assert len(stage.gateway.asked()) == 1
    for _ in range(2):  # the ACK is late
        between.callee.answer(came, 200, between.answer)
        ok = between.caller.response(200)
        assert ok.body == bodies[0]
    assert stage.gateway.asked() == []
    leg = caller_leg(between.caller, sent, ok)
    leg.send("ACK", cseq=1)
    between.callee.request("ACK")
    bye(between, leg)


def test_an_invite_again_while_the_gateway_is_asked_is_absorbed(stage: Stage) -> None:
    between = ends(stage)
    stage.gateway.hold = True
    sent = between.invite()
    between.ue.response(100)
    for _ in range(3):
        stage.run(0.5)
        between.ue.send(sent)
        between.ue.response(100)
    assert stage.gateway.asked() == ["Reserve+Reserve"]
    stage.gateway.hold = False
    stage.gateway.release()
    came = between.core.request("INVITE")
    between.ue.send(sent)
    assert between.ue.starts() == ["100"]
    between.core.nothing()
    assert stage.contexts() == 1
    between.core.answer(came, 486)
    between.ue.response(486)


def test_responses_keep_their_order_while_the_gateway_is_asked(stage: Stage) -> None:
    between = ends(stage)
    _, came = between.ring()
    stage.gateway.hold = True
    between.core.answer(came, 183, plain())
    between.core.answer(came, 180)
    between.core.answer(came, 180)
    between.core.answer(came, 200, plain())
    between.core.answer(came, 200, plain())
    between.ue.nothing()
    stage.gateway.hold = False
    stage.gateway.release()
    assert between.ue.starts() == ["183", "180", "200"]
    between.core.answer(came, 200, plain())
    ok = between.ue.response(200)
    leg = caller_leg(between.ue, came, ok)
    leg.routes = ok.values("record-route")[::-1]
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    bye(between, leg)


def forked(stage: Stage) -> tuple[Ends, Request, Request]:
    """Two early dialogs, both with media."""
    between = ends(stage)
    sent, came = between.ring()
    bodies = []
    for tag, port in (("b1", 5004), ("b2", 6004)):
        between.core.answer(came, 183, plain(port=port, number=port), tag=tag)
        bodies.append(between.ue.response(183).body)
    assert bodies[0] == bodies[1], "one sender of SRTP towards the UE, whoever answers"
    return between, sent, came


def core_remote(stage: Stage) -> int:
    """The port that media goes to in the core."""
    ports = [
        leg.remote.port
        for port, leg in stage.gateway.engine.legs.items()
        if stage.gateway.engine.ports[port][1] >= 40000 and leg.remote is not None
    ]
    assert len(ports) == 1
    return ports[0]


@pytest.mark.parametrize("winner", ["b1", "b2"])
@pytest.mark.parametrize("described", [True, False])
def test_media_follows_the_fork_that_answers(stage: Stage, winner: str, described: bool) -> None:
    between, sent, came = forked(stage)
    port = {"b1": 5004, "b2": 6004}[winner]
    between.core.answer(came, 200, plain(port=port, number=port) if described else b"", tag=winner)
    ok = between.ue.response(200)
    assert core_remote(stage) == port
    leg = caller_leg(between.ue, sent, ok)
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    bye(between, leg)


@pytest.mark.parametrize(("gone", "left"), [("b2", 5004), ("b1", 6004)])
def test_media_leaves_a_fork_that_is_over(stage: Stage, gone: str, left: int) -> None:
    """199: its early media has ended, that of the other goes on (RFC 6228)."""
    between, sent, came = forked(stage)
    assert core_remote(stage) == 6004
    between.core.answer(came, 199, tag=gone)
    between.ue.response(199)
    assert core_remote(stage) == left
    stage.gateway.asked()
    for tag in ("b1", "b2", "b3"):  # the last one stays, whatever is said of it
        between.core.answer(came, 199, tag=tag)
        between.ue.response(199)
    assert stage.gateway.asked() == []
    between.core.answer(came, 200, plain(port=5004, number=5004), tag="b1")
    leg = caller_leg(between.ue, sent, between.ue.response(200))
    assert core_remote(stage) == 5004
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    bye(between, leg)


@pytest.mark.parametrize("first", [0, 1])
def test_two_forks_answer_and_the_caller_keeps_one(stage: Stage, first: int) -> None:
    between, sent, came = forked(stage)
    legs, keys = [], set()
    for tag, port in (("b1", 5004), ("b2", 6004)):
        between.core.answer(came, 200, plain(port=port, number=port), tag=tag)
        ok = between.ue.response(200)
        keys.add(next(line for line in ok.body.split(b"\r\n") if b"crypto" in line))
        legs.append(caller_leg(between.ue, sent, ok))
        legs[-1].send("ACK", cseq=1)
        between.core.request("ACK")
    assert len(keys) == 1
    assert core_remote(stage) == 6004
    bye(between, legs[first])
    assert stage.contexts() == 1
    assert core_remote(stage) == [6004, 5004][first], "media goes where the call goes on"
    # the 2xx of the fork that is over comes again: it neither comes to life nor takes the media
    tag, port = [("b1", 5004), ("b2", 6004)][first]
    between.core.answer(came, 200, plain(port=port, number=port), tag=tag)
    between.ue.response(200)
    assert core_remote(stage) == [6004, 5004][first]
    bye(between, legs[1 - first])
    assert stage.contexts() == 0


def test_a_repeated_2xx_does_not_turn_the_media(stage: Stage) -> None:
    between, sent, came = forked(stage)
    legs = {}
    for tag, port in (("b1", 5004), ("b2", 6004)):
        between.core.answer(came, 200, plain(port=port, number=port), tag=tag)
        legs[tag] = caller_leg(between.ue, sent, between.ue.response(200))
    stage.gateway.asked()
    between.core.answer(came, 200, plain(port=5004, number=5004), tag="b1")
    between.ue.response(200)
    assert stage.gateway.asked() == []
    for leg in legs.values():
        leg.send("ACK", cseq=1)
        between.core.request("ACK")
        bye(between, leg)


def test_a_late_2xx_of_a_call_that_is_over_is_acknowledged_and_hung_up_once(stage: Stage) -> None:
    between, sent, came = forked(stage)
    between.core.answer(came, 200, plain(number=5004), tag="b1")
    leg = caller_leg(between.ue, sent, between.ue.response(200))
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    bye(between, leg)
    for expected in (["ACK", "BYE"], ["ACK"]):
        between.core.answer(came, 200, plain(port=6004, number=6004), tag="b2")
        assert between.core.starts() == expected
    between.ue.nothing()
    stage.run(1)
    assert set(between.core.starts()) == {"BYE"}


def test_a_fork_without_usable_answer_is_hung_up_alone(stage: Stage) -> None:
    between, sent, came = forked(stage)
    between.core.answer(came, 200, plain(number=5004), tag="b1")
    leg = caller_leg(between.ue, sent, between.ue.response(200))
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    bad = plain().replace(b"RTP/AVP", b"RTP/SAVP")
    between.core.answer(came, 200, bad, tag="b3")
    ack, hung_up = between.core.request("ACK"), between.core.request("BYE")
    assert ack.get("to").endswith("tag=b3")
    assert "SIP;cause=488" in hung_up.get("reason")
    between.core.answer(hung_up, 200)
    between.ue.nothing()
    assert stage.contexts() == 1
    bye(between, leg)


def test_early_dialog_hung_up_by_the_caller(stage: Stage) -> None:
    """RFC 3261 15: the INVITE still gets its own answer."""
    between = ends(stage)
    sent, came = between.ring()
    between.core.answer(came, 183, plain())
    leg = caller_leg(between.ue, sent, between.ue.response(183))
    bye(between, leg)
    assert stage.contexts() == 1
    between.core.answer(came, 487)
    between.ue.response(487)
    assert stage.contexts() == 0


def test_early_fork_hung_up_by_the_caller_leaves_the_other(stage: Stage) -> None:
    between = ends(stage)
    sent, came = between.ring()
    between.core.answer(came, 183, plain(), tag="b1")
    leg = caller_leg(between.ue, sent, between.ue.response(183))
    between.core.answer(came, 180, tag="b2")
    between.ue.response(180)
    bye(between, leg)
    between.core.answer(came, 200, plain(port=6004), tag="b2")
    leg = caller_leg(between.ue, sent, between.ue.response(200))
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    bye(between, leg)


def test_answered_again_after_an_update(stage: Stage) -> None:
    """183 answers, UPDATE changes, 200 repeats the 183: the media stays as the UPDATE left it."""
    between = ends(stage)
    sent, came = between.ring()
    between.core.answer(came, 183, plain(), "RSeq: 1", "Require: 100rel")
    leg = caller_leg(between.ue, sent, between.ue.response(183))
    leg.send("PRACK", b"", "RAck: 1 1 INVITE")
    between.core.answer(between.core.request("PRACK"), 200)
    between.ue.response(200)
    held = REQUESTED.replace(b"a=3ge2ae", b"a=sendonly\r\na=3ge2ae").replace(b"1001 1 IN", b"1001 2 IN")
    leg.send("UPDATE", held)
    between.core.answer(between.core.request("UPDATE"), 200, plain(version=2, more="a=recvonly"))
    assert b"a=recvonly" in between.ue.response(200).body
    stage.gateway.asked()
    between.core.answer(came, 200, plain())
    between.ue.response(200)
    assert stage.gateway.asked() == []
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    bye(between, leg)
