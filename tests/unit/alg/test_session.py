"""Offers and answers of a session: what goes to the gateway, what goes to the other side."""

from dataclasses import replace
from typing import Any

import pytest

from iq.procedures import Action, ActionReply, Configure, Endpoint, Latch, Mode, Release, Reserve, Stream
from pcscf.alg.session import MediaPolicy, MediaSession
from pcscf.errors import SdpRejected, SipRefusal
from pcscf.flow import Side
from pcscf.sdp.crypto import parse
from tests.support.media import (
    KEY_LINE,
    OTHER_KEY,
    UE_KEY,
    Gateway,
    Random,
    answer,
    offer,
    profile,
    sdp,
    step,
)

REQUEST = "a=3ge2ae:requested"
SECURE = f"m=audio 30000 RTP/SAVP 8\n{KEY_LINE}\n{REQUEST}"
PLAIN = "m=audio 5004 RTP/AVP 8"
UE_ANSWER = f"m=audio 30000 RTP/SAVP 8\n{KEY_LINE}"


class Call:
    """A session with its gateway."""

    def __init__(self, *mechanisms: str, policy: MediaPolicy | None = None, **options: Any) -> None:
        emergency = bool(options.pop("emergency", False))
        access = profile(*(mechanisms or ("sdes-srtp",)), **options)
        self.session = MediaSession(policy or MediaPolicy(), access, Random(), emergency=emergency)
        self.gateway = Gateway()

    def offer(self, text: bytes, sender: Side = Side.ACCESS) -> str:
        return offer(self.session, self.gateway, text, sender).decode()

    def answer(self, text: bytes, sender: Side = Side.CORE, fork: str = "b1") -> str:
        return answer(self.session, self.gateway, text, sender, fork).decode()

    def originate(self) -> str:
        self.offer(sdp(SECURE))
        return self.answer(sdp(PLAIN, host="203.0.113.77"))

    def terminate(self) -> str:
        self.offer(sdp(PLAIN, host="203.0.113.77"), Side.CORE)
        return self.answer(sdp(UE_ANSWER), Side.ACCESS)

    @property
    def last(self) -> Action:
        return self.gateway.actions[-1]

    def changes(self) -> list[tuple[str, Stream]]:
        return [
            (p.termination, s) for p in self.last.procedures if isinstance(p, Configure) for s in p.streams
        ]


def version_of(text: str) -> str:
    return text.split("\r\n")[1].split()[2]


def crypto_of(text: str) -> str:
    return next(line for line in text.split("\r\n") if line.startswith("a=crypto:"))


# the ordinary call


def test_an_ordinary_call_is_three_actions() -> None:
    call = Call()
    call.originate()
    reserve, configure = call.gateway.actions
    assert [type(p) for p in reserve.procedures] == [Reserve, Reserve]
    assert (reserve.context, configure.context) == (None, 812)
    assert call.changes() == [
        ("ip/0/core/2", Stream(transport="RTP/AVP", remote=Endpoint("203.0.113.77", 5004)))
    ]
    release = call.session.release()
    assert release == Action(812, [Release("*")])
    call.gateway.execute(release)
    assert call.session.release() is None
    assert call.gateway.alive == {}


def test_terminating_reserves_the_core_first_with_its_remote() -> None:
    call = Call(inactivity=30)
    call.offer(sdp(PLAIN, host="203.0.113.77"), Side.CORE)
    core, access = call.last.procedures
    assert isinstance(core, Reserve)
    assert isinstance(access, Reserve)
    assert (core.realm, core.streams[0].remote) == ("core", Endpoint("203.0.113.77", 5004))
    assert (access.realm, access.latch, access.inactivity) == ("access", Latch.LATCH, 30)
    assert access.streams[0].remote is None
    assert access.streams[0].local_crypto is not None
    call.answer(sdp(UE_ANSWER), Side.ACCESS)
    [(termination, stream)] = call.changes()
    assert termination == access_termination(call)
    assert stream.remote == Endpoint("192.0.2.10", 30000)
    assert stream.remote_crypto is not None
    assert stream.local_crypto is None


def access_termination(call: Call) -> str:
    return next(t for t in call.gateway.alive if "/access/" in t)


