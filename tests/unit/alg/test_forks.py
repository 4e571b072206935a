"""Answers in provisional responses and of forks."""

from iq.procedures import Endpoint
from pcscf.flow import Side
from tests.support.call import PLAIN, SECURE, UE_ANSWER, Call, crypto_of, version_of
from tests.support.media import OTHER_KEY, UE_KEY, sdp, step


def test_the_same_answer_again_changes_nothing() -> None:
    call = Call()
    call.offer(sdp(SECURE))
    first = call.answer(sdp(PLAIN))
    before = len(call.gateway.actions)
    assert call.answer(sdp(PLAIN)) == first
    assert len(call.gateway.actions) == before


def test_forks_share_key_and_access_and_the_core_follows_the_latest() -> None:
    call = Call()
    call.offer(sdp(SECURE))
    one = call.answer(sdp(PLAIN, host="203.0.113.1"), fork="1")
    two = call.answer(sdp("m=audio 6000 RTP/AVP 8 101", host="203.0.113.2"), fork="2")
    assert crypto_of(one) == crypto_of(two)
    assert "m=audio 20000 RTP/SAVP 8 101" in two
    assert (version_of(one), version_of(two)) == ("1", "1")
    assert [s.remote for _, s in call.changes()] == [Endpoint("203.0.113.2", 6000)]
    assert call.answer(sdp(PLAIN, host="203.0.113.1"), fork="1") == one
    assert [s.remote for _, s in call.changes()] == [Endpoint("203.0.113.1", 5004)]
    assert all("/core/" in termination for termination, _ in call.changes())
    assert len(call.gateway.alive) == 2


def test_a_changed_answer_of_one_fork_is_a_new_version_with_the_same_key() -> None:
    call = Call()
    call.offer(sdp(SECURE))
    early = call.answer(sdp(PLAIN))
    final = call.answer(sdp(PLAIN + "\na=ptime:20", host="203.0.113.2"))
    assert crypto_of(early) == crypto_of(final)
    assert (version_of(early), version_of(final)) == ("1", "2")


def test_the_first_reliable_answer_stands() -> None:
    call = Call()
    call.offer(sdp(PLAIN), Side.CORE)
    plan = call.session.plan_answer(sdp(UE_ANSWER), Side.ACCESS, "a", reliable=True)
    first = step(call.session, call.gateway, plan)
    later = call.session.plan_answer(sdp(UE_ANSWER.replace(UE_KEY, OTHER_KEY)), Side.ACCESS, "a")
    assert later.action is None
    assert step(call.session, call.gateway, later) == first


def test_an_older_answer_again_behind_an_update() -> None:
    call = Call()
    first = call.originate()
    call.offer(sdp(SECURE + "\na=sendonly", version=2))
    call.answer(sdp(PLAIN + "\na=recvonly"))
    before = len(call.gateway.actions)
    assert call.answer(sdp(PLAIN, host="203.0.113.77")) == first
    assert len(call.gateway.actions) == before
