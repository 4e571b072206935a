"""The P-CSCF as subscriber of the reg event (TS 24.229 5.2.3, RFC 3680, RFC 6665)."""

import pytest

from pcscf.proxy.reg_event import LATER, LINGER, REFRESH_BEFORE, refresh_after
from pcscf.sip.headers import NameAddr, tag_of
from tests.support.ladder import End, path_of, register, ue_of
from tests.support.reg_event import ALICE, KIND, accept, contact, count, notify, reginfo, scscf_of
from tests.support.stage import TLS, Stage


@pytest.fixture
def stage() -> Stage:
    return Stage(reg_event=True)


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


@pytest.mark.parametrize(
    ("expires", "after"), [(1, 5), (100, 50), (1200, 600), (1201, 600), (4200, 3600), (4499, 3600)]
)
def test_when_it_is_refreshed(expires: int, after: float) -> None:
    """600 s before its end, or at half of a short one (24.229 5.2.3)."""
    assert refresh_after(expires) == after


def test_off_by_configuration() -> None:
    stage = Stage()
    ue_of(stage)
    scscf_of(stage).nothing()


def test_it_is_refreshed_in_its_dialog(stage: Stage) -> None:
    ue, core = ue_of(stage), scscf_of(stage)
    first, leg = accept(core, f"Record-Route: {core.record_route}", expires=2100)
    stage.run(2100 - REFRESH_BEFORE - 1)
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
