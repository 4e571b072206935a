"""Requests of every method in both directions, out of dialogs and in those of SUBSCRIBE and REFER."""

import pytest

from tests.support.calls import Ends, ends, establish
from tests.support.ladder import End, Leg, callee_leg, caller_leg, path_of, plain
from tests.support.stage import Stage

BOTH = pytest.mark.parametrize("originating", [True, False])
#: Octets that are no text, and lines that look like SDP and SIP: none of a proxy's business.
BODY = b"\x00\xff\r\n\r\nv=0\r\nm=audio 5004 RTP/SAVP 8\r\na=3ge2ae:requested\r\n\xc3"


def ask(between: Ends, method: str, body: bytes = b"", *extra: str, kind: str = "text/plain") -> None:
    """The caller sends a request outside any dialog."""
    ue, core = between.ue, between.core
    if between.originating:
        ue.ask(method, core.aor, body, *extra, kind=kind)
    else:
        core.ask(method, ue.aor, body, *extra, kind=kind, uri=ue.contact, route=path_of(ue))


@BOTH
@pytest.mark.parametrize(
    ("method", "kind", "status"),
    [
        ("MESSAGE", "text/plain", 200),
        ("MESSAGE", "application/mikey", 200),  # TS 33.328 Annex F: key management by MESSAGE
        ("MESSAGE", "multipart/mixed;boundary=x", 202),
        ("MESSAGE", "application/sdp", 415),
        ("OPTIONS", "application/sdp", 200),
        ("PUBLISH", "application/pidf+xml", 412),
        ("SUBSCRIBE", "application/simple-filter+xml", 489),
        ("NOTIFY", "application/simple-message-summary", 481),
        ("REFER", "message/sipfrag", 603),
        ("INFO", "application/dtmf-relay", 481),
        ("X-PING", "application/octet-stream", 501),
    ],
)
def test_out_of_dialogs(stage: Stage, originating: bool, method: str, kind: str, status: int) -> None:
    between = ends(stage, originating=originating)
    lines = ("Event: presence", "SIP-If-Match: x", "Refer-To: <sip:x@other.example>", "X-Own:  as it is ")
    ask(between, method, BODY, *lines, kind=kind)
    came = between.callee.request(method)
    assert came.body == BODY
    assert came.get("content-type") == kind
    for line in lines:
        assert line in [raw for _, raw in came.fields]
    between.callee.answer(came, status, BODY[::-1], "SIP-ETag: y", kind=kind)
    answer = between.caller.response(status)
    assert answer.body == BODY[::-1]
    assert answer.get("sip-etag") == "y"
    assert len(answer.values("via")) == 1
    assert stage.gateway.asked() == []


@BOTH
@pytest.mark.parametrize("status", [300, 302, 380, 500, 600, 604, 606])
def test_final_responses_pass_with_what_they_say(stage: Stage, originating: bool, status: int) -> None:
    """Nobody is called instead: what a 3xx means is for the services of the home network (RFC 3261 16.7)."""
    between = ends(stage, originating=originating)
    _, came = between.ring()
    between.callee.answer(came, status, b"", "Contact: <sip:x@other.example>;q=0.5", "Retry-After: 30")
    between.callee.request("ACK")
    answer = between.caller.response(status)
    assert answer.values("contact") == ["<sip:x@other.example>;q=0.5"]
    assert answer.get("retry-after") == "30"
    between.callee.nothing()


