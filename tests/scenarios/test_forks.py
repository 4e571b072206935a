"""One INVITE, several phones: each dialog has offers and answers of its own, and one of them wins."""

import pytest

from agw.engine.api import Leg as EngineLeg
from tests.support.calls import REQUESTED, Ends, bye, ends
from tests.support.ladder import Leg, caller_leg, plain, secure
from tests.support.stage import Stage

VIDEO = "m=video 31000 RTP/AVP 34"


def ring_both(between: Ends, body: bytes = REQUESTED, answer: str = "") -> tuple[object, dict[str, Leg]]:
    """INVITE and two reliable 183; the leg of the UE in each dialog, by To tag."""
    sent = between.invite(body)
    between.ue.response(100)
    came = between.core.request("INVITE")
    legs = {}
    for tag, port in (("b1", 5004), ("b2", 6004)):
        description = plain(port=port, number=port, more=answer)
        between.core.answer(came, 183, description, "RSeq: 1", "Require: 100rel", tag=tag)
        legs[tag] = caller_leg(between.ue, sent, between.ue.response(183))
    return came, legs


def update(between: Ends, leg: Leg, tag: str, port: int, version: int = 2) -> bytes:
    """The UE resumes in one early dialog, as where preconditions are met; what it is answered."""
    leg.send("UPDATE", secure(version=version, more="a=3ge2ae:requested\na=ptime:20"))
    came = between.core.request("UPDATE")
    between.core.answer(came, 200, plain(port=port, number=port, version=2, more="a=ptime:20"), tag=tag)
    return between.ue.response(200).body


def core_leg(stage: Stage) -> EngineLeg:
    [leg] = [leg for leg in stage.gateway.engine.legs.values() if not leg.latching]
    return leg


@pytest.mark.parametrize("described", [False, True])
@pytest.mark.parametrize("winner", ["b1", "b2"])
def test_each_dialog_is_updated_and_one_wins(stage: Stage, winner: str, described: bool) -> None:
    between = ends(stage)
    came, legs = ring_both(between)
    ports = {"b1": 5004, "b2": 6004}
    updated = {tag: update(between, leg, tag, ports[tag]) for tag, leg in legs.items()}
    assert updated["b1"] == updated["b2"], "one sender of SRTP, the same version in each dialog"
    assert b"o=- " in updated["b1"]
    body = plain(port=ports[winner], number=ports[winner]) if described else b""
    between.core.answer(came, 200, body, tag=winner)
    ok = between.ue.response(200)
    assert (b"m=audio 20000 RTP/SAVP" in ok.body) is described
    assert core_leg(stage).remote.port == ports[winner]
    legs[winner].send("ACK", cseq=1)
    between.core.request("ACK")
    bye(between, legs[winner])


def test_an_update_of_one_waits_while_the_other_answers(stage: Stage) -> None:
    """The 183 of a third phone is an answer to the INVITE, not to the UPDATE that waits elsewhere."""
    between = ends(stage)
    came, legs = ring_both(between)
    legs["b1"].send("UPDATE", secure(version=2, more="a=3ge2ae:requested\na=sendonly"))
    asked = between.core.request("UPDATE")
    between.core.answer(came, 183, plain(port=7004, number=7004), tag="b3")
    assert b"a=recvonly" not in between.ue.response(183).body
    between.core.answer(asked, 200, plain(number=5004, version=2, more="a=recvonly"), tag="b1")
    assert b"a=recvonly" in between.ue.response(200).body
    between.core.answer(came, 200, b"", tag="b2")
    between.ue.response(200)
    assert core_leg(stage).remote.port == 6004
    legs["b2"].send("ACK", cseq=1)
    between.core.request("ACK")
    bye(between, legs["b2"])


@pytest.mark.parametrize("winner", ["b1", "b2"])
def test_what_a_loser_was_given_is_released(stage: Stage, winner: str) -> None:
    """One phone declines the video, the other one takes it."""
    between = ends(stage)
    sent = between.invite(secure(more=f"a=3ge2ae:requested\n{VIDEO}"))
    between.ue.response(100)
    came = between.core.request("INVITE")
    legs = {}
    for tag, video in (("b1", 0), ("b2", 6010)):
        between.core.answer(came, 183, plain(more=f"m=video {video} RTP/AVP 34"), tag=tag)
        legs[tag] = caller_leg(between.ue, sent, between.ue.response(183))
    assert stage.ports() == 4
    video = 0 if winner == "b1" else 6010
    between.core.answer(came, 200, plain(more=f"m=video {video} RTP/AVP 34"), tag=winner)
    ok = between.ue.response(200)
    assert (b"m=video 0 " in ok.body) is (winner == "b1")
    assert stage.ports() == (2 if winner == "b1" else 4)
    legs[winner].send("ACK", cseq=1)
    between.core.request("ACK")
    bye(between, legs[winner])
