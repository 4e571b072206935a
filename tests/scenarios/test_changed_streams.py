"""Re-offers that change what a stream is: another suite, profile, media type, protection."""

import pytest

from agw.engine.api import Transform
from pcscf.alg.session import MediaPolicy
from tests.support.calls import UE_ANSWER, Established, ends, establish
from tests.support.ladder import OTHER_KEY, SUITE, Leg, plain, sdp, secure
from tests.support.stage import Stage

GCM = "AEAD_AES_128_GCM"
GCM_KEY = "My5+4L780KrToaxKIWb7zDsntu2Og0FsiV4Uqw=="
FAX = sdp("m=image 6000 udptl t38\na=T38FaxVersion:0", "203.0.113.77", number=555, version=2)
FAX_UE = sdp("m=image 30000 udptl t38\na=T38FaxVersion:0", "192.0.2.10", number=1001, version=2)


def other_suite(version: int = 2) -> bytes:
    return secure(GCM_KEY, version=version).replace(SUITE.encode(), GCM.encode())


def exchange(call: Established, leg: Leg, method: str, offer: bytes, answer: bytes) -> tuple[bytes, bytes]:
    """An offer and its answer as they come out; the answer's status is 200, or 488 for b""."""
    other = call.ends.core if leg.end is call.ends.ue else call.ends.ue
    leg.send(method, offer)
    if method == "INVITE":
        leg.end.response(100)
    came = other.request(method)
    other.answer(came, 200 if answer else 488, answer)
    if not answer and method == "INVITE":
        other.request("ACK")
    ok = leg.end.response(200 if answer else 488)
    if answer and method == "INVITE":
        leg.send("ACK", cseq=leg.cseq)
        other.request("ACK")
    return came.body, ok.body


def crypto(body: bytes) -> bytes:
    return next(line for line in body.split(b"\r\n") if line.startswith(b"a=crypto"))


def transforms(stage: Stage) -> set[Transform]:
    return {leg.transform for leg in stage.gateway.engine.legs.values()}


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_another_suite_of_the_ue(stage: Stage, method: str) -> None:
    call = establish(ends(stage))
    ports = set(stage.gateway.engine.ports)
    came, ok = exchange(call, call.ue, method, other_suite(), plain(version=2))
    assert b"m=audio 40002 RTP/AVP" in came
    assert f"a=crypto:1 {GCM} inline:".encode() in ok
    assert not ports & set(stage.gateway.engine.ports), "the old stream is released"
    [leg] = [leg for leg in stage.gateway.engine.legs.values() if leg.latching]
    assert leg.send is not None
    assert leg.receive is not None
    assert leg.send.suite == leg.receive.suite == GCM
    # A hold on top of it is no change of the stream.
    stage.gateway.asked()
    held = other_suite(version=3).replace(b"a=3ge2ae", b"a=sendonly\r\na=3ge2ae")
    exchange(call, call.ue, method, held, plain(version=3, more="a=recvonly"))
    assert stage.gateway.asked() == ["Configure+Configure"]
    call.hang_up()


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_another_suite_that_the_far_end_refuses(stage: Stage, method: str) -> None:
    call = establish(ends(stage))
    before = dict(stage.gateway.engine.legs)
    exchange(call, call.ue, method, other_suite(), b"")
    assert stage.gateway.engine.legs == before
    _, ok = exchange(call, call.ue, method, secure(version=3), plain())
    assert ok.split(b"m=")[1] == call.ok.body.split(b"m=")[1]
    call.hang_up()


def test_fax_and_back(stage: Stage) -> None:
    """T.38 in the slot of the audio; what comes back is protected again, with another key."""
    call = establish(ends(stage))
    for body in exchange(call, call.ue, "INVITE", FAX_UE, FAX):
        assert b" udptl t38" in body
        assert b"crypto" not in body
    assert transforms(stage) == {Transform.DATAGRAM}
    _, ok = exchange(call, call.ue, "INVITE", secure(OTHER_KEY, version=3), plain(version=3))
    assert b"RTP/SAVP" in ok
    assert crypto(ok) != crypto(call.ok.body)
    assert transforms(stage) == {Transform.SRTP, Transform.NONE}
    came, _ = exchange(call, call.core, "INVITE", plain(version=4), UE_ANSWER)
    assert crypto(came) == crypto(ok), "a re-offer has the active key"
    call.hang_up()


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_plain_for_a_protected_stream_is_refused(stage: Stage, method: str) -> None:
    call = establish(ends(stage))
    stage.gateway.asked()
    call.ue.send(method, sdp("m=audio 30000 RTP/AVP 8", "192.0.2.10", number=1001, version=2))
    if method == "INVITE":
        call.ends.ue.response(100)
    refused = call.ends.ue.response(488)
    assert refused.get("warning") == '399 pcscf.visited.example "a protected stream is to stay so"'
    call.ends.core.nothing()
    assert stage.gateway.asked() == []
    call.hang_up()


def test_plain_for_a_protected_stream_where_it_is_allowed() -> None:
    stage = Stage(policy=MediaPolicy(downgrade=True))
    call = establish(ends(stage))
    offer = sdp("m=audio 30000 RTP/AVP 8", "192.0.2.10", number=1001, version=2)
    _, ok = exchange(call, call.ue, "INVITE", offer, plain(version=2))
    assert b"RTP/AVP" in ok
    assert transforms(stage) == {Transform.NONE}
    call.hang_up()
    stage.check_forgotten()


def test_protection_for_a_plain_stream(stage: Stage) -> None:
    call = establish(ends(stage), sdp("m=audio 30000 RTP/AVP 8", "192.0.2.10", number=1001))
    assert transforms(stage) == {Transform.NONE}
    _, ok = exchange(call, call.ue, "INVITE", secure(version=2), plain(version=2))
    assert b"a=3ge2ae:applied" in ok
    assert transforms(stage) == {Transform.SRTP, Transform.NONE}
    call.hang_up()
