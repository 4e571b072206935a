"""Offers and answers that are refused, and glare."""

from dataclasses import replace

import pytest

from pcscf.alg.session import MediaPolicy
from pcscf.errors import SdpRejected, SipRefusal
from pcscf.flow import Side
from tests.support.call import PLAIN, REQUEST, SECURE, UE_ANSWER, Call, crypto_of
from tests.support.media import KEY_LINE, OTHER_KEY, UE_KEY, sdp


def test_an_only_line_refused_is_488_with_its_reason() -> None:
    call = Call(network=frozenset())
    with pytest.raises(SdpRejected) as caught:
        call.plan_offer(sdp(f"m=audio 3 RTP/SAVP 8\na=crypto:1 X inline:{UE_KEY}\n{REQUEST}"), Side.ACCESS)
    assert caught.value.status == 488
    assert caught.value.headers == (
        ("Warning", '399 pcscf "the network does not offer sdes-srtp on this access"'),
    )
    assert UE_KEY not in str(caught.value)
    assert call.session.release() is None


def test_no_suite_is_488_with_the_standard_warning() -> None:
    call = Call(policy=replace(MediaPolicy(), node="pcscf.visited.example"))
    with pytest.raises(SdpRejected) as caught:
        call.plan_offer(sdp(SECURE.replace("SHA1_80", "SHA1_32")), Side.ACCESS)
    assert caught.value.headers == (
        ("Warning", '399 pcscf.visited.example "no acceptable SRTP crypto suite"'),
    )


def test_refused_lines_among_others_get_port_0() -> None:
    call = Call()
    message = f"m=message 9 TCP/TLS/MSRP *\na=fingerprint:x y\n{REQUEST}"
    core = call.offer(sdp(message, SECURE, "m=a 3/2 RTP/AVP 0"))
    assert "m=message 0 TCP/TLS/MSRP *\r\nm=audio 40000 RTP/AVP 8\r\nm=a 0 RTP/AVP 0\r\n" in core
    assert "fingerprint" not in core
    out = call.answer(sdp("m=message 0 TCP/TLS/MSRP *", PLAIN, "m=a 0 RTP/AVP 0"))
    assert "m=message 0 TCP/TLS/MSRP *\r\nm=audio 20000 RTP/SAVP 8\r\n" in out
    assert [d.action for d in call.session.decisions] == ["refused", "e2ae", "refused"]


def test_nothing_but_refused_lines_and_port_0_is_488() -> None:
    call = Call()
    with pytest.raises(SdpRejected, match="several ports"):
        call.offer(sdp("m=audio 0 RTP/AVP 8", "m=audio 3/2 RTP/AVP 0"))
    call.originate()
    with pytest.raises(SdpRejected, match="several ports"):
        call.offer(sdp("m=audio 0 RTP/SAVP 8", "m=image 3/2 udptl t38", version=2))
    assert [stream.media for stream in call.session.streams if stream is not None] == ["audio"]


def test_plain_twin_of_a_protected_line_is_refused() -> None:
    call = Call()
    core = call.offer(sdp("m=audio 30002 RTP/AVP 8", SECURE))
    assert "m=audio 0 RTP/AVP 8\r\nm=audio 40000 RTP/AVP 8\r\n" in core
    assert [d.row for d in call.session.decisions] == ["A13", "A3"]


def test_one_key_in_two_lines_rejects_the_second() -> None:
    call = Call()
    call.offer(sdp(SECURE, SECURE.replace("audio", "video")))
    assert [d.action for d in call.session.decisions] == ["e2ae", "refused"]


def test_our_key_as_the_ues_is_dropped() -> None:
    call = Call()
    ours = crypto_of(call.originate())
    with pytest.raises(SdpRejected):
        call.plan_offer(sdp(f"m=audio 30000 RTP/SAVP 8\n{ours}\n{REQUEST}", version=2), Side.ACCESS)


