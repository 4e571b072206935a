"""What happens inside of a call: offers in both directions, with and without media, and other requests."""

import pytest

from tests.support.calls import REQUESTED, UE_ANSWER, Established, bye, ends, establish
from tests.support.ladder import (
    KEY,
    OTHER_KEY,
    Leg,
    callee_leg,
    caller_leg,
    path_of,
    plain,
    secure,
)
from tests.support.stage import Stage

BOTH = pytest.mark.parametrize("originating", [True, False])


def crypto(body: bytes) -> bytes:
    return next(line for line in body.split(b"\r\n") if line.startswith(b"a=crypto"))


def exchange(call: Established, leg: Leg, offer: bytes, answer: bytes, method: str = "INVITE"):
    """An offer and its answer in a request of ``leg``: both as they come out."""
    other = call.ends.callee if leg.end is call.ends.caller else call.ends.caller
    leg.send(method, offer)
    if method == "INVITE":
        leg.end.response(100)
    came = other.request(method)
    other.answer(came, 200, answer)
    ok = leg.end.response(200)
    if method == "INVITE":
        leg.send("ACK", cseq=leg.cseq)
        other.request("ACK")
    return came, ok


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_hold_and_resume_by_the_ue_keep_the_keys(stage: Stage, method: str) -> None:
    call = establish(ends(stage))
    key = crypto(call.ok.body)
    stage.gateway.asked()
    for version, direction, mirrored in ((2, "sendonly", "recvonly"), (3, "sendrecv", "sendrecv")):
        offer = secure(version=version, more=f"a=3ge2ae:requested\na={direction}")
        came, ok = exchange(call, call.ue, offer, plain(version=version, more=f"a={mirrored}"), method)
        assert f"a={direction}".encode() in came.body
        assert b"crypto" not in came.body
        assert b"3ge2ae" not in came.body
        assert crypto(ok.body) == key
        assert f"a={mirrored}".encode() in ok.body
        assert stage.gateway.asked() == ["Configure+Configure"]
    call.hang_up()


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_hold_and_resume_by_the_core_keep_the_keys(stage: Stage, method: str) -> None:
    call = establish(ends(stage, originating=False))
    key = crypto(call.came.body)
    for version, direction, mirrored in ((2, "sendonly", "recvonly"), (3, "sendrecv", "sendrecv")):
        answer = secure(OTHER_KEY, version=version, more=f"a={mirrored}")
        offer = plain(version=version, more=f"a={direction}")
        came, ok = exchange(call, call.core, offer, answer, method)
        assert crypto(came.body) == key
        assert b"a=3ge2ae:applied" in came.body
        assert b"crypto" not in ok.body
    call.hang_up()


def test_a_session_refresh_does_not_touch_the_gateway(stage: Stage) -> None:
    call = establish(ends(stage))
    stage.gateway.asked()
    came, ok = exchange(call, call.ue, REQUESTED, plain())
    assert ok.body == call.ok.body
    assert came.body == call.came.body
    came, ok = exchange(call, call.ue, b"", b"", "UPDATE")
    assert stage.gateway.asked() == []
    call.hang_up()


@BOTH
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_refused_reoffer_leaves_everything_as_it_was(stage: Stage, originating: bool, method: str) -> None:
    call = establish(ends(stage, originating=originating))
    before = {port: (leg.remote, leg.transform) for port, leg in stage.gateway.engine.legs.items()}
    more = "m=video 31000 RTP/AVP 34"
    offer = secure(version=2, more="a=3ge2ae:requested\na=sendonly\n" + more)
    call.ue.send(method, offer)
    if method == "INVITE":
        call.ends.ue.response(100)
    came = call.ends.core.request(method)
    assert stage.ports() == 4
    call.ends.core.answer(came, 488)
    if method == "INVITE":
        call.ends.core.request("ACK")
    call.ends.ue.response(488)
    assert {p: (leg.remote, leg.transform) for p, leg in stage.gateway.engine.legs.items()} == before
    exchange(call, call.ue, secure(version=3), plain(version=2))
    call.hang_up()


