"""IFP packets of T.38 version 0 (ITU-T T.38 7, Annex A): T.30 as indicators and data, in aligned PER."""

from dataclasses import dataclass
from enum import IntEnum

#: Most fields of a packet that this end reads.
MAX_FIELDS = 16
_HAS_FIELDS, _IS_DATA, _HAS_OCTETS = 0x80, 0x40, 0x80


class Indicator(IntEnum):
    """What a line carries that is no data (T.38 7.3.1)."""

    NO_SIGNAL = 0
    CNG = 1
    CED = 2
    V21_PREAMBLE = 3
    V17_14400_SHORT = 14
    V17_14400_LONG = 15


class Modulation(IntEnum):
    """How data are sent on the line (T.38 7.3.2)."""

    V21 = 0
    V17_14400 = 8


class Part(IntEnum):
    """What a field of a packet with data is (T.38 7.4)."""

    HDLC_DATA = 0
    HDLC_SIG_END = 1
    HDLC_FCS_OK = 2
    HDLC_FCS_BAD = 3
    HDLC_FCS_OK_SIG_END = 4
    HDLC_FCS_BAD_SIG_END = 5
    NON_ECM_DATA = 6
    NON_ECM_SIG_END = 7


Field = tuple[Part, bytes]


@dataclass(frozen=True, slots=True)
class Ifp:
    """One packet: an indicator, or data with its fields."""

    kind: Indicator | Modulation
    fields: tuple[Field, ...] = ()

    def encode(self) -> bytes:
        """Raises ValueError for fields without data and for what they cannot hold."""
        if isinstance(self.kind, Indicator):
            if self.fields:
                raise ValueError("an indicator has no fields")
            return bytes([self.kind << 1])
        if not 0 < len(self.fields) <= MAX_FIELDS:
            raise ValueError(f"1 to {MAX_FIELDS} fields")
        parts = [bytes([_HAS_FIELDS | _IS_DATA | self.kind << 1, len(self.fields)])]
        for part, octets in self.fields:
            parts.append(bytes([(_HAS_OCTETS if octets else 0) | part << 4]))
            if octets:
                parts += [(len(octets) - 1).to_bytes(2), octets]
        return b"".join(parts)


def parse(data: bytes) -> Ifp | None:
    """Return the packet, or None for what is none that the lab sends: other modulations are foreign to it."""
    try:
        return _parse(data)
    except (IndexError, ValueError):
        return None


def _parse(data: bytes) -> Ifp | None:
    number = data[0] >> 1 & 0x1F
    if not data[0] & _IS_DATA:
        return Ifp(Indicator(number)) if data[0] == number << 1 and len(data) == 1 else None
    if data[0] != _HAS_FIELDS | _IS_DATA | number << 1 or not 0 < data[1] <= MAX_FIELDS:
        return None
    at, fields = 2, []
    for _ in range(data[1]):
        part, octets = Part(data[at] >> 4 & 0x7), b""
        if data[at] & 0x0F:
            return None
        at += 1
        if data[at - 1] & _HAS_OCTETS:
            size = (data[at] << 8 | data[at + 1]) + 1
            octets = data[at + 2 : at + 2 + size]
            at += 2 + size
        if at > len(data):
            return None
        fields.append((part, octets))
    return Ifp(Modulation(number), tuple(fields)) if at == len(data) else None
