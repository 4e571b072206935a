"""RTCP reports (RFC 3550 6.4, 6.5): built, and recognised when they come back."""

import struct

from lab.rtp import Reception

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
CNAME = b"stream@imslab.invalid"
#: Seconds between 1900 and 1970 (RFC 3550 4).
_NTP_EPOCH = 2_208_988_800


def report(
    ssrc: int, about: dict[int, Reception], *, now: float, sent: int = 0, octets: int = 0, timestamp: int = 0
) -> bytes:
    """Return a compound packet: SR (RR where nothing was sent) with a block per source, and SDES CNAME.

    now: wall clock in seconds since 1970; sent, octets: packets and payload octets sent so far.
    """
    blocks = b"".join(_block(source, reception) for source, reception in about.items())
    if sent:
        ntp = int((now + _NTP_EPOCH) * 2**32) & (2**64 - 1)
        kind, head = SENDER_REPORT, struct.pack("!IQIII", ssrc, ntp, timestamp, sent, octets)
    else:
        kind, head = RECEIVER_REPORT, struct.pack("!I", ssrc)
    first = _packet(kind, len(about), head + blocks)
    item = bytes([1, len(CNAME)]) + CNAME
    chunk = struct.pack("!I", ssrc) + item + bytes(4 - (len(item) % 4))
    return first + _packet(SOURCE_DESCRIPTION, 1, chunk)


def is_rtcp(data: bytes) -> bool:
    """Tell whether the first header of ``data`` is RTCP's (RFC 5761 4: payload types 192 to 223)."""
    return len(data) >= 8 and data[0] >> 6 == 2 and 192 <= data[1] <= 223


def in_clear(datagram: bytes) -> bool:
    """Tell whether a datagram shows the CNAME that every report of the lab carries."""
    return is_rtcp(datagram) and CNAME in datagram


def _packet(kind: int, count: int, content: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count & 0x1F, kind, len(content) // 4) + content


def _block(source: int, reception: Reception) -> bytes:
    fraction = min(255, reception.lost * 256 // max(1, reception.expected))
    lost = min(reception.lost, 0x7FFFFF)
    return struct.pack(
        "!IIIIII", source, fraction << 24 | lost, reception.highest & 0xFFFFFFFF, int(reception.jitter), 0, 0
    )
