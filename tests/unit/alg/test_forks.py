"""Answers in provisional responses and of forks."""

from iq.procedures import Endpoint, Mode
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
    one = call.answer(sdp(PLAIN, host="203.0.113.1"), fork="1", early=True)
    two = call.answer(sdp("m=audio 6000 RTP/AVP 8 101", host="203.0.113.2"), fork="2", early=True)
    assert crypto_of(one) == crypto_of(two)
    assert "m=audio 20000 RTP/SAVP 8 101" in two
    assert (version_of(one), version_of(two)) == ("1", "1")
    assert [s.remote for _, s in call.changes()] == [Endpoint("203.0.113.2", 6000)]
    assert call.answer(sdp(PLAIN, host="203.0.113.1"), fork="1", early=True) == one
    assert [s.remote for _, s in call.changes()] == [Endpoint("203.0.113.1", 5004)]
    assert all("/core/" in termination for termination, _ in call.changes())
    assert len(call.gateway.alive) == 2


def test_a_changed_answer_of_one_fork_is_a_new_version_with_the_same_key() -> None:
    call = Call()
    call.offer(sdp(SECURE))
    early = call.answer(sdp(PLAIN), early=True)
    final = call.answer(sdp(PLAIN + "\na=ptime:20", host="203.0.113.2"))
    assert crypto_of(early) == crypto_of(final)
    assert (version_of(early), version_of(final)) == ("1", "2")


def test_the_first_reliable_answer_stands() -> None:
    call = Call()
    call.offer(sdp(PLAIN), Side.CORE)
    plan = call.session.plan_answer(sdp(UE_ANSWER), Side.ACCESS, "a", provisional=True, reliable=True)
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


def remotes(call: Call) -> dict[str, str | None]:
    """Where the gateway sends stream 1 in the latest action, by side."""
    return {t.split("/")[2]: s.remote.address if s.remote else None for t, s in call.changes() if s.id == 1}


def forked() -> Call:
    """Two early dialogs, then an UPDATE and its answer in the second."""
    call = Call()
    call.offer(sdp(SECURE))
    call.answer(sdp(PLAIN, host="203.0.113.1"), fork="1", early=True)
    call.answer(sdp(PLAIN, host="203.0.113.2"), fork="2", early=True)
    return call


def test_each_dialog_has_its_own_turn() -> None:
    """An offer that waits in one dialog neither takes the answers of others nor is in their way."""
    call = forked()
    call.offer(sdp(SECURE + "\na=sendonly", version=2), fork="2")
    third = call.answer(sdp(PLAIN, host="203.0.113.3"), fork="3", early=True)
    assert "a=recvonly" not in third
    assert (call.session.pending("1"), call.session.pending("2"), call.session.pending("3")) == (
        None,
        Side.ACCESS,
        None,
    )
    call.offer(sdp(PLAIN + "\na=inactive", host="203.0.113.1", version=2), Side.CORE, fork="1")
    assert "a=recvonly" in call.answer(sdp(PLAIN + "\na=recvonly", host="203.0.113.2"), fork="2")


def test_versions_rise_in_their_own_dialog_alone() -> None:
    call = forked()
    for fork in ("1", "2"):
        offered = call.offer(sdp(SECURE + "\na=sendonly", version=2), fork=fork)
        answered = call.answer(sdp(PLAIN + "\na=recvonly", host=f"203.0.113.{fork}"), fork=fork, early=True)
        assert (version_of(offered), version_of(answered)) == ("2", "2")


def test_the_dialog_that_succeeds_gets_back_what_it_agreed_on() -> None:
    """Another dialog was renegotiated in between; its 200 comes without a description."""
    call = forked()
    call.offer(sdp(SECURE + "\na=sendonly", version=2), fork="1")
    call.answer(sdp(PLAIN + "\na=recvonly", host="203.0.113.9"), fork="1")
    call.session.confirm("2")
    plan = call.session.plan_fork("2")
    assert plan is not None
    step(call.session, call.gateway, plan)
    assert remotes(call) == {"access": None, "core": "203.0.113.2"}
    assert {s.mode for _, s in call.changes()} == {Mode.SEND_RECEIVE}


