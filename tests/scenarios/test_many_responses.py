"""A callee that answers without end: what is kept for one INVITE is bounded."""

import pytest

from pcscf.proxy.calls import MAX_FORKS, MAX_WAITING
from tests.support.calls import bye, ends
from tests.support.ladder import caller_leg
from tests.support.stage import Stage

BOTH = pytest.mark.parametrize("originating", [True, False])


@BOTH
def test_early_dialogs_are_bounded(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    sent, came = between.ring()
    for number in range(3 * MAX_FORKS):
        between.callee.answer(came, 183, between.answer, tag=f"b{number}")
    assert between.caller.starts() == ["183"] * MAX_FORKS
    assert stage.counters.refusals["too many forks", 500] == 2 * MAX_FORKS
    between.callee.answer(came, 200, between.answer, tag="another")
    between.caller.nothing()
    between.callee.answer(came, 200, between.answer, tag="b5")
    leg = caller_leg(between.caller, sent, between.caller.response(200))
    leg.send("ACK", cseq=1)
    between.callee.request("ACK")
    bye(between, leg)


@BOTH
def test_dialogs_are_bounded(stage: Stage, originating: bool) -> None:
    """Also those of a call that is over: each 2xx would be acknowledged, hung up and remembered."""
    between = ends(stage, originating=originating)
    sent, came = between.ring()
    between.callee.answer(came, 200, between.answer, tag="b0")
    leg = caller_leg(between.caller, sent, between.caller.response(200))
    leg.send("ACK", cseq=1)
    between.callee.request("ACK")
    bye(between, leg)
    for number in range(1, 3 * MAX_FORKS):
        between.callee.answer(came, 200, between.answer, tag=f"b{number}")
    assert between.callee.starts() == ["ACK", "BYE"] * (MAX_FORKS - 1)
    between.caller.nothing()


@BOTH
def test_an_error_passes_whatever_its_tag(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    _, came = between.ring()
    for number in range(MAX_FORKS):
        between.callee.answer(came, 180, tag=f"b{number}")
    between.callee.answer(came, 486, tag="another")
    assert between.caller.starts() == ["180"] * MAX_FORKS + ["486"]


@BOTH
def test_what_waits_for_the_gateway_is_bounded(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    _, came = between.ring()
    stage.gateway.hold = True
    between.callee.answer(came, 183, between.answer, "Require: 100rel", "RSeq: 1")
    for number in range(2, 3 * MAX_WAITING):
        between.callee.answer(came, 183, between.answer, "Require: 100rel", f"RSeq: {number}")
    between.callee.answer(came, 486)
    assert stage.counters.refusals["too many responses wait", 500] == 2 * MAX_WAITING - 2
    stage.gateway.hold = False
    stage.gateway.release()
    assert between.caller.starts() == ["183"] * (MAX_WAITING + 1) + ["486"]
