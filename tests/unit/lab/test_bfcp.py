"""BFCP as the lab writes and reads it, and floor control over it (RFC 8855)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import bfcp, floor
from lab.bfcp import Attribute, BadMessage, Error, Message, Primitive, Reader, Status, Type, number
from lab.floor import Conference, FloorClient, FloorServer

ABOUT = Conference(4321, 1234, 1)
#: FloorRequest of floor 1 in conference 4321 by user 1234, transaction 7: RFC 8855 5.1, 5.2.2, 5.3.1.
REQUEST = bytes.fromhex("20 01 0001 000010e1 0007 04d2 0504 0001")


def test_octets() -> None:
    (message,) = Reader().feed(REQUEST)
    assert message == Message(Primitive.FLOOR_REQUEST, 4321, 7, 1234, (number(Type.FLOOR_ID, 1),))
    assert message.encode() == REQUEST
    answer = FloorServer(ABOUT).take(message).encode()
    assert answer == bytes.fromhex("2004 0004 000010e1 0007 04d2 1f10 0001 2508 0001 0b04 0300 2304 0001")


ATTRIBUTES = st.recursive(
    st.builds(
        Attribute,
        st.integers(0, 127).filter(lambda kind: kind not in bfcp._GROUPS),
        st.binary(max_size=20),
        mandatory=st.booleans(),
    ),
    lambda inner: st.builds(number, st.sampled_from(bfcp._GROUPS), st.integers(0, 0xFFFF), inner, inner),
    max_leaves=4,
)
MESSAGES = st.builds(
    Message,
    st.integers(0, 255),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
    st.lists(ATTRIBUTES, max_size=3).map(tuple),
)


def depth(attribute: Attribute) -> int:
    return 1 + max((depth(one) for one in attribute.inside), default=0)


@given(st.lists(MESSAGES, max_size=3), st.lists(st.integers(1, 20)))
def test_any_pieces_make_the_same_messages(sent: list[Message], cuts: list[int]) -> None:
    sent = [one for one in sent if all(depth(part) <= bfcp.MAX_DEPTH for part in one.attributes)]
    octets = b"".join(message.encode() for message in sent)
    reader, found = Reader(), []
    for cut in [*cuts, len(octets)]:
        found += reader.feed(octets[:cut])
        octets = octets[cut:]
    assert found == sent


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_whatever_comes_is_read_or_refused(pieces: list[bytes]) -> None:
    reader = Reader()
    server, client = FloorServer(ABOUT), FloorClient(ABOUT)
    client.request()
    try:
        for piece in [REQUEST[:2], *pieces]:
            for message in reader.feed(piece):
                server.take(message)
                client.take(message)
    except BadMessage:
        return


@pytest.mark.parametrize(
    "octets",
    [
        b"\x16\x03\x03",
        b"MSRP",
        bytes([0x40]),
        REQUEST[:2] + b"\xff\xff" + REQUEST[4:],
        REQUEST[:12] + b"\x05\x01\x00\x00",
        REQUEST[:12] + b"\x05\x09\x00\x01",
        REQUEST[:12] + b"\x1f\x02\x00\x00",
        Message(1, 1, 1, 1, (Attribute(9, b""),) * (bfcp.MAX_ATTRIBUTES + 1)).encode(),
        Message(1, 1, 1, 1, (number(Type.FLOOR_REQUEST_STATUS, 1, *[
            number(Type.FLOOR_REQUEST_STATUS, 1, number(Type.FLOOR_REQUEST_STATUS, 1,
            number(Type.FLOOR_REQUEST_STATUS, 1)))]),)).encode(),
    ],
)  # fmt: skip
def test_what_is_refused(octets: bytes) -> None:
    with pytest.raises(BadMessage):
        Reader().feed(octets)


def rounds(client: FloorClient, server: FloorServer, count: int) -> None:
    client.take(server.take(client.hello()))
    for _ in range(count):
        release = client.take(server.take(client.request()))
        assert release is not None
        assert client.take(server.take(release)) is None


def test_floors_are_granted_and_given_back() -> None:
    client, server = FloorClient(ABOUT), FloorServer(ABOUT)
    rounds(client, server, 3)
    assert client.greeted
    assert client.idle
    assert server.greeted
    assert (client.rounds, server.rounds, client.bad, server.refused) == (3, 3, 0, 0)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (Message(Primitive.HELLO, 1, 1, 1234), Error.NO_CONFERENCE),
        (Message(Primitive.HELLO, 4321, 1, 1), Error.NO_USER),
        (Message(200, 4321, 1, 1234), Error.UNKNOWN_PRIMITIVE),
        (Message(Primitive.FLOOR_REQUEST, 4321, 1, 1234), Error.NO_FLOOR),
        (Message(Primitive.FLOOR_REQUEST, 4321, 1, 1234, (number(Type.FLOOR_ID, 2),)), Error.NO_FLOOR),
        (Message(Primitive.FLOOR_RELEASE, 4321, 1, 1234), Error.NO_REQUEST),
        (
            Message(Primitive.FLOOR_RELEASE, 4321, 1, 1234, (number(Type.FLOOR_REQUEST_ID, 9),)),
            Error.NO_REQUEST,
        ),
    ],
)
def test_errors(message: Message, error: Error) -> None:
    server = FloorServer(ABOUT)
    answer = server.take(message)
    assert (answer.primitive, answer.transaction) == (Primitive.ERROR, 1)
    code = answer.find(Type.ERROR_CODE)
    assert code is not None
    assert code.content == bytes([error])
    assert (server.refused, server.rounds) == (1, 0)


def test_floors_granted_at_once_are_bounded() -> None:
    client, server = FloorClient(ABOUT), FloorServer(ABOUT)
    for _ in range(floor.MAX_GRANTED):
        server.take(client.request())
    assert server.take(client.request()).primitive == Primitive.ERROR


def test_answers_that_do_not_fit_are_counted() -> None:
    client, server = FloorClient(ABOUT), FloorServer(ABOUT)
    assert client.take(server.take(Message(Primitive.HELLO, 4321, 9, 1234))) is None  # nobody asked
    asked = client.request()
    client.take(replace(server.take(asked), transaction=99))
    client.request()
    client.take(Message(Primitive.ERROR, 4321, 3, 1234))
    hello = client.hello()
    client.take(replace(hello, primitive=Primitive.HELLO_ACK))  # it can do nothing
    release = client.take(server.take(client.request()))
    assert release is not None
    status = Attribute(Type.REQUEST_STATUS, bytes([Status.RELEASED, 0]))
    other = number(Type.FLOOR_REQUEST_INFORMATION, 77, number(Type.OVERALL_REQUEST_STATUS, 77, status))
    client.take(replace(release, primitive=Primitive.FLOOR_REQUEST_STATUS, attributes=(other,)))
    assert (client.bad, client.rounds, client.greeted) == (5, 0, False)
