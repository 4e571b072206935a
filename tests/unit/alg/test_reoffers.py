"""Offers in a session that runs: refresh, hold, new keys, further lines."""

import pytest

from iq.procedures import Endpoint
from pcscf.alg.session import MediaPolicy
from pcscf.errors import SdpRejected
from pcscf.flow import Side
from tests.support.call import PLAIN, REQUEST, SECURE, UE_ANSWER, Call, crypto_of, version_of
from tests.support.media import KEY_LINE, OTHER_KEY, UE_KEY, sdp, step


def test_refresh_touches_nothing() -> None:
    call = Call()
    first = call.originate()
    before = len(call.gateway.actions)
    core = call.offer(sdp(SECURE))
    assert version_of(core) == "1"
    assert call.answer(sdp(PLAIN, host="203.0.113.77")) == first
    assert len(call.gateway.actions) == before


def test_refresh_from_the_core_re_offers_the_active_key() -> None:
    call = Call(policy=MediaPolicy(offer_suites=("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM")))
    first = call.originate()
    before = len(call.gateway.actions)
    out = call.offer(sdp(PLAIN, host="203.0.113.77"), Side.CORE)
    assert [line for line in out.split("\r\n") if line.startswith("a=crypto:")] == [crypto_of(first)]
    assert "a=3ge2ae:applied" in out
    call.answer(sdp(UE_ANSWER), Side.ACCESS)
    assert len(call.gateway.actions) == before


def test_tag_follows_the_new_offer() -> None:
    call = Call()
    first = call.originate()
    call.offer(sdp(SECURE.replace("crypto:1", "crypto:5"), version=2))
    again = call.answer(sdp(PLAIN, host="203.0.113.77"))
    assert crypto_of(again) == crypto_of(first).replace("crypto:1", "crypto:5")


@pytest.mark.parametrize("side", [Side.ACCESS, Side.CORE])
def test_a_new_ue_key_changes_the_receive_side_alone(side: Side) -> None:
    call = Call()
    first = call.originate()
    rekeyed = SECURE.replace(UE_KEY, OTHER_KEY)
    if side is Side.ACCESS:
        call.offer(sdp(rekeyed, version=2))
        again = call.answer(sdp(PLAIN, host="203.0.113.77"))
        assert crypto_of(again) == crypto_of(first)
    else:
        call.offer(sdp(PLAIN, host="203.0.113.77", version=2), Side.CORE)
        call.answer(sdp(rekeyed, version=2), Side.ACCESS)
    [(termination, stream)] = call.changes()
    assert "/access/" in termination
    assert stream.remote_crypto is not None
    assert (stream.local_crypto, stream.mode) == (None, None)
    assert stream.remote == Endpoint("192.0.2.10", 30000)


SHA1_32 = SECURE.replace("SHA1_80", "SHA1_32").replace(UE_KEY, OTHER_KEY)


def two_suites() -> Call:
    return Call(suites=frozenset({"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"}))


def test_another_suite_is_a_new_stream_with_keys_of_its_own() -> None:
    call = two_suites()
    first = call.originate()
    core = call.offer(sdp(SHA1_32, version=2))
    assert "m=audio 40002 RTP/AVP 8" in core
    [(_, access), (_, core_side)] = call.changes()
    assert (access.id, core_side.id) == (2, 2)
    assert access.local_crypto is not None
    assert access.remote_crypto is not None
    assert access.local_crypto.suite == access.remote_crypto.suite == "AES_CM_128_HMAC_SHA1_32"
    again = call.answer(sdp(PLAIN, host="203.0.113.77"))
    assert "m=audio 20002 RTP/SAVP 8" in again
    assert crypto_of(again).split()[1:] != crypto_of(first).split()[1:]
    assert crypto_of(again).split()[2] != crypto_of(first).split()[2]
    assert call.gateway.alive == {"ip/0/access/1": {2}, "ip/0/core/2": {2}}
    offered = call.offer(sdp(PLAIN, host="203.0.113.77", version=2), Side.CORE)
    assert crypto_of(offered) == crypto_of(again), "the active suite alone"


