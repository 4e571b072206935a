"""RTP packets and what a receiver can say about a stream (RFC 3550). No sockets, no clock."""

import struct
from dataclasses import dataclass

from lab.speech import CLOCK, PAYLOAD_TYPE, SAMPLES, payload

_HEADER = struct.Struct("!BBHII")
HEADER = 12


@dataclass(slots=True)
class RtpPacket:
    """The fields that the lab looks at; CSRC and extension are skipped."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def build(ssrc: int, sequence: int, timestamp: int, marker: bool = False) -> bytes:
    """Return one packet with the payload that belongs to ``ssrc`` and ``sequence``."""
    second = PAYLOAD_TYPE | (0x80 if marker else 0)
    return _HEADER.pack(0x80, second, sequence, timestamp, ssrc) + payload(ssrc, sequence)


def parse(data: bytes) -> RtpPacket | None:
    """Return the packet, or None for what is no RTP of version 2."""
    if len(data) < HEADER or data[0] >> 6 != 2:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    start = HEADER + 4 * (first & 0x0F)
    if first & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
    end = len(data) - (data[-1] if first & 0x20 else 0)
    if start > end:
        return None
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, data[start:end])


def in_clear(datagram: bytes) -> bool:
    """Tell whether a datagram shows the payload that its RTP header announces: it is not encrypted."""
    if len(datagram) < HEADER + SAMPLES or datagram[0] >> 6 != 2:
        return False
    _, _, sequence, _, ssrc = _HEADER.unpack_from(datagram)
    return payload(ssrc, sequence) in datagram


class Reception:
    """Statistics of one SSRC as RFC 3550 A.1, A.3 and A.8 define them."""

    __slots__ = ("_seen", "_transit", "base", "duplicates", "highest", "jitter", "packets", "reordered")

    #: Sequence numbers behind the highest one that are still told apart from duplicates.
    WINDOW = 1024

    def __init__(self, first: RtpPacket, arrival: float) -> None:
        """``arrival``: seconds on any clock; the first packet counts at once."""
        self.base = self.highest = first.sequence
        self.packets = 1
        self.duplicates = self.reordered = 0
        self.jitter = 0.0
        self._seen = {first.sequence}
        self._transit = arrival * CLOCK - first.timestamp

    def add(self, packet: RtpPacket, arrival: float) -> bool:
        """Count a further packet; False for a duplicate."""
        extended = self.highest + (packet.sequence - self.highest + 0x8000) % 0x10000 - 0x8000
        if extended in self._seen:
            self.duplicates += 1
            return False
        self._seen.add(extended)
        if len(self._seen) > 2 * self.WINDOW:
            self._seen = {s for s in self._seen if s > self.highest - self.WINDOW}
        self.packets += 1
        if extended < self.highest:
            self.reordered += 1
            self.base = min(self.base, extended)
        self.highest = max(self.highest, extended)
        transit = arrival * CLOCK - packet.timestamp
        # Timestamps wrap at 32 bits: the difference counts modulo that.
        step = (transit - self._transit + 2**31) % 2**32 - 2**31
        self._transit = transit
        self.jitter += (abs(step) - self.jitter) / 16
        return True

    @property
    def expected(self) -> int:
        return self.highest - self.base + 1

    @property
    def lost(self) -> int:
        return max(0, self.expected - self.packets)

    @property
    def jitter_ms(self) -> float:
        return self.jitter * 1000 / CLOCK
