"""How large a message and its parts may be, and what is answered above."""

import pytest

from pcscf.errors import BadMessage, SipRefusal
from pcscf.sip.framing import StreamReader, from_datagram
from pcscf.sip.message import MAX_HEAD, MAX_HEADERS, Request, parse
from pcscf.sip.validate import MAX_BODY, MAX_HOPS, MAX_LINE, validate
from tests.support.sip import request

pytestmark = pytest.mark.usefixtures("either_reader")


def with_lines(*lines: str) -> bytes:
    head, gap, body = request("OPTIONS").encode().partition(b"\r\n\r\n")
    return head + "".join(f"\r\n{line}" for line in lines).encode() + gap + body


def status(data: bytes) -> int:
    message = from_datagram(data)
    assert isinstance(message, Request)
    try:
        validate(message)
    except SipRefusal as refusal:
        return refusal.status
    return 0


@pytest.mark.parametrize("name", ["X-Long", "Subject", "From-Afar"])
def test_one_header_field(name: str) -> None:
    room = MAX_LINE - len(f"{name}: ")
    assert status(with_lines(f"{name}: {'x' * room}")) == 0
    assert status(with_lines(f"{name}: {'x' * (room + 1)}")) == 400


@pytest.mark.parametrize("name", ["Via", "Route", "Record-Route", "Path", "History-Info"])
@pytest.mark.parametrize("per_line", [1, 10])
def test_hops(name: str, per_line: int) -> None:
    value = "SIP/2.0/UDP a;branch=z9hG4bK1" if name == "Via" else "<sip:a;lr>"
    own = 1  # Via of the request
    line = f"{name}: {', '.join([value] * per_line)}"
    fitting = [line] * ((MAX_HOPS - own) // per_line)
    assert status(with_lines(*fitting)) == 0
    assert status(with_lines(*fitting, line, line)) == 400


def test_body() -> None:
    for size, expected in ((MAX_BODY, 0), (MAX_BODY + 1, 513)):
        data = request("OPTIONS").encode().replace(b"Content-Length: 0", b"Content-Length: %d" % size)
        message = parse(data + bytes(size))
        try:
            validate(message)
            got = 0
        except SipRefusal as refusal:
            got = refusal.status
        assert got == expected


def test_header_lines_and_all_of_the_head() -> None:
    own = len(request("OPTIONS").fields)
    assert status(with_lines(*["Q: 1"] * (MAX_HEADERS - own))) == 0
    with pytest.raises(BadMessage):
        parse(with_lines(*["Q: 1"] * (MAX_HEADERS - own + 1)))
    with pytest.raises(BadMessage):
        parse(with_lines(*["X: " + "y" * 8000] * 9))


def test_a_head_that_never_ends_takes_no_more_than_its_limit() -> None:
    reader = StreamReader()
    for _ in range(100):
        assert reader.feed(b"X: " + b"y" * 8000 + b"\r\n") == []
        assert len(reader._buffer) <= MAX_HEAD + 8100
    assert reader.broken is not None
    assert len(reader._buffer) == 0
