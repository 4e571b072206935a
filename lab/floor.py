"""Floor control: a client and a server of BFCP (RFC 8855 9 to 13). No IO, no clock."""

import secrets
from dataclasses import dataclass, field

from lab.bfcp import Attribute, Error, Message, Primitive, Status, Type, number

#: Floor requests granted at once.
MAX_GRANTED = 100
_PRIMITIVES = bytes(list(Primitive))
_INFORMATION = (Type.FLOOR_REQUEST_INFORMATION, Type.OVERALL_REQUEST_STATUS, Type.REQUEST_STATUS)


@dataclass(frozen=True, slots=True)
class Conference:
    """What a floor control server says of itself in SDP (RFC 8856 5.2 to 5.4)."""

    conference: int
    user: int
    floor: int

    @classmethod
    def make(cls) -> "Conference":
        return cls(secrets.randbits(31), secrets.randbelow(0xFFFF) + 1, 1)


@dataclass(slots=True)
class FloorServer:
    """Grants what is asked for. rounds: floors granted and released; refused: requests in error."""

    about: Conference
    rounds: int = 0
    refused: int = 0
    greeted: bool = False
    _granted: set[int] = field(default_factory=set)
    _last: int = 0

    def take(self, message: Message) -> Message:
        """Return the answer to a request."""
        if message.conference != self.about.conference:
            return self._error(message, Error.NO_CONFERENCE)
        if message.user != self.about.user:
            return self._error(message, Error.NO_USER)
        if message.primitive == Primitive.HELLO:
            self.greeted = True
            supported = (
                Attribute(Type.SUPPORTED_PRIMITIVES, _PRIMITIVES),
                Attribute(Type.SUPPORTED_ATTRIBUTES, bytes(kind << 1 for kind in Type)),
            )
            return self._answer(message, Primitive.HELLO_ACK, *supported)
        if message.primitive == Primitive.FLOOR_REQUEST:
            return self._request(message)
        if message.primitive == Primitive.FLOOR_RELEASE:
            return self._release(message)
        return self._error(message, Error.UNKNOWN_PRIMITIVE)

    def _request(self, message: Message) -> Message:
        floor = message.find(Type.FLOOR_ID)
        if floor is None or floor.number != self.about.floor or len(self._granted) >= MAX_GRANTED:
            return self._error(message, Error.NO_FLOOR)
        self._last = self._last % 0xFFFF + 1
        self._granted.add(self._last)
        return self._status(message, self._last, Status.GRANTED)

    def _release(self, message: Message) -> Message:
        request = message.find(Type.FLOOR_REQUEST_ID)
        if request is None or request.number not in self._granted:
            return self._error(message, Error.NO_REQUEST)
        self._granted.remove(request.number)
        self.rounds += 1
        return self._status(message, request.number, Status.RELEASED)

    def _status(self, message: Message, request: int, status: Status) -> Message:
        overall = number(
            Type.OVERALL_REQUEST_STATUS, request, Attribute(Type.REQUEST_STATUS, bytes([status, 0]))
        )
        floor = number(Type.FLOOR_REQUEST_STATUS, self.about.floor)
        information = number(Type.FLOOR_REQUEST_INFORMATION, request, overall, floor)
        return self._answer(message, Primitive.FLOOR_REQUEST_STATUS, information)

    def _error(self, message: Message, error: Error) -> Message:
        self.refused += 1
        return self._answer(message, Primitive.ERROR, Attribute(Type.ERROR_CODE, bytes([error])))

    def _answer(self, message: Message, primitive: Primitive, *attributes: Attribute) -> Message:
        """The identifiers are those of the request (RFC 8855 8.2)."""
        return Message(primitive, message.conference, message.transaction, message.user, attributes)


@dataclass(slots=True)
class FloorClient:
    """Asks for a floor and gives it back. rounds: that ended as they have to; bad: answers that do not fit.

    greeted: HelloAck has come; idle: nothing is under way.
    """

    about: Conference
    rounds: int = 0
    bad: int = 0
    greeted: bool = False
    _waiting: Message | None = None
    _transaction: int = 0

    @property
    def idle(self) -> bool:
        return self._waiting is None

    def hello(self) -> Message:
        return self._ask(Primitive.HELLO)

    def request(self) -> Message:
        """Return the FloorRequest that begins a round."""
        return self._ask(Primitive.FLOOR_REQUEST, number(Type.FLOOR_ID, self.about.floor))

    def take(self, message: Message) -> Message | None:
        """Take what the server says; return the FloorRelease where it has granted the floor."""
        asked, self._waiting = self._waiting, None
        ids = (message.conference, message.transaction, message.user)
        if asked is None or ids != (asked.conference, asked.transaction, asked.user):
            self.bad += 1
            return None
        if asked.primitive == Primitive.HELLO:
            known = message.find(Type.SUPPORTED_PRIMITIVES)
            wanted = {Primitive.FLOOR_REQUEST, Primitive.FLOOR_RELEASE}
            self.greeted = message.primitive == Primitive.HELLO_ACK and wanted <= set(
                known.content if known else b""
            )
            self.bad += not self.greeted
            return None
        information, status = message.find(Type.FLOOR_REQUEST_INFORMATION), message.find(*_INFORMATION)
        said = (message.primitive, status.content[:1] if status is not None else b"")
        if information is None:
            self.bad += 1
        elif asked.primitive == Primitive.FLOOR_REQUEST and said == _said(Status.GRANTED):
            return self._ask(Primitive.FLOOR_RELEASE, number(Type.FLOOR_REQUEST_ID, information.number))
        elif asked.primitive == Primitive.FLOOR_RELEASE and said == _said(Status.RELEASED):
            given = asked.find(Type.FLOOR_REQUEST_ID)
            same = given is not None and given.number == information.number
            self.rounds += same
            self.bad += not same
        else:
            self.bad += 1
        return None

    def _ask(self, primitive: Primitive, *attributes: Attribute) -> Message:
        self._transaction = self._transaction % 0xFFFF + 1
        about = self.about
        self._waiting = Message(primitive, about.conference, self._transaction, about.user, attributes)
        return self._waiting


def _said(status: Status) -> tuple[int, bytes]:
    return Primitive.FLOOR_REQUEST_STATUS, bytes([status])