def test_core_refuses_a_line() -> None:
    call = Call()
    call.offer(sdp(SECURE, "m=video 31000 RTP/AVP 96"))
    out = call.answer(sdp("m=audio 0 RTP/AVP 8", "m=video 6000 RTP/AVP 96"))
    assert "m=audio 0 RTP/SAVP 8\r\nm=video 20002 RTP/AVP 96\r\n" in out
    assert {(t, s.remote.port) for t, s in call.changes() if s.id == 1 and s.remote} == {
        ("ip/0/access/1", 0),
        ("ip/0/core/2", 0),
    }


def test_ue_refuses_a_line() -> None:
    call = Call()
    call.offer(sdp(PLAIN), Side.CORE)
    out = call.answer(sdp("m=audio 0 RTP/SAVP 8"), Side.ACCESS)
    assert "m=audio 0 RTP/AVP 8\r\n" in out
    assert [s.remote.port for _, s in call.changes() if s.remote] == [0, 0]


ANSWERS_FROM_THE_UE = {
    "plain": PLAIN,
    "no key": "m=audio 3 RTP/SAVP 8",
    "other tag": UE_ANSWER.replace("crypto:1", "crypto:2"),
    "other suite": UE_ANSWER.replace("SHA1_80", "SHA1_32"),
    "two lines": UE_ANSWER + "\n" + KEY_LINE.replace(UE_KEY, OTHER_KEY),
    "feedback profile": UE_ANSWER.replace("SAVP", "SAVPF"),
    "other media": UE_ANSWER.replace("audio", "video"),
    "more lines": UE_ANSWER + "\nm=video 0 RTP/AVP 96",
    "no address": UE_ANSWER + "\nc=IN IP4 example.com",
    "not SDP": "hello",
}


@pytest.mark.parametrize("text", ANSWERS_FROM_THE_UE.values(), ids=ANSWERS_FROM_THE_UE)
def test_answer_of_the_ue_that_breaks_the_rules(text: str) -> None:
    call = Call()
    call.offer(sdp(PLAIN), Side.CORE)
    with pytest.raises(SdpRejected) as caught:
        call.session.plan_answer(sdp(text), Side.ACCESS)
    assert UE_KEY not in str(caught.value)
    assert OTHER_KEY not in str(caught.value)
    assert call.session.release() is not None


def test_answer_of_the_ue_that_echoes_our_key() -> None:
    call = Call()
    ours = crypto_of(call.offer(sdp(PLAIN), Side.CORE))
    with pytest.raises(SdpRejected, match="echoes"):
        call.session.plan_answer(sdp(f"m=audio 30000 RTP/SAVP 8\n{ours}"), Side.ACCESS)


def test_answer_of_the_ue_with_one_key_for_two_lines() -> None:
    call = Call()
    call.offer(sdp(PLAIN, "m=video 6000 RTP/AVP 96"), Side.CORE)
    with pytest.raises(SdpRejected, match="elsewhere"):
        call.session.plan_answer(sdp(UE_ANSWER, f"m=video 31000 RTP/SAVP 96\n{KEY_LINE}"), Side.ACCESS)


def test_core_answers_with_a_secure_profile() -> None:
    call = Call()
    call.offer(sdp(SECURE))
    with pytest.raises(SdpRejected):
        call.session.plan_answer(sdp(f"m=audio 5004 RTP/SAVP 8\n{KEY_LINE}"), Side.CORE)


def test_answer_without_an_offer() -> None:
    call = Call()
    with pytest.raises(SdpRejected):
        call.session.plan_answer(sdp(PLAIN), Side.CORE)
    call.offer(sdp(SECURE))
    with pytest.raises(SdpRejected):
        call.session.plan_answer(sdp(SECURE), Side.ACCESS)


def test_glare() -> None:
    call = Call()
    call.offer(sdp(SECURE))
    with pytest.raises(SipRefusal) as other:
        call.plan_offer(sdp(PLAIN), Side.CORE)
    assert other.value.status == 491
    with pytest.raises(SipRefusal) as same:
        call.plan_offer(sdp(SECURE), Side.ACCESS)
    assert same.value.status == 500
    [(name, seconds)] = same.value.headers
    assert name == "Retry-After"
    assert 0 <= int(seconds) <= 10
    assert "RTP/SAVP" in call.answer(sdp(PLAIN))
