"""The SDP in a message body."""

from typing import Any

import pytest

from pcscf.errors import SdpRejected, SipRefusal
from pcscf.sdp.body import MAX_DEPTH, MAX_PARTS, find_sdp

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
MIXED = 'multipart/mixed; boundary="b 1"'


def part(content: bytes, kind: bytes = b"application/sdp", *fields: bytes) -> bytes:
    return b"".join(f + b"\r\n" for f in (b"Content-Type: " + kind, *fields)) + b"\r\n" + content


def mixed(*parts: bytes, boundary: bytes = b"b 1") -> bytes:
    body = b"".join(b"--" + boundary + b"\r\n" + p + b"\r\n" for p in parts)
    return body + b"--" + boundary + b"--\r\n"


def test_plain() -> None:
    found = find_sdp("application/SDP; charset=utf-8", SDP)
    assert found is not None
    assert found.sdp == SDP
    assert found.replace(b"new") == b"new"


@pytest.mark.parametrize("kind", [None, "application/sdp", "text/plain"])
def test_no_body(kind: str | None) -> None:
    assert find_sdp(kind, b"") is None


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("text/plain", {}),
        (None, {}),
        ("application/pkcs7-mime; smime-type=enveloped-data", {}),
        ("application/sdp", {"encoding": "gzip"}),
        (MIXED, {"encoding": "gzip"}),
        ("application/sdp", {"encoding": "gzip", "disposition": "session;handling=optional"}),
        ("text/plain", {"disposition": "render;handling=required"}),
    ],
)
def test_unsupported(kind: str | None, options: dict[str, Any]) -> None:
    with pytest.raises(SipRefusal) as caught:
        find_sdp(kind, b"x", **options)
    assert caught.value.status == 415
    assert caught.value.headers == (("Accept", "application/sdp"),)


def test_body_that_need_not_be_read() -> None:
    assert find_sdp("text/plain", b"x", disposition="render; Handling = optional") is None
    assert find_sdp("message/sipfrag", b"x", required=False) is None
    assert find_sdp(MIXED, mixed(part(b"x", b"text/plain")), required=False) is None
    with pytest.raises(SipRefusal):
        find_sdp(MIXED, mixed(part(b"x", b"text/plain")))


def test_multipart_keeps_the_rest_octet_for_octet() -> None:
    other = part(b"\x00\xff--b 1x\r\n", b"application/x")
    body = b"preamble\r\n" + mixed(other, part(SDP), part(b"", b"text/plain")) + b"epilogue"
    found = find_sdp(MIXED, body)
    assert found is not None
    assert found.sdp == SDP
    assert found.replace(SDP) == body
    assert found.replace(b"NEW") == body.replace(SDP, b"NEW")


def test_multipart_with_lf_alone() -> None:
    body = mixed(part(b"x", b"text/plain"), part(SDP)).replace(b"\r\n", b"\n")
    found = find_sdp('multipart/mixed;boundary="b 1"', body)
    assert found is not None
    assert found.sdp == SDP.replace(b"\r\n", b"\n")
    assert found.replace(found.sdp) == body


def test_length_of_the_part_is_corrected() -> None:
    body = mixed(part(SDP, b"application/sdp", b"content-length: %d" % len(SDP)))
    found = find_sdp(MIXED, body)
    assert found is not None
    assert b"content-length: 3\r\n\r\nNEW\r\n--b 1--" in found.replace(b"NEW")


def test_nested() -> None:
    inner = mixed(part(b"x", b"text/plain"), part(SDP), boundary=b"in")
    body = mixed(part(inner, b"multipart/alternative; boundary=in"), part(b"y", b"text/plain"))
    found = find_sdp(MIXED, body)
    assert found is not None
    assert found.replace(b"NEW") == body.replace(SDP, b"NEW")


def nested(depth: int) -> tuple[str, bytes]:
    kind, body = "application/sdp", SDP
    for level in range(depth):
        boundary = f"level{level}"
        body = mixed(part(body, kind.encode()), boundary=boundary.encode())
        kind = f"multipart/mixed;boundary={boundary}"
    return kind, body


def test_depth() -> None:
    assert find_sdp(*nested(MAX_DEPTH)) is not None
    with pytest.raises(SipRefusal) as caught:
        find_sdp(*nested(MAX_DEPTH + 1))
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/mixed", mixed(part(SDP))),
        (MIXED, mixed(part(SDP))[:-9]),
        (MIXED, b"nothing"),
        (MIXED, mixed(*[part(b"x", b"text/plain")] * (MAX_PARTS + 1))),
        (MIXED, mixed(part(SDP, b"application/sdp", b"X: " + b"x" * 5000))),
    ],
    ids=["no boundary", "not closed", "no parts", "too many parts", "head too large"],
)
def test_malformed(kind: str, body: bytes) -> None:
    with pytest.raises(SipRefusal) as caught:
        find_sdp(kind, body)
    assert caught.value.status == 400


def test_encoded_part() -> None:
    for name in (b"Content-Transfer-Encoding: base64", b"Content-Encoding: gzip"):
        with pytest.raises(SipRefusal) as caught:
            find_sdp(MIXED, mixed(part(SDP, b"application/sdp", name)))
        assert caught.value.status == 415


def test_two_descriptions() -> None:
    early = part(b"v=0 other", b"application/sdp", b"Content-Disposition: early-session")
    session = part(SDP, b"application/sdp", b"Content-Disposition: Session;handling=required")
    found = find_sdp(MIXED, mixed(early, session))
    assert found is not None
    assert found.sdp == SDP
    with pytest.raises(SdpRejected):
        find_sdp(MIXED, mixed(part(SDP), part(SDP)))


def test_no_key_passes_in_the_other_description() -> None:
    early = part(b"v=0\r\na=Crypto:1 X", b"application/sdp", b"Content-Disposition: early-session")
    session = part(SDP, b"application/sdp", b"Content-Disposition: session")
    with pytest.raises(SdpRejected):
        find_sdp(MIXED, mixed(session, early))


def test_no_content_in_a_repr() -> None:
    found = find_sdp("application/sdp", b"v=0 secret")
    assert "secret" not in repr(found)
