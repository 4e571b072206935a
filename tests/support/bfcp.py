"""BFCP as a floor participant and a server write it (RFC 8855 5), for tests."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

CONFERENCE, USER, FLOOR = 0x1234, 7, 1
_HEAD = 12


class Primitive(IntEnum):
    FLOOR_REQUEST = 1
    FLOOR_RELEASE = 2
    FLOOR_REQUEST_STATUS = 4
    HELLO = 11
    HELLO_ACK = 12


class Attribute(IntEnum):
    FLOOR_ID = 2
    FLOOR_REQUEST_ID = 3
    REQUEST_STATUS = 5
    SUPPORTED_ATTRIBUTES = 10
    SUPPORTED_PRIMITIVES = 11
    FLOOR_REQUEST_INFORMATION = 15


GRANTED, RELEASED = b"\x03\x00", b"\x06\x00"
"""Values of REQUEST-STATUS: the status, and a place in the queue."""


def attribute(kind: Attribute, value: bytes) -> bytes:
    """Mandatory, and filled up to words."""
    octets = bytes([kind << 1 | 1, 2 + len(value)]) + value
    return octets + bytes(-len(octets) % 4)


@dataclass(frozen=True)
class Message:
    primitive: Primitive
    transaction: int
    attributes: bytes = b""

    def encode(self) -> bytes:
        words = (len(self.attributes) // 4).to_bytes(2, "big")
        head = bytes([1 << 5, self.primitive]) + words + CONFERENCE.to_bytes(4, "big")
        return head + self.transaction.to_bytes(2, "big") + USER.to_bytes(2, "big") + self.attributes

    @classmethod
    def decode(cls, data: bytes) -> Self:
        assert data[0] == 1 << 5
        assert len(data) == _HEAD + 4 * int.from_bytes(data[2:4], "big")
        assert int.from_bytes(data[4:8], "big") == CONFERENCE
        assert int.from_bytes(data[10:12], "big") == USER
        return cls(Primitive(data[1]), int.from_bytes(data[8:10], "big"), data[_HEAD:])


def _status(transaction: int, status: bytes) -> Message:
    """A grouped FLOOR-REQUEST-INFORMATION, of the request with number 1."""
    number = (1).to_bytes(2, "big")
    inner = attribute(Attribute.REQUEST_STATUS, status)
    overall = bytes([18 << 1 | 1, 4 + len(inner)]) + number + inner  # OVERALL-REQUEST-STATUS
    information = bytes([Attribute.FLOOR_REQUEST_INFORMATION << 1 | 1, 4 + len(overall)]) + number + overall
    return Message(Primitive.FLOOR_REQUEST_STATUS, transaction, information)


_FLOOR = attribute(Attribute.FLOOR_ID, FLOOR.to_bytes(2, "big"))
_REQUEST = attribute(Attribute.FLOOR_REQUEST_ID, (1).to_bytes(2, "big"))
_KNOWN = attribute(Attribute.SUPPORTED_PRIMITIVES, bytes([1 << 1, 2 << 1, 4 << 1, 11 << 1, 12 << 1]))
_KNOWN += attribute(Attribute.SUPPORTED_ATTRIBUTES, bytes([2 << 1, 3 << 1, 5 << 1, 15 << 1]))
#: A participant asks for the floor, gets it and gives it back: its message, and what the server answers.
FLOOR_EXCHANGE = [
    (Message(Primitive.HELLO, 1), Message(Primitive.HELLO_ACK, 1, _KNOWN)),
    (Message(Primitive.FLOOR_REQUEST, 2, _FLOOR), _status(2, GRANTED)),
    (Message(Primitive.FLOOR_RELEASE, 3, _REQUEST), _status(3, RELEASED)),
]
