"""TPKT framing."""

import pytest

from iq.errors import BadFrame
from iq.tpkt import MAX_PAYLOAD, TpktReader, frame


def test_a_whole_frame_a_part_and_several():
    reader = TpktReader()
    assert reader.feed(frame(b"one")) == [b"one"]
    two = frame(b"two") + frame(b"three")
    assert reader.feed(two[:5]) == []
    assert reader.feed(two[5:] + frame(b"four")[:3]) == [b"two", b"three"]
    assert reader.feed(frame(b"four")[3:]) == [b"four"]


def test_the_largest_frame():
    assert TpktReader().feed(frame(bytes(MAX_PAYLOAD))) == [bytes(MAX_PAYLOAD)]
    with pytest.raises(ValueError, match="65532 octets"):
        frame(bytes(MAX_PAYLOAD + 1))


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n", b"\x03\x00\x00\x04", b"\x03\x00\x00\x00", b"\x02\x00\x00\x08abcd"]
)
def test_what_is_no_frame(data):
    reader = TpktReader()
    assert reader.feed(data[:1]) == []
    with pytest.raises(BadFrame):
        reader.feed(data[1:])
    with pytest.raises(BadFrame):
        TpktReader().feed(data)
