"""What an S-CSCF says about the registrations that it was asked for (TS 24.229 5.2.5, RFC 3680)."""

import pytest

from pcscf.sip.message import Request
from tests.support.calls import ends, establish
from tests.support.ladder import End, callee_leg, path_of, register, secure, ue_of
from tests.support.reg_event import (
    ALICE,
    KIND,
    accept,
    contact,
    count,
    notify,
    notify_only,
    reginfo,
    scscf_of,
)
from tests.support.stage import TLS, Stage


@pytest.fixture
def stage() -> Stage:
    return Stage(reg_event=True)


@pytest.mark.parametrize("by", ["registration", "contact"])
@pytest.mark.parametrize("originating", [True, False])
def test_a_terminated_registration_takes_its_call_along(stage: Stage, by: str, originating: bool) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    _, leg = accept(core)
    notify(leg, reginfo(0, contacts=contact(ue.contact, "active", "registered")))
    establish(ends(stage, ue=ue, originating=originating))
    state = "terminated" if by == "registration" else "active"
    notify_only(leg, reginfo(1, state, contact(ue.contact), full=False))
    got = [core.take(""), core.take(""), core.take("")]
    assert [one.start_line().split()[0] for one in got] == ["SIP/2.0", "BYE", "SUBSCRIBE"], "200 at once"
    assert got[1].get("reason") == 'SIP;cause=480;text="deregistered by the network"'
    bye = ue.request("BYE")
    assert bye.get("reason") == 'SIP;cause=480;text="deregistered by the network"'
    ue.answer(bye, 200)
    core.answer(Request("BYE", core.contact, got[1].fields), 200)
    assert got[2].get("expires") == "0"
    assert len(stage.registrar.bindings) == 0
    assert stage.counters.registrations["deregistered"] == 1
    said = [one.fields for one in stage.reports if one.event == "deregistered by the network"]
    assert said == [{"served": ALICE, "reason": "deactivated"}]
    ue.ask("MESSAGE", "sip:carol@other.example")
    ue.response(403)
    core.answer(Request("SUBSCRIBE", ALICE, got[2].fields), 200)
    stage.check_forgotten()


def test_a_call_that_rings_ends_too(stage: Stage) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    _, leg = accept(core)
    _, came = ends(stage, ue=ue).ring()
    core.answer(came, 180)
    ue.response(180)
    notify_only(leg, reginfo(0, "terminated"))
    assert core.starts() == ["200", "CANCEL", "SUBSCRIBE"]
    ue.response(480)


def test_only_what_is_named_ends(stage: Stage) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    _, leg = accept(core)
    other = ue_of(stage, "bob", port=49153)
    accept(core)
    register(End(stage, stage.flow(TLS, ("192.0.2.10", 49160)), ALICE, "sip:alice@192.0.2.10:49160"))
    call = establish(ends(stage, ue=other))
    notify(
        leg, reginfo(0, contacts=contact("sip:alice@192.0.2.10:49160") + contact("sip:alice@198.51.100.9"))
    )
    notify(leg, reginfo(1, "terminated", aor="sip:bob@home.example"))
    notify(leg, reginfo(2, "terminated", aor="tel:+1"))
    notify(leg, reginfo(3, "terminated", aor=""))
    assert {one.contact for one in stage.registrar.bindings.of(ALICE)} == {ue.contact}
    assert len(stage.registrar.bindings) == 2
    call.hang_up()


def test_an_identity_that_ends_leaves_the_others(stage: Stage) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    _, leg = accept(core)
    binding = stage.registrar.bindings.of(ALICE)[0]
    stage.registrar.bindings.remove(binding)
    binding.associated = [ALICE, "tel:+4922812345"]
    stage.registrar.bindings.put(binding)
    notify(leg, reginfo(0, "terminated", aor="tel:+49-228-12345"))
    ue.ask("MESSAGE", "sip:x@y.example", b"", "P-Preferred-Identity: <tel:+4922812345>")
    assert core.request("MESSAGE").values("p-asserted-identity") == [f"<{ALICE}>"]


def test_a_shortened_registration_ends_earlier(stage: Stage) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    _, leg = accept(core)
    notify(leg, reginfo(0, contacts=contact(ue.contact, "active", "shortened", 'expires="60"')))
    notify(leg, reginfo(1, contacts=contact(ue.contact, "active", "shortened", 'expires="6000"')))
    stage.run(59)
    assert len(stage.registrar.bindings) == 1
    stage.run(2)
    assert len(stage.registrar.bindings) == 0
    assert core.request("SUBSCRIBE").get("expires") == "0"


