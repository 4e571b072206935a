"""Flows of registered UEs: several for an instance, lost and moved, several users on one."""

from dataclasses import dataclass

import pytest

from pcscf.sip.build import response_to
from pcscf.sip.message import Request, Response
from tests.support.calls import REQUESTED, ends, establish
from tests.support.ladder import End, core_of, path_of, plain, ue_of
from tests.support.stage import TLS, UDP, Stage

AOR = "sip:alice@home.example"


@dataclass
class Registration:
    """What became of a REGISTER: as the core got it, its response as the UE got it, and the UE's end."""

    end: End
    asked: Request
    ok: Response

    @property
    def path(self) -> str:
        return self.asked.values("path")[0]


def outbound(
    stage: Stage, reg_id: int, *, port: int = 49152, number: int = 0, keep: str = ""
) -> Registration:
    """Register alice's one instance by RFC 5626 on the connection ``number`` from ``port``."""
    flow = stage.flow(TLS, ("192.0.2.10", port), number)
    end, core = End(stage, flow, AOR, "sip:alice@192.0.2.10:49152;ob"), core_of(stage)
    contact = f'<{end.contact}>;+sip.instance="<urn:uuid:1>";reg-id={reg_id}'
    end.numbers += 1
    lines = [
        "REGISTER sip:home.example SIP/2.0",
        f"Via: {end.via(f'r{port}{number}')}{keep}",
        "Max-Forwards: 70",
        f"From: <{AOR}>;tag=r{port}",
        f"To: <{AOR}>",
        f"Call-ID: r{port}{number}@192.0.2.10",
        "CSeq: 1 REGISTER",
        f"Contact: {contact};expires=600",
        "Supported: path, outbound",
        "Security-Client: sdes-srtp;mediasec",
        "Content-Length: 0",
    ]
    end.send("\r\n".join([*lines, "", ""]).encode())
    asked = core.request("REGISTER")
    granted = [
        ("Require", "outbound"),
        ("Contact", f"{contact};expires=600"),
        ("Service-Route", "<sip:orig@scscf.home.example;lr>"),
        ("P-Associated-URI", f"<{AOR}>"),
    ]
    core.send(response_to(asked, 200, to_tag="r", headers=granted))
    return Registration(end, asked, end.response(200))


def test_two_flows_of_an_instance_live_beside_each_other(stage: Stage) -> None:
    first, second = outbound(stage, 1), outbound(stage, 2, port=49153)
    core = core_of(stage)
    assert first.path != second.path
    assert all(one.path.endswith(";lr;ob>") for one in (first, second))
    for one, other in [(first, second), (second, first)]:
        core.ask("MESSAGE", AOR, uri=one.end.contact, route=one.path)
        one.end.answer(one.end.request("MESSAGE"), 200)
        core.response(200)
        other.end.nothing()
        one.end.ask("MESSAGE", "sip:carol@other.example")
        came = core.request("MESSAGE")
        assert came.all("p-asserted-identity") == [f"<{AOR}>"]
        core.answer(came, 200)
        one.end.response(200)


def test_a_dead_flow_gets_430_and_the_other_one_goes_on(stage: Stage) -> None:
    first, second = outbound(stage, 1), outbound(stage, 2, port=49153)
    core = core_of(stage)
    stage.close(first.end.flow)
    core.ask("INVITE", AOR, plain(), uri=first.end.contact, route=first.path)
    assert core.response(430).reason == "Flow Failed"
    second.end.nothing()
    core.ask("MESSAGE", AOR, uri=second.end.contact, route=second.path)
    second.end.answer(second.end.request("MESSAGE"), 200)
    core.response(200)


def test_a_new_flow_takes_the_place_of_its_reg_id(stage: Stage) -> None:
    first, second = outbound(stage, 1), outbound(stage, 2, port=49153)
    again = outbound(stage, 1, port=49154)
    core = core_of(stage)
    assert len(stage.registrar.bindings) == 2
    core.ask("MESSAGE", AOR, uri=first.end.contact, route=first.path)
    core.response(430)
    for one in (second, again):
        core.ask("MESSAGE", AOR, uri=one.end.contact, route=one.path)
        one.end.answer(one.end.request("MESSAGE"), 200)
        core.response(200)
    first.end.ask("MESSAGE", "sip:carol@other.example")
    first.end.response(403)


@pytest.mark.parametrize("originating", [True, False])
def test_a_call_follows_its_reg_id_to_a_new_flow(stage: Stage, originating: bool) -> None:
    first = outbound(stage, 1)
    stage.paths[AOR] = first.path
    call = establish(ends(stage, originating=originating, ue=first.end))
    stage.close(first.end.flow)
    again = outbound(stage, 1, port=49154)
    call.core.send("INFO")
    again.end.answer(again.end.request("INFO"), 200)
    call.core.end.response(200)
    call.ue.end = again.end
    call.ue.send("BYE")
    core_of(stage).answer(core_of(stage).request("BYE"), 200)
    again.end.response(200)


