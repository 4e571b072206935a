"""Requests that do not go on, each with its own answer (RFC 3261 16.3, TS 24.229 5.2.6)."""

import pytest

from pcscf.flow import Listener
from pcscf.sip.message import Request
from tests.support.calls import REQUESTED, UE_ANSWER, ends, establish
from tests.support.ladder import (
    MEDIASEC,
    End,
    callee_leg,
    caller_leg,
    core_of,
    path_of,
    plain,
    register,
    ue_of,
)
from tests.support.stage import TLS, UDP, Stage


def test_who_has_not_registered_gets_403(stage: Stage) -> None:
    ue = ue_of(stage)
    stage.registrar.bindings.drop_flow(ue.flow.key)
    for method in ("INVITE", "MESSAGE", "SUBSCRIBE"):
        ue.ask(method, "sip:carol@other.example", REQUESTED if method == "INVITE" else b"")
        ue.response(403)
    core_of(stage).nothing()
    assert stage.gateway.asked() == []


def test_unknown_token_gets_404_and_one_of_ours_without_a_flow_430(stage: Stage) -> None:
    ue, core = ue_of(stage), core_of(stage)
    old = path_of(ue)
    for route, status in [("<sip:ft-00@203.0.113.1:5060;lr>", 404), (None, 404)]:
        core.ask("INVITE", ue.aor, plain(), uri=ue.contact, route=route)
        core.response(status)
    stage.close(ue.flow)
    for method in ("INVITE", "MESSAGE"):
        core.ask(method, ue.aor, plain() if method == "INVITE" else b"", uri=ue.contact, route=old)
        assert core.response(430).reason == "Flow Failed"


@pytest.mark.parametrize("side", ["ue", "core"])
def test_proxy_require(stage: Stage, side: str) -> None:
    ue, core = ue_of(stage), core_of(stage)
    end = ue if side == "ue" else core
    end.ask("OPTIONS", "sip:x@y.example", b"", "Proxy-Require: mediasec, foo, bar", route=path_of(ue))
    assert end.response(420).get("unsupported") == "foo, bar"


def test_hops(stage: Stage) -> None:
    ue, core = ue_of(stage), core_of(stage)
    ue.ask("MESSAGE", "sip:carol@other.example", hops="0")
    ue.response(483)
    ue.ask("MESSAGE", "sip:carol@other.example", hops="1")
    assert core.request("MESSAGE").get("max-forwards") == "0"
    ue.ask("MESSAGE", "sip:carol@other.example", hops=None)
    last = core.request("MESSAGE")
    assert last.get("max-forwards") == "70"
    stage.run(40)  # nobody answers
    assert {status for statuses in stage.finals.values() for status in statuses} >= {504}


def test_a_request_that_comes_back_unchanged_is_a_loop(stage: Stage) -> None:
    ue, core = ue_of(stage), core_of(stage)
    core.ask("MESSAGE", ue.aor, uri=ue.contact, route=path_of(ue))
    came = ue.request("MESSAGE")
    back = came.copy()
    back.fields = [f for f in back.fields if f[0] != "route"]
    back.prepend("Route", path_of(ue))
    back.prepend("Via", "SIP/2.0/UDP 203.0.113.50:5060;branch=z9hG4bKanother")
    core.send(back)
    core.response(482)
    ue.answer(came, 200)
    core.response(200)


def test_options_to_ourselves_is_answered_here(stage: Stage) -> None:
    ue, core = ue_of(stage), core_of(stage)
    core.ask("OPTIONS", "sip:203.0.113.1:5060", hops="0")
    core.response(200)
    ue.ask("OPTIONS", "sip:198.51.100.1:5061;transport=tls")
    ue.response(200)


def test_a_dialog_that_is_not_known_gets_481(stage: Stage) -> None:
    call = establish(ends(stage))
    ue, core = call.ends.ue, call.ends.core
    for leg in (call.ue, call.core):
        target = leg.routes
        leg.routes = [target[0].replace("sip:d-", "sip:d-0"), *target[1:]]
        leg.send("INFO")
        leg.end.response(481)
        leg.routes, leg.call_id, real = target, "another", leg.call_id
        leg.send("INFO")
        leg.end.response(481)
        leg.call_id = real
    for end in (ue, core):
        end.nothing()
    call.hang_up()


