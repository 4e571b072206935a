"""UDPTL (ITU-T T.38 9.1), as far as the gateway looks at it: it changes nothing and drops nothing for it."""

SEQUENCE = 2
"""Octets."""
_REDUNDANCY, _FEC = 0x00, 0x80
_LONG, _FRAGMENTED = 0x80, 0xC0


def is_sound(packet: bytes) -> bool:
    """Is ``packet`` a sequence number, a primary IFP within its bounds, and error recovery behind it?"""
    if len(packet) <= SEQUENCE:
        return False
    at = SEQUENCE + 1
    octets = packet[SEQUENCE]
    if octets >= _FRAGMENTED:  # PER cuts what is longer than 16383 octets; no datagram is
        return False
    if octets >= _LONG:
        if len(packet) <= at:
            return False
        octets = (octets & ~_LONG) << 8 | packet[at]
        at += 1
    at += octets
    # The kind of recovery, and the count of secondary packets or the span of FEC.
    return octets > 0 and at + 2 <= len(packet) and packet[at] in (_REDUNDANCY, _FEC)
