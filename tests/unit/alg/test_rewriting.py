"""What crosses from one leg to the other, and what stays on its own."""

import pytest

from iq.procedures import ActionReply, Configure, Endpoint, Reserve, Reserved, Stream
from pcscf.alg.session import MediaPolicy, MediaSession
from pcscf.flow import Side
from tests.support.media import KEY_LINE, UE_KEY, Gateway, Random, answer, offer, profile, sdp

SECURE = f"m=audio 30000 RTP/SAVP 8\n{KEY_LINE}\na=3ge2ae:requested"
PLAIN = "m=audio 5004 RTP/AVP 8"

#: Lines that stay on the leg that they came on, of protected and of plain streams.
OWN = [
    "a=crypto:9 F8_128_HMAC_SHA1_80 inline:secret",
    "a=Crypto:9 F8_128_HMAC_SHA1_80 inline:secret",
    "a= crypto :9 F8_128_HMAC_SHA1_80 inline:secret",
    "a=3ge2ae:applied",
    "a=fingerprint:SHA-256 AB:CD",
    "a=setup:actpass",
    "a=connection:new",
    "a=tls-id:abcdefghijklmnopqrstuvwxyz",
    "a=ice-ufrag:x",
    "a=ice-pwd:y",
    "a=ice-options:trickle",
    "a=candidate:1 1 UDP 1 192.0.2.10 30000 typ host",
    "a=remote-candidates:1 192.0.2.10 30000",
    "a=end-of-candidates",
    "a=rtcp:30009 IN IP4 192.0.2.10",
    "a=rtcp-mux",
    "a=rtcp-mux-only",
    "a=ssrc:1 cname:x",
    "a=ssrc-group:FID 1 2",
    "a=msid:a b",
    "a=extmap:1 urn:x",
    "a=acap:1 crypto:1 X inline:secret",
    "a=tcap:1 RTP/SAVP",
    "k=clear:secret",
    "c=IN IP4 192.0.2.10",
]
#: Lines that are of no concern to an edge.
SHARED = [
    "a=rtpmap:8 PCMA/8000",
    "a=fmtp:8 x=1; y=2",
    "a=ptime:20",
    "a=mid:0",
    "a=curr:qos local none",
    "a=des:qos mandatory local sendrecv",
    "a=rtcp-fb:* nack pli",
    "a=x-unknown: \udcff odd",
    "b=AS:64",
    "b=RS:0",
    "i=a title",
]


def session(*mechanisms: str, policy: MediaPolicy | None = None) -> tuple[MediaSession, Gateway]:
    return MediaSession(policy or MediaPolicy(), profile(*mechanisms), Random()), Gateway()


def lines_of(out: bytes) -> list[str]:
    return out.decode("utf-8", "surrogateescape").split("\r\n")


def encoded(*sections: str, session_lines: str = "") -> bytes:
    text = sdp(session=session_lines).decode() + "".join(f"{s}\n".replace("\n", "\r\n") for s in sections)
    return text.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("line", OWN)
@pytest.mark.parametrize("media", [SECURE, PLAIN], ids=["e2ae", "plain"])
def test_stays_on_the_access_side(media: str, line: str) -> None:
    out = offer(*session("sdes-srtp"), encoded(f"{media}\n{line}"))
    assert line not in lines_of(out)
    assert b"secret" not in out
    assert UE_KEY.encode() not in out


@pytest.mark.parametrize("line", OWN)
@pytest.mark.parametrize("mechanisms", [["sdes-srtp"], []], ids=["e2ae", "plain"])
def test_stays_on_the_core_side(mechanisms: list[str], line: str) -> None:
    policy = MediaPolicy(end_to_end=False)
    out = offer(*session(*mechanisms, policy=policy), encoded(f"{PLAIN}\n{line}"), Side.CORE)
    assert b"secret" not in out
    # Of the indication there is only our own.
    assert lines_of(out).count(line) == (1 if line == "a=3ge2ae:applied" and mechanisms else 0)


