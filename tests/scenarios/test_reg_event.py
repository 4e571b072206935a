"""The P-CSCF as subscriber of the reg event, and what the network says there (TS 24.229 5.2.3, 5.2.5)."""

import pytest

from pcscf.proxy.reg_event import LATER, LINGER, REFRESH_BEFORE
from pcscf.sip.headers import NameAddr, tag_of
from pcscf.sip.message import Request
from tests.support.calls import ends, establish
from tests.support.ladder import ROUTE, End, Leg, callee_leg, path_of, register, secure, ue_of
from tests.support.stage import CORE, SCSCF, TLS, Stage

ALICE = "sip:alice@home.example"
KIND = "application/reginfo+xml"


@pytest.fixture
def stage() -> Stage:
    return Stage(reg_event=True)


def scscf_of(stage: Stage) -> End:
    return End(
        stage, stage.flow(CORE, SCSCF), "sip:carol@other.example", "sip:scscf@203.0.113.50:5060", ROUTE
    )


def reginfo(
    version: int,
    state: str = "active",
    contacts: str = "",
    *,
    aor: str = ALICE,
    full: bool = True,
) -> bytes:
    return (
        f'<?xml version="1.0"?><reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="{version}" '
        f'state="{"full" if full else "partial"}">'
        f'<registration aor="{aor}" id="a" state="{state}">{contacts}</registration></reginfo>'
    ).encode()


def contact(uri: str, state: str = "terminated", event: str = "deactivated", more: str = "") -> str:
    return f'<contact id="c" state="{state}" event="{event}" {more}><uri>{uri}</uri></contact>'


def accept(core: End, *extra: str, expires: int | None = None) -> tuple[Request, Leg]:
    """The core takes a SUBSCRIBE; return it, and the core's end of the dialog."""
    asked = core.request("SUBSCRIBE")
    core.answer(asked, 200, b"", f"Expires: {asked.get('expires') if expires is None else expires}", *extra)
    return asked, callee_leg(core, asked)


def notify(leg: Leg, body: bytes = b"", state: str = "active", status: int = 200, *extra: str) -> None:
    lines = extra or ("Event: reg",)
    leg.send("NOTIFY", body, f"Subscription-State: {state}", *lines, kind=KIND)
    leg.end.response(status)


def count(stage: Stage, event: str) -> int:
    return stage.counters.reg_event[event]


def test_the_subscribe(stage: Stage) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    asked, leg = accept(core)
    assert asked.uri == ALICE
    assert asked.values("route") == ["<sip:orig@scscf.home.example;lr>"]
    assert NameAddr.parse(asked.get("to") or "").uri == ALICE
    assert tag_of(asked.get("to")) is None
    assert NameAddr.parse(asked.get("from") or "").uri == "sip:203.0.113.1:5060"
    assert asked.values("p-asserted-identity") == [path_of(ue)], "by Path an S-CSCF knows who may subscribe"
    assert (asked.get("event"), asked.get("accept")) == ("reg", KIND)
    assert int(asked.get("expires") or 0) == 3600 + 600
    assert "icid-value" in (asked.get("p-charging-vector") or "")
    assert "record-route" not in asked
    notify(leg, reginfo(0, contacts=contact(ue.contact, "active", "registered")))
    assert len(stage.registrar.bindings) == 1
    assert (count(stage, "subscribed"), count(stage, "notified")) == (1, 1)
    register(ue)
    core.nothing()  # once for each private identity


def test_off_by_configuration() -> None:
    stage = Stage()
    ue_of(stage)
    scscf_of(stage).nothing()


def test_it_is_refreshed_in_its_dialog(stage: Stage) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    first, leg = accept(core, f"Record-Route: {core.record_route}", expires=2000)
    stage.run(2000 - REFRESH_BEFORE - 1)
    register(ue)
    core.nothing()
    stage.run(1.2)
    again, _ = accept(core, expires=100)
    assert again.get("call-id") == first.get("call-id")
    assert again.get("cseq") == "2 SUBSCRIBE"
    assert tag_of(again.get("to")) == "b1"
    assert again.uri == core.contact
    assert again.values("route") == [core.record_route]
    assert int(again.get("expires") or 0) == pytest.approx(3600 + 600, abs=3)
    stage.run(50.2)
    accept(core)  # of a short one, half
    notify(leg, reginfo(0), "active;expires=20")
    stage.run(10.2)
    assert accept(core)[0].get("cseq") == "4 SUBSCRIBE", "the notifier has shortened it"