@BOTH
@pytest.mark.parametrize("method", ["SUBSCRIBE", "REFER"])
@pytest.mark.parametrize("early", [True, False], ids=["NOTIFY first", "2xx first"])
def test_dialogs_of_subscriptions(stage: Stage, originating: bool, method: str, early: bool) -> None:
    between = ends(stage, originating=originating)
    ask(between, method, b"", "Event: refer", "Refer-To: <sip:x@other.example>")
    came = between.callee.request(method)
    notifier = callee_leg(between.callee, came)
    if early:
        notify(notifier, between.caller)
    between.callee.answer(came, 202)
    ok = between.caller.response(202)
    subscriber = caller_leg(between.caller, came, ok)
    notify(notifier, between.caller)
    subscriber.send("SUBSCRIBE", b"", "Event: refer", "Expires: 0")
    refreshed = between.callee.request("SUBSCRIBE")
    between.callee.answer(refreshed, 200)
    between.caller.response(200)
    notify(notifier, between.caller, "terminated")
    assert len(stage.proxy.calls) == 0


def notify(notifier: Leg, to: End, state: str = "active") -> None:
    lines = ("Event: refer", f"Subscription-State: {state}")
    notifier.send("NOTIFY", BODY, *lines, kind="message/sipfrag;version=2.0")
    came = to.request("NOTIFY")
    assert came.body == BODY
    assert came.get("subscription-state") == state
    assert came.all("route") == ([to.record_route] if to.record_route else [])
    to.answer(came, 200)
    notifier.end.response(200)


@BOTH
def test_a_subscription_that_forks(stage: Stage, originating: bool) -> None:
    """One 2xx comes back; the other notifiers make themselves known by their NOTIFY (RFC 6665 4.1.2.4)."""
    between = ends(stage, originating=originating)
    ask(between, "SUBSCRIBE", b"", "Event: refer")
    came = between.callee.request("SUBSCRIBE")
    notify(callee_leg(between.callee, came, "b1"), between.caller)
    notify(callee_leg(between.callee, came, "b2"), between.caller)
    between.callee.answer(came, 200, tag="b1")
    between.caller.response(200)


@BOTH
def test_a_transfer_in_a_call(stage: Stage, originating: bool) -> None:
    """REFER, its NOTIFYs and Replaces pass in the dialog of the call."""
    call = establish(ends(stage, originating=originating))
    for one, other in ((call.caller, call.callee), (call.callee, call.caller)):
        target = "Refer-To: <sip:x@other.example?Replaces=1%3Bto-tag%3D2>"
        one.send("REFER", b"", target, "Referred-By: <sip:y@other.example>")
        came = other.end.request("REFER")
        assert f"Refer-To: {came.get('refer-to')}" == target
        other.end.answer(came, 202)
        one.end.response(202)
        notify(other, one.end)
    call.hang_up()


@BOTH
@pytest.mark.parametrize("status", [200, 405, 408, 469, 481, 500])
def test_what_a_request_inside_of_a_call_is_answered_leaves_the_call(
    stage: Stage, originating: bool, status: int
) -> None:
    call = establish(ends(stage, originating=originating))
    for one, other in ((call.caller, call.callee), (call.callee, call.caller)):
        one.send("INFO", BODY, "Info-Package: x", kind="application/x")
        came = other.end.request("INFO")
        assert came.body == BODY
        other.end.answer(came, status)
        one.end.response(status)
    assert stage.contexts() == 1
    call.hang_up()