def test_a_session_request_cannot_hide_in_a_subscription(stage: Stage) -> None:
    """A flow token in Route leads to the UE or the core, but no media passes on it unseen."""
    ue, core = ue_of(stage), core_of(stage)
    sent = ue.ask("SUBSCRIBE", ue.aor, b"", "Event: reg")
    came = core.request("SUBSCRIBE")
    core.answer(came, 200)
    ok = ue.response(200)
    theirs, ours = callee_leg(core, came), caller_leg(ue, sent, ok)
    theirs.send(
        "NOTIFY", b"<reginfo/>", "Event: reg", "Subscription-State: active", kind="application/reginfo+xml"
    )
    told = ue.request("NOTIFY")
    assert told.body == b"<reginfo/>"
    ue.answer(told, 200)
    core.response(200)
    for leg in (theirs, ours):
        for method in ("INVITE", "UPDATE", "BYE"):
            leg.send(method, REQUESTED if method == "INVITE" else b"")
            leg.end.response(481)
    stage.close(ue.flow)
    theirs.send("NOTIFY", b"", "Event: reg", "Subscription-State: active")
    core.response(430)


def test_a_request_in_a_dialog_from_another_flow_gets_403(stage: Stage) -> None:
    call = establish(ends(stage))
    thief = ue_of(stage, "mallory", port=50000)
    real = call.ue.end
    call.ue.end = thief
    for method in ("BYE", "INVITE", "INFO"):
        call.ue.send(method)
        thief.response(403)
    call.ue.send("ACK", cseq=1)
    call.ue.end = real
    call.ends.core.nothing()
    call.hang_up()


def test_security_verify_that_differs_gets_494(stage: Stage) -> None:
    ue = ue_of(stage)
    ue.ask("INVITE", "sip:carol@other.example", REQUESTED, "Security-Verify: sdes-srtp;mediasec")
    assert "sdes-srtp;mediasec" in ue.response(494).all("security-server")
    ue.ask("MESSAGE", "sip:carol@other.example", b"", f"Security-Verify: {MEDIASEC}")
    core = core_of(stage)
    core.answer(core.request("MESSAGE"), 200)
    ue.response(200)


def test_what_a_side_must_not_say_is_counted(stage: Stage) -> None:
    ue, core = ue_of(stage), core_of(stage)
    ue.ask("MESSAGE", "sip:carol@other.example", b"", "P-Asserted-Identity: <sip:boss@home.example>")
    came = core.request("MESSAGE")
    assert came.all("p-asserted-identity") == ["<sip:alice@home.example>"]
    core.answer(came, 200)
    ue.response(200)
    core.ask("MESSAGE", ue.aor, b"", "Security-Server: tls", uri=ue.contact, route=path_of(ue))
    came = ue.request("MESSAGE")
    assert "security-server" not in came
    ue.answer(came, 200, b"", "P-Asserted-Identity: <sip:boss@home.example>")
    assert core.response(200).all("p-asserted-identity") == ["<sip:alice@home.example>"]
    assert stage.counters.policed == {("access", "p-asserted-identity"): 2, ("core", "security-server"): 1}


def test_counters_of_requests_responses_and_refusals(stage: Stage) -> None:
    ue = ue_of(stage)
    ue.ask("MESSAGE", "sip:carol@other.example", hops="0")
    ue.response(483)
    assert stage.counters.requests["access", "MESSAGE"] == 1
    assert stage.counters.responses["access", "MESSAGE", 483] == 1
    assert stage.counters.refusals["Max-Forwards is 0", 483] == 1
    register(ue)
    register(ue, expires=0)
    assert stage.counters.registrations == {"registered": 1, "refreshed": 1, "removed": 1}


