"""UDPTL with redundancy (T.38 9.1), and a page of a fax in it, for tests."""

from dataclasses import dataclass, field

INDICATORS = {"no signal": 0, "CNG": 1, "CED": 2, "V.21 preamble": 3, "V.17 14400 long": 11}
_V21, _V17_14400 = 0, 8
_HDLC_DATA, _HDLC_FCS_OK, _NON_ECM_DATA = 0, 2, 6


def indicator(name: str) -> bytes:
    """An IFP packet without data."""
    return bytes([INDICATORS[name] << 1])


def data(modulation: int, *fields: tuple[int, bytes]) -> bytes:
    """An IFP packet with fields (type, octets)."""
    packet = bytes([0xC0 | modulation << 1, len(fields)])
    for kind, octets in fields:
        if octets:
            packet += bytes([0x80 | kind << 4]) + (len(octets) - 1).to_bytes(2, "big") + octets
        else:
            packet += bytes([kind << 4])
    return packet


def page(lines: int = 24) -> list[bytes]:
    """IFP packets of a page: the answer tone, a frame of T.30, lines of the picture, the end."""
    picture = [bytes((line * 7 + column) & 0xFF for column in range(36)) for line in range(lines)]
    frame = bytes.fromhex("ffc8c178461800")
    return [
        indicator("CED"),
        indicator("V.21 preamble"),
        data(_V21, (_HDLC_DATA, frame), (_HDLC_FCS_OK, b"")),
        indicator("V.17 14400 long"),
        *(data(_V17_14400, (_NON_ECM_DATA, line)) for line in picture),
        indicator("no signal"),
    ]


def datagrams(packets: list[bytes], redundancy: int = 2) -> list[bytes]:
    """One datagram for each IFP packet, which carries some before it once more, the newest first."""
    found = []
    for number, packet in enumerate(packets):
        before = packets[max(0, number - redundancy) : number][::-1]
        again = b"".join(bytes([len(one)]) + one for one in before)
        found.append(
            number.to_bytes(2, "big") + bytes([len(packet)]) + packet + bytes([0, len(before)]) + again
        )
    return found


@dataclass
class Receiver:
    """Takes datagrams, and what was lost from those behind them."""

    packets: dict[int, bytes] = field(default_factory=dict)
    datagrams: int = 0

    def take(self, datagram: bytes) -> None:
        self.datagrams += 1
        number, at = int.from_bytes(datagram[:2], "big"), 2
        self.packets[number], at = _open_type(datagram, at)
        kind, count = datagram[at : at + 2]
        assert kind == 0
        at += 2
        for back in range(1, count + 1):
            packet, at = _open_type(datagram, at)
            self.packets.setdefault(number - back, packet)
        assert at == len(datagram)

    @property
    def page(self) -> list[bytes]:
        return [packet for _, packet in sorted(self.packets.items())]


def _open_type(datagram: bytes, at: int) -> tuple[bytes, int]:
    """An octet of length, below 128, and so many octets."""
    end = at + 1 + datagram[at]
    return datagram[at + 1 : end], end