@BOTH
def test_why_a_caller_gave_up_reaches_the_callee(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    sent, came = between.ring()
    between.callee.answer(came, 180)
    between.caller.response(180)
    reasons = ['SIP;cause=200;text="Call completed elsewhere"', "Q.850 ;cause=26"]
    between.caller.cancel(sent, *reasons)
    between.caller.response(200)
    cancel = between.callee.request("CANCEL")
    assert cancel.all("reason") == reasons
    between.callee.answer(cancel, 200)
    between.callee.answer(came, 487)
    between.callee.request("ACK")
    between.caller.response(487)


@BOTH
def test_bye_before_ack(stage: Stage, originating: bool) -> None:
    """Overtaken on the way: the callee that still repeats its 2xx is acknowledged all the same."""
    between = ends(stage, originating=originating)
    sent, came = between.ring()
    between.callee.answer(came, 200, between.answer)
    leg = caller_leg(between.caller, sent, between.caller.response(200))
    leg.send("BYE")
    between.callee.answer(between.callee.request("BYE"), 200)
    between.caller.response(200)
    leg.send("ACK", cseq=1)
    between.callee.nothing()
    between.callee.answer(came, 200, between.answer)
    ack = between.callee.request("ACK")
    assert ack.get("cseq") == "1 ACK"
    between.callee.nothing()
    between.caller.nothing()
    assert stage.gateway.asked().count("Release") == 1


@BOTH
def test_early_dialogs_of_a_fork_and_199(stage: Stage, originating: bool) -> None:
    """Each early dialog is the caller's to see, and the end of one of them, too (RFC 6228)."""
    between = ends(stage, originating=originating)
    sent = between.invite(None, "Supported: 199")
    between.caller.response(100)
    came = between.callee.request("INVITE")
    assert came.get("supported") == "199"
    for status, tag in ((180, "b1"), (183, "b2"), (180, "b3"), (181, "b1"), (199, "b1"), (199, "b2")):
        between.callee.answer(came, status, b"", "Reason: SIP;cause=486", tag=tag)
        got = between.caller.response(status)
        assert (got.get("to") or "").endswith(f";tag={tag}")
        assert ("reason" in got) is not originating
    between.callee.answer(came, 200, between.answer, tag="b3")
    leg = caller_leg(between.caller, sent, between.caller.response(200))
    leg.send("ACK", cseq=1)
    between.callee.request("ACK")
    leg.send("BYE")
    between.callee.answer(between.callee.request("BYE"), 200)
    between.caller.response(200)


@BOTH
def test_reliable_provisional_responses(stage: Stage, originating: bool) -> None:
    """RSeq and RAck are between the ends, in each early dialog (RFC 3262); so is UPDATE (RFC 3311)."""
    between = ends(stage, originating=originating)
    sent = between.invite(None, "Supported: 100rel", "Require: 100rel")
    between.caller.response(100)
    came = between.callee.request("INVITE")
    assert came.get("require") == "100rel"
    legs: dict[str, Leg] = {}
    for status, tag, rseq in ((183, "b1", 77), (183, "b2", 988), (180, "b1", 78)):
        body = between.answer if status == 183 else b""
        between.callee.answer(came, status, body, "Require: 100rel", f"RSeq: {rseq}", tag=tag)
        got = between.caller.response(status)
        assert got.get("rseq") == str(rseq)
        assert got.get("require") == "100rel"
        leg = legs.setdefault(tag, caller_leg(between.caller, sent, got))
        leg.send("PRACK", b"", f"RAck: {rseq} 1 INVITE")
        prack = between.callee.request("PRACK")
        assert prack.get("rack") == f"{rseq} 1 INVITE"
        assert (prack.get("to") or "").endswith(f";tag={tag}")
        between.callee.answer(prack, 200, tag=tag)
        between.caller.response(200)
    answered = callee_leg(between.callee, came, "b1")
    for one, other in ((legs["b1"], between.callee), (answered, between.caller)):
        one.send("UPDATE", b"", "P-Early-Media: supported")
        other.answer(other.request("UPDATE"), 200)
        one.end.response(200)
    between.callee.answer(came, 200, between.answer, tag="b1")
    between.caller.response(200)
    legs["b1"].send("ACK", cseq=1)
    between.callee.request("ACK")
    legs["b1"].send("BYE")
    between.callee.answer(between.callee.request("BYE"), 200)
    between.caller.response(200)


def test_prack_of_no_call(stage: Stage) -> None:
    call = establish(ends(stage))
    call.ue.call_id = "another"
    call.ue.send("PRACK", plain(), "RAck: 1 1 INVITE")
    call.ends.ue.response(481)
    call.ends.core.nothing()
    call.ue.call_id = call.core.call_id
    call.hang_up()
