"""Offers and answers of a new session: what goes to the gateway, what goes to the other side."""

import pytest

from iq.procedures import Action, Endpoint, Latch, Release, Reserve, Stream
from pcscf.alg.session import MediaPolicy
from pcscf.flow import Side
from tests.support.call import PLAIN, REQUEST, SECURE, UE_ANSWER, Call, crypto_of
from tests.support.media import KEY_LINE, OTHER_KEY, UE_KEY, sdp


def test_an_ordinary_call_is_three_actions() -> None:
    call = Call()
    call.originate()
    reserve, configure = call.gateway.actions
    assert [type(p) for p in reserve.procedures] == [Reserve, Reserve]
    assert (reserve.context, configure.context) == (None, 812)
    assert call.changes() == [
        ("ip/0/core/2", Stream(transport="RTP/AVP", remote=Endpoint("203.0.113.77", 5004)))
    ]
    release = call.session.release()
    assert release == Action(812, [Release("*")])
    call.gateway.execute(release)
    assert call.session.release() is None
    assert call.gateway.alive == {}


def test_terminating_reserves_the_core_first_with_its_remote() -> None:
    call = Call(inactivity=30)
    call.offer(sdp(PLAIN, host="203.0.113.77"), Side.CORE)
    core, access = call.last.procedures
    assert isinstance(core, Reserve)
    assert isinstance(access, Reserve)
    assert (core.realm, core.streams[0].remote) == ("core", Endpoint("203.0.113.77", 5004))
    assert (access.realm, access.latch, access.inactivity) == ("access", Latch.LATCH, 30)
    assert access.streams[0].remote is None
    assert access.streams[0].local_crypto is not None
    call.answer(sdp(UE_ANSWER), Side.ACCESS)
    [(termination, stream)] = call.changes()
    assert termination == access_termination(call)
    assert stream.remote == Endpoint("192.0.2.10", 30000)
    assert stream.remote_crypto is not None
    assert stream.local_crypto is None


def access_termination(call: Call) -> str:
    return next(t for t in call.gateway.alive if "/access/" in t)


def test_several_suites_leave_the_local_key_to_the_answer() -> None:
    suites = ("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM")
    call = Call(policy=MediaPolicy(offer_suites=suites), suites=frozenset(suites[:2]))
    out = call.offer(sdp(PLAIN), Side.CORE)
    lines = [line for line in out.split("\r\n") if line.startswith("a=crypto:")]
    assert [line.split()[:2] for line in lines] == [["a=crypto:1", suites[0]], ["a=crypto:2", suites[1]]]
    assert lines[0].split()[2] != lines[1].split()[2]
    reserve = call.last.procedures[1]
    assert isinstance(reserve, Reserve)
    assert reserve.streams[0].local_crypto is None
    gcm = "a=crypto:2 AEAD_AES_128_GCM inline:My5+4L780KrToaxKIWb7zDsntu2Og0FsiV4Uqw=="
    call.answer(sdp(f"m=audio 30000 RTP/SAVP 8\n{gcm}"), Side.ACCESS)
    [(_, stream)] = call.changes()
    assert stream.local_crypto is not None
    assert stream.local == Endpoint("198.51.100.20", 20000)
    assert (stream.local_crypto.suite, stream.local_crypto.tag) == ("AEAD_AES_128_GCM", 2)


@pytest.mark.parametrize(("indicator", "there"), [("applied", True), ("none", False)])
def test_indication_in_answers_is_a_choice(indicator: str, there: bool) -> None:
    call = Call(policy=MediaPolicy(answer_indicator=indicator))
    assert ("a=3ge2ae:applied" in call.originate()) is there


def test_no_indication_for_a_ue_that_did_not_ask() -> None:
    call = Call(policy=MediaPolicy(implicit=True))
    call.offer(sdp(UE_ANSWER))
    out = call.answer(sdp(PLAIN))
    assert "a=crypto:1" in out
    assert "3ge2ae" not in out


