"""Access transfer (TS 24.237): the ATCF sits in the core, sees plain media, and moves the call elsewhere."""

import pytest

from tests.support.calls import Ends, ends, establish
from tests.support.ladder import KEY, Leg, caller_leg, plain, secure
from tests.support.stage import Stage

TRANSFERRED = 'SIP;cause=200;text="call completed elsewhere"'
STATE = "application/vnd.3gpp.state-and-event-info+xml"
BOTH = pytest.mark.parametrize("originating", [True, False])


@BOTH
def test_the_leg_that_is_left_is_released_and_the_gateway_freed(stage: Stage, originating: bool) -> None:
    """SRVCC to CS: the far end talks to the CS leg now, and the core hangs up here."""
    call = establish(ends(stage, originating=originating))
    stage.gateway.asked()
    call.core.send("BYE", b"", f"Reason: {TRANSFERRED}")
    came = call.ends.ue.request("BYE")
    assert came.get("reason") == TRANSFERRED
    call.ends.ue.answer(came, 200)
    call.ends.core.response(200)
    assert stage.gateway.asked() == ["Release"]
    stage.check_forgotten()


def test_a_call_that_is_transferred_while_it_rings(stage: Stage) -> None:
    """SRVCC in the alerting phase: the event package of the UE passes, then the core gives up on this leg."""
    between = ends(stage)
    sent = between.invite(None, "Recv-Info: g.3gpp.state-and-event")
    between.ue.response(100)
    came = between.core.request("INVITE")
    assert came.get("recv-info") == "g.3gpp.state-and-event"
    features = "Feature-Caps: *;+g.3gpp.srvcc-alerting"
    between.core.answer(came, 183, plain(), features, "Recv-Info: g.3gpp.state-and-event", "RSeq: 1")
    rung = between.ue.response(183)
    assert features in [raw for _, raw in rung.fields]
    leg = caller_leg(between.ue, sent, rung)
    leg.send("INFO", b"<state/>", "Info-Package: g.3gpp.state-and-event", kind=STATE)
    info = between.core.request("INFO")
    assert (info.body, info.get("content-type")) == (b"<state/>", STATE)
    between.core.answer(info, 200)
    between.ue.response(200)
    between.core.answer(came, 480, b"", f"Reason: {TRANSFERRED}")
    between.core.request("ACK")
    between.ue.response(480)
    assert stage.contexts() == 0
    stage.check_forgotten()


@pytest.mark.parametrize(
    "line",
    [
        "Target-Dialog: old-call@192.0.2.10;local-tag=f1;remote-tag=b1",
        "Replaces: old-call@192.0.2.10;to-tag=b1;from-tag=f1",
        'Accept-Contact: *;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel";explicit;require',
    ],
)
@pytest.mark.parametrize(
    "target", ["tel:+49891234567", "sip:stn-sr@atcf.visited.example", "sip:sti-rr@home.example"]
)
def test_the_request_that_transfers_passes(stage: Stage, line: str, target: str) -> None:
    """From another access to this one: the UE calls the transfer number and names the call that it means."""
    between = ends(stage)
    sent = between.ue.ask("INVITE", target, secure(), line, "Require: tdialog", "Supported: norefersub")
    between.ue.response(100)
    came = between.core.request("INVITE")
    assert came.uri == target
    assert line in [raw for _, raw in came.fields]
    assert came.get("require") == "tdialog"
    assert KEY.encode() not in came.body
    between.core.answer(came, 200, plain(), "Feature-Caps: *;+g.3gpp.atcf")
    ok = between.ue.response(200)
    assert ok.get("feature-caps") == "*;+g.3gpp.atcf"
    hang_up(between, caller_leg(between.ue, sent, ok))
    stage.check_forgotten()


def test_the_far_end_moves_and_the_ue_keeps_its_keys(stage: Stage) -> None:
    """The other party of the call is transferred: new addresses in the core alone."""
    call = establish(ends(stage))
    stage.gateway.asked()
    call.core.send("INVITE", plain(port=7004, version=2))
    call.ends.core.response(100)
    came = call.ends.ue.request("INVITE")
    keys = [line for line in came.body.split(b"\r\n") if b"crypto" in line]
    before = [line for line in call.ok.body.split(b"\r\n") if b"crypto" in line]
    assert [key.split(b"inline:")[1] for key in keys] == [key.split(b"inline:")[1] for key in before]
    call.ends.ue.answer(came, 200, secure(more=""))
    call.ends.core.response(200)
    call.core.send("ACK", cseq=call.core.cseq)
    call.ends.ue.request("ACK")
    assert stage.gateway.asked() == ["Configure"]
    call.hang_up()


def hang_up(between: Ends, leg: Leg) -> None:
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    leg.send("BYE")
    between.core.answer(between.core.request("BYE"), 200)
    between.ue.response(200)