def test_a_reinvite_cancelled_while_the_gateway_is_asked_goes_nowhere(stage: Stage) -> None:
    call = establish(ends(stage))
    stage.gateway.hold = True
    offer = secure(version=2, more="a=3ge2ae:requested\nm=video 31000 RTP/AVP 34")
    sent = call.ue.send("INVITE", offer)
    call.ends.ue.response(100)
    call.ends.ue.cancel(sent)
    assert sorted(call.ends.ue.starts()) == ["200", "487"]
    stage.gateway.hold = False
    stage.gateway.release()
    call.ends.core.nothing()
    assert stage.ports() == 2
    exchange(call, call.ue, secure(version=3), plain(version=2))
    call.hang_up()


def test_a_reinvite_cancelled_in_the_queue_goes_nowhere(stage: Stage) -> None:
    between = ends(stage)
    sent, came = between.ring()
    stage.gateway.hold = True
    between.core.answer(came, 200, plain())
    leg = callee_leg(between.core, came)
    again = leg.send("INVITE", plain(version=2))
    between.core.response(100)
    between.core.cancel(again)
    assert sorted(between.core.starts()) == ["200", "487"]
    stage.gateway.hold = False
    stage.gateway.release()
    ok = between.ue.response(200)
    between.ue.nothing()
    leg = caller_leg(between.ue, sent, ok)
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    bye(between, leg)


def test_glare(stage: Stage) -> None:
    call = establish(ends(stage))
    call.ue.send("INVITE", secure(version=2))
    call.ends.ue.response(100)
    came = call.ends.core.request("INVITE")
    call.core.send("UPDATE", plain(version=2))
    call.ends.core.response(491)
    call.core.send("INVITE", plain(version=2))
    call.ends.core.response(100)
    call.ends.core.response(491)
    call.ue.send("UPDATE", secure(version=3))
    refused = call.ends.ue.response(500)
    assert 0 <= int(refused.get("retry-after")) <= 10
    call.ends.core.answer(came, 200, plain(version=2))
    call.ends.ue.response(200)
    call.ue.send("ACK", cseq=2)
    call.ends.core.request("ACK")
    call.hang_up()


@BOTH
@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("INFO", "application/dtmf-relay"),
        ("MESSAGE", "text/plain"),
        ("REFER", "application/sdp"),
        ("NOTIFY", "message/sipfrag"),
        ("OPTIONS", "application/sdp"),
    ],
)
def test_other_requests_pass_untouched(stage: Stage, originating: bool, method: str, kind: str) -> None:
    call = establish(ends(stage, originating=originating))
    stage.gateway.asked()
    body = b"Signal=5\r\n\x00\xff" + plain()
    for leg, other in ((call.caller, call.callee), (call.callee, call.caller)):
        leg.send(method, body, kind=kind)
        came = other.end.request(method)
        assert came.body == body
        assert came.get("content-type") == kind
        other.end.answer(came, 200, body, kind=kind)
        assert leg.end.response(200).body == body
    assert stage.gateway.asked() == []
    call.hang_up()


@BOTH
def test_headers_inside_of_a_dialog(stage: Stage, originating: bool) -> None:
    call = establish(ends(stage, originating=originating))
    private = (
        "P-Charging-Vector: icid-value=1",
        "P-Access-Network-Info: 3GPP-E-UTRAN-FDD",
        "Security-Verify: tls",
    )
    sent = call.core.send("INFO", b"", *private)
    came = call.ends.ue.request("INFO")
    for name in ("p-charging-vector", "p-access-network-info", "security-verify", "route"):
        assert name not in came
    for name in ("from", "to", "call-id", "cseq"):
        assert came.get(name) == sent.get(name)
    assert came.get("max-forwards") == "69"
    assert len(came.values("via")) == 2
    call.ends.ue.answer(came, 200, b"", "P-Asserted-Identity: <sip:boss@home.example>")
    answer = call.ends.core.response(200)
    assert "p-asserted-identity" not in answer
    assert answer.all("p-charging-vector") == ['icid-value=1;term-ioi="Type 1visited.example"']
    call.ue.send(
        "INFO",
        b"",
        "P-Charging-Vector: icid-value=forged",
        "P-Asserted-Identity: <sip:boss@home.example>",
        "Require: mediasec",
    )
    came = call.ends.core.request("INFO")
    for name in ("p-asserted-identity", "p-charging-vector", "require"):
        assert name not in came
    assert came.values("route") == [call.ends.core.record_route]
    call.ends.core.answer(came, 200)
    call.ends.ue.response(200)
    call.hang_up()