@pytest.mark.parametrize("line", SHARED)
@pytest.mark.parametrize("side", Side)
def test_crosses_untouched(side: Side, line: str) -> None:
    media = SECURE if side is Side.ACCESS else PLAIN
    assert line in lines_of(offer(*session("sdes-srtp"), encoded(f"{media}\n{line}"), side))


@pytest.mark.parametrize(
    "line",
    [
        "a=crypto:1 X inline:secret",
        "a=3ge2ae:requested",
        "a=fingerprint:SHA-256 AB",
        "a=ice-lite",
        "a=group:BUNDLE 0",
        "a=msid-semantic: WMS *",
        "a=key-mgmt:mikey secret",
        "k=clear:secret",
    ],
)
def test_stays_on_its_leg_at_the_session_level(line: str) -> None:
    out = offer(*session("sdes-srtp"), encoded(SECURE, session_lines=f"{line}\n"))
    assert line not in lines_of(out)


def test_session_level_is_kept_in_order() -> None:
    text = b"v=0\no=alice 1 1 IN IP4 192.0.2.10\ns=a name\ni=info\nb=AS:99\nt=0 0\na=group:LS 0\na=tool:x\n"
    out = offer(*session(), text + b"m=audio 5004 RTP/AVP 8\nc=IN IP4 192.0.2.10\n")
    assert lines_of(out)[2:9] == [
        "s=a name",
        "i=info",
        "c=IN IP4 203.0.113.20",
        "b=AS:99",
        "t=0 0",
        "a=group:LS 0",
        "a=tool:x",
    ]


def test_missing_name_and_time_are_supplied() -> None:
    out = offer(*session(), b"v=0\no=- 1 1 IN IP4 192.0.2.1\nc=IN IP4 192.0.2.1\nm=audio 5004 RTP/AVP 8\n")
    assert lines_of(out)[2:5] == ["s=-", "c=IN IP4 203.0.113.20", "t=0 0"]


def test_rtcp_mux_is_answered_on_access_alone() -> None:
    state = session("sdes-srtp")
    core = offer(*state, sdp(f"{SECURE}\na=rtcp-mux"))
    assert b"rtcp-mux" not in core
    reserve = state[1].actions[0].procedures[0]
    assert isinstance(reserve, Reserve)
    assert reserve.streams[0].rtcp_mux
    assert b"a=rtcp-mux\r\n" in answer(*state, sdp(PLAIN))
    # It stays in what we offer from then on.
    assert b"a=rtcp-mux\r\n" in offer(*state, sdp(PLAIN, version=2), Side.CORE)


def test_rtcp_port_of_the_peer_goes_to_the_gateway() -> None:
    state = session("sdes-srtp")
    offer(*state, sdp(f"{SECURE}\na=rtcp:30009"))
    reserve = state[1].actions[0].procedures[0]
    assert isinstance(reserve, Reserve)
    assert reserve.streams[0].remote == Endpoint("192.0.2.10", 30000, 30009)


def test_addresses_of_the_gateway() -> None:
    """rtcp only where it is not on the next port; a c= of its own only where the session's does not serve."""
    state, _ = session()
    plan = state.plan_offer(sdp(PLAIN, "m=video 6000 RTP/AVP 96\ni=cam", "m=text 0 RTP/AVP 98"), Side.ACCESS)
    assert plan.action is not None
    access = [
        Stream(1, local=Endpoint("198.51.100.20", 20000)),
        Stream(2, local=Endpoint("198.51.100.20", 20002)),
    ]
    core = [
        Stream(1, local=Endpoint("203.0.113.20", 40000, 40007)),
        Stream(2, local=Endpoint("2001:db8::5", 40002)),
    ]
    out = state.complete(plan, ActionReply(3, [Reserved("a", access), Reserved("c", core)]))
    assert lines_of(out)[3:] == [
        "c=IN IP4 203.0.113.20",
        "t=0 0",
        "m=audio 40000 RTP/AVP 8",
        "a=rtcp:40007",
        "m=video 40002 RTP/AVP 96",
        "i=cam",
        "c=IN IP6 2001:db8::5",
        "m=text 0 RTP/AVP 98",
        "",
    ]


