"""Offers that cannot be taken: in an INVITE they reach nobody, in a call the session goes on as it was.

And odd ones that can. What each line of keys has to be like, tests/unit/sdp and tests/golden say.
"""

from dataclasses import replace

import pytest

from tests.support.agreement import Session, written
from tests.support.calls import ends
from tests.support.describing import Line, read
from tests.support.ladder import KEY, OTHER_KEY, SUITE, caller_leg, plain, sdp, secure
from tests.support.positions import answer_all, check_and_hang_up, in_invite_and_200, up
from tests.support.stage import Stage

REQUEST = "a=3ge2ae:requested"


def of_ue(key: str = KEY, *, suite: str = SUITE, more: str = REQUEST) -> bytes:
    return secure(key, more=more).replace(SUITE.encode(), suite.encode())


def without(body: bytes, start: bytes) -> bytes:
    return b"\r\n".join(line for line in body.split(b"\r\n") if not line.startswith(start))


#: No key in it can be used, and there is no other m-line.
NO_KEY = {
    "no inline": of_ue().replace(b"inline:", b"offline:"),
    "no base64": of_ue("!" * 40),
    "key too short": of_ue(KEY[:-4]),
    "unknown suite": of_ue(suite="AES_CM_128_HMAC_SHA1_64"),
    "all-zero key": of_ue("A" * 40),
    "MKI of no length": of_ue(f"{KEY}|1:0"),
    "MKI too long": of_ue(f"{KEY}|1:129"),
    "MKI that does not fit": of_ue(f"{KEY}|256:1"),
    "lifetime 0": of_ue(f"{KEY}|0"),
    "lifetime too long": of_ue(f"{KEY}|2^49"),
    "unknown parameter": of_ue(f"{KEY} STRANGE"),
    "not encrypted": of_ue(f"{KEY} UNENCRYPTED_SRTP"),
    "not authenticated": of_ue(f"{KEY} UNAUTHENTICATED_SRTP"),
    "key derivation rate": of_ue(f"{KEY} KDR=4"),
    "small window": of_ue(f"{KEY} WSH=32"),
    "long line": of_ue(f"{KEY} -X={'x' * 1100}"),
    "no key at all": without(of_ue(), b"a=crypto"),
    "at the session level": without(of_ue(), b"a=crypto").replace(
        b"t=0 0\r\n", f"t=0 0\r\na=crypto:1 {SUITE} inline:{KEY}\r\n".encode()
    ),
    "fingerprint on RTP/SAVP": without(of_ue(more=f"{REQUEST}\na=fingerprint:SHA-256 AB"), b"a=crypto"),
}
#: Of either side.
BROKEN = {
    "rubbish": b"nothing that anybody could read",
    "no version": lambda body: without(body, b"v="),
    "no origin": lambda body: without(body, b"o="),
    "no address": lambda body: without(body, b"c="),
    "a name for an address": lambda body: body.replace(b"c=IN IP4 1", b"c=IN IP4 host1.example 1"),
    "port out of range": lambda body: body.replace(b"m=audio 30000", b"m=audio 70000"),
    "several ports": lambda body: body.replace(b"m=audio 30000", b"m=audio 30000/2"),
    "no port": lambda body: body.replace(b"m=audio 30000", b"m=audio x"),
    "short m-line": lambda body: body.replace(b"m=audio 30000", b"m=30000"),
    "too many m-lines": lambda body: body + b"m=video 0 RTP/AVP 34\r\n" * 40,
    "too many attributes": lambda body: body + b"a=x\r\n" * 600,
}


def broken(name: str) -> bytes:
    how = BROKEN[name]
    return how if isinstance(how, bytes) else how(of_ue())


@pytest.mark.parametrize("name", NO_KEY)
def test_no_usable_key(stage: Stage, name: str) -> None:
    refused(stage, NO_KEY[name])


@pytest.mark.parametrize("name", BROKEN)
def test_a_description_that_cannot_be_read(stage: Stage, name: str) -> None:
    refused(stage, broken(name))


def refused(stage: Stage, offer: bytes) -> None:
    between = ends(stage)
    between.invite(offer)
    statuses = between.ue.starts()
    assert statuses[-1] in {"400", "413", "488"}
    between.core.nothing()
    assert stage.gateway.asked() == []


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("name", [*NO_KEY, *BROKEN])
def test_inside_of_a_call_it_leaves_the_session_alone(name: str, method: str) -> None:
    one = up(in_invite_and_200, True, "e2ae")
    body = NO_KEY[name] if name in NO_KEY else broken(name)
    one.ue.leg.send(method, body)
    refused_inside(one)


def refused_inside(one: Session) -> None:
    assert one.ue.end.starts()[-1] in {"400", "413", "488"}
    one.core.end.nothing()
    one.ue.send("UPDATE", one.ue.author.lines)
    answer_all(one)
    check_and_hang_up(one, 2, [], one.core)


@pytest.mark.parametrize("by_ue", [True, False])
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_fewer_lines_than_before(method: str, by_ue: bool) -> None:
    """RFC 3264 8: m-lines never go away."""
    one = up(in_invite_and_200, True, "e2ae")
    talker = one.ue if by_ue else one.core
    talker.send("UPDATE", [*talker.author.lines, talker.author.line("plain", "video")])
    answer_all(one)
    one.stage.gateway.asked()
    before = talker.author.lines
    talker.send(method, before[:1])
    answer_all(one)
    assert talker.asked[talker.leg.cseq, method].final == 488
    assert talker.author.lines == before
    check_and_hang_up(one, 2, [], talker)


# What is odd and can be taken


def exchange(one: Session, body: bytes) -> bytes:
    """An UPDATE of the UE with that description; return the answer."""
    one.ue.leg.send("UPDATE", body)
    came = one.core.end.request("UPDATE")
    one.core.end.answer(came, 200, one.core.author.write(one.core.author.answer(read(came.body))))
    return one.ue.end.response(200).body