def test_multipart(stage: Stage) -> None:
    between = ends(stage)

    def mixed(sdp: bytes) -> bytes:
        parts = b"--x\r\nContent-Type: text/xml\r\n\r\n<a/>\r\n--x\r\nContent-Type: application/sdp\r\n\r\n"
        return b"".join((parts, sdp, b"\r\n--x--\r\n"))

    kind = "multipart/mixed;boundary=x"
    sent = between.ue.ask("INVITE", "sip:carol@other.example", mixed(REQUESTED), kind=kind)
    between.ue.response(100)
    came = between.core.request("INVITE")
    assert came.body.startswith(mixed(b"").partition(b"application/sdp")[0])
    assert came.body.endswith(b"\r\n--x--\r\n")
    assert b"RTP/AVP" in came.body
    assert b"crypto" not in came.body
    assert int(came.get("content-length")) == len(came.body)
    between.core.answer(came, 200, mixed(plain()), kind=kind)
    ok = between.ue.response(200)
    assert b"<a/>" in ok.body
    assert b"RTP/SAVP" in ok.body
    leg = caller_leg(between.ue, sent, ok)
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    bye(between, leg)


@BOTH
def test_offer_in_the_2xx(stage: Stage, originating: bool) -> None:
    """The answer is in the ACK; both may come again, and the same goes out again."""
    between = ends(stage, originating=originating)
    sent, came = between.ring(b"")
    assert came.body == b""
    assert stage.gateway.asked() == []
    offer, answer = (plain(), UE_ANSWER) if originating else (REQUESTED, plain())
    between.callee.answer(came, 180)
    between.caller.response(180)
    bodies = []
    for _ in range(3):
        between.callee.answer(came, 200, offer)
        ok = between.caller.response(200)
        bodies.append(ok.body)
    assert bodies == bodies[:1] * 3
    assert (b"a=3ge2ae:applied" in bodies[0]) is originating
    assert stage.gateway.asked() == ["Reserve+Reserve"]
    leg = caller_leg(between.caller, sent, ok)
    acks = []
    for _ in range(2):
        leg.send("ACK", answer, cseq=1)
        acks.append(between.callee.request("ACK").body)
    assert acks[0]
    assert acks[0] == acks[1]
    assert (b"crypto" in acks[0]) is not originating
    assert len(stage.gateway.asked()) == 1
    bye(between, leg)


@BOTH
def test_offer_in_a_reliable_provisional_response(stage: Stage, originating: bool) -> None:
    between = ends(stage, originating=originating)
    sent, came = between.ring(b"")
    offer, answer = (plain(), UE_ANSWER) if originating else (REQUESTED, plain())
    between.callee.answer(came, 183, offer, "RSeq: 1", "Require: 100rel")
    leg = caller_leg(between.caller, sent, between.caller.response(183))
    leg.send("PRACK", answer, "RAck: 1 1 INVITE")
    prack = between.callee.request("PRACK")
    assert (b"crypto" in prack.body) is not originating
    assert prack.get("rack") == "1 1 INVITE"
    between.callee.answer(prack, 200)
    between.caller.response(200)
    between.callee.answer(came, 200, offer)
    between.caller.response(200)
    leg.send("ACK", cseq=1)
    between.callee.request("ACK")
    assert stage.gateway.asked()[0] == "Reserve+Reserve"
    assert stage.gateway.asked() == []
    bye(between, leg)


def test_an_unreliable_preview_of_an_offer_does_not_pass(stage: Stage) -> None:
    between = ends(stage, originating=False)
    sent, came = between.ring(b"")
    between.ue.answer(came, 183, REQUESTED)
    assert between.core.response(183).body == b""
    between.ue.answer(came, 200, REQUESTED)
    leg = caller_leg(between.core, sent, between.core.response(200))
    leg.send("ACK", plain(), cseq=1)
    between.ue.request("ACK")
    bye(between, leg)


