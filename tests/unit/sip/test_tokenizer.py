"""The tokenizer of ``native/sip`` against the reader in Python: the same, or nothing."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcscf.sip import message as reading
from pcscf.sip.framing import StreamReader, from_datagram
from pcscf.sip.message import MAX_HEADERS, Message, Request, Response, parse
from pcscf.sip.validate import MAX_LINE, validate, validate_response
from tests.support.sip import INVITE, request

pytestmark = pytest.mark.usefixtures("tokenizer")

TESTS = Path(__file__).parents[2]
VECTORS = [*sorted(TESTS.glob("vectors/rfc4475/*.dat")), *sorted(TESTS.glob("vectors/rfc5118/*.dat"))]
GOLDEN = sorted(TESTS.glob("golden/*/*.sip"))

REGISTER = (
    b"REGISTER sip:ims.example SIP/2.0\r\n"
    b"Via: SIP/2.0/TCP [2001:db8::9]:5060;branch=z9hG4bK-1-1;rport\r\n"
    b"From: <sip:alice@ims.example>;tag=1\r\nTo: <sip:alice@ims.example>\r\nCall-ID: 1-77@2001:db8::9\r\n"
    b"CSeq: 1 REGISTER\r\n"
    b'Contact: <sip:alice@[2001:db8::9]:5060>;+sip.instance="<urn:uuid:00>";expires=60\r\n'
    b"Supported: path, sec-agree\r\nContent-Length: 0\r\n\r\n"
)
#: As SIPp, baresip and Kamailio write them.
ORDINARY = {
    "INVITE of a phone": INVITE,
    "REGISTER over IPv6": REGISTER,
    "INVITE of SIPp": (
        b"INVITE sip:service@127.0.0.1:5060 SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-7-1-0\r\n"
        b"From: sipp <sip:sipp@127.0.0.1:5061>;tag=7SIPpTag001\r\n"
        b"To: service <sip:service@127.0.0.1:5060>\r\nCall-ID: 1-7@127.0.0.1\r\nCSeq: 1 INVITE\r\n"
        b"Contact: sip:sipp@127.0.0.1:5061\r\nMax-Forwards: 70\r\n"
        b"Subject: Performance Test\r\nContent-Type: application/sdp\r\nContent-Length:     5\r\n\r\nv=0\r\n"
    ),
    "180 of SIPp": (
        b"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-7-1-0\r\n"
        b"From: sipp <sip:sipp@127.0.0.1:5061>;tag=7SIPpTag001\r\n"
        b"To: service <sip:service@127.0.0.1:5060>;tag=8SIPpTag011\r\nCall-ID: 1-7@127.0.0.1\r\n"
        b"CSeq: 1 INVITE\r\nContact: <sip:127.0.0.1:5060;transport=UDP>\r\nContent-Length: 0\r\n\r\n"
    ),
    "200 of SIPp, which joins Vias": (
        b"SIP/2.0 200 OK\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKa.1, SIP/2.0/UDP [2001:db8::9];branch=b,"
        b"SIP/2.0/TCP 127.0.0.1:5061;branch=z9hG4bK-7-1-0 \r\n"
        b"From: sipp <sip:sipp@127.0.0.1:5061>;tag=7SIPpTag001\r\n"
        b"To: service <sip:service@127.0.0.1:5060>;tag=8SIPpTag011\r\nCall-ID: 1-7@127.0.0.1\r\n"
        b"CSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n"
    ),
    "BYE of baresip": (
        b"BYE sip:bob@192.0.2.7:5060;transport=udp SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK0f5d;rport\r\n"
        b"Route: <sip:192.0.2.1;transport=udp;lr>\r\n"
        b"Max-Forwards: 70\r\nTo: <sip:bob@ims.example>;tag=b9\r\nFrom: <sip:alice@ims.example>;tag=42aa\r\n"
        b"Call-ID: 8c3ad9c5ae3f\r\nCSeq: 20182 BYE\r\nUser-Agent: baresip v1.0.0 (x86_64/Linux)\r\n"
        b"Content-Length: 0\r\n\r\n"
    ),
    "ACK of baresip": (
        b"ACK sip:bob@192.0.2.7:5060;transport=udp SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK0f5e;rport\r\n"
        b"Max-Forwards: 70\r\nTo: <sip:bob@ims.example>;tag=b9\r\nFrom: <sip:alice@ims.example>;tag=42aa\r\n"
        b"Call-ID: 8c3ad9c5ae3f\r\nCSeq: 20181 ACK\r\nContent-Length: 0\r\n\r\n"
    ),
    "200 through Kamailio": (
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport=5060;received=192.0.2.1;branch=z9hG4bK1\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.9:5070;received=192.0.2.9;branch=z9hG4bK0f5d;rport=5070\r\n"
        b"Record-Route: <sip:192.0.2.2;lr;ftag=42aa>, <sip:192.0.2.1;lr>\r\n"
        b'To: "Bob, B." <sip:bob@ims.example>;tag=b9\r\nFrom: <sip:alice@ims.example>;tag=42aa\r\n'
        b"Call-ID: 8c3ad9c5ae3f\r\nCSeq: 20181 INVITE\r\nServer: kamailio (5.6.3 (x86_64/linux))\r\n"
        b"Contact: <sip:bob@192.0.2.7>;expires=60, <sip:bob@192.0.2.8>\r\nContent-Length: 0\r\n\r\n"
    ),
}  # fmt: skip
SEEDS = [*ORDINARY.values(), *(path.read_bytes() for path in [*VECTORS, *GOLDEN])]
LINES = [
    b"Via: SIP/2.0/UDP a;branch=z9hG4bK1", b"Via: SIP/2.0/UDP a:1;x, SIP/2.0/TLS [::1]:9;y",
    b"v: x, y", b"f: <sip:a@b>", b"To: *", b"m: *", b"X", b" folded",
    b'Contact: "a,b" <sip:a>;q="<,"', b"Contact: <sip:a,b>;x", b"Contact:", b"Route: a, b,, c", b"l: 0",
    b"Content-Length: 00", b"CSeq: 1  INVITE", b"Expires:1", b"subject : x", b"\xc3\xa4: x", b"X: \xff",
    b"X: \x1c", b"Max-Forwards: 0255",
    b"Path: " + b"," * 250, b"X: " + b"y" * MAX_LINE, b"x-y: z\r\n" * (MAX_HEADERS // 2 - 9) + b"x: y",
]  # fmt: skip
PIECES = [*b' \t",;<>@:?=\\[]*%0aZ.\r\n\x00\x7f\xff', *range(256)]


def shape(message: Message) -> tuple[object, ...]:
    if isinstance(message, Request):
        return message.method, message.uri, message.version, message.fields, message.body
    assert isinstance(message, Response)
    return message.status, message.reason, message.fields, message.body


def in_python(data: bytes) -> Message:
    kept, reading.tokenizer = reading.tokenizer, None
    try:
        return parse(data)
    finally:
        reading.tokenizer = kept


def agree(data: bytes) -> bool:
    """Check what the tokenizer says of a message; tell whether it says anything."""
    assert reading.tokenizer is not None
    if reading.tokenizer(data) is None:
        return False
    message = parse(data)
    pure = in_python(data)
    assert shape(message) == shape(pure)
    assert pure.vouched == -1
    assert all(raw.isascii() for _, raw in message.fields)
    lengths = pure.all("content-length")
    assert [int(length) for length in lengths] == [message.vouched]
    pure.body = pure.body.ljust(message.vouched)[: message.vouched]
    if isinstance(pure, Request):
        validate(pure)
    else:
        assert isinstance(pure, Response)
        validate_response(pure)
    return True


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return ``data`` with a few octets or lines changed, doubled, moved or taken away."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(6):
            case 0:
                changed[at : at + 1] = bytes([chance.choice(PIECES)])
            case 1:
                changed[at:at] = bytes([chance.choice(PIECES)])
            case 2:
                del changed[at : at + chance.choice((1, 1, 2, 9))]
            case _ as way:
                lines = bytes(changed).split(b"\r\n")
                line = chance.choice(LINES) if way == 3 else chance.choice(lines)
                lines[chance.randrange(len(lines)) :][:0] = [line]
                where = chance.randrange(len(lines))
                lines[where : where + (way == 5)] = [line]
                changed = bytearray(b"\r\n".join(lines))
    return bytes(changed)


@pytest.mark.parametrize("data", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_messages_are_in_order(data: bytes) -> None:
    assert agree(data)
    assert parse(data).in_order


@pytest.mark.parametrize("path", [*VECTORS, *GOLDEN], ids=lambda path: path.stem)
def test_known_messages(path: Path) -> None:
    agree(path.read_bytes())
    agree(re.sub(rb"\r?\n", b"\r\n", path.read_bytes()))


def test_names_are_the_very_keys() -> None:
    had = {"from", "to", "call-id", "cseq", "max-forwards", "content-length", "contact"}
    spellings = [(name, key) for name, key in reading._KEYS.items() if key not in had]
    for name, key in spellings:
        data = request(headers=((name, "x"), ("X-OWN", "x"))).encode()
        assert agree(data)
        known, own = [key for key, raw in parse(data).fields if raw.endswith(": x")]
        assert known is key
        assert own == "x-own"


@given(st.randoms(use_true_random=False))
def test_whatever_is_changed(chance: random.Random) -> None:
    for _ in range(20):
        agree(mutated(chance.choice(SEEDS), chance))


@pytest.mark.parametrize("size", [MAX_LINE - 600, MAX_LINE - 400, MAX_LINE - 3, MAX_LINE])
@pytest.mark.parametrize("name", ["X-Own", "Via"])
def test_long_lines(name: str, size: int) -> None:
    agree(request(headers=((name, "y" * size),)).encode())


def test_a_body_is_cut_or_missing() -> None:
    longer, shorter = from_datagram(INVITE + b"x"), from_datagram(INVITE[:-1])
    assert longer is not None
    assert longer.in_order
    assert longer.encode() == INVITE
    assert shorter is not None
    assert not shorter.in_order


def test_on_a_stream_a_message_is_in_order_with_its_body() -> None:
    reader = StreamReader()
    (got,) = reader.feed(INVITE[:700]) + reader.feed(INVITE[700:])
    assert got.in_order
    assert not got.copy().in_order


EDITS: dict[str, Callable[[Message], object]] = {
    "remove": lambda message: message.remove("to"),
    "set": lambda message: message.set("To", "x"),
    "append": lambda message: message.append("To", "x"),
    "prepend": lambda message: message.prepend("To", "x"),
    "replace values": lambda message: message.replace_values("To", ["x"]),
    "pop": lambda message: message.pop_value("to"),
    "replace first": lambda message: message.replace_first("To", "x"),
    "body": lambda message: message.set_body(b"x"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_nothing_is_known_of_an_edited_message(edit: Callable[[Message], object]) -> None:
    message = parse(INVITE)
    assert message.in_order
    edit(message)
    assert not message.in_order
