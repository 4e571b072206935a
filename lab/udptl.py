"""UDPTL (ITU-T T.38 9.1): a sequence number, an IFP packet, and copies of those before it. No sockets."""

from collections import deque
from dataclasses import dataclass

#: Earlier packets that each datagram repeats.
REDUNDANCY = 3
#: Secondary packets that are read of one datagram, and octets of an IFP packet.
MAX_SECONDARY = 16
MAX_IFP = 1024
_LONG, _FRAGMENTED = 0x80, 0xC0
_SECONDARY = 0x00
_HALF = 0x8000


@dataclass(frozen=True, slots=True)
class Datagram:
    """secondary: the packets before ``primary``, the newest first."""

    sequence: int
    primary: bytes
    secondary: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        parts = [self.sequence.to_bytes(2), _open(self.primary), bytes([_SECONDARY, len(self.secondary)])]
        return b"".join([*parts, *map(_open, self.secondary)])


def parse(data: bytes) -> Datagram | None:
    """Return what a datagram carries, or None for what is no UDPTL with redundancy."""
    if len(data) < 2 or (found := _take(data, 2)) is None:
        return None
    primary, at = found
    if not primary or len(data) < at + 2 or data[at] != _SECONDARY or data[at + 1] > MAX_SECONDARY:
        return None
    count, at = data[at + 1], at + 2
    secondary = []
    for _ in range(count):
        if (found := _take(data, at)) is None:
            return None
        secondary.append(found[0])
        at = found[1]
    return Datagram(int.from_bytes(data[:2]), primary, tuple(secondary)) if at == len(data) else None


class Writer:
    """Numbers IFP packets from 0 and repeats the last ones (T.38 9.1.2.1)."""

    def __init__(self, redundancy: int = REDUNDANCY) -> None:
        self._sequence = 0
        self._before: deque[bytes] = deque(maxlen=redundancy)

    def datagram(self, ifp: bytes) -> bytes:
        """Return the datagram that carries ``ifp`` first."""
        made = Datagram(self._sequence, ifp, tuple(self._before)).encode()
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._before.appendleft(ifp)
        return made


class Reader:
    """Puts IFP packets back in order. recovered: out of a later datagram; lost: for good, since the first
    datagram that came; late: came twice.
    """

    def __init__(self) -> None:
        self.recovered = self.lost = self.late = 0
        self._next: int | None = None

    def take(self, datagram: Datagram) -> list[bytes]:
        """Return the IFP packets that are new, in order."""
        if self._next is None:
            self._next = max(0, datagram.sequence - len(datagram.secondary))
        gap = (datagram.sequence - self._next + _HALF) % 0x10000 - _HALF
        if gap < 0:
            self.late += 1
            return []
        found = datagram.secondary[:gap][::-1]
        self.recovered += len(found)
        self.lost += gap - len(found)
        self._next = (datagram.sequence + 1) & 0xFFFF
        return [*found, datagram.primary]


def _open(octets: bytes) -> bytes:
    """Return ``octets`` behind their length, as aligned PER has it (ITU-T X.691 11.9)."""
    if len(octets) < _LONG:
        return bytes([len(octets)]) + octets
    return (_LONG << 8 | len(octets)).to_bytes(2) + octets


def _take(data: bytes, at: int) -> tuple[bytes, int] | None:
    """Return what stands behind its length at ``at``, and where that ends; None where it does not fit."""
    if at >= len(data) or data[at] >= _FRAGMENTED:
        return None
    size, start = data[at], at + 1
    if size >= _LONG:
        if start >= len(data):
            return None
        size, start = (size & ~_LONG) << 8 | data[start], start + 1
    end = start + size
    return (data[start:end], end) if size <= MAX_IFP and end <= len(data) else None
