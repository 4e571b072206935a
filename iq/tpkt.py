"""TPKT framing of messages on TCP (RFC 1006 6, RFC 3525 D.2): version 3, reserved 0, 16-bit length of all."""

from iq.errors import BadFrame

HEADER = 4
MAX_PAYLOAD = 0xFFFF - HEADER


def frame(payload: bytes) -> bytes:
    """Return ``payload`` as one frame. Raises ValueError above MAX_PAYLOAD octets."""
    size = len(payload) + HEADER
    if size > 0xFFFF:
        raise ValueError(f"payload of {len(payload)} octets, at most {MAX_PAYLOAD}")
    return b"\x03\x00" + size.to_bytes(2, "big") + payload


class TpktReader:
    """Split a byte stream into TPKT payloads. Holds at most one incomplete frame, below 64 KiB."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the payloads completed by ``data``. Raises BadFrame: then close the channel."""
        buffer = self._buffer
        if not buffer and len(data) > HEADER and _size(data) == len(data):
            return [data[HEADER:]]  # one whole frame, as nearly always
        buffer += data
        payloads = []
        while len(buffer) >= HEADER:
            size = _size(buffer)
            if len(buffer) < size:
                break
            payloads.append(bytes(buffer[HEADER:size]))
            del buffer[:size]
        return payloads


def _size(data: bytes | bytearray) -> int:
    size = data[2] << 8 | data[3]
    if data[0] != 3 or size <= HEADER:
        raise BadFrame(f"TPKT version {data[0]}, length {size}")
    return size
