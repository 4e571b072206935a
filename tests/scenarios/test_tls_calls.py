"""Calls whose TLS and DTLS end at the gateway: MSRP, BFCP, T.38, alone and beside audio."""

import re

import pytest

from agw.control.termination import Termination
from iq.fingerprint import read_fingerprint
from iq.procedures import Change, SecurityCause, SecurityChange, Setup
from pcscf.sip.message import Message
from tests.support.calls import Ends, bye, ends, establish
from tests.support.ladder import KEY, SUITE, callee_leg, caller_leg, register, sdp, ue_of
from tests.support.stage import Stage
from tests.support.tls_sdp import REQUEST, T38, UE, bfcps, lines, msrp, msrps, t38s

INSECURE = 'SIP;cause=500;text="media security failure"'
AUDIO = f"m=audio 30000 RTP/SAVP 8\na=crypto:1 {SUITE} inline:{KEY}"
PLAIN = "m=audio 5004 RTP/AVP 8"


def of_ue(*media: str, version: int = 1) -> bytes:
    return sdp("\n".join(media), "192.0.2.10", number=1001, version=version)


def of_core(*media: str, version: int = 1) -> bytes:
    return sdp("\n".join(media), "203.0.113.77", number=555, version=version)


def access_of(stage: Stage) -> Termination:
    ((_, context),) = stage.gateway.contexts.contexts.items()
    return next(one for one in context.terminations if one.realm == "access")


def certificates(message: Message) -> list[str]:
    return re.findall(r"a=fingerprint:(\S+ \S+)", message.body.decode())


def text(message: Message) -> str:
    return message.body.decode()


def test_messages_of_a_ue_end_at_the_gateway(stage: Stage) -> None:
    between = ends(stage)
    offer = of_ue(msrps("a=setup:active", "a=connection:new", REQUEST))
    call = establish(between, offer, of_core(msrp("a=setup:passive", "a=connection:new")))
    assert "m=message 40000 TCP/MSRP *" in text(call.came)
    assert certificates(call.came) == []
    [certificate] = certificates(call.ok)
    assert "a=path:msrps://198.51.100.20:20000/s9;tcp" in text(call.ok)
    assert "a=3ge2ae:applied" in text(call.ok)
    end = access_of(stage).ends[1]
    assert end.security is not None
    assert end.security.identity.fingerprint("sha-256") == read_fingerprint(certificate)
    assert end.security.expected == (read_fingerprint(UE),)
    assert (end.setup, end.security.client) == (Setup.PASSIVE, False)
    assert stage.gateway.asked() == ["Reserve+Reserve", "Configure+Configure"]
    call.hang_up()
    stage.check_forgotten()


def test_a_conference_with_floor_control(stage: Stage) -> None:
    between = ends(stage, originating=False)
    floor = "m=application 7020 TCP/BFCP *\na=setup:passive\na=connection:new\na=floorctrl:s-only"
    answer = of_ue(AUDIO, bfcps("a=setup:active", "a=connection:new", "a=floorctrl:c-only"))
    call = establish(between, of_core(PLAIN, floor), answer)
    assert "m=application 20002 TCP/TLS/BFCP *" in text(call.came)
    assert text(call.came).count("a=3ge2ae:applied") == 2
    assert "m=application 40002 TCP/BFCP *\r\na=setup:active" in text(call.ok)
    end = access_of(stage).ends[2]
    assert end.security is not None
    assert (end.setup, end.security.client) == (Setup.PASSIVE, True), "the answerer is TLS server (RFC 4583)"
    call.hang_up(call.callee)
    stage.check_forgotten()


def test_a_fax_in_a_call(stage: Stage) -> None:
    between = ends(stage, originating=False)
    call = establish(between, None, None)
    call.core.send("INVITE", of_core("m=audio 0 RTP/AVP 8", T38, version=2))
    call.core.end.response(100)
    came = between.ue.request("INVITE")
    assert "m=audio 0 RTP/SAVP 8\r\nm=image 20002 UDP/TLS/UDPTL t38" in text(came)
    assert "a=setup:actpass" in text(came)
    between.ue.answer(came, 200, of_ue("m=audio 0 RTP/SAVP 8", t38s("a=setup:active"), version=2))
    assert "m=image 40002 udptl t38" in text(call.core.end.response(200))
    call.core.send("ACK", cseq=call.core.cseq)
    between.ue.request("ACK")
    assert list(access_of(stage).ends) == [2], "the audio is gone"
    end = access_of(stage).ends[2]
    assert end.security is not None
    assert (end.security.client, end.security.expected) == (False, (read_fingerprint(UE),))
    call.hang_up()
    stage.check_forgotten()


def test_a_fax_that_the_ue_refuses_leaves_the_call_as_it_was(stage: Stage) -> None:
    between = ends(stage, originating=False)
    call = establish(between, None, None)
    call.core.send("INVITE", of_core("m=audio 0 RTP/AVP 8", T38, version=2))
    call.core.end.response(100)
    invite = between.ue.request("INVITE")
    between.ue.answer(invite, 488)
    between.ue.request("ACK")
    call.core.end.response(488)
    assert list(access_of(stage).ends) == [1]
    bye(between, call.caller)
    stage.check_clean()


def test_one_of_three_is_refused_by_the_far_end(stage: Stage) -> None:
    between = ends(stage)
    video = "m=video 30074 RTP/AVP 96"
    offer = of_ue(f"{AUDIO}\n{REQUEST}", msrps("a=setup:active", REQUEST), video)
    answer = of_core(PLAIN, "m=message 0 TCP/MSRP *", "m=video 5074 RTP/AVP 96")
    call = establish(between, offer, answer)
    assert "m=message 40002 TCP/MSRP *" in text(call.came)
    assert "m=message 0 TCP/TLS/MSRP *\r\nm=video 20004 RTP/AVP 96" in text(call.ok)
    assert sorted(access_of(stage).ends) == [1, 3]
    call.hang_up()
    stage.check_forgotten()


