"""Datagrams and streams."""

import pytest

from pcscf.errors import BadMessage
from pcscf.sip.framing import StreamReader, from_datagram
from pcscf.sip.message import MAX_HEAD
from pcscf.sip.validate import MAX_BODY
from tests.support.sip import INVITE, request

pytestmark = pytest.mark.usefixtures("either_reader")

BYE = request("BYE").encode()


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n\r\n", b"\x00", b"\x00\x00\x00\x00", b"\n"])
def test_keep_alive_datagrams(data: bytes) -> None:
    assert from_datagram(data) is None


def test_line_ends_before_a_datagram() -> None:
    got = from_datagram(b"\r\n\r\n" + BYE)
    assert got is not None
    assert got.encode() == BYE


def test_body_of_a_datagram() -> None:
    data = request(body=b"abcd").encode()
    longer = from_datagram(data + b"efgh")
    shorter = from_datagram(data[:-1])
    without = from_datagram(data.replace(b"Content-Length: 4\r\n", b""))
    assert longer is not None
    assert shorter is not None
    assert without is not None
    assert (longer.body, shorter.body, without.body) == (b"abcd", b"abc", b"abcd")


def test_stream_of_several() -> None:
    reader = StreamReader()
    got = reader.feed(INVITE + b"\r\n" + BYE + BYE[:20])
    assert [message.encode() for message in got] == [INVITE, BYE]
    assert reader.partial
    assert [message.encode() for message in reader.feed(BYE[20:])] == [BYE]
    assert not reader.partial


def test_pings() -> None:
    reader = StreamReader()
    assert reader.feed(b"\r\n\r") == []
    assert reader.pings == 0
    assert not reader.partial
    assert reader.feed(b"\n\r\n\r\n" + BYE + b"\r\n\r\n") != []
    assert reader.pings == 3
    assert reader.broken is None


@pytest.mark.parametrize(
    ("lengths", "status"),
    [
        pytest.param((), 400, id="absent"),
        pytest.param(("x",), 400, id="no number"),
        pytest.param(("-1",), 400, id="negative"),
        pytest.param(("1", "2"), 400, id="two"),
        pytest.param((str(MAX_BODY + 1),), 513, id="too large"),
    ],
)
def test_stream_that_cannot_be_framed(lengths: tuple[str, ...], status: int) -> None:
    bad = request("OPTIONS")
    bad.remove("content-length")
    for length in lengths:
        bad.append("Content-Length", length)
    reader = StreamReader()
    got = reader.feed(BYE + bad.encode() + BYE)
    assert [message.encode() for message in got] == [BYE]
    assert reader.broken is not None
    assert reader.refused is not None
    assert (reader.refused.method, reader.status) == ("OPTIONS", status)
    assert reader.feed(BYE) == []


@pytest.mark.parametrize("data", [b"x" * (MAX_HEAD + 4), b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
def test_no_sip_at_all(data: bytes) -> None:
    reader = StreamReader()
    assert reader.feed(data) == []
    assert isinstance(reader.broken, BadMessage)
    assert reader.refused is None