def test_what_one_phone_declines_another_may_take() -> None:
    call = Call()
    video = "m=video 31000 RTP/AVP 96"
    call.offer(sdp(SECURE, video))
    declined = call.answer(sdp(PLAIN, "m=video 0 RTP/AVP 96", host="203.0.113.1"), fork="1", early=True)
    assert "m=video 0" in declined
    assert call.gateway.alive == {"ip/0/access/1": {1, 2}, "ip/0/core/2": {1, 2}}
    taken = call.answer(sdp(PLAIN, "m=video 6000 RTP/AVP 96", host="203.0.113.2"), fork="2", early=True)
    assert "m=video 20002" in taken
    call.answer(sdp(PLAIN, "m=video 0 RTP/AVP 96", host="203.0.113.1"), fork="1")
    assert call.gateway.alive == {"ip/0/access/1": {1}, "ip/0/core/2": {1}}


def test_streams_of_the_losers_are_released() -> None:
    call = forked()
    call.offer(sdp(SECURE, "m=video 31000 RTP/AVP 96", version=2), fork="2")
    call.answer(sdp(PLAIN, "m=video 6000 RTP/AVP 96", host="203.0.113.2"), fork="2")
    # ... which confirmed dialog 2: both are up, as with two 200 at once, until one is hung up.
    call.answer(sdp(PLAIN, host="203.0.113.1"), fork="1")
    assert call.gateway.alive == {"ip/0/access/1": {1, 2}, "ip/0/core/2": {1, 2}}
    call.session.forget("2")
    plan = call.session.plan_fork("1")
    assert plan is not None
    step(call.session, call.gateway, plan)
    assert call.gateway.alive == {"ip/0/access/1": {1}, "ip/0/core/2": {1}}
    assert call.session.streams[0] is not None


def test_a_further_2xx_finds_the_offer_with_its_plan() -> None:
    """The session itself forgets what was offered once somebody has taken it for good."""
    call = Call()
    plan = call.plan_offer(sdp(SECURE))
    step(call.session, call.gateway, plan)
    first = call.answer(sdp(PLAIN, host="203.0.113.1"), fork="1")
    assert call.session.record()[0]["media"] == "audio"
    assert plan.exchange.offer.media
    settled = call.session.dialogs["1"].exchange
    assert settled is not None
    assert settled.offer.media == []
    assert settled.lines[0].media.lines == []
    call.session.confirm("2", plan)
    late = call.session.plan_answer(sdp(PLAIN, host="203.0.113.2"), Side.CORE, "2", to=plan)
    second = step(call.session, call.gateway, late).decode()
    assert second.split("m=")[1] == first.split("m=")[1]
    assert remotes(call)["core"] == "203.0.113.2"


def test_a_failed_update_in_an_early_dialog_leaves_the_others_alone() -> None:
    call = forked()
    plan = call.plan_offer(sdp(SECURE, "m=video 31000 RTP/AVP 96", version=2), fork="1")
    step(call.session, call.gateway, plan)
    call.gateway.execute(call.session.rollback(plan))
    assert call.gateway.alive == {"ip/0/access/1": {1}, "ip/0/core/2": {1}}
    assert remotes(call) == {}
    assert call.session.pending("1") is None


def test_offers_of_two_dialogs_of_an_offerless_invite() -> None:
    """Both phones offer in their 200, on streams of their own; the one that is hung up gives its back."""
    call = Call()
    for fork in ("1", "2"):
        call.offer(sdp(PLAIN, host=f"203.0.113.{fork}"), Side.CORE, fork=fork)
    assert call.gateway.alive == {"ip/0/core/1": {1, 2}, "ip/0/access/2": {1, 2}}
    call.answer(sdp(UE_ANSWER), Side.ACCESS, fork="1")
    call.session.forget("1")
    call.answer(sdp(UE_ANSWER.replace(UE_KEY, OTHER_KEY)), Side.ACCESS, fork="2")
    assert call.gateway.alive == {"ip/0/core/1": {2}, "ip/0/access/2": {2}}