@pytest.mark.parametrize("version", [1, 0])
def test_a_version_that_does_not_rise(version: int) -> None:
    """It is taken all the same: what it says counts."""
    one = up(in_invite_and_200, True, "e2ae")
    line = replace(one.ue.author.lines[0], direction="sendonly")
    body = one.ue.author.write([line]).replace(b"o=- 1001 2", b"o=- 1001 %d" % version)
    assert b"a=recvonly" in exchange(one, body)
    assert one.stage.gateway.asked() == ["Configure+Configure"]
    one.caller.bye()
    one.read()
    one.stage.check_forgotten()


@pytest.mark.parametrize(
    "how",
    [
        lambda body: body.replace(b"\r\n", b"\n"),
        lambda body: without(body, b"s="),
        lambda body: without(body, b"t="),
        lambda body: body + b"a=3ge2ae:requested\r\n",
        lambda body: body.replace(b"a=3ge2ae", b"a=3ge2ae:unheard-of\r\na=3ge2ae"),
        lambda body: body.replace(b"a=crypto", f"a=crypto:2 NEW inline:{OTHER_KEY}\r\na=crypto".encode()),
    ],
    ids=[
        "bare LF",
        "no s=",
        "no t=",
        "two indications",
        "unknown indication",
        "a suite of tomorrow",
    ],
)
def test_an_odd_description_is_taken(stage: Stage, how) -> None:
    between = ends(stage)
    sent = between.invite(how(of_ue()))
    between.ue.response(100)
    came = between.core.request("INVITE")
    assert came.body.count(b"\n") == came.body.count(b"\r\n")
    assert b"RTP/AVP" in came.body
    assert b"crypto" not in came.body
    assert b"3ge2ae" not in came.body
    between.core.answer(came, 200, plain())
    leg = caller_leg(between.ue, sent, between.ue.response(200))
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    leg.send("BYE")
    between.core.answer(between.core.request("BYE"), 200)


def test_one_key_for_two_lines(stage: Stage) -> None:
    """The first line has it; the second is refused, and the call goes on."""
    between = ends(stage)
    line = f"m=%s RTP/SAVP 8\na=crypto:1 {SUITE} inline:{KEY}\n{REQUEST}\n"
    sent = between.invite(sdp(line % "audio 30000" + line % "video 31000", "192.0.2.10"))
    between.ue.response(100)
    came = between.core.request("INVITE")
    assert [found.port > 0 for found in read(came.body).lines] == [True, False]
    between.core.answer(came, 200, plain(more="m=video 0 RTP/AVP 8"))
    ok = between.ue.response(200)
    assert [(found.proto, found.port > 0) for found in read(ok.body).lines] == [
        ("RTP/SAVP", True),
        ("RTP/SAVP", False),
    ]
    leg = caller_leg(between.ue, sent, ok)
    leg.send("ACK", cseq=1)
    between.core.request("ACK")
    leg.send("BYE")
    between.core.answer(between.core.request("BYE"), 200)


def test_another_key_behind_a_reliable_answer(stage: Stage) -> None:
    """The first answer stands (RFC 3261 13.2.1): the core sees the same, the gateway keeps the key."""
    between = ends(stage, originating=False)
    sent, came = between.ring()
    between.ue.answer(came, 183, secure(more=""), "RSeq: 1", "Require: 100rel")
    early = between.core.response(183)
    leg = caller_leg(between.core, sent, early)
    leg.send("PRACK", b"", "RAck: 1 1 INVITE")
    between.ue.answer(between.ue.request("PRACK"), 200)
    between.core.response(200)
    stage.gateway.asked()
    between.ue.answer(came, 200, secure(OTHER_KEY, more=""))
    assert between.core.response(200).body == early.body
    legs = stage.gateway.engine.legs.values()
    assert [written(leg.receive.key) for leg in legs if leg.receive is not None] == [KEY]
    leg.send("ACK", cseq=1)
    between.ue.request("ACK")
    leg.send("BYE")
    between.ue.answer(between.ue.request("BYE"), 200)


def test_two_descriptions_in_one_body(stage: Stage) -> None:
    part = b"--x\r\nContent-Type: application/sdp\r\n\r\n"
    between = ends(stage)
    body = b"".join((part, of_ue(), b"\r\n", part, of_ue(OTHER_KEY), b"\r\n--x--\r\n"))
    kind = "multipart/mixed;boundary=x"
    between.ue.ask("INVITE", "sip:carol@other.example", body, kind=kind)
    between.ue.response(488)
    between.core.nothing()


def test_lines_that_an_end_declines_keep_their_places() -> None:
    """A refused m-line keeps its place and proto, and may be used again (RFC 3264 8.1)."""
    one = up(in_invite_and_200, True, "e2ae")
    more = [one.ue.author.line("e2ae", "video"), one.ue.author.line("plain", "text")]
    one.ue.send("UPDATE", [*one.ue.author.lines, *more])
    one.read()
    one.core.answer(one.core.open[0], 200, closed=frozenset({1}))
    one.read()
    assert [(line.proto, line.active) for line in read(one.ue.theirs).lines] == [
        ("RTP/SAVP", True),
        ("RTP/SAVP", False),
        ("RTP/AVP", True),
    ]
    one.check_gateway()
    again: list[Line] = list(one.ue.author.lines)
    again[1] = one.ue.author.line("e2ae", "video")
    one.ue.send("INVITE", again)
    answer_all(one)
    assert all(line.active for line in read(one.ue.theirs).lines)
    one.check_gateway()
    one.stage.gateway.asked()
    check_and_hang_up(one, 3, [], one.core)