def test_end_to_end_lines_stay_octet_for_octet() -> None:
    kept = [
        "a=key-mgmt:mikey AQAF",
        "a=Crypto:1  odd spacing|1:1 -X",
        "a=rtcp-mux",
        "a=fingerprint:sha-256 ab",
        "a=setup:actpass",
        "a=ssrc:1 cname:x",
        "a=sendonly",
    ]
    gone = ["a=3ge2ae:applied", "a=candidate:1 1 UDP 1 192.0.2.10 3 typ host", "a=ice-ufrag:x", "a=rtcp:9"]
    text = "\n".join(["m=audio 30000 RTP/SAVP 8", *kept, *gone])
    out = offer(*session("sdes-srtp"), sdp(text, session="a=key-mgmt:mikey AQAG\n"))
    assert lines_of(out)[5:-1] == ["a=key-mgmt:mikey AQAG", "m=audio 40000 RTP/SAVP 8", *kept]


def test_session_level_fingerprint_is_copied_to_the_end_to_end_line_alone() -> None:
    dtls = "m=image 6000 UDP/TLS/UDPTL t38"
    out = offer(
        *session("sdes-srtp"), sdp(SECURE, dtls, session="a=fingerprint:SHA-256 AB\na=setup:actpass\n")
    )
    assert lines_of(out)[5:-1] == [
        "m=audio 40000 RTP/AVP 8",
        "m=image 40002 UDP/TLS/UDPTL t38",
        "a=fingerprint:SHA-256 AB",
        "a=setup:actpass",
    ]


def test_feedback_goes_with_its_profile() -> None:
    """RTP/SAVPF faces RTP/AVPF; only where a profile without feedback results does rtcp-fb go."""
    out = offer(*session("sdes-srtp"), sdp(f"{SECURE}\na=rtcp-fb:* nack".replace("SAVP ", "SAVPF ")))
    assert b"RTP/AVPF 8" in out
    assert b"rtcp-fb" in out


def test_description_without_streams() -> None:
    state = session()
    out = offer(*state, sdp("m=audio 0 RTP/AVP 8"))
    assert lines_of(out)[1:] == [
        "o=- 1 1 IN IP4 0.0.0.0",
        "s=-",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "m=audio 0 RTP/AVP 8",
        "",
    ]
    assert state[1].actions == []
    assert b"m=audio 0 RTP/AVP 8" in answer(*state, sdp("m=audio 0 RTP/AVP 8"))


CAPABILITIES = ["a=tcap:1 RTP/SAVP", "a=acap:1 crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret"]


def test_capabilities_of_the_session_level_pass_with_the_line_that_refers_to_them() -> None:
    above = "\n".join([*CAPABILITIES, "a=acap:9 3ge2ae:applied", ""])
    out = offer(*session("sdes-srtp"), sdp(f"{PLAIN}\na=pcfg:1 t=1 a=1", session=above))
    assert lines_of(out)[5:-1] == [*CAPABILITIES, "m=audio 40000 RTP/AVP 8", "a=pcfg:1 t=1 a=1"]
    assert b"cap:" not in offer(*session("sdes-srtp"), sdp(PLAIN, session=above))


def test_an_indication_as_a_capability_is_removed_and_counted() -> None:
    state, gateway = session()
    text = "\n".join([PLAIN, *CAPABILITIES, "a=acap:2 3GE2AE: applied", "a=pcfg:1 t=1 a=1,2"])
    out = offer(state, gateway, sdp(text, host="203.0.113.77"), Side.CORE)
    assert lines_of(out)[6:-1] == [*CAPABILITIES, "a=pcfg:1 t=1 a=1,2"]
    assert state.forged == 1