def test_several_suites_leave_the_local_key_to_the_answer() -> None:
    suites = ("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM")
    call = Call(policy=MediaPolicy(offer_suites=suites), suites=frozenset(suites[:2]))
    out = call.offer(sdp(PLAIN), Side.CORE)
    lines = [line for line in out.split("\r\n") if line.startswith("a=crypto:")]
    assert [line.split()[:2] for line in lines] == [["a=crypto:1", suites[0]], ["a=crypto:2", suites[1]]]
    assert lines[0].split()[2] != lines[1].split()[2]
    reserve = call.last.procedures[1]
    assert isinstance(reserve, Reserve)
    assert reserve.streams[0].local_crypto is None
    gcm = "a=crypto:2 AEAD_AES_128_GCM inline:My5+4L780KrToaxKIWb7zDsntu2Og0FsiV4Uqw=="
    call.answer(sdp(f"m=audio 30000 RTP/SAVP 8\n{gcm}"), Side.ACCESS)
    [(_, stream)] = call.changes()
    assert stream.local_crypto is not None
    assert stream.local == Endpoint("198.51.100.20", 20000)
    assert (stream.local_crypto.suite, stream.local_crypto.tag) == ("AEAD_AES_128_GCM", 2)


@pytest.mark.parametrize(("indicator", "there"), [("applied", True), ("none", False)])
def test_indication_in_answers_is_a_choice(indicator: str, there: bool) -> None:
    call = Call(policy=MediaPolicy(answer_indicator=indicator))
    assert ("a=3ge2ae:applied" in call.originate()) is there


def test_no_indication_for_a_ue_that_did_not_ask() -> None:
    call = Call(policy=MediaPolicy(implicit=True))
    call.offer(sdp(UE_ANSWER))
    out = call.answer(sdp(PLAIN))
    assert "a=crypto:1" in out
    assert "3ge2ae" not in out


def test_emergency_is_told_to_the_gateway() -> None:
    call = Call(emergency=True)
    call.originate()
    assert all(action.emergency for action in call.gateway.actions)


def test_the_peers_suite_name_is_echoed() -> None:
    call = Call(suites=frozenset({"AES_256_CM_HMAC_SHA1_80"}))
    key = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdA=="
    call.offer(sdp(f"m=audio 30000 RTP/SAVP 8\na=crypto:4 AES_CM_256_HMAC_SHA1_80 inline:{key}\n{REQUEST}"))
    assert crypto_of(call.answer(sdp(PLAIN))).startswith("a=crypto:4 AES_CM_256_HMAC_SHA1_80 inline:")


def test_potential_configuration_is_answered_as_the_actual_one() -> None:
    call = Call()
    capabilities = f"a=tcap:1 RTP/SAVP\na=acap:1 {KEY_LINE[2:]}\na=pcfg:1 t=1 a=1"
    core = call.offer(sdp(f"m=audio 30000 RTP/AVP 8\n{capabilities}\n{REQUEST}"))
    assert "cap" not in core
    assert UE_KEY not in core
    out = call.answer(sdp(PLAIN))
    assert "m=audio 20000 RTP/SAVP 8\r\n" in out
    assert "a=acfg:1 t=1 a=1\r\n" in out
    assert "a=crypto:1" in out


def test_best_effort_keeps_its_profile() -> None:
    call = Call(policy=MediaPolicy(best_effort=True))
    assert "crypto" not in call.offer(sdp(f"{PLAIN}\n{KEY_LINE}"))
    reserve = call.last.procedures[0]
    assert isinstance(reserve, Reserve)
    assert reserve.streams[0].transport == "RTP/SAVP"
    out = call.answer(sdp(PLAIN))
    assert "RTP/AVP 8" in out
    assert "a=crypto:1" in out


def test_capability_negotiation_end_to_end_may_end_as_srtp() -> None:
    call = Call()
    capabilities = f"a=tcap:1 RTP/SAVP\na=acap:1 {KEY_LINE[2:]}\na=pcfg:1 t=1 a=1"
    assert capabilities.replace("\n", "\r\n") in call.offer(sdp(f"m=audio 30000 RTP/AVP 8\n{capabilities}"))
    out = call.answer(sdp(f"m=audio 5004 RTP/SAVP 8\na=crypto:1 X inline:{OTHER_KEY}\na=acfg:1 t=1 a=1"))
    assert "m=audio 20000 RTP/SAVP 8" in out
    assert OTHER_KEY in out


