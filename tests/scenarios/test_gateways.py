"""Gateways that are missing, full, lost, or back; and what they report."""

import pytest

from iq.procedures import BearerReleased, Heartbeat, MediaInactivity, OutOfService, Reason
from pcscf.proxy.outages import GATEWAY_GRACE
from tests.support.calls import UE_ANSWER, Established, ends, establish
from tests.support.ladder import plain, secure
from tests.support.stage import Stage

BOTH = pytest.mark.parametrize("originating", [True, False])


def context_of(stage: Stage) -> tuple[int, str]:
    """The one context and its access termination."""
    ((number, context),) = stage.gateway.contexts.contexts.items()
    return number, next(t.name for t in context.terminations if t.realm == "access")


def check_released(call: Established, reason: str) -> None:
    for end in (call.ends.ue, call.ends.core):
        bye = end.request("BYE")
        assert bye.get("reason") == reason
        end.answer(bye, 200)
        end.nothing()


@BOTH
def test_no_gateway(originating: bool) -> None:
    stage = Stage(gateways=())
    between = ends(stage, originating=originating)
    between.invite()
    refused = between.caller.response(503)
    assert refused.get("retry-after") == "5"
    between.callee.nothing()
    stage.check_forgotten()


@BOTH
def test_no_ports(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    stage.gateway.contexts.max_ports = 0
    between.invite()
    between.caller.response(100)
    assert between.caller.response(503).get("retry-after") == "5"
    between.callee.nothing()


def test_ports_for_one_side_only(stage: Stage) -> None:
    """The first Reserve succeeded: what it made is subtracted."""
    between = ends(stage)
    stage.gateway.contexts.max_ports = 1
    between.invite()
    assert between.ue.starts() == ["100", "503"]
    assert stage.gateway.asked() == ["Reserve+Reserve", "Release"]


@BOTH
def test_the_answer_cannot_be_carried_out(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    _, came = between.ring()
    stage.gateway.error = 500
    between.callee.answer(came, 200, between.answer)
    between.callee.request("ACK")
    between.callee.answer(between.callee.request("BYE"), 200)
    between.caller.response(503)
    stage.gateway.contexts.release(next(iter(stage.gateway.contexts.contexts.values())), "test", stage.now)


def test_a_reoffer_that_the_gateway_refuses_leaves_the_call(stage: Stage) -> None:
    call = establish(ends(stage))
    stage.gateway.contexts.max_ports = 2
    call.ue.send("INVITE", secure(version=2, more="a=3ge2ae:requested\nm=video 31000 RTP/AVP 34"))
    assert call.ends.ue.starts() == ["100", "500"]
    call.ends.core.nothing()
    call.ue.send("INFO")
    call.ends.core.answer(call.ends.core.request("INFO"), 200)
    call.ends.ue.response(200)
    call.hang_up()


def test_lost_while_an_invite_waits(stage: Stage) -> None:
    between = ends(stage)
    stage.gateway.hold = True
    between.invite()
    between.ue.response(100)
    stage.gateway.hold = False
    stage.gateway.lose()
    stage.gateway_down("agw")
    between.ue.response(503)
    between.core.nothing()
    stage.gateway.restart()
    stage.gateway_up("agw")


def test_lost_while_an_answer_waits(stage: Stage) -> None:
    between = ends(stage)
    _, came = between.ring()
    stage.gateway.hold = True
    between.core.answer(came, 200, plain())
    stage.gateway.hold = False
    stage.gateway_down("agw")
    stage.gateway.lose()
    between.core.request("ACK")
    between.core.answer(between.core.request("BYE"), 200)
    between.ue.response(503)
    stage.gateway_up("agw", cold=False)
    assert stage.gateway.asked()[-1] == "Release"


def test_lost_and_not_back_in_time(stage: Stage) -> None:
    call = establish(ends(stage))
    stage.gateway.asked()
    stage.gateway_down("agw")
    between = ends(stage, ue=call.ends.ue)
    between.invite()
    call.ends.ue.response(503)
    stage.run(GATEWAY_GRACE - 1)
    call.ends.ue.nothing()
    stage.run(1.1)
    check_released(call, 'SIP;cause=503;text="the media gateway is lost"')
    assert stage.gateway.asked() == []
    stage.gateway_up("agw", cold=False)
    assert stage.gateway.asked() == ["Release"], "it still has the context of a call that is over"


def test_back_in_time_with_its_contexts(stage: Stage) -> None:
    call = establish(ends(stage))
    stage.gateway_down("agw")
    stage.run(GATEWAY_GRACE - 1)
    stage.gateway_up("agw", cold=False)
    stage.run(GATEWAY_GRACE + 1)
    call.ends.ue.nothing()
    call.hang_up()


def test_back_without_its_contexts(stage: Stage) -> None:
    call = establish(ends(stage))
    stage.gateway.asked()
    stage.gateway_down("agw")
    stage.gateway.restart()
    stage.gateway_up("agw", cold=True)
    check_released(call, 'SIP;cause=503;text="the media gateway is lost"')
    assert stage.gateway.asked() == [], "its context may be another call's by now"
    call = establish(ends(stage, ue=call.ends.ue))
    assert stage.contexts() == 1
    call.hang_up()


def test_a_call_that_ends_while_the_gateway_is_away(stage: Stage) -> None:
    call = establish(ends(stage))
    stage.gateway.asked()
    stage.gateway_down("agw")
    call.hang_up()
    assert stage.gateway.asked() == []
    stage.gateway_up("agw", cold=False)
    assert stage.gateway.asked() == ["Release"]


def test_a_release_that_got_lost_with_the_association(stage: Stage) -> None:
    call = establish(ends(stage))
    stage.gateway.error = 530
    call.hang_up()
    stage.gateway.asked()
    stage.gateway_down("agw")
    stage.gateway.error = None
    assert stage.contexts() == 1, "it has never heard of the release"
    stage.gateway_up("agw", cold=False)
    assert stage.gateway.asked() == ["Release"]
    assert stage.contexts() == 0
    stage.gateway_down("agw")
    stage.gateway_up("agw", cold=False)
    assert stage.gateway.asked() == []


def test_an_offer_while_the_gateway_is_away(stage: Stage) -> None:
    call = establish(ends(stage))
    stage.gateway_down("agw")
    call.ue.send("INVITE", secure(version=2, more="a=3ge2ae:requested\nm=video 31000 RTP/AVP 34"))
    assert call.ends.ue.starts() == ["100", "500"]
    stage.gateway_up("agw", cold=False)
    call.hang_up()


def test_two_gateways_take_turns_and_one_takes_all_alone() -> None:
    stage = Stage(gateways=("agw1", "agw2"))
    ue = None
    calls = []
    for _ in range(4):
        calls.append(establish(ends(stage, ue=ue)))
        ue = calls[0].ends.ue
    assert [len(gateway.contexts) for gateway in stage.gateways.values()] == [2, 2]
    stage.gateway_down("agw2")
    calls.append(establish(ends(stage, ue=ue)))
    assert len(stage.gateways["agw1"].contexts) == 3
    stage.gateway_up("agw2", cold=False)
    for call in calls:
        call.hang_up()
    stage.check_forgotten()


def test_a_gateway_that_goes_out_of_service_keeps_its_calls_and_gets_no_new_ones() -> None:
    stage = Stage(gateways=("agw1", "agw2"))
    calls = [establish(ends(stage))]
    ue = calls[0].ends.ue
    calls.append(establish(ends(stage, ue=ue)))
    stage.proxy.gateways.draining.add("agw2")
    calls += [establish(ends(stage, ue=ue)) for _ in range(2)]
    assert [len(gateway.contexts) for gateway in stage.gateways.values()] == [3, 1]
    stage.proxy.gateways.draining.add("agw1")
    refused = ends(stage, ue=ue)
    refused.invite()
    assert refused.ue.starts() == ["503"]
    for call in calls:
        call.hang_up()
    stage.check_forgotten()


def test_reports_about_a_context_that_no_call_has(stage: Stage) -> None:
    for event in (Heartbeat, MediaInactivity):
        assert stage.gateway.notify(4711, event("ip/0/access/1")) == 411
    assert stage.gateway.notify(4711, OutOfService("ip/0/access/1", Reason.MALFUNCTIONING)) == 411


@pytest.mark.parametrize("event", [MediaInactivity, BearerReleased])
def test_lost_media_ends_the_call(stage: Stage, event) -> None:
    call = establish(ends(stage))
    number, termination = context_of(stage)
    assert stage.gateway.notify(number, Heartbeat(termination)) is None
    call.ends.ue.nothing()
    lost = MediaInactivity(termination) if event is MediaInactivity else BearerReleased(termination, "FT")
    assert stage.gateway.notify(number, lost) is None
    check_released(call, 'SIP;cause=503;text="the media is lost"')


def out_of_service(stage: Stage, number: int) -> None:
    """As a gateway reports it: both terminations at once, before it hears of the Release."""
    stage.gateway.hold = True
    for termination in list(stage.gateway.contexts.contexts[number].terminations):
        report = OutOfService(termination.name, Reason.MALFUNCTIONING)
        assert stage.gateway.notify(number, report) is None


@BOTH
def test_terminations_out_of_service_end_the_call_and_no_other(stage: Stage, originating: bool) -> None:
    call = establish(ends(stage, originating=originating))
    number, _ = context_of(stage)
    other = establish(ends(stage, ue=call.ends.ue, originating=originating))
    stage.gateway.asked()
    out_of_service(stage, number)
    check_released(call, 'SIP;cause=503;text="the media is lost"')
    assert stage.gateway.asked() == ["Release"]
    stage.gateway.hold = False
    stage.gateway.release()
    assert number not in stage.gateway.contexts.contexts
    assert stage.gateway.notify(number, OutOfService("*", Reason.MALFUNCTIONING)) == 411
    other.ends.ue.nothing()
    assert stage.contexts() == 1
    other.hang_up()


@BOTH
def test_out_of_service_while_it_rings(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    _, came = between.ring()
    between.callee.answer(came, 180)
    between.caller.response(180)
    number, _ = context_of(stage)
    out_of_service(stage, number)
    between.caller.response(503)
    cancel = between.callee.request("CANCEL")
    assert cancel.get("reason") == 'SIP;cause=503;text="the media is lost"'
    between.callee.answer(cancel, 200)
    between.callee.answer(came, 487)
    between.callee.request("ACK")
    stage.gateway.release()


def test_out_of_service_while_the_gateway_is_asked(stage: Stage) -> None:
    call = establish(ends(stage))
    number, _ = context_of(stage)
    stage.gateway.asked()
    stage.gateway.hold = True
    call.ue.send("INVITE", secure(version=2, more="a=3ge2ae:requested\nm=video 31000 RTP/AVP 34"))
    call.ends.ue.response(100)
    out_of_service(stage, number)
    for end in (call.ends.ue, call.ends.core):
        end.answer(end.request("BYE"), 200)
    stage.gateway.hold = False
    stage.gateway.release()
    assert call.ends.ue.starts() == ["481"]
    assert stage.gateway.asked() == ["Configure+Configure", "Release"]


def test_reports_about_a_termination_that_the_call_has_not(stage: Stage) -> None:
    call = establish(ends(stage))
    number, termination = context_of(stage)
    for name in ("ip/0/access/4711", "ROOT", termination + "0", "ip/0/access/$", ""):
        assert stage.gateway.notify(number, OutOfService(name, Reason.MALFUNCTIONING)) == 430
        assert stage.gateway.notify(number, Heartbeat(name)) == 430
    assert stage.gateway.notify(number + 1, OutOfService(termination, Reason.MALFUNCTIONING)) == 411
    call.ends.ue.nothing()
    call.hang_up()


@BOTH
def test_silence_while_it_rings_is_no_loss(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    _, came = between.ring()
    number, termination = context_of(stage)
    assert stage.gateway.notify(number, MediaInactivity(termination)) is None
    between.callee.nothing()
    between.callee.answer(came, 486)
    between.callee.request("ACK")
    between.caller.response(486)


def test_silence_of_a_ue_that_is_held_is_no_loss(stage: Stage) -> None:
    call = establish(ends(stage, originating=False))
    call.core.send("INVITE", plain(version=2, more="a=sendonly"))
    call.ends.core.response(100)
    came = call.ends.ue.request("INVITE")
    call.ends.ue.answer(came, 200, UE_ANSWER.replace(b"1001 1 IN", b"1001 2 IN") + b"a=recvonly\r\n")
    call.ends.core.response(200)
    call.core.send("ACK", cseq=2)
    call.ends.ue.request("ACK")
    number, termination = context_of(stage)
    assert stage.gateway.notify(number, MediaInactivity(termination)) is None
    call.ends.ue.nothing()
    assert stage.contexts() == 1
    call.hang_up()