def test_the_token_of_another_ue_leads_nowhere(stage: Stage) -> None:
    """From the access side a token opens neither another's dialog nor a way to it."""
    alice, mallory = outbound(stage, 1), ue_of(stage, "mallory", port=50000)
    core = core_of(stage)
    mallory.ask("MESSAGE", AOR, uri=alice.end.contact, route=alice.path)
    came = core.request("MESSAGE")
    assert came.all("p-asserted-identity") == [f"<{mallory.aor}>"], "its flow tells who sent it"
    core.answer(came, 200)
    mallory.response(200)
    lines = [
        f"NOTIFY {alice.end.contact} SIP/2.0",
        f"Via: {mallory.via('m1')}",
        f"Route: {alice.path}",
        "Max-Forwards: 70",
        f"From: <{mallory.aor}>;tag=m",
        f"To: <{AOR}>;tag=a",
        "Call-ID: stolen",
        "CSeq: 1 NOTIFY",
        "Content-Length: 0",
    ]
    mallory.send("\r\n".join([*lines, "", ""]).encode())
    mallory.response(403)
    alice.end.nothing()
    core.nothing()


@pytest.mark.parametrize("place", [0, 5, -1])
def test_a_tampered_token_leads_nowhere(stage: Stage, place: int) -> None:
    alice, core = outbound(stage, 1), core_of(stage)
    token = alice.path.partition(":")[2].partition("@")[0]
    digits = list(token.removeprefix("ft-"))
    digits[place] = "0" if digits[place] != "0" else "1"
    forged = alice.path.replace(token, f"ft-{''.join(digits)}")
    core.ask("MESSAGE", AOR, uri=alice.end.contact, route=forged)
    core.response(404)
    alice.end.nothing()


def test_keep_alives_are_agreed_on_at_registration_and_in_a_call(stage: Stage) -> None:
    alice = outbound(stage, 1, keep=";keep")
    assert "keep" in (alice.asked.values("via")[1]).split(";")
    assert "keep=120" in (alice.ok.get("via") or "").split(";")
    assert alice.ok.get("flow-timer") == "120"
    plainly = outbound(stage, 2, port=49153)
    assert "keep" not in (plainly.ok.get("via") or "")

    ue, core = ue_of(stage, "bob", listener=UDP, port=5070), core_of(stage)
    real, ue.via = ue.via, lambda branch: f"{real(branch)};keep"  # type: ignore[method-assign]
    invite = ue.ask("INVITE", "sip:carol@other.example", REQUESTED)
    assert "keep=" not in (ue.response(100).get("via") or "")
    came = core.request("INVITE")
    core.answer(came, 180)
    assert "keep=29" in (ue.response(180).get("via") or "").split(";")
    core.answer(came, 486)
    core.request("ACK")
    busy = ue.response(486)
    assert "keep=" not in (busy.get("via") or "")
    ue.acknowledge(invite, busy)


def test_users_of_one_flow_are_told_apart_and_strangers_refused(stage: Stage) -> None:
    """A PBX or SIPp: many users on one UDP address and port."""
    users = [ue_of(stage, name, listener=UDP, port=5070) for name in ("u1", "u2", "u3")]
    core = core_of(stage)
    assert len({user.flow.key for user in users}) == 1
    for user in users:
        user.ask("MESSAGE", "sip:carol@other.example")
        came = core.request("MESSAGE")
        assert came.all("p-asserted-identity") == [f"<{user.aor}>"]
        core.answer(came, 200)
        user.response(200)
        core.ask("MESSAGE", user.aor, uri=user.contact, route=path_of(user))
        came = user.request("MESSAGE")
        assert came.uri == user.contact
        user.answer(came, 200)
        assert core.response(200).all("p-asserted-identity") == [f"<{user.aor}>"]
    hidden = ("P-Preferred-Identity: <sip:u2@home.example>", "Privacy: id")
    anonymous = End(stage, users[0].flow, "sip:anonymous@anonymous.invalid", users[0].contact)
    anonymous.ask("MESSAGE", "sip:carol@other.example", b"", *hidden)
    came = core.request("MESSAGE")
    assert came.all("p-asserted-identity") == ["<sip:u2@home.example>"]
    core.answer(came, 200)
    anonymous.response(200)
    stranger = End(stage, users[0].flow, "sip:u4@home.example", "sip:u4@192.0.2.10:5070")
    for method in ("INVITE", "MESSAGE"):
        stranger.ask(method, "sip:carol@other.example", REQUESTED if method == "INVITE" else b"")
        stranger.response(403)
    core.nothing()


def test_a_register_that_reaches_nobody_gets_504(stage: Stage) -> None:
    ue, core = ue_of(stage), core_of(stage)
    ue.ask("REGISTER", ue.aor, b"", "Expires: 600", uri="sip:home.example")
    core.request("REGISTER")
    stage.run(40)
    core.starts()
    ue.response(504)
    assert len(stage.registrar.bindings) == 1, "what is registered stays"
