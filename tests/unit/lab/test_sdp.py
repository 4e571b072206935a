"""The lab's own SDP."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import sdp
from lab.errors import BadDescription

OFFER = (
    b"v=0\r\no=alice 7 3 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    b"m=audio 30000 RTP/SAVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
    b"a=crypto:1 AEAD_AES_128_GCM inline:My5+4L780KrToaxKIWb7zDsntu2Og0FsiV4Uqw==\r\n"
    b"a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:iHHhgz9/CEj23Dme6qS0fWx6Fqcu2PiXwB67LlaB|2^31|1:1\r\n"
    b"a=3ge2ae: requested\r\na=sendonly\r\n"
    b"m=video 0 RTP/AVP 31\r\nm=audio 40 RTP/AVP 0\r\nc=IN IP4 192.0.2.11\r\na=rtcp:99\r\n"
)


def test_parse() -> None:
    found = sdp.parse(OFFER)
    audio, video, other = found.media
    assert found.origin == ("7", "3")
    assert found.first("audio") is audio
    assert (audio.rtp, audio.rtcp) == (("192.0.2.10", 30000), ("192.0.2.10", 30001))
    assert (audio.secure, audio.direction, audio.indicators) == (True, "sendonly", ("requested",))
    assert len(audio.crypto) == 2
    assert (video.port, video.kind) == (0, "video")
    assert (other.rtp, other.rtcp) == (("192.0.2.11", 40), ("192.0.2.11", 99))


def test_summary_has_suites_and_no_keys() -> None:
    text = sdp.parse(OFFER).summary()
    assert text == (
        "RTP/SAVP +crypto(AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80) +3ge2ae:requested sendonly"
        " | video RTP/AVP port 0 | RTP/AVP"
    )
    assert "My5" not in repr(sdp.parse(OFFER))


def test_build_is_read_back() -> None:
    line = sdp.MediaLine(proto=sdp.SECURE, port=4000, crypto=("1 X inline:Y",), indicators=("requested",))
    body = sdp.build(sdp.Description([line], ("5", "6")), "127.0.0.1", "bob")
    found = sdp.parse(body)
    assert found.media[0].crypto == line.crypto
    assert found.media[0].rtp == ("127.0.0.1", 4000)
    assert found.origin == ("5", "6")
    assert body.count(b"a=rtpmap") == 2


def test_attributes_of_the_session_count_where_a_line_has_none() -> None:
    session = b"a=fingerprint:sha-256 AA\r\na=setup:passive\r\na=tool:x\r\n"
    lines = b"m=message 9 TCP/TLS/MSRP *\r\na=path:x\r\nm=message 9 TCP/TLS/MSRP *\r\na=setup:active\r\n"
    first, second = sdp.parse(b"v=0\r\n" + session + lines).media
    assert first.attributes == ("path:x", "fingerprint:sha-256 AA", "setup:passive")
    assert (second.values("fingerprint"), second.values("setup")) == (["sha-256 AA"], ["active"])
    assert (second.value("tool"), second.secure) == (None, True)
    assert second.summary() == "message TCP/TLS/MSRP +fingerprint(sha-256) +setup:active"


def test_rewrite_changes_addresses_alone() -> None:
    body = sdp.rewrite(OFFER, [("127.0.0.1", 6000), None, ("127.0.0.2", 6002)])
    audio, video, other = sdp.parse(body).media
    assert (audio.rtp, video.port, other.rtp, other.rtcp) == (
        ("127.0.0.1", 6000),
        0,
        ("127.0.0.2", 6002),
        ("127.0.0.2", 6003),
    )
    assert audio.crypto == sdp.parse(OFFER).media[0].crypto


LINES = st.one_of(
    st.binary(max_size=30),
    st.builds(
        lambda *parts: b" ".join(parts),
        st.sampled_from([b"m=audio", b"a=rtcp:", b"a=fingerprint:", b"c=IN"]),
        st.text("0123456789\u00b2/x", max_size=12).map(str.encode),
        st.sampled_from([b"RTP/AVP 8", b"TCP/BFCP *"]),
    ),
)


@given(st.lists(LINES, max_size=12))
def test_whatever_comes_is_read_or_refused(lines: list[bytes]) -> None:
    body = b"\r\n".join([b"v=0", *lines])
    try:
        found = sdp.parse(body)
    except BadDescription:
        return
    assert all(0 <= line.port <= 65_535 for line in found.media)
    ends = [("127.0.0.1", 4000 + number) for number, _ in enumerate(found.media)]
    again = sdp.parse(sdp.rewrite(body, list(ends)))
    assert [line.rtp for line in again.media] == ends
    assert found.summary() is not None


@pytest.mark.parametrize(
    "body", [b"", b"v=1\r\n", b"v=0\r\n", b"v=0\r\nm=audio x RTP/AVP 8\r\n", b"v=0\r\nm=a\r\n"]
)
def test_parse_refuses(body: bytes) -> None:
    with pytest.raises(BadDescription):
        sdp.parse(body)
