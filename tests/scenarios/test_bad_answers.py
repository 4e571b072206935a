"""Answers that break the rules: their sender is hung up, the other side learns it; nothing becomes plain."""

import pytest

from pcscf.alg.session import MediaPolicy
from tests.support.calls import UE_ANSWER, Ends, ends, establish
from tests.support.ladder import KEY, OTHER_KEY, SUITE, Leg, caller_leg, path_of, plain, sdp, secure
from tests.support.stage import Stage


def wrong_tag(_: bytes) -> bytes:
    return secure(OTHER_KEY, tag=7, more="")


def another_suite(_: bytes) -> bytes:
    return UE_ANSWER.replace(SUITE.encode(), b"AES_CM_128_HMAC_SHA1_32")


def echoed_key(offer: bytes) -> bytes:
    ours = offer.partition(b"inline:")[2].partition(b"\r\n")[0].decode()
    return secure(ours, more="")


def plain_answer(_: bytes) -> bytes:
    return sdp("m=audio 30000 RTP/AVP 8", "192.0.2.10")


def no_key(_: bytes) -> bytes:
    return sdp("m=audio 30000 RTP/SAVP 8", "192.0.2.10")


def two_keys(_: bytes) -> bytes:
    return secure(OTHER_KEY, more=f"a=crypto:2 {SUITE} inline:{KEY}")


def another_media(_: bytes) -> bytes:
    return UE_ANSWER.replace(b"m=audio", b"m=video")


def two_lines(_: bytes) -> bytes:
    return UE_ANSWER + b"m=video 0 RTP/AVP 34\r\n"


def no_sdp(_: bytes) -> bytes:
    return b"nothing that anybody could read"


BAD = [wrong_tag, another_suite, echoed_key, plain_answer, no_key, two_keys, another_media, two_lines, no_sdp]


@pytest.mark.parametrize("bad", BAD)
def test_in_a_2xx(stage: Stage, bad) -> None:
    between = ends(stage, originating=False)
    _, came = between.ring()
    stage.gateway.asked()
    between.ue.answer(came, 200, bad(came.body))
    assert between.ue.request("ACK").get("cseq") == "1 ACK"
    bye = between.ue.request("BYE")
    assert bye.get("reason").startswith("SIP;cause=488")
    assert bye.get("cseq") == "2 BYE"
    between.ue.answer(bye, 200)
    assert between.core.response(488).body == b""
    assert stage.gateway.asked() == ["Release"]


@pytest.mark.parametrize("bad", BAD)
def test_in_a_provisional_response(stage: Stage, bad) -> None:
    between = ends(stage, originating=False)
    _, came = between.ring()
    stage.gateway.asked()
    between.ue.answer(came, 183, bad(came.body))
    cancel = between.ue.request("CANCEL")
    between.core.response(488)
    between.ue.answer(cancel, 200)
    between.ue.answer(came, 487)
    between.ue.request("ACK")
    assert stage.gateway.asked() == ["Release"]


@pytest.mark.parametrize("status", [183, 200])
def test_a_secure_answer_to_a_plain_offer(stage: Stage, status: int) -> None:
    between = ends(stage)
    _, came = between.ring()
    between.core.answer(came, status, plain().replace(b"RTP/AVP", b"RTP/SAVP"))
    if status == 183:
        cancel = between.core.request("CANCEL")
        assert cancel.get("reason").startswith("SIP;cause=488")
        between.core.answer(cancel, 200)
        between.core.answer(came, 487)
        between.core.request("ACK")
    else:
        between.core.request("ACK")
        bye = between.core.request("BYE")
        assert bye.get("reason").startswith("SIP;cause=488")
        between.core.answer(bye, 200)
    between.ue.response(500)
    assert stage.gateway.asked()[-1] == "Release"


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_secure_answer_to_a_plain_re_offer(stage: Stage, method: str) -> None:
    call = establish(ends(stage))
    call.ue.send(method, secure(version=2, more="a=3ge2ae:requested\na=sendonly"))
    came = call.ends.core.request(method)
    call.ends.core.answer(came, 200, plain().replace(b"RTP/AVP", b"RTP/SAVP"))
    starts = [start for start in call.ends.ue.starts() if start != "100"]
    assert sorted(starts) == ["500", "BYE"]
    assert call.ends.core.starts()[-1] == "BYE"
    assert stage.contexts() == 0


def test_first_answer_bad_but_the_callee_answers_all_the_same(stage: Stage) -> None:
    between = ends(stage, originating=False)
    _, came = between.ring()
    between.ue.answer(came, 183, plain_answer(b""))
    between.ue.request("CANCEL")
    between.core.response(488)
    between.ue.answer(came, 200, UE_ANSWER)
    assert between.ue.starts() == ["ACK", "BYE"]
    between.core.nothing()


