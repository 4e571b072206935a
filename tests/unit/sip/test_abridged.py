"""Requests with too many or too large header fields are answered, where an answer can be written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcscf.errors import BadMessage, SipRefusal
from pcscf.sip.build import response_to
from pcscf.sip.framing import StreamReader, from_datagram
from pcscf.sip.message import MAX_HEAD, MAX_HEADERS, Request, parse
from pcscf.sip.validate import validate
from pcscf.transaction.layer import Send, TransactionLayer
from tests.support.sip import RecordedFlow, request

pytestmark = pytest.mark.usefixtures("either_reader")

MANY = [f"X-{number}: y" for number in range(MAX_HEADERS)]
LARGE = ["X-Large: " + "y" * 8000] * 9


def with_lines(*lines: str, method: str = "OPTIONS", body: bytes = b"") -> bytes:
    """A request with further header lines: half of them before those that it needs, unless they are large."""
    head, gap, body = request(method, body=body).encode().partition(b"\r\n\r\n")
    first, _, rest = head.partition(b"\r\n")
    extra = [line.encode() for line in lines]
    half = 0 if extra[:1] == [LARGE[0].encode()] else len(extra) // 2
    return b"\r\n".join([first, *extra[:half], rest, *extra[half:]]) + gap + body


def without(data: bytes, name: bytes) -> bytes:
    return b"\r\n".join(line for line in data.split(b"\r\n") if not line.startswith(name + b":"))


@pytest.mark.parametrize(("lines", "status"), [(MANY, 400), (LARGE[:7], 0), (MANY + LARGE[:6], 400)])
def test_a_datagram_is_read_as_far_as_its_answer_needs(lines: list[str], status: int) -> None:
    message = from_datagram(with_lines(*lines))
    assert isinstance(message, Request)
    assert response_to(message, 400).encode() == response_to(request("OPTIONS"), 400).encode()
    if status:
        assert len(message.fields) < 10
        with pytest.raises(SipRefusal) as refused:
            validate(message)
        assert refused.value.status == status
    else:
        validate(message)


def test_compact_and_folded_fields_are_found() -> None:
    data = with_lines(*MANY).replace(b"Via:", b"v:").replace(b"Call-ID: ", b"I :\r\n\t")
    message = from_datagram(data)
    assert isinstance(message, Request)
    assert (message.get("call-id"), message.get("via")) == (
        "c1@203.0.113.9", "SIP/2.0/UDP 203.0.113.9:5062;branch=z9hG4bK1;rport"
    )  # fmt: skip


@pytest.mark.parametrize("name", [b"Via", b"From", b"To", b"Call-ID", b"CSeq"])
@pytest.mark.parametrize("lines", [MANY, LARGE], ids=["many", "large"])
def test_what_cannot_be_answered_is_no_message(name: bytes, lines: list[str]) -> None:
    data = without(with_lines(*lines), name)
    reader = StreamReader()
    assert reader.feed(data) == []
    assert reader.refused is None
    assert reader.broken is not None
    if lines is MANY:
        with pytest.raises(BadMessage):
            from_datagram(data)


@pytest.mark.parametrize("data", [
    with_lines(*MANY).replace(b"OPTIONS sip:bob@ims.example SIP/2.0", b"SIP/2.0 200 OK"),
    with_lines(*["Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2"] * MAX_HEADERS),
    b"OPTIONS" + b"\r\n:" * 300 + b"\r\n\r\n",
], ids=["response", "hops alone", "nothing"])  # fmt: skip
def test_responses_and_nonsense_are_no_message(data: bytes) -> None:
    with pytest.raises(BadMessage):
        from_datagram(data)


def test_a_stream_goes_on_behind_too_many_header_fields() -> None:
    reader = StreamReader()
    many, bye = reader.feed(with_lines(*MANY, body=b"abc") + request("BYE").encode())
    assert isinstance(many, Request)
    assert (many.method, many.body) == ("OPTIONS", b"abc")
    assert isinstance(bye, Request)
    assert bye.method == "BYE"
    assert reader.broken is None
    with pytest.raises(SipRefusal, match="too many header lines"):
        validate(many)


@pytest.mark.parametrize("step", [1 << 20, 1000])
def test_a_stream_ends_behind_a_head_that_is_too_large(step: int) -> None:
    """However it comes in pieces, and whether or not it ends: needed fields stand before the octets kept."""
    whole = with_lines(*LARGE)
    for data in (whole, whole[:-2] + bytes(MAX_HEAD)):
        reader = StreamReader()
        got = [message for at in range(0, len(data), step) for message in reader.feed(data[at : at + step])]
        assert got == []
        assert reader.broken is not None
        assert reader.refused is not None
        assert (reader.status, reader.refused.method) == (513, "OPTIONS")


def test_what_is_large_by_itself_is_refused_for_it() -> None:
    """A WebSocket message, which is not bounded as a datagram is, and ends where it says."""
    message = from_datagram(with_lines(*LARGE))
    assert isinstance(message, Request)
    with pytest.raises(SipRefusal) as refused:
        validate(message)
    assert (refused.value.status, refused.value.reason) == (513, "header fields too large")


@pytest.mark.parametrize(("method", "answers"), [("OPTIONS", 1), ("ACK", 0)])
def test_the_answer_is_one_of_the_transaction_layer(method: str, answers: int) -> None:
    layer, flow = TransactionLayer(), RecordedFlow()
    message = from_datagram(with_lines(*MANY, method=method))
    assert message is not None
    sent = [parse(effect.data) for effect in layer.receive(message, flow, 0.0) if isinstance(effect, Send)]
    assert [answer.start_line() for answer in sent] == ["SIP/2.0 400 Bad Request"] * answers
    assert all((answer.first("via") or "").endswith(";rport=5062;received=203.0.113.9") for answer in sent)
    assert layer.counters == {"refused_400": 1}
    assert len(layer) == 0


#: Pieces of a head that may go wrong where fields are looked for.
PIECES = [
    b"Via: a", b"From: b", b"t: <sip:c>", b"i: d", b"CSeq: 1 X", b"l: 0", b"Q", b" fold", b":", b"", b"\r",
    b"\n", b"\xff", b"via", b"To:",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.sampled_from([b"\r\n", b"\n"]), st.booleans())
def test_whatever_is_too_much_is_answered_or_refused(pieces: list[bytes], end: bytes, large: bool) -> None:
    head = end.join([b"MESSAGE sip:a SIP/2.0", *pieces])
    head += b"\r\nX: " + b"y" * MAX_HEAD if large else b"\r\nX: y" * (MAX_HEADERS + 1)
    try:
        message = from_datagram(head + b"\r\n\r\n")
    except BadMessage:
        return
    assert isinstance(message, Request)
    if b"\r\n\r\n" not in head:
        assert len(message.fields) <= 31
        with pytest.raises(SipRefusal):
            validate(message)
    response = response_to(message, 400, to_tag="1")
    assert parse(response.encode()).encode() == response.encode()