def test_the_agreed_suite_is_kept_where_it_is_still_on_offer() -> None:
    call = two_suites()
    first = call.originate()
    both = f"m=audio 30000 RTP/SAVP 8\n{SHA1_32.splitlines()[1]}\n{KEY_LINE.replace('crypto:1', 'crypto:2')}"
    call.offer(sdp(f"{both}\n{REQUEST}", version=2))
    assert crypto_of(call.answer(sdp(PLAIN, host="203.0.113.77"))) == crypto_of(first).replace(":1", ":2", 1)
    assert call.gateway.alive == {"ip/0/access/1": {1}, "ip/0/core/2": {1}}


def test_no_key_of_the_ue_serves_two_suites() -> None:
    call = two_suites()
    first = call.originate()
    with pytest.raises(SdpRejected, match="key used twice"):
        call.plan_offer(sdp(SECURE.replace("SHA1_80", "SHA1_32"), version=2), Side.ACCESS)
    call.offer(sdp(SECURE, version=3))
    assert call.answer(sdp(PLAIN, host="203.0.113.77")) == first


@pytest.mark.parametrize("answered", [False, True])
def test_a_new_stream_that_comes_to_nothing_leaves_the_old_one(answered: bool) -> None:
    """A re-INVITE that fails, before or behind the answer in a reliable 18x."""
    call = two_suites()
    first = call.originate()
    plan = call.plan_offer(sdp(SHA1_32, version=2))
    step(call.session, call.gateway, plan)
    if answered:
        call.answer(sdp(PLAIN, host="203.0.113.77"), early=True)
        assert call.gateway.alive == {"ip/0/access/1": {1, 2}, "ip/0/core/2": {1, 2}}
    call.gateway.execute(call.session.rollback(plan))
    assert call.gateway.alive == {"ip/0/access/1": {1}, "ip/0/core/2": {1}}
    call.offer(sdp(SECURE, version=3))
    assert call.answer(sdp(PLAIN, host="203.0.113.77")).split("m=")[1] == first.split("m=")[1]


def test_a_new_stream_that_is_declined_ends_both() -> None:
    call = two_suites()
    call.originate()
    call.offer(sdp(SHA1_32, version=2))
    assert "m=audio 0 RTP/SAVP 8" in call.answer(sdp("m=audio 0 RTP/AVP 8"))
    assert call.gateway.alive == {"ip/0/access/1": set(), "ip/0/core/2": set()}


FAR_END = f"m=audio 5004 RTP/SAVP 8\n{KEY_LINE}"
OTHER_KIND = SECURE.replace(UE_KEY, OTHER_KEY).replace("audio", "video")


@pytest.mark.parametrize(
    ("begun", "text", "side", "answer"),
    [
        pytest.param(SECURE, SECURE.replace("SAVP", "SAVPF"), Side.ACCESS, "RTP/AVPF 8", id="feedback"),
        pytest.param(SECURE, OTHER_KIND, Side.ACCESS, "RTP/AVP 8", id="media type"),
        pytest.param(SECURE, "m=image 30000 udptl t38", Side.ACCESS, "udptl t38", id="fax of the UE"),
        pytest.param(SECURE, "m=image 5004 udptl t38", Side.CORE, "udptl t38", id="fax of the core"),
        pytest.param(PLAIN, SECURE, Side.ACCESS, "RTP/AVP 8", id="plain becomes e2ae"),
        pytest.param(PLAIN, UE_ANSWER, Side.ACCESS, "RTP/SAVP 8", id="plain becomes e2e"),
        pytest.param(UE_ANSWER, SECURE, Side.ACCESS, "RTP/AVP 8", id="e2e becomes e2ae"),
    ],
)
def test_what_does_not_go_on_is_a_new_stream(begun: str, text: str, side: Side, answer: str) -> None:
    call = Call()
    call.offer(sdp(begun))
    call.answer(sdp(FAR_END if begun is UE_ANSWER else PLAIN))
    before = call.session.streams[0]
    out = call.offer(sdp(text, version=2), side)
    media = text[2:].partition(" ")[0]
    assert f"m={media} {20002 if side is Side.CORE else 40002} {answer}" in out
    keys = "" if "SAVP" not in answer else f"\n{KEY_LINE.replace(UE_KEY, OTHER_KEY)}"
    call.answer(sdp(f"m={media} 6000 {answer}{keys}", version=2), side.other)
    after = call.session.streams[0]
    assert before is not None
    assert after is not None
    assert call.gateway.alive == {"ip/0/access/1": {after.id}, "ip/0/core/2": {after.id}}
    assert after.id != before.id