@pytest.mark.parametrize("status", [403, 404, 405, 420, 489, 501])
def test_a_core_without_the_event_is_not_asked_again(stage: Stage, status: int) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    core.answer(core.request("SUBSCRIBE"), status)
    register(ue)
    stage.run(3000)
    core.nothing()
    assert count(stage, "refused") == 1
    register(ue, expires=0)
    core.nothing()
    register(ue)  # initial again
    core.request("SUBSCRIBE")


@pytest.mark.parametrize("status", [None, 480, 503])
def test_a_core_that_does_not_answer_now_is_asked_later(stage: Stage, status: int | None) -> None:
    ue_of(stage)
    core = scscf_of(stage)
    first = core.request("SUBSCRIBE")
    if status is None:
        stage.run(33)
        core.flow.sent.clear()
    else:
        core.answer(first, status)
    assert count(stage, "failed") == 1
    stage.run(LATER - 2)
    core.nothing()
    stage.run(2.2)
    second, _ = accept(core)
    assert second.get("call-id") != first.get("call-id")


def test_no_way_to_the_scscf_is_tried_later_too(stage: Stage) -> None:
    address = stage.hosts.pop("scscf.home.example")
    ue_of(stage)
    assert count(stage, "failed") == 1
    stage.hosts["scscf.home.example"] = address
    stage.run(LATER + 0.2)
    accept(scscf_of(stage))


def test_a_lost_subscription_is_made_anew(stage: Stage) -> None:
    _, core = ue_of(stage), scscf_of(stage)
    first, leg = accept(core, expires=100)
    stage.run(50.2)
    core.answer(core.request("SUBSCRIBE"), 481)
    stage.run(1.2)
    second, leg = accept(core)
    assert second.get("call-id") != first.get("call-id")
    assert tag_of(second.get("to")) is None
    notify(leg, b"", "terminated;reason=deactivated")
    stage.run(2.2)
    third, leg = accept(core)
    assert third.get("call-id") != second.get("call-id")
    notify(leg, b"", "terminated;reason=probation;retry-after=300")
    stage.run(299)
    core.nothing()
    stage.run(1.2)
    _, leg = accept(core)
    notify(leg, b"", "terminated;reason=rejected")
    notify(leg, reginfo(9, "terminated"), "active", 481)
    stage.run(3000)
    core.nothing()
    assert count(stage, "ended") == 3
    assert len(stage.registrar.bindings) == 1


def test_it_ends_with_the_last_contact(stage: Stage) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    _, leg = accept(core)
    register(ue, expires=0)
    last = core.request("SUBSCRIBE")
    assert last.get("expires") == "0"
    core.answer(last, 200, b"", "Expires: 0")
    notify(leg, reginfo(1, "terminated"), "terminated;reason=timeout")
    notify(leg, b"", "active", 481)
    stage.check_forgotten()


def test_it_ends_with_the_flow_and_without_a_last_notify(stage: Stage) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    accept(core)
    stage.close(ue.flow)
    core.answer(core.request("SUBSCRIBE"), 200, b"", "Expires: 0")
    stage.run(LINGER + 1)
    stage.check_forgotten()


def test_contacts_that_are_gone_before_the_answer(stage: Stage) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    asked = core.request("SUBSCRIBE")
    stage.close(ue.flow)
    core.nothing()
    core.answer(asked, 200, b"", "Expires: 4200")
    assert core.request("SUBSCRIBE").get("expires") == "0"


def test_one_that_moves_to_another_flow_keeps_it(stage: Stage) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    accept(core)
    ue.flow = stage.flow(TLS, ("192.0.2.10", 49152), 1)
    register(ue)
    core.nothing()


def test_one_that_registers_under_another_private_identity(stage: Stage) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    accept(core)
    credentials = 'Authorization: Digest username="other@home.example"'
    ue.ask("REGISTER", ue.aor, b"", "Expires: 3600", credentials, uri="sip:home.example")
    core.answer(core.request("REGISTER"), 200, b"", f"Contact: <{ue.contact}>;expires=3600")
    ue.response(200)
    assert [core.request("SUBSCRIBE").get("expires") for _ in range(2)] == ["0", "4200"]


def test_an_emergency_registration_has_none(stage: Stage) -> None:
    end = End(stage, stage.flow(TLS, ("192.0.2.10", 49152)), ALICE, "sip:alice@192.0.2.10:49152;sos")
    register(end)
    scscf_of(stage).nothing()


# What the network ends


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


def notify_only(leg: Leg, body: bytes) -> None:
    leg.send("NOTIFY", body, "Subscription-State: active", "Event: reg", kind=KIND)


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