def test_no_call_while_draining_but_those_that_are_up_go_on(stage: Stage) -> None:
    call = establish(ends(stage))
    stage.proxy.draining = True
    for end in (call.ends.ue, call.ends.core):
        between = ends(stage, originating=end is call.ends.ue, ue=call.ends.ue)
        between.invite()
        assert end.response(503).get("retry-after")
    call.caller.send("INFO", b"x", kind="text/plain")
    came = call.ends.callee.request("INFO")
    call.ends.callee.answer(came, 200)
    call.ends.caller.response(200)
    call.hang_up()


def test_who_registers_while_draining_goes_elsewhere_and_who_leaves_may(stage: Stage) -> None:
    ue = ends(stage).ue
    stage.proxy.draining = True
    ue.ask("REGISTER", ue.aor, b"", "Expires: 3600", uri="sip:home.example")
    assert ue.response(503).get("retry-after")
    register(ue, expires=0)
    assert stage.counters.registrations["removed"] == 1


def test_an_emergency_registration_is_served_while_draining(stage: Stage) -> None:
    ue = ends(stage).ue
    stage.proxy.draining = True
    beside = f"Contact: <{ue.contact};sos>"  # what asks for both asks for something new
    ue.ask("REGISTER", ue.aor, b"", beside, "Expires: 3600", uri="sip:home.example")
    ue.response(503)
    ue.contact += ";sos"
    register(ue)
    assert [binding.emergency for binding in stage.registrar.bindings.of(ue.aor)] == [False, True]


@pytest.mark.parametrize("listener", [TLS, UDP])
def test_several_contacts_on_one_flow(stage: Stage, listener: Listener) -> None:
    """A PBX: each request belongs to the user that it names, each INVITE of the core to its contact."""
    core = core_of(stage)
    users = [ue_of(stage, user, listener=listener) for user in ("alice", "bob")]
    assert users[0].flow is users[1].flow
    for user in users:
        user.ask("MESSAGE", "sip:carol@other.example")
        came = core.request("MESSAGE")
        assert came.all("p-asserted-identity") == [f"<{user.aor}>"]
        core.answer(came, 200)
        user.response(200)
        call = establish(ends(stage, originating=False, ue=user))
        assert call.came.uri == user.contact
        call.hang_up()
    stranger = ue_of(stage, "dave", port=50001)
    stranger.flow = users[0].flow
    stranger.ask("MESSAGE", "sip:carol@other.example")
    stranger.response(403)


def test_a_spiral_is_no_loop(stage: Stage) -> None:
    """Alice calls Bob: the same INVITE passes this proxy twice, as two calls with a gateway context each."""
    alice, bob, core = ue_of(stage), ue_of(stage, "bob", port=49160), core_of(stage)
    core.record_route = ""
    first = alice.ask("INVITE", bob.aor, REQUESTED)
    alice.response(100)
    relay(core.request("INVITE"), core, path_of(bob), bob.contact)
    core.response(100)
    came = bob.request("INVITE")
    assert came.get("max-forwards") == "67"
    assert len(came.values("record-route")) == 4
    assert stage.contexts() == 2
    bob.answer(came, 200, UE_ANSWER)
    response = core.response(200)
    response.pop_value("via")
    core.send(response)
    ok = alice.response(200)
    ours, theirs = caller_leg(alice, first, ok), callee_leg(bob, came)
    ours.send("ACK", cseq=1)
    assert bob.request("ACK").uri == bob.contact
    core.nothing()  # nobody in the core wanted to stay in the path
    theirs.send("BYE")
    bye = alice.request("BYE")
    assert "route" not in bye
    alice.answer(bye, 200)
    bob.response(200)
    assert stage.contexts() == 0


def relay(request: Request, core: End, route: str, uri: str) -> None:
    """The core as a stateless proxy without Record-Route."""
    request.fields = [f for f in request.fields if f[0] != "route"]
    request.prepend("Route", route)
    request.uri = uri
    request.set("Max-Forwards", str(int(request.get("max-forwards") or 0) - 1))
    request.prepend("Via", "SIP/2.0/UDP 203.0.113.50:5060;branch=z9hG4bKspiral")
    core.send(request)
