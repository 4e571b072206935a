"""Where a message begins and ends: in a datagram, in a stream (RFC 3261 18.3, 7.5; RFC 5626 3.5.1)."""

import re

from pcscf.errors import BadMessage, TooMuch
from pcscf.sip.abridged import abridged
from pcscf.sip.message import MAX_HEAD, Request, Response, parse
from pcscf.sip.validate import MAX_BODY

#: Answer to a ping of two line ends on a stream.
PING = b"\r\n\r\n"
PONG = b"\r\n"

_LENGTH = re.compile(r"[0-9]{1,10}")
_BLANK = b"\r\n \t\x00"


def from_datagram(data: bytes) -> Request | Response | None:
    """Parse a datagram, None for a keep-alive (line ends, NULs). Raises BadMessage.

    A body longer than Content-Length is cut; a shorter one stays for ``validate`` to refuse with 400.
    """
    if not data or data[0] in _BLANK:
        data = data.lstrip(_BLANK)
        if not data:
            return None
    message = _parse(data)
    if message.vouched >= 0:
        if message.vouched < len(message.body):
            message.body = message.body[: message.vouched]
        return message
    length = message.get("content-length")
    if length is not None and _LENGTH.fullmatch(length) and int(length) < len(message.body):
        message.body = message.body[: int(length)]
    return message


def _parse(data: bytes) -> Request | Response:
    """Parse a message, as far as it can be answered where there is too much of it. Raises BadMessage."""
    try:
        return parse(data)
    except TooMuch as why:
        return abridged(data, why)


class StreamReader:
    """Split a byte stream into messages by Content-Length.

    pings: line-end pairs seen between messages and not yet answered. broken: why nothing more can be read;
    refused: the request to answer with ``status`` before the connection is closed.
    """

    __slots__ = (
        "_buffer", "_head", "_head_size", "_need", "_scanned", "broken", "pings", "refused", "status",
    )  # fmt: skip

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0  # the empty line does not begin before this octet
        self._head: Request | Response | None = None  # waits for its body, and
        self._need = 0  # so many octets of it
        self._head_size = 0
        self.pings = 0
        self.broken: BadMessage | None = None
        self.refused: Request | None = None
        self.status = 400

    @property
    def partial(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._head is not None or len(self._buffer) >= len(PING)

    @property
    def held(self) -> int:
        """Octets that wait for the rest of their message."""
        return len(self._buffer) + self._head_size

    def feed(self, data: bytes) -> list[Request | Response]:
        """Return the messages completed by ``data``; nothing once the stream is broken."""
        messages: list[Request | Response] = []
        if self.broken is not None:
            return messages
        self._buffer += data
        try:
            while (message := self._next()) is not None:
                messages.append(message)
        except BadMessage as bad:
            self.broken = bad
            self._buffer.clear()
        return messages

    def _next(self) -> Request | Response | None:
        head = self._head or self._read_head()
        if head is None or len(self._buffer) < self._need:
            return None
        head.body = bytes(self._buffer[: self._need])
        del self._buffer[: self._need]
        self._head = None
        self._head_size = 0
        return head

    def _read_head(self) -> Request | Response | None:
        """Take the head of the message at the front; None while it is incomplete."""
        buffer = self._buffer
        if not self._scanned:
            self._skip_blanks()
            if PING.startswith(buffer):
                return None
        end = buffer.find(b"\r\n\r\n", max(0, self._scanned - 3), MAX_HEAD + 4)
        if end < 0:
            self._scanned = len(buffer)
            if self._scanned > MAX_HEAD + 3:
                raise self._too_large(bytes(buffer[:MAX_HEAD]))
            return None
        self._scanned = 0
        head = _parse(bytes(buffer[: end + 4]))
        need = head.vouched
        if need < 0:
            lengths = head.all("content-length")
            if len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0]):
                raise self._refuse(head, 400, "no single valid Content-Length on a stream")
            need = int(lengths[0])
        if need > MAX_BODY:
            raise self._refuse(head, 513, "body too large")
        del buffer[: end + 4]
        self._head, self._need, self._head_size = head, need, end + 4
        return head

    def _too_large(self, head: bytes) -> BadMessage:
        why = TooMuch("header fields too large", 513)
        try:
            return self._refuse(abridged(head, why), why.status, why.reason)
        except BadMessage as unanswerable:
            return unanswerable

    def _refuse(self, message: Request | Response, status: int, reason: str) -> BadMessage:
        if isinstance(message, Request):
            self.refused, self.status = message, status
        return BadMessage(reason)

    def _skip_blanks(self) -> None:
        """Drop line ends before a message; two of them in a row are a ping."""
        buffer = self._buffer
        blank = len(buffer) - len(buffer.lstrip(b"\r\n\x00"))
        if not blank:
            return
        *pings, tail = bytes(buffer[:blank]).split(PING)
        self.pings += len(pings)
        if blank == len(buffer):  # TCP may have cut a ping in two
            blank -= next((n for n in (3, 2, 1) if tail.endswith(PING[:n])), 0)
        del buffer[:blank]