def test_what_a_potential_configuration_adds_goes_to_the_core() -> None:
    text = "\n".join([
        PLAIN,
        "a=tcap:1 RTP/SAVPF",
        f"a=acap:1 {KEY_LINE[2:]}",
        "a=acap:2 rtcp-xr:loss",
        "a=acap:3 rtcp-fb:* nack",
        "a=acap:4 setup:active",
        "a=pcfg:1 t=1 a=1,2,3,4",
        "a=3ge2ae:requested",
    ])  # fmt: skip
    out = offer(*session("sdes-srtp"), sdp(text))
    assert lines_of(out)[5:-1] == ["m=audio 40000 RTP/AVP 8", "a=rtcp-xr:loss"]


TO_CORE = """m=audio 40000 RTP/AVPF 8
b=TIAS:64000
b=RR:0
a=mid:a1
a=rtcp-rsize
a=rtcp-xr:rcvr-rtt=all
a=rtcp-fb:* nack
a=curr:qos local none
a=des:qos mandatory local sendrecv
a=conf:qos remote sendrecv
a=sendonly"""
#: What it is from the UE: the same with what belongs to its leg in between.
FROM_UE = (
    TO_CORE.replace("40000 RTP/AVPF", "30000 RTP/SAVPF")
    .replace("a=mid:a1", f"a=mid:a1\n{KEY_LINE}\na=rtcp-mux\na=rtcp:30000\na=ice-ufrag:x\na=ice-pwd:y")
    .replace("a=sendonly", "a=candidate:1 1 UDP 1 192.0.2.10 30000 typ host\na=sendonly\na=3ge2ae:requested")
)


def test_a_whole_m_section_of_the_ue() -> None:
    """Profile with feedback, RTCP on one port, ICE and BUNDLE end at the gateway; the rest is the ends'."""
    state = session("sdes-srtp")
    groups = "a=ice-lite\na=group:BUNDLE a1\na=group:LS a1\n"
    out = lines_of(offer(*state, sdp(FROM_UE, session=groups)))
    assert out[5:-1] == ["a=group:LS a1", *TO_CORE.split("\n")]
    back = lines_of(answer(*state, sdp(TO_CORE.replace("sendonly", "recvonly"), session=groups)))
    assert (
        back[5:-1]
        == [
            "a=group:LS a1",
            *TO_CORE.replace("40000 RTP/AVPF", "20000 RTP/SAVPF").split("\n")[:-1],
            back[-5],
            "a=3ge2ae:applied",
            "a=rtcp-mux",
            "a=recvonly",
            "",
        ][:-1]
    )
    assert back[-5].startswith("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:")


def test_rtcp_on_one_port_is_a_matter_of_each_leg() -> None:
    """The core's a=rtcp and a=rtcp-mux say nothing to the UE; its RTCP goes to the port that it names."""
    state = session("sdes-srtp")
    offer(*state, sdp(f"{SECURE}\na=rtcp-mux-only\na=rtcp-mux"))
    out = answer(*state, sdp(f"{PLAIN}\na=rtcp:6001 IN IP4 203.0.113.77\na=rtcp-mux"))
    assert out.count(b"rtcp-mux") == 1
    assert b"a=rtcp:" not in out
    configure = state[1].actions[-1].procedures[0]
    assert isinstance(configure, Configure)
    [stream] = configure.streams
    assert (stream.remote, stream.rtcp_mux) == (Endpoint("192.0.2.10", 5004, 6001), False)


def test_rtcp_on_one_port_ends_where_the_ue_does_not_repeat_it() -> None:
    state = session("sdes-srtp")
    offer(*state, sdp(f"{SECURE}\na=rtcp-mux"))
    answer(*state, sdp(PLAIN))
    assert b"a=rtcp-mux" in offer(*state, sdp(PLAIN, version=2), Side.CORE)
    answer(*state, sdp(f"m=audio 30000 RTP/SAVP 8\n{KEY_LINE}"), Side.ACCESS)
    [stream] = [s for p in state[1].actions[-1].procedures if isinstance(p, Configure) for s in p.streams]
    assert not stream.rtcp_mux
    assert b"a=rtcp-mux" not in offer(*state, sdp(PLAIN, version=3), Side.CORE)