# provisional responses and forks


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


# re-offers


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
        call.session.plan_offer(sdp(SECURE.replace("SHA1_80", "SHA1_32"), version=2), Side.ACCESS)
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
        call.session.plan_offer(sdp(text, version=2), side)
    assert caught.value.status == 488
    assert call.session.streams[0] is not None


def test_fewer_lines_are_refused() -> None:
    call = Call()
    call.offer(sdp(SECURE, "m=video 4000 RTP/AVP 96"))
    call.answer(sdp(PLAIN, "m=video 4000 RTP/AVP 96"))
    with pytest.raises(SdpRejected):
        call.session.plan_offer(sdp(SECURE, version=2), Side.ACCESS)


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
    changed = call.session.plan_offer(sdp(SECURE + "\na=ptime:20", version=5), Side.ACCESS)
    assert changed.notes == ("o= version unchanged, content changed",)
    step(call.session, call.gateway, changed)
    call.answer(sdp(PLAIN))
    older = call.session.plan_offer(sdp(SECURE, version=4), Side.ACCESS)
    assert older.notes == ("o= version decreased",)


# offers in responses


def test_offer_in_a_200_and_answer_in_the_ack() -> None:
    call = Call()
    assert "RTP/AVP" in call.offer(sdp(SECURE), Side.ACCESS)
    assert "a=crypto:1" in call.answer(sdp(PLAIN), Side.CORE)
    other = Call()
    assert "a=3ge2ae:applied" in other.offer(sdp(PLAIN), Side.CORE)
    assert "RTP/AVP" in other.answer(sdp(UE_ANSWER), Side.ACCESS)


# refusals


def test_an_only_line_refused_is_488_with_its_reason() -> None:
    call = Call(network=frozenset())
    with pytest.raises(SdpRejected) as caught:
        call.session.plan_offer(
            sdp(f"m=audio 3 RTP/SAVP 8\na=crypto:1 X inline:{UE_KEY}\n{REQUEST}"), Side.ACCESS
        )
    assert caught.value.status == 488
    assert caught.value.headers == (
        ("Warning", '399 pcscf "the network does not offer sdes-srtp on this access"'),
    )
    assert UE_KEY not in str(caught.value)
    assert call.session.release() is None


def test_no_suite_is_488_with_the_standard_warning() -> None:
    call = Call(policy=replace(MediaPolicy(), node="pcscf.visited.example"))
    with pytest.raises(SdpRejected) as caught:
        call.session.plan_offer(sdp(SECURE.replace("SHA1_80", "SHA1_32")), Side.ACCESS)
    assert caught.value.headers == (
        ("Warning", '399 pcscf.visited.example "no acceptable SRTP crypto suite"'),
    )


def test_refused_lines_among_others_get_port_0() -> None:
    call = Call()
    core = call.offer(sdp("m=message 9 TCP/TLS/MSRP *\na=fingerprint:x y", SECURE, "m=a 3/2 RTP/AVP 0"))
    assert "m=message 0 TCP/TLS/MSRP *\r\nm=audio 40000 RTP/AVP 8\r\nm=a 0 RTP/AVP 0\r\n" in core
    assert "fingerprint" not in core
    out = call.answer(sdp("m=message 0 TCP/TLS/MSRP *", PLAIN, "m=a 0 RTP/AVP 0"))
    assert "m=message 0 TCP/TLS/MSRP *\r\nm=audio 20000 RTP/SAVP 8\r\n" in out
    assert [d.action for d in call.session.decisions] == ["refused", "e2ae", "refused"]


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
        call.session.plan_offer(sdp(f"m=audio 30000 RTP/SAVP 8\n{ours}\n{REQUEST}", version=2), Side.ACCESS)


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
        call.session.plan_offer(sdp(PLAIN), Side.CORE)
    assert other.value.status == 491
    with pytest.raises(SipRefusal) as same:
        call.session.plan_offer(sdp(SECURE), Side.ACCESS)
    assert same.value.status == 500
    [(name, seconds)] = same.value.headers
    assert name == "Retry-After"
    assert 0 <= int(seconds) <= 10
    assert "RTP/SAVP" in call.answer(sdp(PLAIN))