def test_offer_in_a_prack(stage: Stage) -> None:
    between = ends(stage)
    sent, came = between.ring()
    between.core.answer(came, 183, plain(), "RSeq: 1", "Require: 100rel")
    leg = caller_leg(between.ue, sent, between.ue.response(183))
    leg.send("PRACK", secure(version=2, more="a=3ge2ae:requested\na=sendonly"), "RAck: 1 1 INVITE")
    prack = between.core.request("PRACK")
    assert b"a=sendonly" in prack.body
    assert b"crypto" not in prack.body
    between.core.answer(prack, 200, plain(version=2, more="a=recvonly"))
    ok = between.ue.response(200)
    assert b"crypto" in ok.body
    between.core.answer(came, 200)
    between.ue.response(200)
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    bye(between, leg)


def test_offerless_reinvite(stage: Stage) -> None:
    call = establish(ends(stage))
    call.core.send("INVITE")
    call.ends.core.response(100)
    came = call.ends.ue.request("INVITE")
    call.ends.ue.answer(came, 200, secure(version=2))
    ok = call.ends.core.response(200)
    assert b"crypto" not in ok.body
    call.core.send("ACK", plain(version=2), cseq=call.core.cseq)
    ack = call.ends.ue.request("ACK")
    assert crypto(ack.body) == crypto(call.ok.body), "the running key stays"
    call.hang_up()


def test_a_new_key_of_the_ue_keeps_ours(stage: Stage) -> None:
    call = establish(ends(stage))
    _, ok = exchange(call, call.ue, secure(OTHER_KEY, version=2), plain())
    assert crypto(ok.body) == crypto(call.ok.body)
    assert KEY.encode() not in ok.body
    call.hang_up()


def test_contacts_are_refreshed(stage: Stage) -> None:
    call = establish(ends(stage))
    call.ends.core.contact = "sip:carol@203.0.113.78:5060"
    exchange(call, call.ue, secure(version=2), plain(version=2))
    call.ends.ue.contact = "sip:alice@192.0.2.10:49155"
    exchange(call, call.ue, secure(version=3), plain(version=3), "UPDATE")
    stage.apply(stage.proxy.release_all(stage.now))
    stage.settle()
    for end, leg in ((call.ends.ue, call.ue), (call.ends.core, call.core)):
        hung_up = end.request("BYE")
        assert hung_up.uri == end.contact
        number = int(hung_up.get("cseq").split()[0])
        assert number == (call.core if leg is call.ue else call.ue).cseq + 1
        end.answer(hung_up, 200)


def test_an_offerless_call_to_a_ue_uses_its_path(stage: Stage) -> None:
    between = ends(stage, originating=False)
    between.core.ask("INVITE", between.ue.aor, uri=between.ue.contact, route=path_of(between.ue))
    between.core.response(100)
    came = between.ue.request("INVITE")
    between.ue.answer(came, 486)
    between.ue.request("ACK")
    between.core.response(486)
    assert stage.gateway.asked() == []


@BOTH
def test_a_reinvite_that_succeeds_without_an_answer_changes_nothing(stage: Stage, originating: bool) -> None:
    call = establish(ends(stage, originating=originating))
    stage.gateway.asked()
    exchange(call, call.ue, secure(version=2, more="a=3ge2ae:requested\na=sendonly"), b"")
    assert stage.gateway.asked() == []
    exchange(call, call.core, plain(version=2), secure(OTHER_KEY, version=3, more=""))
    call.hang_up()


def test_an_offer_in_a_dialog_that_nobody_made_is_refused(stage: Stage) -> None:
    call = establish(ends(stage))
    stage.gateway.asked()
    remote, call.ue.remote = call.ue.remote, call.ue.remote.replace("tag=b1", "tag=b2")
    for method in ("UPDATE", "PRACK"):
        call.ue.send(method, secure(version=2))
        call.ends.ue.response(481)
    call.ue.send("ACK", secure(version=2), cseq=1)
    assert call.ends.core.request("ACK").body == b""
    assert stage.gateway.asked() == []
    call.ue.remote = remote
    call.hang_up()
