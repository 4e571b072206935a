"""Fax terminals as T.38 lets them talk (ITU-T T.30 5): one sends a page, one takes it. No sockets, no clock.

Only the frames that a page needs, without error correction mode; V.17 at 14400 bit/s.
"""

from collections.abc import Callable
from enum import IntEnum, StrEnum

from lab import page
from lab.ifp import Ifp, Indicator, Modulation, Part

#: Blocks of zeros that show how good the line is: 1.5 s (T.30 5.3.6.1.3).
TRAINING = 38


class Frame(IntEnum):
    """The facsimile control field; its first bit is set by who has received a DIS (T.30 5.3.6.1)."""

    DIS = 0x01
    DCS = 0xC1
    CFR = 0x21
    FTT = 0x22
    EOP = 0xF4
    MCF = 0x31
    RTN = 0x32
    DCN = 0xDF


class State(StrEnum):
    READY = "ready"
    TRAINING = "training"
    PAGE = "page"
    DONE = "done"
    FAILED = "failed"


class Input(StrEnum):
    """What may come; of EOP, behind which page; of a modem's signal, what it was."""

    DIS = "DIS"
    DCS = "DCS"
    CFR = "CFR"
    FTT = "FTT"
    MCF = "MCF"
    RTN = "RTN"
    DCN = "DCN"
    GOOD_PAGE = "EOP behind a page that is right"
    BAD_PAGE = "EOP behind one that is not"
    ZEROS = "training"
    IMAGE = "image"


Step = tuple[State, Callable[["Terminal"], list[Ifp]]]

_NAMES = {frame.value: frame.name for frame in Frame}
#: Address, and control of a final frame (T.30 5.3.4, 5.3.5).
_HDLC_HEAD = b"\xff\xc8"
#: DIS and DCS say: V.27ter, V.29, V.17; V.17 at 14400 bit/s; both: A4, no time between lines (T.30 table 2).
_CAN = {Frame.DIS: b"\x00\x74\x0e", Frame.DCS: b"\x00\x44\x0e"}
#: Octets of a frame that this end keeps.
_MAX_FRAME = 256


class Terminal:
    """Give each packet that arrives, in order, to ``take``, and send what it returns; ``begin`` comes first.

    wanted: the page to be sent; None: this terminal takes one. blocks: that a modem's last signal
    had, as they came: the page, once it is DONE.
    """

    def __init__(self, wanted: list[bytes] | None = None) -> None:
        self.state = State.READY
        self.sends = wanted is not None
        self.wanted = wanted or []
        self.blocks: list[bytes] = []
        self._frame = b""
        self._signal: list[bytes] = []
        self._table = _SENDER if self.sends else _RECEIVER

    @property
    def over(self) -> bool:
        return self.state in (State.DONE, State.FAILED)

    def begin(self) -> list[Ifp]:
        """Return what is sent when the call stands (T.30 4.1)."""
        if self.sends:
            return [Ifp(Indicator.CNG)]
        return [Ifp(Indicator.CED), *_say(Frame.DIS)]

    def take(self, packet: Ifp) -> list[Ifp]:
        """Return what is to be sent for what came, one packet after the other."""
        found: list[Ifp] = []
        for part, octets in packet.fields:
            event = self._hear(part, octets) if packet.kind is Modulation.V21 else self._see(part, octets)
            if event is not None and (step := self._table.get((self.state, event))) is not None:
                self.state, act = step
                found += act(self)
        return found

    def _hear(self, part: Part, octets: bytes) -> Input | None:
        """Return what a field of HDLC completes, if the lab knows it."""
        if part is Part.HDLC_DATA:
            self._frame = (self._frame + octets)[:_MAX_FRAME]
            return None
        heard, self._frame = self._frame, b""
        if part not in (Part.HDLC_FCS_OK, Part.HDLC_FCS_OK_SIG_END) or heard[:2] != _HDLC_HEAD:
            return None
        name = _NAMES.get(heard[2]) if len(heard) > 2 else None
        if name == Frame.EOP.name:
            right, wanted = page.exact(self.blocks)
            return Input.GOOD_PAGE if wanted and right == wanted == len(self.blocks) else Input.BAD_PAGE
        return Input(name) if name is not None else None

    def _see(self, part: Part, octets: bytes) -> Input | None:
        """Return what the end of a modem's signal completes."""
        if part is Part.NON_ECM_DATA and len(self._signal) < page.MAX_BLOCKS:
            self._signal.append(octets)
        if part is not Part.NON_ECM_SIG_END:
            return None
        self.blocks, self._signal = self._signal, []
        return Input.IMAGE if any(map(any, self.blocks)) or not self.blocks else Input.ZEROS

    def _train(self) -> list[Ifp]:
        zeros = [bytes(page.BLOCK)] * TRAINING
        return [*_say(Frame.DCS), Ifp(Indicator.V17_14400_LONG), *_modulate(zeros)]

    def _send_page(self) -> list[Ifp]:
        return [Ifp(Indicator.V17_14400_SHORT), *_modulate(self.wanted), *_say(Frame.EOP)]

    def _nothing(self) -> list[Ifp]:
        return []


def _says(frame: Frame) -> Callable[[Terminal], list[Ifp]]:
    return lambda _: _say(frame)


Table = dict[tuple[State, Input], Step]
_PARTED: Table = {
    (state, Input.DCN): (State.FAILED, Terminal._nothing)
    for state in (State.READY, State.TRAINING, State.PAGE)
}
_SENDER: Table = {
    (State.READY, Input.DIS): (State.TRAINING, Terminal._train),
    (State.TRAINING, Input.CFR): (State.PAGE, Terminal._send_page),
    (State.TRAINING, Input.FTT): (State.FAILED, _says(Frame.DCN)),
    (State.PAGE, Input.MCF): (State.DONE, _says(Frame.DCN)),
    (State.PAGE, Input.RTN): (State.FAILED, _says(Frame.DCN)),
    **_PARTED,
}
_RECEIVER: Table = {
    (State.READY, Input.DCS): (State.TRAINING, Terminal._nothing),
    (State.TRAINING, Input.ZEROS): (State.PAGE, _says(Frame.CFR)),
    (State.TRAINING, Input.IMAGE): (State.READY, _says(Frame.FTT)),
    (State.PAGE, Input.GOOD_PAGE): (State.DONE, _says(Frame.MCF)),
    (State.PAGE, Input.BAD_PAGE): (State.FAILED, _says(Frame.RTN)),
    **_PARTED,
}


def _say(frame: Frame) -> list[Ifp]:
    octets = _HDLC_HEAD + bytes([frame]) + _CAN.get(frame, b"")
    fields = ((Part.HDLC_DATA, octets), (Part.HDLC_FCS_OK_SIG_END, b""))
    return [Ifp(Indicator.V21_PREAMBLE), Ifp(Modulation.V21, fields)]


def _modulate(blocks: list[bytes]) -> list[Ifp]:
    found = [Ifp(Modulation.V17_14400, ((Part.NON_ECM_DATA, block),)) for block in blocks]
    return [*found, Ifp(Modulation.V17_14400, ((Part.NON_ECM_SIG_END, b""),))]
