"""SRTP as a potential configuration of RTP/AVP (RFC 5939), in whole calls."""

import pytest

from pcscf.alg.session import MediaPolicy
from tests.support.calls import Established, ends, establish
from tests.support.ladder import KEY, OTHER_KEY, SUITE, Leg, plain, sdp, secure
from tests.support.stage import Stage

CAPABILITIES = f"a=tcap:1 RTP/SAVP\na=acap:1 crypto:1 {SUITE} inline:{KEY}\na=pcfg:1 t=1 a=1"
NAMES = (b"tcap", b"acap", b"pcfg", b"acfg", b"crypto", b"3ge2ae")


def offer(more: str = "", *, host: str = "192.0.2.10") -> bytes:
    return sdp(f"m=audio 30000 RTP/AVP 8\n{CAPABILITIES}\n{more}", host, number=1001)


def crypto(body: bytes) -> bytes:
    return next(line for line in body.split(b"\r\n") if line.startswith(b"a=crypto"))


def update(call: Established, leg: Leg, offer: bytes, answer: bytes) -> tuple[bytes, bytes]:
    """UPDATE from the end of ``leg``: offer and answer as they come out."""
    other = call.ends.callee if leg.end is call.ends.caller else call.ends.caller
    leg.send("UPDATE", offer)
    came = other.request("UPDATE")
    other.answer(came, 200, answer)
    return came.body, leg.end.response(200).body


def test_a_phone_that_asks_gets_e2ae_and_makes_it_the_actual_configuration(stage: Stage) -> None:
    call = establish(ends(stage), offer("a=3ge2ae:requested"))
    assert not any(name in call.came.body for name in NAMES)
    assert b"RTP/AVP 8" in call.came.body
    assert b"RTP/SAVP 8" in call.ok.body
    assert b"a=acfg:1 t=1 a=1\r\n" in call.ok.body
    key = crypto(call.ok.body)
    stage.gateway.asked()
    # RFC 5939 3.6.3: what was agreed is offered again as the actual configuration.
    came, ok = update(call, call.ue, secure(version=2), plain(version=2))
    assert not any(name in came for name in NAMES)
    assert crypto(ok) == key
    assert stage.gateway.asked() == []
    came, ok = update(call, call.core, plain(version=3, more="a=sendonly"), secure(more=""))
    assert b"RTP/SAVP 8" in came
    assert crypto(came) == key
    assert b"RTP/AVP 8" in ok
    call.hang_up()
    stage.check_forgotten()


@pytest.mark.parametrize("protected", [True, False])
def test_without_a_request_the_ends_agree(stage: Stage, protected: bool) -> None:
    answer = f"m=audio 5004 RTP/SAVP 8\na=crypto:1 {SUITE} inline:{OTHER_KEY}\na=acfg:1 t=1 a=1"
    body = sdp(answer, "203.0.113.77") if protected else plain()
    call = establish(ends(stage), offer(), body)
    assert CAPABILITIES.replace("\n", "\r\n").encode() in call.came.body
    assert (b"RTP/SAVP 8" in call.ok.body) is protected
    assert (OTHER_KEY.encode() in call.ok.body) is protected
    call.hang_up()
    stage.check_forgotten()


@pytest.mark.parametrize("policy", [MediaPolicy(capability_negotiation=False), MediaPolicy(end_to_end=False)])
def test_where_it_may_not_be_the_call_is_plain(policy: MediaPolicy) -> None:
    stage = Stage(policy=policy)
    call = establish(ends(stage), offer())
    assert not any(name in call.came.body for name in NAMES)
    assert not any(name in call.ok.body for name in NAMES)
    call.hang_up()
    stage.check_forgotten()


def test_a_far_end_that_offers_it_meets_a_ue_with_e2ae(stage: Stage) -> None:
    call = establish(ends(stage, originating=False), offer(host="203.0.113.77"))
    assert KEY.encode() not in call.came.body
    assert b"a=3ge2ae:applied\r\n" in call.came.body
    assert b"RTP/AVP 8" in call.ok.body
    call.hang_up()
    stage.check_forgotten()
