"""What the octets of a connection say: SIP one message after the other, or something around it."""

from collections.abc import Callable
from typing import Protocol

from pcscf.sip.build import response_to
from pcscf.sip.framing import PONG, StreamReader
from pcscf.sip.message import Request, Response

Count = Callable[[str], None]


class Session(Protocol):
    """up: messages may be sent. ended: nothing more will be read; what ``output`` has is the last word."""

    up: bool
    ended: bool

    @property
    def partial(self) -> bool:
        """Whether a message has begun and not ended."""
        ...

    @property
    def held(self) -> int:
        """Octets of what has begun and not ended."""
        ...

    def receive(self, data: bytes, now: float) -> list[Request | Response]:
        """Return the messages completed by ``data``. now: seconds of the loop's clock."""
        ...

    def output(self) -> bytes:
        """Return what is to be sent besides messages: pongs, handshakes, refusals."""
        ...

    def frame(self, message: bytes) -> bytes:
        """Return the octets that carry a message."""
        ...

    def goodbye(self) -> bytes:
        """Return what tells the peer that we leave."""
        ...


class SipStream:
    """SIP over TCP or TLS (RFC 3261 18.3): messages end where Content-Length says.

    tag: To tag of what is answered here: requests that cannot be read to their end (400, 513).
    """

    __slots__ = ("_count", "_output", "_reader", "_tag", "ended", "up")

    def __init__(self, count: Count, tag: str) -> None:
        self._count = count
        self._tag = tag
        self._reader = StreamReader()
        self._output = b""
        self.up = True
        self.ended = False

    @property
    def partial(self) -> bool:
        return self._reader.partial

    @property
    def held(self) -> int:
        return self._reader.held

    def receive(self, data: bytes, now: float) -> list[Request | Response]:  # noqa: ARG002
        reader = self._reader
        messages = reader.feed(data)
        if reader.pings:
            self._count("pings")
            self._output += PONG * reader.pings
            reader.pings = 0
        if reader.broken is not None and not self.ended:
            self._count("broken_streams")
            self.ended = True
            request = reader.refused
            if request is not None and request.method != "ACK" and "via" in request:
                self._output += response_to(request, reader.status, to_tag=self._tag).encode()
        return messages

    def output(self) -> bytes:
        output, self._output = self._output, b""
        return output

    def frame(self, message: bytes) -> bytes:
        return message

    def goodbye(self) -> bytes:
        return b""
