"""Speech-like PCMA whose every packet is known: content is a function of SSRC and sequence number.

Any receiver, and any observer on the wire, can tell from the RTP header (which SRTP leaves in the clear)
what the payload has to be, bit for bit.
"""

import hashlib
import math
import struct
from functools import cache

SAMPLES = 160
"""Octets of one packet: 20 ms of PCMA at 8 kHz (RFC 3551 4.5.14)."""
PAYLOAD_TYPE = 8
CLOCK = 8000

_SEGMENT_ENDS = (0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF)
_LOW_BITS = int.from_bytes(b"\x03" * SAMPLES)


def alaw(sample: int) -> int:
    """Encode one 16-bit linear sample as an octet of A-law (ITU-T G.711)."""
    value, mask = (sample >> 3, 0xD5) if sample >= 0 else (-(sample >> 3) - 1, 0x55)
    segment = next((i for i, end in enumerate(_SEGMENT_ENDS) if value <= end), 7)
    mantissa = min(value, 0xFFF) >> max(segment, 1) & 0x0F
    return (segment << 4 | mantissa) ^ mask


@cache
def _second() -> bytes:
    """One second of a vowel at 150 Hz in four syllables a second, as PCMA."""
    octets = bytearray()
    for n in range(CLOCK):
        t = n / CLOCK
        voice = sum(math.sin(2 * math.pi * 150 * k * t) / k for k in (1, 2, 4, 5, 16))
        octets.append(alaw(int(9000 * voice * (0.55 - 0.45 * math.cos(2 * math.pi * 4 * t)))))
    return bytes(octets)


def payload(ssrc: int, sequence: int) -> bytes:
    """Return the 160 octets that packet ``sequence`` (16 bit) of ``ssrc`` (32 bit) carries.

    A tone in the high bits; the two low bits of each octet are noise that no other packet has.
    """
    start = sequence * SAMPLES % CLOCK
    noise = int.from_bytes(hashlib.shake_128(struct.pack("!IH", ssrc, sequence)).digest(SAMPLES))
    tone = int.from_bytes(_second()[start : start + SAMPLES])
    return (tone ^ noise & _LOW_BITS).to_bytes(SAMPLES)