@pytest.mark.parametrize(
    ("text", "side", "downgrade"),
    [
        (PLAIN, Side.ACCESS, False),
        (FAR_END, Side.CORE, True),
        ("m=audio 30000 UDP/TLS/RTP/SAVP 8\na=fingerprint:SHA-256 AB", Side.ACCESS, True),
    ],
)
def test_no_protected_stream_loses_its_protection(text: str, side: Side, downgrade: bool) -> None:
    call = Call(policy=MediaPolicy(downgrade=downgrade))
    call.originate()
    with pytest.raises(SdpRejected) as caught:
        call.plan_offer(sdp(text, version=2), side)
    assert caught.value.status == 488
    assert caught.value.headers == (("Warning", '399 pcscf "a protected stream is to stay so"'),)
    assert call.session.streams[0] is not None


def test_plain_for_a_protected_stream_where_the_policy_allows_it() -> None:
    call = Call(policy=MediaPolicy(downgrade=True))
    call.originate()
    call.offer(sdp(PLAIN, version=2))
    assert "m=audio 20002 RTP/AVP 8" in call.answer(sdp(PLAIN, host="203.0.113.77"))
    assert call.gateway.alive == {"ip/0/access/1": {2}, "ip/0/core/2": {2}}
    # The core offers what runs; the UE's announcement was for new streams.
    assert "RTP/AVP" in call.offer(sdp(PLAIN, version=2), Side.CORE)


def test_fewer_lines_are_refused() -> None:
    call = Call()
    call.offer(sdp(SECURE, "m=video 4000 RTP/AVP 96"))
    call.answer(sdp(PLAIN, "m=video 4000 RTP/AVP 96"))
    with pytest.raises(SdpRejected):
        call.plan_offer(sdp(SECURE, version=2), Side.ACCESS)


def test_missing_indication_does_not_end_e2ae() -> None:
    call = Call()
    call.originate()
    out = call.offer(sdp(UE_ANSWER, version=2))
    assert "RTP/AVP" in out
    assert UE_KEY not in out
    assert "3ge2ae" not in call.answer(sdp(PLAIN, host="203.0.113.77"))


def test_a_line_is_added_closed_and_used_again() -> None:
    call = Call()
    first = call.originate()
    video = f"m=video 31000 RTP/SAVP 96\n{KEY_LINE.replace(UE_KEY, OTHER_KEY)}\n{REQUEST}"
    call.offer(sdp(SECURE, video, version=2))
    assert call.last.context == 812
    added = call.answer(sdp(PLAIN, "m=video 6000 RTP/AVP 96", host="203.0.113.77"))
    assert crypto_of(added) == crypto_of(first)
    assert call.gateway.alive == {"ip/0/access/1": {1, 2}, "ip/0/core/2": {1, 2}}
    call.offer(sdp(SECURE, "m=video 0 RTP/SAVP 96", version=3))
    call.answer(sdp(PLAIN, "m=video 0 RTP/AVP 96", host="203.0.113.77"))
    assert {(s.id, s.remote.port if s.remote else None) for _, s in call.changes()} == {(2, 0)}
    assert call.session.streams[1] is None
    call.offer(sdp(SECURE, video, version=4))
    assert [stream.id for _, stream in call.changes()] == [3, 3]
    again = call.answer(sdp(PLAIN, "m=video 6000 RTP/AVP 96", host="203.0.113.77"))
    assert added.split("m=video")[1] != again.split("m=video")[1]


def test_odd_origins_are_noted() -> None:
    call = Call()
    call.offer(sdp(SECURE, version=5))
    call.answer(sdp(PLAIN))
    changed = call.plan_offer(sdp(SECURE + "\na=ptime:20", version=5), Side.ACCESS)
    assert changed.notes == ("o= version unchanged, content changed",)
    step(call.session, call.gateway, changed)
    call.answer(sdp(PLAIN))
    older = call.plan_offer(sdp(SECURE, version=4), Side.ACCESS)
    assert older.notes == ("o= version decreased",)