def test_a_bad_answer_in_a_reinvite_ends_the_call(stage: Stage) -> None:
    call = establish(ends(stage, originating=False))
    ue, core = call.ends.ue, call.ends.core
    call.core.send("INVITE", plain(version=2, more="a=sendonly"))
    core.response(100)
    came = ue.request("INVITE")
    ue.answer(came, 200, plain_answer(b""))
    assert ue.request("ACK").get("cseq") == "2 ACK"
    bye = ue.request("BYE")
    assert bye.get("cseq") == "3 BYE"
    ue.answer(bye, 200)
    core.response(488)
    assert core.take("BYE").get("reason").startswith("SIP;cause=488")
    assert stage.contexts() == 0


def test_a_bad_answer_of_the_caller_ends_the_call(stage: Stage) -> None:
    """The re-INVITE comes from the callee: the tags stand the other way round."""
    call = establish(ends(stage))
    ue, core = call.ends.ue, call.ends.core
    call.core.send("INVITE", plain(version=2, more="a=sendonly"))
    core.response(100)
    came = ue.request("INVITE")
    ue.answer(came, 200, plain_answer(b""))
    ack, bye = ue.request("ACK"), ue.request("BYE")
    assert ack.get("from") == bye.get("from") == call.ue.remote
    assert ack.get("to") == bye.get("to") == call.ue.local
    assert core.starts() == ["488", "BYE"]


def test_a_bad_answer_to_an_update_ends_the_call(stage: Stage) -> None:
    call = establish(ends(stage, originating=False))
    call.core.send("UPDATE", plain(version=2, more="a=sendonly"))
    came = call.ends.ue.request("UPDATE")
    call.ends.ue.answer(came, 200, plain_answer(b""))
    assert sorted(call.ends.core.starts()) == ["488", "BYE"]
    assert call.ends.ue.starts() == ["BYE"]


def test_a_bad_answer_in_an_ack_ends_the_call(stage: Stage) -> None:
    between = ends(stage)
    call = offerless(between)
    call.send("ACK", plain().replace(b"RTP/AVP", b"RTP/SAVP"), cseq=1)
    ack = between.ue.request("ACK")
    assert ack.body == b""
    assert "content-type" not in ack
    assert between.ue.starts() == ["BYE"]
    assert between.core.starts() == ["BYE"]


def offerless(between: Ends) -> Leg:
    """The core asks the UE for an offer, and has it."""
    sent = between.core.ask("INVITE", between.ue.aor, uri=between.ue.contact, route=path_of(between.ue))
    between.core.response(100)
    came = between.ue.request("INVITE")
    between.ue.answer(came, 200, secure())
    return caller_leg(between.core, sent, between.core.response(200))


def test_a_contact_that_cannot_be_read_does_not_keep_the_call(stage: Stage) -> None:
    """A hostile UE answers with what no ACK or BYE can be built from."""
    between = ends(stage, originating=False)
    _, came = between.ring()
    contact, between.ue.contact = between.ue.contact, "<<<:::"
    between.ue.answer(came, 200, plain_answer(b""))
    between.core.response(488)
    between.ue.nothing()
    between.ue.contact = contact
    _, came = between.ring()
    between.ue.contact = "<<<:::"
    between.ue.answer(came, 200, UE_ANSWER)
    between.core.response(200)
    stage.apply(stage.proxy.release_all(stage.now))
    stage.settle()
    assert between.core.starts() == ["BYE"]


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        pytest.param(secure("AAAA"), "no acceptable SRTP crypto suite (key length", id="key length"),
        pytest.param(
            secure().replace(SUITE.encode(), b"UNHEARD_OF"),
            "no acceptable SRTP crypto suite (unknown",
            id="suite",
        ),
    ],
)
def test_an_offer_without_a_usable_key(stage: Stage, offer: bytes, reason: str) -> None:
    between = ends(stage)
    between.invite(offer)
    response = between.ue.response(488)
    assert response.get("warning").startswith(f'399 pcscf.visited.example "{reason}')
    between.core.nothing()
    assert stage.gateway.asked() == []


def test_no_end_to_end_where_it_is_not_allowed() -> None:
    stage = Stage(policy=MediaPolicy(end_to_end=False))
    between = ends(stage)
    between.invite(secure(more=""))
    between.ue.response(488)
    stage.check_forgotten()


@pytest.mark.parametrize(
    ("kind", "extra", "status"),
    [
        ("application/pidf+xml", (), 415),
        ("application/sdp", ("Content-Encoding: gzip",), 415),
        ("application/pkcs7-mime", (), 415),
        ("multipart/mixed", (), 400),
        ("multipart/mixed; boundary=x", (), 400),
    ],
)
def test_a_body_that_cannot_be_read(stage: Stage, kind: str, extra: tuple[str, ...], status: int) -> None:
    between = ends(stage)
    between.ue.ask("INVITE", "sip:carol@other.example", secure(), *extra, kind=kind)
    between.ue.response(status)
    between.core.nothing()
