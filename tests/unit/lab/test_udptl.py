"""UDPTL of the lab: what redundancy brings back, and what is no UDPTL."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agw.dtls.udptl import is_sound
from lab.udptl import MAX_IFP, REDUNDANCY, Datagram, Reader, Writer, parse

PACKETS = st.binary(min_size=1, max_size=300)


def test_as_others_write_it() -> None:
    # Sequence 5, a V.21 packet, one secondary packet before it.
    data = bytes.fromhex("0005 06 c001800000ff 00 01 06 c00180000061")
    found = parse(data)
    assert found == Datagram(5, bytes.fromhex("c001800000ff"), (bytes.fromhex("c00180000061"),))
    assert found.encode() == data


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("", id="empty"),
        pytest.param("0005", id="sequence alone"),
        pytest.param("0005 00 00 00", id="no primary packet"),
        pytest.param("0005 02 06", id="primary cut"),
        pytest.param("0005 01 06", id="no recovery"),
        pytest.param("0005 01 06 00", id="no count"),
        pytest.param("0005 01 06 00 01", id="secondary missing"),
        pytest.param("0005 01 06 00 01 02 06", id="secondary cut"),
        pytest.param("0005 01 06 00 00 00", id="more behind it"),
        pytest.param("0005 01 06 80 01 03", id="FEC"),
        pytest.param("0005 01 06 00 ff", id="too many"),
        pytest.param("0005 80", id="long length cut"),
        pytest.param("0005 c1 06 00 00", id="fragmented"),
        pytest.param("17fefd0001000000000001001800010000", id="a record of DTLS"),
    ],
)
def test_what_is_no_udptl(data: str) -> None:
    assert parse(bytes.fromhex(data)) is None


@given(st.binary(max_size=80))
@example(bytes.fromhex("0005 01 06 00 01 01 06"))
def test_any_octets_are_read_or_not(data: bytes) -> None:
    if (found := parse(data)) is not None:
        assert parse(found.encode()) == found
        assert is_sound(found.encode())  # says the gateway, too


@given(st.integers(0, 65535), st.binary(min_size=1, max_size=MAX_IFP), st.lists(PACKETS, max_size=3))
def test_what_is_written_can_be_read(sequence: int, primary: bytes, secondary: list[bytes]) -> None:
    made = Datagram(sequence, primary, tuple(secondary))
    assert parse(made.encode()) == made


@given(st.lists(PACKETS, min_size=1, max_size=40), st.data())
def test_redundancy_recovers_what_is_lost_in_short_bursts(packets: list[bytes], data: st.DataObject) -> None:
    writer, reader = Writer(), Reader()
    sent = [writer.datagram(packet) for packet in packets]
    arrived: list[bytes] = []
    missing = dropped = 0
    for n, datagram in enumerate(sent):
        if n < len(sent) - 1 and missing < REDUNDANCY and data.draw(st.booleans()):
            missing += 1
            dropped += 1
            continue
        missing = 0
        found = parse(datagram)
        assert found is not None
        arrived += reader.take(found)
    assert arrived == packets
    assert (reader.recovered, reader.lost, reader.late) == (dropped, 0, 0)


def test_more_than_that_is_lost_and_counted() -> None:
    reader = Reader()
    assert reader.take(Datagram(0, b"a")) == [b"a"]
    assert reader.take(Datagram(5, b"f", (b"e", b"d", b"c"))) == [b"c", b"d", b"e", b"f"]
    assert (reader.recovered, reader.lost) == (3, 1)


def test_what_was_sent_before_anybody_listened_is_not_lost() -> None:
    reader = Reader()
    assert reader.take(Datagram(9, b"j", (b"i", b"h", b"g"))) == [b"g", b"h", b"i", b"j"]
    assert (reader.recovered, reader.lost) == (3, 0)


def test_what_comes_again_or_late_is_not_new() -> None:
    reader = Reader()
    assert reader.take(Datagram(1, b"b", (b"a",))) == [b"a", b"b"]
    assert reader.take(Datagram(0, b"a")) == []
    assert reader.take(Datagram(1, b"b", (b"a",))) == []
    assert reader.late == 2


def test_sequence_numbers_wrap() -> None:
    writer, reader = Writer(), Reader()
    for n in range(65_540):
        found = parse(writer.datagram(bytes([n & 0xFF])))
        assert found is not None
        assert reader.take(found) == [bytes([n & 0xFF])]
    assert (reader.lost, reader.late, reader.recovered) == (0, 0, 0)
