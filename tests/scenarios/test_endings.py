"""How calls end: whoever ends them, and in whatever moment, the gateway subtracts once."""

import pytest

from pcscf.sip.message import Request
from tests.support.calls import bye, ends, establish
from tests.support.ladder import Leg, callee_leg, caller_leg, plain, register
from tests.support.stage import Stage

BOTH = pytest.mark.parametrize("originating", [True, False])


def subtracted(stage: Stage) -> int:
    return stage.gateway.asked().count("Release")


@BOTH
def test_cancel_before_the_gateway_answers(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    stage.gateway.hold = True
    sent = between.invite()
    between.caller.response(100)
    between.caller.cancel(sent)
    assert sorted(between.caller.starts()) == ["200", "487"]
    stage.gateway.hold = False
    stage.gateway.release()
    between.callee.nothing()
    assert subtracted(stage) == 1


@BOTH
def test_cancel_after_forwarding_waits_for_a_provisional_response(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    sent, came = between.ring()
    between.caller.cancel(sent)
    between.caller.response(200)
    between.callee.nothing()
    between.callee.answer(came, 180)
    between.caller.response(180)
    cancel = between.callee.request("CANCEL")
    assert cancel.first("via") == came.first("via")
    between.callee.answer(cancel, 200)
    between.callee.answer(came, 487)
    between.callee.request("ACK")
    between.caller.response(487)
    assert subtracted(stage) == 1


@BOTH
def test_cancel_that_is_overtaken_by_the_answer(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    sent, came = between.ring()
    between.callee.answer(came, 180)
    between.caller.response(180)
    stage.gateway.hold = True
    between.callee.answer(came, 200, between.answer)
    between.caller.cancel(sent)
    between.caller.response(200)  # of the CANCEL
    between.callee.nothing()
    stage.gateway.hold = False
    stage.gateway.release()
    ok = between.caller.response(200)
    leg = caller_leg(between.caller, sent, ok)
    leg.send("ACK", cseq=1)
    between.callee.request("ACK")
    bye(between, leg)
    assert subtracted(stage) == 1


def test_cancel_during_an_early_answer(stage: Stage) -> None:
    between = ends(stage)
    sent, came = between.ring()
    stage.gateway.hold = True
    between.core.answer(came, 183, plain())
    between.ue.cancel(sent)
    between.ue.response(200)
    between.core.answer(between.core.request("CANCEL"), 200)
    between.core.answer(came, 487)
    stage.gateway.hold = False
    stage.gateway.release()
    assert between.core.starts() == ["ACK"]
    assert between.ue.starts() == ["183", "487"]
    assert subtracted(stage) == 1


def test_cancelled_and_never_answered(stage: Stage) -> None:
    between = ends(stage)
    sent, came = between.ring()
    between.core.answer(came, 180)
    between.ue.response(180)
    between.ue.cancel(sent)
    between.ue.response(200)
    between.core.request("CANCEL")
    stage.run(40)
    assert "487" in between.ue.starts()
    assert subtracted(stage) == 1


@BOTH
@pytest.mark.parametrize("status", [302, 401, 404, 407, 486, 488, 503, 603])
def test_final_errors(stage: Stage, originating: bool, status: int) -> None:
    between = ends(stage, originating=originating)
    _, came = between.ring()
    between.callee.answer(came, status, plain())
    between.callee.request("ACK")
    response = between.caller.response(status)
    assert response.body == b""
    assert "content-type" not in response
    assert subtracted(stage) == 1


def test_a_body_that_is_no_description_stays_in_a_failure(stage: Stage) -> None:
    between = ends(stage)
    _, came = between.ring()
    between.core.answer(came, 380, b"<ims-3gpp/>", kind="application/3gpp-ims+xml")
    response = between.ue.response(380)
    assert response.body == b"<ims-3gpp/>"
    assert response.get("content-type") == "application/3gpp-ims+xml"


@BOTH
def test_bye_during_the_answer(stage: Stage, originating: bool) -> None:
    """The callee hangs up while the gateway still works on its 200."""
    between = ends(stage, originating=originating)
    sent, came = between.ring()
    stage.gateway.hold = True
    between.callee.answer(came, 200, between.answer)
    callee_leg(between.callee, came).send("BYE")
    between.caller.nothing()
    stage.gateway.hold = False
    stage.gateway.release()
    ok = between.caller.response(200)
    bye = between.caller.request("BYE")
    caller_leg(between.caller, sent, ok).send("ACK", cseq=1)
    between.callee.request("ACK")
    between.caller.answer(bye, 200)
    between.callee.response(200)
    assert subtracted(stage) == 1


@BOTH
def test_bye_of_both_ends_at_once(stage: Stage, originating: bool) -> None:
    call = establish(ends(stage, originating=originating))
    between = call.ends
    call.caller.send("BYE")
    call.callee.send("BYE")
    first, second = between.callee.request("BYE"), between.caller.request("BYE")
    between.callee.answer(first, 200)
    between.caller.answer(second, 481)
    assert between.caller.starts() == ["200"]
    assert between.callee.starts() == ["481"]
    assert subtracted(stage) == 1


@pytest.mark.parametrize("status", [401, 407])
def test_bye_that_has_to_come_again(stage: Stage, status: int) -> None:
    call = establish(ends(stage))
    call.ue.send("BYE")
    call.ends.core.answer(call.ends.core.request("BYE"), status)
    call.ends.ue.response(status)
    assert stage.contexts() == 1
    call.hang_up()


@BOTH
def test_bye_that_nobody_answers(stage: Stage, originating: bool) -> None:
    call = establish(ends(stage, originating=originating))
    call.caller.send("BYE")
    stage.run(33)
    status = call.ends.caller.starts()[-1]
    assert status == ("504" if originating else "408")
    assert subtracted(stage) == 1


def test_nobody_answers_at_all(stage: Stage) -> None:
    """Towards the UE the 504 that makes it register anew (TS 24.229 5.2.6.3.2A)."""
    between = ends(stage)
    between.ring()
    stage.run(33)
    response = between.ue.response(504)
    assert response.get("content-type") == "application/3gpp-ims+xml"
    assert b"<action>initial-registration</action>" in response.body
    assert (
        response.get(
            "p-asserted-identity",
        )
        == stage.paths[between.ue.aor]
    )
    assert subtracted(stage) == 1


def test_the_ue_does_not_answer(stage: Stage) -> None:
    between = ends(stage, originating=False)
    between.ring()
    stage.run(33)
    response = between.core.response(408)
    assert response.body == b""
    assert subtracted(stage) == 1


def test_no_next_hop(stage: Stage) -> None:
    stage.hosts.clear()
    between = ends(stage)
    between.invite()
    between.ue.response(100)
    between.ue.response(504)
    assert subtracted(stage) == 1


@pytest.mark.parametrize("moment", ["invite", "ringing"])
def test_the_flow_of_the_callee_closes(stage: Stage, moment: str) -> None:
    between = ends(stage, originating=False)
    _, came = between.ring()
    if moment == "ringing":
        between.ue.answer(came, 180)
        between.core.response(180)
    stage.close(between.ue.flow)
    assert between.core.response(430).reason == "Flow Failed"
    assert subtracted(stage) == 1


def test_the_flow_closes_before_the_invite_can_go_out(stage: Stage) -> None:
    between = ends(stage, originating=False)
    stage.gateway.hold = True
    between.invite()
    between.core.response(100)
    stage.close(between.ue.flow)
    stage.gateway.hold = False
    stage.gateway.release()
    between.core.response(430)
    assert subtracted(stage) == 1


def test_bye_for_a_ue_whose_flow_is_gone_ends_the_call(stage: Stage) -> None:
    call = establish(ends(stage))
    stage.close(call.ends.ue.flow)
    call.core.send("INFO")
    call.ends.core.response(430)
    assert stage.contexts() == 1
    call.core.send("BYE")
    call.ends.core.response(430)
    assert subtracted(stage) == 1


def test_a_ue_that_comes_back_on_another_flow_keeps_its_call(stage: Stage) -> None:
    call = establish(ends(stage))
    ue = call.ends.ue
    stage.close(ue.flow)
    ue.flow = stage.flow(ue.flow.listener, ue.flow.remote, 2)
    call.ue.send("INFO")
    ue.response(403)
    register(ue)
    call.ue.send("INFO")
    call.ends.core.answer(call.ends.core.request("INFO"), 200)
    ue.response(200)
    call.hang_up(call.core)


def test_a_contact_that_moves_takes_its_calls_along(stage: Stage) -> None:
    call = establish(ends(stage, originating=False))
    ue, old = call.ends.ue, call.ends.ue.flow
    ue.flow = stage.flow(old.listener, ("192.0.2.10", 50001))
    register(ue)
    call.hang_up(call.core)
    assert old.sent == []


def test_timer_c(stage: Stage) -> None:
    between = ends(stage)
    _, came = between.ring()
    between.core.answer(came, 180)
    stage.run(100)
    between.core.answer(came, 180)
    stage.run(175)
    assert between.ue.starts() == ["180", "180"]
    stage.run(7)
    assert between.ue.response(408)
    cancel = between.core.request("CANCEL")
    assert (
        cancel.get(
            "reason",
        )
        == 'SIP;cause=408;text="no final response in time"'
    )
    between.core.answer(cancel, 200)
    between.core.answer(came, 487)
    assert "ACK" in between.core.starts()
    assert subtracted(stage) == 1


def test_timer_c_and_a_2xx_all_the_same(stage: Stage) -> None:
    between = ends(stage)
    _, came = between.ring()
    between.core.answer(came, 180)
    stage.run(182)
    between.core.request("CANCEL")
    between.core.starts()
    between.core.answer(came, 200, plain())
    assert [line for line in between.core.starts() if line != "CANCEL"] == ["ACK", "BYE"]


@BOTH
def test_release_while_it_rings(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    _, came = between.ring()
    between.callee.answer(came, 180)
    between.caller.response(180)
    stage.apply(stage.proxy.release_all(stage.now))
    stage.settle()
    between.caller.response(503)
    cancel = between.callee.request("CANCEL")
    between.callee.answer(cancel, 200)
    between.callee.answer(came, 487)
    between.callee.request("ACK")
    assert subtracted(stage) == 1


@BOTH
def test_release_while_the_gateway_works_on_the_answer(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    _, came = between.ring()
    stage.gateway.hold = True
    between.callee.answer(came, 200, between.answer)
    stage.apply(stage.proxy.release_all(stage.now))
    between.caller.response(503)
    stage.gateway.hold = False
    stage.gateway.release()
    assert between.callee.starts() == ["ACK", "BYE"]
    between.caller.nothing()
    assert subtracted(stage) == 1


@BOTH
def test_release_of_a_call_that_is_up(stage: Stage, originating: bool) -> None:
    call = establish(ends(stage, originating=originating))
    stage.apply(stage.proxy.release_all(stage.now))
    stage.settle()
    for end, leg in ((call.ends.caller, call.caller), (call.ends.callee, call.callee)):
        bye = end.request("BYE")
        check_in_dialog(bye, leg)
        assert bye.get("reason") == 'SIP;cause=503;text="going out of service"'
        end.answer(bye, 200)
        end.nothing()
    assert subtracted(stage) == 1


def check_in_dialog(request: Request, leg: Leg) -> None:
    """As the other end of the dialog would have sent it."""
    assert request.get("from") == leg.remote
    assert request.get("to") == leg.local
    assert request.uri == leg.end.contact
    assert request.get("call-id") == leg.call_id
    assert request.all("route") == ([leg.end.record_route] if leg.end.record_route else [])


def test_a_reinvite_whose_call_ends_is_answered(stage: Stage) -> None:
    call = establish(ends(stage))
    call.ue.send("INVITE", b"")
    call.ends.ue.response(100)
    came = call.ends.core.request("INVITE")
    call.hang_up(call.core)
    call.ends.core.answer(came, 487)
    assert call.ends.core.starts() == ["ACK"]
    call.ends.ue.response(487)


def test_a_reinvite_that_succeeds_behind_its_call_is_acknowledged(stage: Stage) -> None:
    call = establish(ends(stage))
    call.ue.send("INVITE", b"")
    call.ends.ue.response(100)
    came = call.ends.core.request("INVITE")
    call.hang_up(call.core)
    call.ends.core.answer(came, 200, plain(version=2))
    ack = call.ends.core.request("ACK")
    assert ack.get("cseq") == "2 ACK"
    call.ends.core.nothing()
    call.ends.ue.response(481)


def test_a_reinvite_that_nobody_answers_behind_its_call(stage: Stage) -> None:
    call = establish(ends(stage))
    call.ue.send("INVITE", b"")
    call.ends.ue.response(100)
    call.ends.core.request("INVITE")
    call.hang_up(call.core)
    stage.run(40)
    assert set(call.ends.ue.starts()) == {"504"}