# the gateway fails


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
    plan = call.session.plan_offer(sdp(SECURE), Side.ACCESS)
    with pytest.raises(SipRefusal):
        call.session.complete(plan, reply)
    release = call.session.release()
    assert (release.context if release else None) == (reply.context if reply else None)


def test_release_while_the_gateway_works_is_repeated_behind_it() -> None:
    call = Call()
    plan = call.session.plan_offer(sdp(SECURE), Side.ACCESS)
    assert call.session.release() is None
    call.session.complete(plan, call.gateway.execute(plan.action))
    call.gateway.execute(call.session.release())
    assert call.gateway.alive == {}
    assert call.session.release() is None


def test_failed_addition_leaves_the_session_as_it_was() -> None:
    call = Call()
    first = call.originate()
    call.gateway.fail_at = 1
    plan = call.session.plan_offer(sdp(SECURE, "m=video 31000 RTP/AVP 96", version=2), Side.ACCESS)
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
    plan = call.session.plan_offer(sdp(SECURE), Side.ACCESS)
    step(call.session, call.gateway, plan)
    call.gateway.execute(call.session.rollback(plan))
    assert call.gateway.alive == {}


def test_rollback_of_a_re_offer() -> None:
    call = Call()
    first = call.originate()
    plan = call.session.plan_offer(sdp(SECURE + "\na=sendonly", version=2), Side.ACCESS)
    step(call.session, call.gateway, plan)
    assert call.session.rollback(plan) is None
    call.offer(sdp(SECURE, version=3))
    assert call.answer(sdp(PLAIN, host="203.0.113.77")) == first


def test_rollback_behind_an_early_answer_restores_the_gateway() -> None:
    call = Call()
    call.originate()
    rekeyed = SECURE.replace(UE_KEY, OTHER_KEY) + "\na=sendonly"
    plan = call.session.plan_offer(sdp(rekeyed, "m=video 31000 RTP/AVP 96", version=2), Side.ACCESS)
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


def test_no_key_in_plans_and_sessions() -> None:
    call = Call()
    plan = call.session.plan_offer(sdp(SECURE), Side.ACCESS)
    call.session.complete(plan, call.gateway.execute(plan.action))
    later = call.session.plan_answer(sdp(PLAIN), Side.CORE)
    for value in (
        plan,
        later,
        plan.action,
        plan.exchange,
        call.session,
        call.session.streams,
        call.session.decisions,
    ):
        assert UE_KEY not in repr(value)
        assert "\\x" not in repr(value)


def test_pending_and_record() -> None:
    call = Call()
    assert (call.session.pending, call.session.record()) == (None, [])
    call.offer(sdp(SECURE))
    assert call.session.pending is Side.ACCESS
    call.answer(sdp(PLAIN))
    assert call.session.pending is None
    [entry] = call.session.record()
    assert (entry["decision"], entry["mechanism"], entry["clause"]) == ("e2ae", "sdes-srtp", "33.328 7.2.1")


def test_first_stream_in_a_later_offer() -> None:
    call = Call()
    call.offer(sdp("m=audio 0 RTP/AVP 8"))
    call.answer(sdp("m=audio 0 RTP/AVP 8"))
    call.gateway.fail_at = 1
    plan = call.session.plan_offer(sdp(SECURE, version=2), Side.ACCESS)
    with pytest.raises(SipRefusal):
        step(call.session, call.gateway, plan)
    call.gateway.fail_at = None
    call.gateway.execute(call.session.rollback(plan))
    assert call.gateway.alive == {"ip/0/access/1": set()}
    call.offer(sdp(SECURE, version=3))
    assert "RTP/SAVP" in call.answer(sdp(PLAIN, version=3))
    assert call.gateway.alive == {"ip/0/access/1": {2}, "ip/0/core/2": {2}}
