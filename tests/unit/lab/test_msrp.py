"""MSRP as the lab writes and reads it (RFC 4975)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import msrp
from lab.msrp import BadMessage, Message, Range, Reader, Uri

TO, FROM = "msrp://192.0.2.1:2855/bob;tcp", "msrps://192.0.2.2:9/alice;tcp"
SEND = (
    b"MSRP a786hjs2 SEND\r\n"
    b"To-Path: msrp://192.0.2.1:2855/bob;tcp\r\n"
    b"From-Path: msrps://192.0.2.2:9/alice;tcp\r\n"
    b"Message-ID: 87652491\r\n"
    b"Byte-Range: 1-25/25\r\n"
    b"Content-Type: text/plain\r\n"
    b"\r\n"
    b"Hey Bob, are you there?\r\n"
    b"\r\n-------a786hjs2$\r\n"
)
OK = (
    b"MSRP a786hjs2 200 OK\r\nTo-Path: msrps://192.0.2.2:9/alice;tcp\r\n"
    b"From-Path: msrp://192.0.2.1:2855/bob;tcp\r\n-------a786hjs2$\r\n"
)


def test_what_the_rfc_shows() -> None:
    send, answer = Reader().feed(SEND + OK)
    assert (send.method, send.transaction, send.flag) == ("SEND", "a786hjs2", "$")
    assert (send.to_path, send.from_path) == (TO, FROM)
    assert send.fields["content-type"] == "text/plain"
    assert send.body == b"Hey Bob, are you there?\r\n"
    assert (answer.status, answer.method, answer.body) == (200, "", None)


def sendable(body: bytes | None) -> bool:
    """No end-line of its own transaction may stand in a body (RFC 4975 7.1)."""
    return re.search(rb"\r\n-------a1b2[$+#]\r\n", b"\r\n%b\r\n" % (body or b"")) is None


PARTS = st.sampled_from(
    [b"\r\n", b"-------a1b2", b"-------", b"$", b"x", b"-------c3d4$\r\n", b"MSRP a1b2 SEND\r\n"]
)
BODIES = st.one_of(st.none(), st.binary(max_size=300), st.lists(PARTS, max_size=6).map(b"".join)).filter(
    sendable
)


@given(st.lists(st.tuples(BODIES, st.sampled_from("$+#")), max_size=4), st.lists(st.integers(1, 40)))
def test_any_pieces_make_the_same_messages(parts: list[tuple[bytes | None, str]], cuts: list[int]) -> None:
    sent = [
        Message("a1b2", TO, FROM, "SEND", fields={"Byte-Range": "1-*/*"}, body=b, flag=f) for b, f in parts
    ]
    octets = b"".join(message.encode() for message in sent)
    reader, found = Reader(), []
    for cut in [*cuts, len(octets)]:
        found += reader.feed(octets[:cut])
        octets = octets[cut:]
    assert [(one.body, one.flag) for one in found] == [(one.body, one.flag) for one in sent]


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_whatever_comes_is_read_or_refused(pieces: list[bytes]) -> None:
    reader = Reader()
    try:
        for piece in [b"MSRP ", *pieces]:
            for message in reader.feed(piece):
                assert message.to_path
    except BadMessage:
        return


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"\x16\x03\x01\x02\x00", "no MSRP"),
        (b"GET / HTTP/1.1\r\n", "no MSRP"),
        (b"MSRP x SEND\r\n", "first line"),
        (b"MSRP " + b"a" * msrp.MAX_HEAD, "head too large"),
        (b"MSRP a1b2 SEND\r\nTo-Path: x\r\n" + b"X: y\r\n" * msrp.MAX_HEAD, "head too large"),
        (b"MSRP a1b2 SEND\r\nFrom-Path: x\r\nTo-Path: y\r\n-------a1b2$\r\n", "not first"),
        (b"MSRP a1b2 SEND\r\nTo-Path: x\r\nFrom-Path: y\r\n-------a1b2?\r\n", "end-line"),
        (b"MSRP a1b2 SEND\r\nTo-Path\r\n\r\n", "header field"),
        (b"MSRP a1b2 SEND\r\n" + b"X:y\r\n" * (msrp.MAX_FIELDS + 1) + b"\r\n", "header field"),
        (b"MSRP a1b2 SEND\r\nTo-Path: \xff\xfe\r\n\r\n", "UTF-8"),
        (SEND[: SEND.index(b"Hey")] + bytes(msrp.MAX_CHUNK + 1), "chunk too large"),
    ],
)
def test_what_is_refused(octets: bytes, reason: str) -> None:
    with pytest.raises(BadMessage, match=reason):
        Reader().feed(octets)


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        (TO, Uri(False, "192.0.2.1", 2855, "bob")),
        ("MSRPS://u@[2001:db8::1]:9/s4;TCP;x=y msrp://a/b;tcp", Uri(True, "2001:db8::1", 9, "s4")),
        ("msrp://far.example/s;tcp", Uri(False, "far.example", msrp.PORT, "s")),
    ],
)
def test_uris(text: str, uri: Uri) -> None:
    assert Uri.parse(text) == uri
    assert Uri.parse(str(uri)) == uri


@pytest.mark.parametrize("text", ["", "msrp://a:70000/b;tcp", "msrp://a/b", "sip:a@b", "msrp:///b;tcp"])
def test_no_uri(text: str) -> None:
    with pytest.raises(BadMessage):
        Uri.parse(text)


def test_ranges() -> None:
    assert Range.parse("1-25/25") == Range(1, 25, 25)
    assert str(Range.parse("5-*/*")) == "5-*/*"
    for text in ("", "0-1/2", "1-2", "a-b/c", f"1-{10**13}/1"):
        with pytest.raises(BadMessage):
            Range.parse(text)


@given(st.integers(0, 10_000), st.integers(1, 3000))
def test_chunks_are_the_whole_in_order(size: int, piece: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    found = list(msrp.chunks(content[:size], piece))
    assert b"".join(octets for _, octets, _ in found) == content[:size]
    assert [flag for *_, flag in found] == ["+"] * (len(found) - 1) + ["$"]
    assert all(part.first - 1 + len(octets) == part.last for part, octets, _ in found)
