"""An S-CSCF that is not reached: 504 with a body, and only REGISTER from then on (TS 24.229 5.2.6.3.2A)."""

import pytest

from pcscf.proxy.emergency import EmergencySettings
from tests.support.calls import ends, establish
from tests.support.ladder import End, core_of, path_of, register, secure, ue_of
from tests.support.stage import CORE, Stage


def lost(stage: Stage, ue: End, method: str = "INVITE") -> None:
    """A request of ``ue`` reaches nobody: its S-CSCF has no address any more."""
    del stage.hosts["scscf.home.example"]
    ue.ask(method, "sip:carol@other.example", secure() if method == "INVITE" else b"")
    if method == "INVITE":
        ue.response(100)


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "SUBSCRIBE"])
def test_a_request_that_is_not_delivered(stage: Stage, method: str) -> None:
    ue = ue_of(stage)
    lost(stage, ue, method)
    answer = ue.response(504)
    assert answer.reason == "Server Time-out"
    assert answer.get("content-type") == "application/3gpp-ims+xml"
    assert "content-disposition" not in answer, "its default is 3gpp-alternative-service"
    assert answer.values("p-asserted-identity") == [path_of(ue)]
    assert b"<type>restoration</type>" in answer.body
    assert b"<action>initial-registration</action>" in answer.body
    assert answer.get("content-length") == str(len(answer.body))


def test_from_then_on_only_register_is_accepted(stage: Stage) -> None:
    ue, other = ue_of(stage), ue_of(stage, "bob", port=49153)
    core = core_of(stage)
    address = stage.hosts["scscf.home.example"]
    lost(stage, ue)
    ue.response(504)
    stage.hosts["scscf.home.example"] = address
    for method in ("INVITE", "MESSAGE"):
        ue.ask(method, "sip:carol@other.example", secure() if method == "INVITE" else b"")
        answer = ue.response(504)
        assert answer.values("p-asserted-identity") == [path_of(ue)]
        assert b"initial-registration" in answer.body
    core.nothing()
    other.ask("MESSAGE", "sip:carol@other.example")
    core.request("MESSAGE")
    register(ue)
    ue.ask("MESSAGE", "sip:carol@other.example")
    core.request("MESSAGE")


def test_a_call_that_is_up_can_still_be_hung_up(stage: Stage) -> None:
    ue = ue_of(stage)
    call = establish(ends(stage, ue=ue))
    lost(stage, ue)
    ue.response(504)
    call.hang_up()


def test_a_ue_that_is_barred_may_call_for_help() -> None:
    stage = Stage(emergency=EmergencySettings("sip:203.0.113.60:5060"))
    ue = ue_of(stage)
    lost(stage, ue)
    ue.response(504)
    ue.ask("INVITE", "urn:service:sos", secure())
    ue.response(100)
    assert stage.flow(CORE, ("203.0.113.60", 5060)).sent[0].startswith(b"INVITE urn:service:sos ")


def test_silence_after_an_invite_bars_too(stage: Stage) -> None:
    ue, core = ue_of(stage), core_of(stage)
    ue.ask("INVITE", "sip:carol@other.example", secure())
    stage.run(40)
    ue.response(100)
    ue.response(504)
    core.flow.sent.clear()
    ue.ask("MESSAGE", "sip:carol@other.example")
    ue.response(504)
    core.nothing()


@pytest.mark.parametrize("heard", [True, False])
def test_silence_after_another_request_does_not(stage: Stage, heard: bool) -> None:
    """It may be the far end that is silent: nobody answers 408 to such a request (RFC 4320 4.2)."""
    ue, core = ue_of(stage), core_of(stage)
    ue.ask("MESSAGE", "sip:carol@other.example")
    if heard:
        core.answer(core.request("MESSAGE"), 100)
    stage.run(40)
    assert bool(ue.response(504).body) is not heard
    core.flow.sent.clear()
    ue.ask("MESSAGE", "sip:carol@other.example")
    core.request("MESSAGE")
