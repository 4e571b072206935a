"""The SDP model: limits, what is tolerated, what is not, and addresses."""

import pytest

from pcscf.errors import SdpRejected
from pcscf.sdp import model
from pcscf.sdp.address import address_of, rtcp_port
from pcscf.sdp.indicator import indicated
from pcscf.sdp.model import Sdp
from tests.support.media import KEY_LINE, sdp

HEAD = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"


def test_lf_is_accepted_and_crlf_written() -> None:
    parsed = Sdp.parse(b"v=0\no=- 1 1 IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\na=x:1\n")
    assert parsed.encode() == b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\na=x:1\r\n"
    assert parsed.origin == ("1", "1")


def test_lines_keep_odd_octets_and_order() -> None:
    data = HEAD + b"a=\xff\xfe: x\r\nm=audio  4000 RTP/AVP 0\r\na=\xc3\xa9\r\ni=t\r\na=B:1\r\na=b:2\r\n"
    parsed = Sdp.parse(data)
    assert parsed.encode() == data
    assert parsed.media[0].values("b") == ["1", "2"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"o=- 1 1 IN IP4 192.0.2.1\r\nv=0\r\n",
        b"v=0\r\ns=-\r\n",
        b"v=0\r\ns=-\r\nm=audio 1 RTP/AVP 0\r\no=- 1 1 IN IP4 192.0.2.1\r\n",
        HEAD + b"x=1\r\n",
        HEAD + b"A=crypto:1\r\n",
        HEAD + b"\r\na=x\r\n",
        HEAD + b"a=x\ra=3ge2ae:applied\r\n",
        HEAD + b"a=x\0\r\n",
        HEAD + b"m=audio 65536 RTP/AVP 0\r\n",
        HEAD + b"m=audio -1 RTP/AVP 0\r\n",
        HEAD + b"m=audio 1/x RTP/AVP 0\r\n",
        HEAD + "m=audio \u0661 RTP/AVP 0\r\n".encode(),
        HEAD + b"m=audio 1 RTP/AVP\r\n",
        HEAD + b"m=\r\n",
    ],
)
def test_not_a_description(data: bytes) -> None:
    with pytest.raises(SdpRejected) as caught:
        Sdp.parse(data)
    assert caught.value.status == 488


def test_limits() -> None:
    line = b"m=audio 1 RTP/AVP 0\r\n"
    assert len(Sdp.parse(HEAD + line * model.MAX_MEDIA).media) == model.MAX_MEDIA
    with pytest.raises(SdpRejected, match="m-lines"):
        Sdp.parse(HEAD + line * (model.MAX_MEDIA + 1))
    Sdp.parse(HEAD + line + b"a=x\r\n" * model.MAX_ATTRIBUTES)
    with pytest.raises(SdpRejected, match="attributes"):
        Sdp.parse(HEAD + line + b"a=x\r\n" * (model.MAX_ATTRIBUTES + 1))
    with pytest.raises(SdpRejected) as caught:
        Sdp.parse(HEAD + b"a=" + b"x" * model.MAX_SDP)
    assert caught.value.status == 413


def test_media_level_address_wins() -> None:
    parsed = Sdp.parse(
        sdp("m=audio 1 RTP/AVP 0", "m=video 2 RTP/AVP 96\na=x\nc=IN IP4 192.0.2.99\nc=IN IP4 192.0.2.98")
    )
    assert [media.address.host for media in parsed.media] == ["192.0.2.10", "192.0.2.99"]


@pytest.mark.parametrize(
    ("value", "host", "problem"),
    [
        ("IN IP4 192.0.2.10", "192.0.2.10", ""),
        ("in ip4 192.0.2.10 ", "192.0.2.10", ""),
        ("IN  IP4  192.0.2.10", "192.0.2.10", ""),
        ("IN IP6 2001:DB8:0:0::1", "2001:db8::1", ""),
        (None, "", "no c= line"),
        ("IN IP4 media.example", "", "not a numeric"),
        ("IN IP4 192.0.2.256", "", "not a numeric"),
        ("IN IP4 192.0.2.010", "", "not a numeric"),
        ("IN IP4 2001:db8::1", "", "not a numeric"),
        ("IN IP6 192.0.2.1", "", "not a numeric"),
        ("IN IP6 fe80::1%eth0", "", "not a numeric"),
        ("IN IP6 ::ffff:192.0.2.1", "", "not a numeric"),
        ("IN IP4 224.0.0.1", "", "multicast"),
        ("IN IP4 255.255.255.255", "", "multicast"),
        ("IN IP4 192.0.2.1/127", "", "multicast"),
        ("IN IP6 ff02::1", "", "multicast"),
        ("", "", "not a numeric"),
        ("TN RFC2543 1", "", "not a numeric"),
    ],
)
def test_addresses(value: str | None, host: str, problem: str) -> None:
    address = address_of(value)
    assert address.host == host
    assert problem in address.problem
    assert bool(address.problem) is not bool(host)


@pytest.mark.parametrize("value", ["IN IP4 0.0.0.0", "IN IP6 ::"])
def test_hold_by_address(value: str) -> None:
    assert address_of(value).hold


@pytest.mark.parametrize(
    ("value", "port"),
    [
        (None, None),
        ("5001", None),
        ("6000", 6000),
        ("6000 IN IP4 192.0.2.1", 6000),
        ("0", None),
        ("70000", None),
        ("x", None),
        ("", None),
    ],
)
def test_rtcp_port(value: str | None, port: int | None) -> None:
    assert rtcp_port(value, 5000) == port


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (["requested"], "requested"),
        ([" Requested "], "requested"),
        (["APPLIED"], "applied"),
        (["later", "requested"], "requested"),
        (["applied", "requested"], "applied"),
        (["requested now"], None),
        ([""], None),
        ([], None),
    ],
)
def test_indication(values: list[str], word: str | None) -> None:
    assert indicated(values) == word


def test_no_key_in_a_repr() -> None:
    parsed = Sdp.parse(sdp("m=audio 1 RTP/SAVP 0\n" + KEY_LINE))
    for value in (parsed, parsed.session, parsed.media[0]):
        assert "iHHhgz9" not in repr(value)