@pytest.mark.parametrize("answered", [True, False])
def test_a_handshake_that_fails_ends_the_call(stage: Stage, answered: bool) -> None:
    between = ends(stage)
    offer, answer = of_ue(msrps("a=setup:active", REQUEST)), of_core(msrp("a=setup:passive"))
    if answered:
        establish(between, offer, answer)
    else:
        _, came = between.ring(offer)
        between.callee.answer(came, 183, answer)
        between.caller.response(183)
    ((number, _),) = stage.gateway.contexts.contexts.items()
    name = access_of(stage).name
    event = SecurityChange(name, 1, Change.FAILED, SecurityCause.FINGERPRINT)
    assert stage.gateway.notify(number, event) is None
    if answered:
        for end in (between.ue, between.core):
            ended = end.request("BYE")
            assert ended.values("reason") == [INSECURE]
            end.answer(ended, 200)
    else:
        refused = between.caller.response(500)
        assert "fingerprint" not in refused.body.decode()
        cancelled = between.callee.request("CANCEL")
        assert cancelled.values("reason") == [INSECURE]
    [report] = [one for one in stage.reports if one.event == "media event"]
    assert report.fields["cause"] == "fingerprint mismatch"
    assert report.fields["released"] is True
    assert stage.contexts() == 0


def test_a_session_refresh_leaves_the_association_alone(stage: Stage) -> None:
    between = ends(stage, originating=False)
    call = establish(between, of_core(T38), of_ue(t38s("a=setup:active")))
    stage.gateway.asked()
    first = certificates(call.came)
    for version in (2, 3):
        call.core.send("UPDATE", of_core(T38, version=version))
        came = between.ue.request("UPDATE")
        assert certificates(came) == first
        assert "a=setup:passive" in text(came)
        between.ue.answer(came, 200, of_ue(t38s("a=setup:active"), version=version))
        call.core.end.response(200)
    assert stage.gateway.asked() == []
    call.hang_up()
    stage.check_forgotten()


def test_ringing_and_answer_say_the_same(stage: Stage) -> None:
    between = ends(stage)
    sent, came = between.ring(of_ue(t38s("a=setup:actpass", "a=tls-id:0a1b2c3d4e5f60718293a4b5", REQUEST)))
    between.callee.answer(came, 183, of_core(T38))
    ringing = between.caller.response(183)
    between.callee.answer(came, 200, of_core(T38))
    answered = between.caller.response(200)
    assert ringing.body == answered.body
    assert stage.gateway.asked() == ["Reserve+Reserve", "Configure+Configure"]
    caller_leg(between.caller, sent, answered).send("ACK", cseq=1)
    between.callee.request("ACK")
    bye(between, callee_leg(between.callee, came))


def listed(between: Ends) -> list[str]:
    """Register again; return Security-Server of the 200."""
    flow = between.ue.flow
    sent: list[bytes] = []
    flow.loses = lambda data: bool(sent.append(data))  # loses nothing, and keeps a copy
    register(between.ue)
    return re.findall(r"Security-Server: (\S+);mediasec", sent[-1].decode())


def test_only_what_a_gateway_can_end_is_announced() -> None:
    stage = Stage(gateways=(), terminates=frozenset({"sdes-srtp"}))
    between = ends(stage)
    assert listed(between) == ["sdes-srtp", "msrp-tls", "bfcp-tls", "udptl-dtls"], "as configured, for now"
    stage.gateway_up("one")
    assert listed(between) == ["sdes-srtp"]
    stage.terminates = frozenset({"sdes-srtp", "msrp-tls"})
    stage.gateway_up("two")
    assert listed(between) == ["sdes-srtp", "msrp-tls"]
    stage.gateway_down("two")
    assert listed(between) == ["sdes-srtp", "msrp-tls"], "it may come back"
    names = [one.fields["mechanisms"] for one in stage.reports if one.event == "media security announced"]
    assert names == [("sdes-srtp",), ("sdes-srtp", "msrp-tls")]


@pytest.mark.parametrize("originating", [True, False])
def test_what_the_gateway_of_a_call_cannot_end_is_refused_never_plain(originating: bool) -> None:
    stage = Stage()
    between = ends(stage, originating=originating)
    stage.terminates = frozenset({"sdes-srtp"})
    stage.gateway_up("agw", cold=False)
    between.invite(of_ue(msrps(REQUEST)) if originating else of_core(msrp()))
    refused = between.caller.response(488)
    [warning] = refused.values("warning")
    assert "the gateway cannot do msrp-tls" in warning
    between.callee.nothing()


def test_a_ue_without_msrp_tls_gets_messages_in_the_clear(stage: Stage) -> None:
    between = ends(stage, originating=False, ue=ue_of(stage, media=False))
    between.invite(of_core(msrp("a=setup:passive")))
    between.caller.response(100)
    assert "TCP/MSRP" in text(between.callee.request("INVITE"))


def test_the_same_certificate_for_no_two_streams(stage: Stage) -> None:
    between = ends(stage)
    offer = of_ue(msrps("a=setup:active", REQUEST), lines("image 30002 UDP/TLS/UDPTL t38", REQUEST))
    call = establish(between, offer, of_core(msrp("a=setup:passive"), T38))
    first, second = certificates(call.ok)
    assert first != second
    call.hang_up()
