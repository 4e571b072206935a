"""BFCP on the wire over TCP (RFC 8855 5): messages, their attributes, and a reader of a stream in pieces."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from lab.errors import LabError

#: Version over a reliable transport (RFC 8855 5.1), octets of the common header, of what follows it at most.
VERSION = 1
HEADER = 12
MAX_PAYLOAD = 4096
#: Attributes in one message or group, and groups within groups.
MAX_ATTRIBUTES = 64
MAX_DEPTH = 3


class BadMessage(LabError):
    """What a stream carries is no BFCP, or more than this end takes."""


class Primitive(IntEnum):
    """RFC 8855 5.1."""

    FLOOR_REQUEST = 1
    FLOOR_RELEASE = 2
    FLOOR_REQUEST_STATUS = 4
    HELLO = 11
    HELLO_ACK = 12
    ERROR = 13


class Type(IntEnum):
    """Attributes (RFC 8855 5.2)."""

    FLOOR_ID = 2
    FLOOR_REQUEST_ID = 3
    REQUEST_STATUS = 5
    ERROR_CODE = 6
    SUPPORTED_ATTRIBUTES = 10
    SUPPORTED_PRIMITIVES = 11
    FLOOR_REQUEST_INFORMATION = 15
    FLOOR_REQUEST_STATUS = 17
    OVERALL_REQUEST_STATUS = 18


#: Those that have an identifier of two octets, and then attributes of their own.
_GROUPS = (Type.FLOOR_REQUEST_INFORMATION, Type.FLOOR_REQUEST_STATUS, Type.OVERALL_REQUEST_STATUS)


class Status(IntEnum):
    """Of a floor request (RFC 8855 5.2.5)."""

    GRANTED = 3
    RELEASED = 6


class Error(IntEnum):
    """RFC 8855 5.2.6."""

    NO_CONFERENCE = 1
    NO_USER = 2
    UNKNOWN_PRIMITIVE = 3
    NO_FLOOR = 6
    NO_REQUEST = 7


@dataclass(frozen=True, slots=True)
class Attribute:
    """content: without its header and padding; inside: the attributes of a group behind its identifier."""

    type: int
    content: bytes
    inside: tuple["Attribute", ...] = ()
    mandatory: bool = True

    @property
    def number(self) -> int:
        """The identifier at the beginning. Raises BadMessage where there is none."""
        if len(self.content) < 2:
            raise BadMessage("attribute too short")
        return int.from_bytes(self.content[:2])

    def encode(self) -> bytes:
        content = self.content + b"".join(one.encode() for one in self.inside)
        length = len(content) + 2
        return bytes([self.type << 1 | self.mandatory, length]) + content + bytes(-length % 4)


def number(kind: Type, value: int, *inside: Attribute) -> Attribute:
    """Return an attribute that is, or begins with, an identifier of two octets."""
    return Attribute(kind, value.to_bytes(2), inside)


@dataclass(frozen=True, slots=True)
class Message:
    """primitive: as received, known or not; conference, transaction, user: identifiers of 32, 16, 16 bits."""

    primitive: int
    conference: int
    transaction: int
    user: int
    attributes: tuple[Attribute, ...] = ()

    def find(self, *path: Type) -> Attribute | None:
        """Return the first attribute at ``path``: a type, then one within it."""
        found, level = None, self.attributes
        for kind in path:
            found = next((one for one in level if one.type == kind), None)
            if found is None:
                return None
            level = found.inside
        return found

    def encode(self) -> bytes:
        payload = b"".join(one.encode() for one in self.attributes)
        head = bytes([VERSION << 5, self.primitive]) + (len(payload) // 4).to_bytes(2)
        ids = self.conference.to_bytes(4) + self.transaction.to_bytes(2) + self.user.to_bytes(2)
        return head + ids + payload


class Reader:
    """Puts messages together out of a stream. What raised BadMessage cannot be read further."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that ``data`` completes. Raises BadMessage."""
        buffer, found = self._buffer, []
        buffer += data
        while buffer:
            # Behind the version are flags that TCP has no use for, and reserved bits (RFC 8855 5.1).
            if buffer[0] >> 5 != VERSION:
                raise BadMessage(f"version {buffer[0] >> 5}")
            if len(buffer) < HEADER:
                break
            length = int.from_bytes(buffer[2:4]) * 4
            if length > MAX_PAYLOAD:
                raise BadMessage("message too large")
            if len(buffer) < HEADER + length:
                break
            payload = bytes(buffer[HEADER : HEADER + length])
            conference, ids = int.from_bytes(buffer[4:8]), (buffer[8:10], buffer[10:12])
            transaction, user = (int.from_bytes(one) for one in ids)
            found.append(Message(buffer[1], conference, transaction, user, tuple(_attributes(payload))))
            del buffer[: HEADER + length]
        return found


def _attributes(octets: bytes, depth: int = 1) -> Iterator[Attribute]:
    at = count = 0
    while at < len(octets):
        length = octets[at + 1] if at + 1 < len(octets) else 0
        count += 1
        if length < 2 or at + length > len(octets) or count > MAX_ATTRIBUTES:
            raise BadMessage("malformed attribute")
        kind, content = octets[at] >> 1, octets[at + 2 : at + length]
        inside: tuple[Attribute, ...] = ()
        if kind in _GROUPS:
            if len(content) < 2 or depth > MAX_DEPTH:
                raise BadMessage("malformed group")
            content, inside = content[:2], tuple(_attributes(content[2:], depth + 1))
        yield Attribute(kind, content, inside, bool(octets[at] & 1))
        at += length + -length % 4
