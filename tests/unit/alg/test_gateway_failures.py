"""The gateway refuses or fails, and what is undone then."""

import pytest

from iq.procedures import ActionReply, Endpoint, Mode
from pcscf.errors import SipRefusal
from pcscf.flow import Side
from pcscf.sdp.crypto import parse
from tests.support.call import PLAIN, SECURE, Call
from tests.support.media import KEY_LINE, OTHER_KEY, UE_KEY, sdp, step


@pytest.mark.parametrize("fail_at", [0, 1])
def test_no_resources(fail_at: int) -> None:
    call = Call()
    call.gateway.fail_at = fail_at
    with pytest.raises(SipRefusal) as caught:
        call.offer(sdp(SECURE))
    assert caught.value.status == 503
    assert caught.value.headers == (("Retry-After", "5"),)
    call.gateway.fail_at = None
    assert len(call.gateway.alive) == fail_at
    call.gateway.execute(call.session.release())
    assert call.session.release() is None
    assert call.gateway.alive == {}


@pytest.mark.parametrize("reply", [None, ActionReply(None, []), ActionReply(7, [])])
def test_no_reply_or_half_of_one(reply: ActionReply | None) -> None:
    call = Call()
    plan = call.plan_offer(sdp(SECURE), Side.ACCESS)
    with pytest.raises(SipRefusal):
        call.session.complete(plan, reply)
    release = call.session.release()
    assert (release.context if release else None) == (reply.context if reply else None)


def test_release_while_the_gateway_works_is_repeated_behind_it() -> None:
    call = Call()
    plan = call.plan_offer(sdp(SECURE), Side.ACCESS)
    assert call.session.release() is None
    call.session.complete(plan, call.gateway.execute(plan.action))
    call.gateway.execute(call.session.release())
    assert call.gateway.alive == {}
    assert call.session.release() is None


def test_failed_addition_leaves_the_session_as_it_was() -> None:
    call = Call()
    first = call.originate()
    call.gateway.fail_at = 1
    plan = call.plan_offer(sdp(SECURE, "m=video 31000 RTP/AVP 96", version=2), Side.ACCESS)
    with pytest.raises(SipRefusal):
        step(call.session, call.gateway, plan)
    call.gateway.fail_at = None
    assert call.gateway.alive == {"ip/0/access/1": {1, 2}, "ip/0/core/2": {1}}
    call.gateway.execute(call.session.rollback(plan))
    assert call.gateway.alive == {"ip/0/access/1": {1}, "ip/0/core/2": {1}}
    call.offer(sdp(SECURE, version=3))
    assert call.answer(sdp(PLAIN, host="203.0.113.77")) == first


def test_rollback_of_a_first_offer_releases() -> None:
    call = Call()
    plan = call.plan_offer(sdp(SECURE), Side.ACCESS)
    step(call.session, call.gateway, plan)
    call.gateway.execute(call.session.rollback(plan))
    assert call.gateway.alive == {}


def test_rollback_of_a_re_offer() -> None:
    call = Call()
    first = call.originate()
    plan = call.plan_offer(sdp(SECURE + "\na=sendonly", version=2), Side.ACCESS)
    step(call.session, call.gateway, plan)
    assert call.session.rollback(plan) is None
    call.offer(sdp(SECURE, version=3))
    assert call.answer(sdp(PLAIN, host="203.0.113.77")) == first


def test_rollback_behind_an_early_answer_restores_the_gateway() -> None:
    call = Call()
    call.originate()
    rekeyed = SECURE.replace(UE_KEY, OTHER_KEY) + "\na=sendonly"
    plan = call.plan_offer(sdp(rekeyed, "m=video 31000 RTP/AVP 96", version=2), Side.ACCESS)
    step(call.session, call.gateway, plan)
    call.answer(sdp(PLAIN + "\na=recvonly", "m=video 6000 RTP/AVP 96", host="203.0.113.99"))
    call.gateway.execute(call.session.rollback(plan))
    assert call.gateway.alive == {"ip/0/access/1": {1}, "ip/0/core/2": {1}}
    by_side = {termination: stream for termination, stream in call.changes() if stream.id == 1}
    access, core = by_side["ip/0/access/1"], by_side["ip/0/core/2"]
    assert access.remote_crypto is not None
    assert access.remote_crypto.key == parse(KEY_LINE[9:]).crypto.key
    assert (access.mode, core.mode) == (Mode.SEND_RECEIVE, Mode.SEND_RECEIVE)
    assert core.remote == Endpoint("203.0.113.77", 5004)


def test_first_stream_in_a_later_offer() -> None:
    call = Call()
    call.offer(sdp("m=audio 0 RTP/AVP 8"))
    call.answer(sdp("m=audio 0 RTP/AVP 8"))
    call.gateway.fail_at = 1
    plan = call.plan_offer(sdp(SECURE, version=2), Side.ACCESS)
    with pytest.raises(SipRefusal):
        step(call.session, call.gateway, plan)
    call.gateway.fail_at = None
    call.gateway.execute(call.session.rollback(plan))
    assert call.gateway.alive == {"ip/0/access/1": set()}
    call.offer(sdp(SECURE, version=3))
    assert "RTP/SAVP" in call.answer(sdp(PLAIN, version=3))
    assert call.gateway.alive == {"ip/0/access/1": {2}, "ip/0/core/2": {2}}