def test_an_old_document_is_discarded_and_a_missing_one_asked_for(stage: Stage) -> None:
    _, core = ue_of(stage), scscf_of(stage)
    _, leg = accept(core)
    notify(leg, reginfo(5))
    notify(leg, reginfo(5, "terminated"))
    notify(leg, reginfo(4, "terminated", full=False))
    assert count(stage, "stale") == 2
    assert len(stage.registrar.bindings) == 1
    notify(leg, reginfo(6, full=False))
    core.nothing()
    leg.send("NOTIFY", reginfo(8, full=False), "Subscription-State: active", "Event: reg", kind=KIND)
    assert core.starts() == ["200", "SUBSCRIBE"], "it brings the full state"


@pytest.mark.parametrize("before", [True, False], ids=["early", "late"])
def test_notify_may_overtake_the_200(stage: Stage, before: bool) -> None:
    ue_of(stage)
    core = scscf_of(stage)
    asked = core.request("SUBSCRIBE")
    leg = callee_leg(core, asked)
    if before:
        notify(leg, reginfo(0))
    core.answer(asked, 200, b"", "Expires: 100")
    if not before:
        notify(leg, reginfo(0))
    stage.run(50.2)
    assert core.request("SUBSCRIBE").get("cseq") == "2 SUBSCRIBE"


BOMB = b'<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><reginfo>&b;</reginfo>'


@pytest.mark.parametrize(
    ("status", "state", "body", "extra"),
    [
        pytest.param(489, "active", b"", ("Event: presence",), id="event"),
        pytest.param(489, "active", b"", ("X: y",), id="no event"),
        pytest.param(400, "", b"", ("Event: reg",), id="no state"),
        pytest.param(400, "dancing", b"", ("Event: reg",), id="state"),
        pytest.param(400, "active", BOMB, ("Event: reg",), id="bomb"),
        pytest.param(400, "active", b"<reginfo", ("Event: reg",), id="broken"),
        pytest.param(413, "active", b" " * 65_537, ("Event: reg",), id="huge"),
        pytest.param(415, "active", b"x", ("Event: reg", "Content-Encoding: gzip"), id="gzip"),
    ],
)
def test_notifies_that_are_refused(
    stage: Stage, status: int, state: str, body: bytes, extra: tuple[str, ...]
) -> None:
    ue_of(stage)
    core = scscf_of(stage)
    _, leg = accept(core)
    notify(leg, body, state, status, *extra)
    assert sum(n for (_, code), n in stage.counters.refusals.items() if code == status) == 1
    notify(leg, reginfo(0))
    assert count(stage, "notified") == 1


def test_foreign_notifies(stage: Stage) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    _, leg = accept(core)
    notify(leg, reginfo(0))
    body = reginfo(1, "terminated")
    for name, value in [
        ("call_id", "other"),
        ("local", f"<{ALICE}>;tag=other"),
        ("local", f"<{ALICE}>"),
        ("remote", "<sip:203.0.113.1:5060>;tag=other"),
        ("target", "sip:re-0000000000000000@203.0.113.1:5060"),
    ]:
        right = getattr(leg, name)
        setattr(leg, name, value)
        notify(leg, body, "active", 481)
        setattr(leg, name, right)
    leg.cseq = 0
    notify(leg, body, "active", 500)
    ue.ask("NOTIFY", ALICE, body, "Event: reg", "Subscription-State: active", uri=leg.target, kind=KIND)
    assert len(stage.registrar.bindings) == 1


def test_a_ue_whose_name_looks_like_a_subscription_is_none(stage: Stage) -> None:
    ue, core = ue_of(stage, "re-tired"), scscf_of(stage)
    accept(core)
    core.ask("NOTIFY", ue.aor, b"", "Event: x", uri=ue.contact, route=path_of(ue))
    ue.request("NOTIFY")


def test_an_emergency_call_goes_on(stage: Stage) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    _, leg = accept(core)
    call = establish(ends(stage, ue=ue), secure())
    next(iter(stage.proxy.calls.table)).emergency = True
    notify_only(leg, reginfo(0, "terminated"))
    assert core.starts() == ["200", "SUBSCRIBE"]
    call.hang_up()
