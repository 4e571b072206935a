"""Offers in a session that runs: refresh, hold, new keys, further lines."""

import pytest

from iq.procedures import Configure, Endpoint, Latch, Mode
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


def test_a_moved_ue_is_latched_anew() -> None:
    call = Call()
    call.originate()
    call.offer(sdp(SECURE, version=2, host="192.0.2.11"))
    call.answer(sdp(PLAIN, host="203.0.113.77"))
    [configure] = call.last.procedures
    assert isinstance(configure, Configure)
    assert configure.latch is Latch.RELATCH
    assert configure.streams[0].remote == Endpoint("192.0.2.11", 30000)


def test_changed_suite_is_refused_and_the_session_goes_on() -> None:
    suites = frozenset({"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"})
    call = Call(suites=suites)
    first = call.originate()
    with pytest.raises(SdpRejected):
        call.plan_offer(sdp(SECURE.replace("SHA1_80", "SHA1_32"), version=2), Side.ACCESS)
    call.offer(sdp(SECURE, version=3))
    assert call.answer(sdp(PLAIN, host="203.0.113.77")) == first


@pytest.mark.parametrize(
    ("text", "side"),
    [
        (PLAIN, Side.ACCESS),
        (SECURE.replace("SAVP", "SAVPF"), Side.ACCESS),
        (SECURE.replace("audio", "video"), Side.ACCESS),
        (f"m=audio 5004 RTP/SAVP 8\n{KEY_LINE}", Side.CORE),
        ("m=image 5004 udptl t38", Side.CORE),
    ],
)
def test_no_running_stream_changes_its_protection(text: str, side: Side) -> None:
    call = Call()
    call.originate()
    with pytest.raises(SdpRejected) as caught:
        call.plan_offer(sdp(text, version=2), side)
    assert caught.value.status == 488
    assert call.session.streams[0] is not None


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


@pytest.mark.parametrize(
    ("ue", "far", "modes"),
    [
        ("sendonly", "recvonly", (Mode.RECEIVE_ONLY, Mode.SEND_ONLY)),
        ("recvonly", "sendonly", (Mode.SEND_ONLY, Mode.RECEIVE_ONLY)),
        ("inactive", "inactive", (Mode.INACTIVE, Mode.INACTIVE)),
        ("sendonly", "inactive", (Mode.INACTIVE, Mode.INACTIVE)),
    ],
)
def test_hold_and_resume(ue: str, far: str, modes: tuple[Mode, Mode]) -> None:
    call = Call()
    call.originate()
    assert f"a={ue}" in call.offer(sdp(f"{SECURE}\na={ue}", version=2))
    assert f"a={far}" in call.answer(sdp(f"{PLAIN}\na={far}", host="203.0.113.77", version=2))
    assert [stream.mode for _, stream in call.changes()] == list(modes)
    call.offer(sdp(SECURE, version=3))
    call.answer(sdp(PLAIN, host="203.0.113.77", version=3))
    assert [stream.mode for _, stream in call.changes()] == [Mode.SEND_RECEIVE, Mode.SEND_RECEIVE]
    assert all(stream.remote is None for _, stream in call.changes())


def test_direction_of_the_session_level_counts() -> None:
    call = Call()
    call.originate()
    call.offer(sdp(SECURE, version=2, session="a=sendonly\n"))
    call.answer(sdp(PLAIN, host="203.0.113.77", session="a=recvonly\n"))
    assert [stream.mode for _, stream in call.changes()] == [Mode.RECEIVE_ONLY, Mode.SEND_ONLY]


def test_hold_by_address_is_inactive() -> None:
    call = Call()
    call.originate()
    out = call.offer(sdp(SECURE + "\na=sendrecv", version=2, host="0.0.0.0"))
    assert "a=inactive\r\n" in out
    assert "a=sendrecv" not in out
    call.answer(sdp(PLAIN + "\na=inactive", host="203.0.113.77"))
    assert {stream.mode for _, stream in call.changes()} == {Mode.INACTIVE}
    assert all(stream.remote is None for _, stream in call.changes())


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
