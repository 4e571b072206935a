"""MSRP on the wire (RFC 4975): URIs, requests and responses, chunks, and a reader of a stream in pieces."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.errors import LabError

#: Most octets of what stands before a body, of the body of one chunk, and header fields of a message.
MAX_HEAD = 8192
MAX_CHUNK = 1 << 20
MAX_FIELDS = 64
#: Octets of a chunk that nobody needs to interrupt (RFC 4975 7.1).
CHUNK = 2048

_IDENT = r"[A-Za-z0-9][A-Za-z0-9.\-+%=]{3,31}"
_START = re.compile(rf"MSRP ({_IDENT}) (?:([0-9]{{3}})(?: ([^\r\n]*))?|([A-Z]+))")
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9\-]*): ?([^\r\n]*)")
_RANGE = re.compile(r"([0-9]{1,12})-([0-9]{1,12}|\*)/([0-9]{1,12}|\*)")
_URI = re.compile(
    r"(msrps?)://(?:[^@/\s]*@)?(\[[^\]\s]+\]|[^:/\s\[]+)(?::([0-9]{1,5}))?/([^;\s]+);tcp(?:;\S*)?",
    re.IGNORECASE,
)
PORT = 2855


class BadMessage(LabError):
    """What a stream carries is no MSRP, or more than this end takes."""


@dataclass(frozen=True, slots=True)
class Uri:
    """One MSRP URI. secure: msrps; session: compared as it is, in case too (RFC 4975 6.1)."""

    secure: bool
    host: str
    port: int
    session: str

    @classmethod
    def parse(cls, text: str) -> "Uri":
        """Read the first URI of a path. Raises BadMessage."""
        found = _URI.fullmatch(text.strip().partition(" ")[0])
        if found is None or int(found[3] or PORT) > 65_535:
            raise BadMessage("malformed MSRP URI")
        return cls(found[1].lower() == "msrps", found[2].strip("[]").lower(), int(found[3] or PORT), found[4])

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'msrps' if self.secure else 'msrp'}://{host}:{self.port}/{self.session};tcp"


@dataclass(frozen=True, slots=True)
class Range:
    """Byte-Range: first octet, from 1; last and total are None for ``*`` (RFC 4975 7.1.1)."""

    first: int
    last: int | None
    total: int | None

    @classmethod
    def parse(cls, text: str) -> "Range":
        """Raises BadMessage."""
        if (found := _RANGE.fullmatch(text.strip())) is None or found[1] == "0":
            raise BadMessage("malformed Byte-Range")
        last, total = (None if value == "*" else int(value) for value in found.group(2, 3))
        return cls(int(found[1]), last, total)

    def __str__(self) -> str:
        last, total = ("*" if value is None else value for value in (self.last, self.total))
        return f"{self.first}-{last}/{total}"


@dataclass(slots=True)
class Message:
    """A request (``method``) or a response (``status``, else 0). flag: of the end-line.

    fields: those behind To-Path and From-Path; of a read one by their names in small letters. body: None
    where there is none.
    """

    transaction: str
    to_path: str
    from_path: str
    method: str = ""
    status: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    flag: str = "$"

    def encode(self) -> bytes:
        start = self.method or f"{self.status} {_PHRASES.get(self.status, 'Error')}"
        lines = [
            f"MSRP {self.transaction} {start}",
            f"To-Path: {self.to_path}",
            f"From-Path: {self.from_path}",
        ]
        lines += [f"{name}: {value}" for name, value in self.fields.items()]
        head = "\r\n".join(lines).encode()
        content = b"" if self.body is None else b"\r\n\r\n" + self.body
        return b"".join((head, content, f"\r\n-------{self.transaction}{self.flag}\r\n".encode()))


_PHRASES = {200: "OK", 400: "Bad Request", 413: "Stop", 415: "Unsupported", 481: "No Session", 501: "Unknown"}


def chunks(content: bytes, size: int = CHUNK) -> Iterator[tuple[Range, bytes, str]]:
    """Yield the pieces of a message: where each stands, its octets, its flag. At least one."""
    total = len(content)
    for at in range(0, max(1, total), size):
        piece = content[at : at + size]
        end = at + len(piece)
        yield Range(at + 1, end, total), piece, "$" if end == total else "+"


class Reader:
    """Puts messages together out of a stream. What raised BadMessage cannot be read further."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._open: Message | None = None
        self._looked = 0

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that ``data`` completes. Raises BadMessage."""
        self._buffer += data
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> Message | None:
        if self._open is None and (whole := self._head()) is not None:
            return whole
        return None if self._open is None else self._body(self._open)

    def _head(self) -> Message | None:
        """Read up to the blank line before a body, which opens a message, or up to the end of one without."""
        buffer = self._buffer
        if not b"MSRP ".startswith(bytes(buffer[:5])):
            raise BadMessage("no MSRP")
        line = buffer.find(b"\r\n", 0, MAX_HEAD)
        blank = buffer.find(b"\r\n\r\n", 0, MAX_HEAD)
        if line >= 0:
            if (start := _START.fullmatch(_text(buffer[:line]))) is None:
                raise BadMessage("malformed first line")
            mark = _mark(start[1])
            end = buffer.find(mark, line, MAX_HEAD if blank < 0 else blank)
            if end >= 0:
                message = _message(start, _text(buffer[line + 2 : end]))
                return message if self._ended(message, end + len(mark), strict=True) else None
            if blank >= 0:
                self._open = _message(start, _text(buffer[line + 2 : blank]))
                del buffer[: blank + 2]  # the end-line of an empty body begins with the blank line's CRLF
                self._looked = 0
                return None
        if len(buffer) > MAX_HEAD:
            raise BadMessage("head too large")
        return None

    def _body(self, message: Message) -> Message | None:
        buffer, mark = self._buffer, _mark(message.transaction)
        while (end := buffer.find(mark, self._looked)) >= 0:
            body = bytes(buffer[2:end])
            if self._ended(message, end + len(mark)):
                message.body = body
                self._open = None
                return message
            if len(buffer) < end + len(mark) + 3:
                self._looked = end
                return None
            self._looked = end + 1
        self._looked = max(0, len(buffer) - len(mark))
        if len(buffer) > MAX_CHUNK:
            raise BadMessage("chunk too large")
        return None

    def _ended(self, message: Message, at: int, *, strict: bool = False) -> bool:
        """Take the flag of an end-line and forget everything up to there; False where it is not all there.

        strict: nothing else can stand here. Raises BadMessage.
        """
        rest = bytes(self._buffer[at : at + 3])
        if len(rest) == 3 and rest[:1] in b"$+#" and rest[1:] == b"\r\n":
            message.flag = rest[:1].decode()
            del self._buffer[: at + 3]
            return True
        if strict and len(rest) == 3:
            raise BadMessage("malformed end-line")
        return False


def _mark(transaction: str) -> bytes:
    return f"\r\n-------{transaction}".encode()


def _text(octets: bytearray) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise BadMessage("head is not UTF-8") from None


def _message(start: re.Match[str], head: str) -> Message:
    fields: list[tuple[str, str]] = []
    for line in head.split("\r\n"):
        if (found := _FIELD.fullmatch(line)) is None or len(fields) >= MAX_FIELDS:
            raise BadMessage("malformed header field")
        fields.append((found[1].lower(), found[2].strip()))
    if [name for name, _ in fields[:2]] != ["to-path", "from-path"]:
        raise BadMessage("To-Path and From-Path are not first")
    rest = dict(fields[2:])
    return Message(start[1], fields[0][1], fields[1][1], start[4] or "", int(start[2] or 0), rest)
