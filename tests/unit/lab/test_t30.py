"""Two fax terminals in memory, and the page that one gives to the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import page
from lab.ifp import Ifp, Indicator, Modulation, Part
from lab.t30 import TRAINING, Frame, State, Terminal

DATA, END = Part.NON_ECM_DATA, Part.NON_ECM_SIG_END


def frame(number: int, part: Part = Part.HDLC_FCS_OK_SIG_END) -> Ifp:
    return Ifp(Modulation.V21, ((Part.HDLC_DATA, bytes([0xFF, 0xC8, number])), (part, b"")))


def signal(*blocks: bytes) -> Ifp:
    return Ifp(Modulation.V17_14400, (*((DATA, block) for block in blocks), (END, b"")))


def said(packets: list[Ifp]) -> list[Frame]:
    """The frames among ``packets``."""
    heard = [p.fields[0][1] for p in packets if p.kind is Modulation.V21]
    assert all(octets[:2] == b"\xff\xc8" for octets in heard)
    return [Frame(octets[2]) for octets in heard]


def talk(sender: Terminal, receiver: Terminal) -> list[Frame]:
    """Let them talk until nobody has anything to say; return the frames in their order."""
    frames: list[Frame] = []
    waiting = [(sender, packet) for packet in receiver.begin()]
    waiting += [(receiver, packet) for packet in sender.begin()]
    while waiting:
        to, packet = waiting.pop(0)
        frames += said([packet])
        back = receiver if to is sender else sender
        waiting += [(back, answer) for answer in to.take(packet)]
    return frames


@pytest.mark.parametrize("blocks", [1, 2, 50])
def test_a_page(blocks: int) -> None:
    sender, receiver = Terminal(page.make(blocks)), Terminal()
    assert talk(sender, receiver) == [Frame.DIS, Frame.DCS, Frame.CFR, Frame.EOP, Frame.MCF, Frame.DCN]
    assert (sender.state, receiver.state) == (State.DONE, State.DONE)
    assert receiver.blocks == sender.wanted
    assert page.exact(receiver.blocks) == (blocks, blocks)


def test_the_training_is_a_second_and_a_half() -> None:
    sender = Terminal(page.make(1))
    found = sender.take(frame(Frame.DIS))
    assert sum(len(octets) for p in found for part, octets in p.fields if part is DATA) * 8 == 14_400 * 1.52
    assert found[2].kind is Indicator.V17_14400_LONG
    assert TRAINING * page.BLOCK == 2736


def test_a_page_with_a_missing_block_is_not_confirmed() -> None:
    sender, receiver = Terminal(page.make(10)), Terminal()
    receiver.take(frame(Frame.DCS))
    assert said(receiver.take(signal(bytes(72)))) == [Frame.CFR]
    receiver.take(signal(*sender.wanted[:4], *sender.wanted[5:]))
    assert said(receiver.take(frame(Frame.EOP))) == [Frame.RTN]
    assert receiver.state is State.FAILED
    assert page.exact(receiver.blocks) == (9, 10)
    sender.state = State.PAGE
    assert said(sender.take(frame(Frame.RTN))) == [Frame.DCN]
    assert sender.state is State.FAILED


@pytest.mark.parametrize("blocks", [(), (b"\x00", b"\x01")], ids=["none", "not zeros"])
def test_a_bad_training_is_refused(blocks: tuple[bytes, ...]) -> None:
    receiver = Terminal()
    receiver.take(frame(Frame.DCS))
    assert said(receiver.take(signal(*blocks))) == [Frame.FTT]
    assert receiver.state is State.READY


def test_a_frame_whose_checksum_is_wrong_says_nothing() -> None:
    receiver = Terminal()
    receiver.take(frame(Frame.DCS, Part.HDLC_FCS_BAD_SIG_END))
    assert receiver.state is State.READY
    receiver.take(frame(0x77))
    receiver.take(Ifp(Modulation.V21, ((Part.HDLC_FCS_OK, b""),)))
    assert receiver.state is State.READY


def test_who_parts_early_ends_it() -> None:
    sender, receiver = Terminal(page.make(1)), Terminal()
    assert [t.take(frame(Frame.DCN)) for t in (sender, receiver)] == [[], []]
    assert [t.state for t in (sender, receiver)] == [State.FAILED, State.FAILED]


def test_nothing_moves_a_terminal_that_is_over() -> None:
    sender, receiver = Terminal(page.make(2)), Terminal()
    talk(sender, receiver)
    for packet in (*map(frame, Frame), signal(bytes(72)), signal(b"x")):
        assert sender.take(packet) == receiver.take(packet) == []
    assert (sender.state, receiver.state) == (State.DONE, State.DONE)


def test_what_is_no_page() -> None:
    good = page.make(3)
    assert page.expected(good[0]) == good
    assert page.expected(good[1]) == []
    assert page.expected(b"") == []
    assert page.expected(bytes(page.BLOCK)) == []
    assert page.expected(good[0][:8] + b"\xff" * 4 + good[0][12:]) == []
    with pytest.raises(ValueError, match="blocks"):
        page.make(0)


@given(st.lists(st.binary(max_size=80), max_size=6))
def test_any_blocks_can_be_judged(blocks: list[bytes]) -> None:
    assert page.exact(blocks) == (0, 0)


@given(st.integers(1, 20), st.data())
def test_only_blocks_in_their_order_count(blocks: int, data: st.DataObject) -> None:
    good = page.make(blocks)
    kept = [block for block in good if data.draw(st.booleans())]
    right, wanted = page.exact([good[0], *(block for block in kept if block is not good[0])])
    assert wanted == blocks
    assert right == len({good[0], *kept})
    assert page.exact([good[0], *good])[0] == blocks