def test_emergency_is_told_to_the_gateway() -> None:
    call = Call(emergency=True)
    call.originate()
    assert all(action.emergency for action in call.gateway.actions)


def test_the_peers_suite_name_is_echoed() -> None:
    call = Call(suites=frozenset({"AES_256_CM_HMAC_SHA1_80"}))
    key = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdA=="
    call.offer(sdp(f"m=audio 30000 RTP/SAVP 8\na=crypto:4 AES_CM_256_HMAC_SHA1_80 inline:{key}\n{REQUEST}"))
    assert crypto_of(call.answer(sdp(PLAIN))).startswith("a=crypto:4 AES_CM_256_HMAC_SHA1_80 inline:")


def test_potential_configuration_is_answered_as_the_actual_one() -> None:
    call = Call()
    capabilities = f"a=tcap:1 RTP/SAVP\na=acap:1 {KEY_LINE[2:]}\na=pcfg:1 t=1 a=1"
    core = call.offer(sdp(f"m=audio 30000 RTP/AVP 8\n{capabilities}\n{REQUEST}"))
    assert "cap" not in core
    assert UE_KEY not in core
    out = call.answer(sdp(PLAIN))
    assert "m=audio 20000 RTP/SAVP 8\r\n" in out
    assert "a=acfg:1 t=1 a=1\r\n" in out
    assert "a=crypto:1" in out


def test_best_effort_keeps_its_profile() -> None:
    call = Call(policy=MediaPolicy(best_effort=True))
    assert "crypto" not in call.offer(sdp(f"{PLAIN}\n{KEY_LINE}"))
    reserve = call.last.procedures[0]
    assert isinstance(reserve, Reserve)
    assert reserve.streams[0].transport == "RTP/SAVP"
    out = call.answer(sdp(PLAIN))
    assert "RTP/AVP 8" in out
    assert "a=crypto:1" in out


def test_capability_negotiation_end_to_end_may_end_as_srtp() -> None:
    call = Call()
    capabilities = f"a=tcap:1 RTP/SAVP\na=acap:1 {KEY_LINE[2:]}\na=pcfg:1 t=1 a=1"
    assert capabilities.replace("\n", "\r\n") in call.offer(sdp(f"m=audio 30000 RTP/AVP 8\n{capabilities}"))
    out = call.answer(sdp(f"m=audio 5004 RTP/SAVP 8\na=crypto:1 X inline:{OTHER_KEY}\na=acfg:1 t=1 a=1"))
    assert "m=audio 20000 RTP/SAVP 8" in out
    assert OTHER_KEY in out


def test_offer_in_a_200_and_answer_in_the_ack() -> None:
    call = Call()
    assert "RTP/AVP" in call.offer(sdp(SECURE), Side.ACCESS)
    assert "a=crypto:1" in call.answer(sdp(PLAIN), Side.CORE)
    other = Call()
    assert "a=3ge2ae:applied" in other.offer(sdp(PLAIN), Side.CORE)
    assert "RTP/AVP" in other.answer(sdp(UE_ANSWER), Side.ACCESS)


def test_no_key_in_plans_and_sessions() -> None:
    call = Call()
    plan = call.session.plan_offer(sdp(SECURE), Side.ACCESS)
    call.session.complete(plan, call.gateway.execute(plan.action))
    later = call.session.plan_answer(sdp(PLAIN), Side.CORE)
    for value in (
        plan,
        later,
        plan.action,
        plan.exchange,
        call.session,
        call.session.streams,
        call.session.decisions,
    ):
        assert UE_KEY not in repr(value)
        assert "\\x" not in repr(value)


def test_pending_and_record() -> None:
    call = Call()
    assert (call.session.pending(), call.session.record()) == (None, [])
    call.offer(sdp(SECURE))
    assert call.session.pending() is Side.ACCESS
    call.answer(sdp(PLAIN))
    assert call.session.pending("b1") is None
    [entry] = call.session.record()
    assert (entry["decision"], entry["mechanism"], entry["clause"]) == ("e2ae", "sdes-srtp", "33.328 7.2.1")
    assert entry["row"] == "A3"
