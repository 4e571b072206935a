"""Lossless, lazy SIP messages (RFC 3261 7).

A message keeps the lines that it came with. Header fields are looked up by name and parsed only when a
step asks for them; what nobody touches goes out byte for byte, in its order.
"""

from collections.abc import Iterable, Iterator
from typing import Self

from pcscf.errors import BadMessage

#: RFC 3261 7.3.3 and the IANA registry: compact form -> name. Names are kept in lower case as keys.
COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "n": "identity-info", "o": "event", "r": "refer-to",
    "s": "subject", "t": "to", "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}  # fmt: skip

#: Most header fields that a message may have, and most octets before its body (signalling.md 6 row 48).
MAX_HEADERS = 256
MAX_HEAD = 65_536


def key_of(name: str) -> str:
    """Return the lower-case long form of a header name."""
    name = name.strip(" \t").lower()
    return COMPACT.get(name, name)


def split_values(value: str) -> list[str]:
    """Split a header value at the commas outside quotes and angle brackets (RFC 3261 7.3.1)."""
    if "," not in value:
        return [value.strip()] if value and not value.isspace() else []
    if '"' not in value and "<" not in value:
        return [part for v in value.split(",") if (part := v.strip())]
    parts, start, quoted, angle, escaped = [], 0, False, False, False
    for i, c in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            if c == "\\":
                escaped = True
            elif c == '"':
                quoted = False
        elif c == '"':
            quoted = True
        elif c == "<":
            angle = True
        elif c == ">":
            angle = False
        elif c == "," and not angle:
            parts.append(value[start:i])
            start = i + 1
    parts.append(value[start:])
    return [part for v in parts if (part := v.strip())]


class Message:
    """What requests and responses share: ``fields`` is a list of (key, raw line or lines), ``body`` is bytes.

    Text is UTF-8 with surrogateescape, so that any octets survive. Edit by the methods only.
    """

    __slots__ = ("body", "fields")

    def __init__(self, fields: list[tuple[str, str]], body: bytes = b"") -> None:
        self.fields = fields
        self.body = body

    def start_line(self) -> str:
        raise NotImplementedError

    def get(self, key: str) -> str | None:
        """Return the unfolded value of the first field ``key`` (lower-case long form), or None."""
        for k, raw in self.fields:
            if k == key:
                return _value(raw)
        return None

    def all(self, key: str) -> list[str]:
        """Return the unfolded value of each field ``key``, in order."""
        return [_value(raw) for k, raw in self.fields if k == key]

    def values(self, key: str) -> list[str]:
        """Return the comma-separated values of every field ``key``, in order."""
        return [v for k, raw in self.fields if k == key for v in split_values(_value(raw))]

    def __contains__(self, key: str) -> bool:
        return any(k == key for k, _ in self.fields)

    def remove(self, *keys: str) -> int:
        """Remove every field with one of ``keys``; return how many went."""
        before = len(self.fields)
        self.fields = [f for f in self.fields if f[0] not in keys]
        return before - len(self.fields)

    def set(self, name: str, value: str) -> None:
        """Replace the first field ``name`` in its place and drop further ones; append it where none is."""
        key, line = key_of(name), f"{name}: {value}"
        fields, done = [], False
        for f in self.fields:
            if f[0] != key:
                fields.append(f)
            elif not done:
                fields.append((key, line))
                done = True
        if not done:
            fields.append((key, line))
        self.fields = fields

    def append(self, name: str, value: str) -> None:
        """Add a field behind the last one of that name, or at the end."""
        key = key_of(name)
        at = max((i + 1 for i, f in enumerate(self.fields) if f[0] == key), default=len(self.fields))
        self.fields.insert(at, (key, f"{name}: {value}"))

    def prepend(self, name: str, value: str) -> None:
        """Add a field before the first one of that name, or at the top (Via, Route, Record-Route, Path)."""
        key = key_of(name)
        at = next((i for i, f in enumerate(self.fields) if f[0] == key), 0)
        self.fields.insert(at, (key, f"{name}: {value}"))

    def replace_values(self, name: str, values: Iterable[str]) -> None:
        """Set all values of ``name`` as one field; no values remove it."""
        if joined := ", ".join(values):
            self.set(name, joined)
        else:
            self.remove(key_of(name))

    def pop_value(self, key: str) -> str | None:
        """Remove and return the first comma-separated value of ``key``; the rest keeps its bytes."""
        for i, (k, raw) in enumerate(self.fields):
            if k != key:
                continue
            values = split_values(_value(raw))
            if len(values) <= 1:
                del self.fields[i]
            else:
                rest = _value(raw).partition(values[0])[2].partition(",")[2].lstrip()
                self.fields[i] = (k, f"{raw.partition(':')[0]}: {rest}")
            if values:
                return values[0]
            return self.pop_value(key)
        return None

    def set_body(self, body: bytes) -> None:
        """Replace the body and correct Content-Length."""
        self.body = body
        self.set("Content-Length", str(len(body)))

    def encode(self) -> bytes:
        """Return the message as it goes on the wire."""
        lines = [self.start_line()]
        lines += [raw for _, raw in self.fields]
        lines += ("", "")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield (key, unfolded value) of each field."""
        return ((k, _value(raw)) for k, raw in self.fields)


class Request(Message):
    """A request: ``method``, ``uri`` (the Request-URI) and ``version`` as written."""

    __slots__ = ("method", "uri", "version")

    def __init__(
        self,
        method: str,
        uri: str,
        fields: list[tuple[str, str]],
        body: bytes = b"",
        version: str = "SIP/2.0",
    ) -> None:
        super().__init__(fields, body)
        self.method = method
        self.uri = uri
        self.version = version

    def start_line(self) -> str:
        return f"{self.method} {self.uri} {self.version}"

    def copy(self) -> Self:
        return type(self)(self.method, self.uri, list(self.fields), self.body, self.version)


class Response(Message):
    """A response: ``status`` 100 to 699 and its ``reason`` phrase."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, fields: list[tuple[str, str]], body: bytes = b"") -> None:
        super().__init__(fields, body)
        self.status = status
        self.reason = reason

    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    def copy(self) -> Self:
        return type(self)(self.status, self.reason, list(self.fields), self.body)


def _value(raw: str) -> str:
    """Return the value of a raw field: unfolded, outer blanks stripped."""
    value = raw.partition(":")[2]
    if "\r\n" in value:
        value = " ".join(part.strip(" \t") for part in value.split("\r\n"))
    return value.strip(" \t")


def parse(data: bytes) -> Request | Response:
    """Parse one message. Everything behind the empty line is its body: framing is not done here.

    Checks only what the start line and the shape of header lines tell; what a step needs it parses itself.
    Raises BadMessage.
    """
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        raise BadMessage("no empty line after the header fields")
    if len(head) > MAX_HEAD:
        raise BadMessage("header fields too large")
    start, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    if len(lines) > MAX_HEADERS:
        raise BadMessage("too many header fields")
    fields: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in {" ", "\t"}:
            if not fields:
                raise BadMessage("folded line without a header field")
            key, raw = fields[-1]
            fields[-1] = (key, f"{raw}\r\n{line}")
            continue
        name, colon, _ = line.partition(":")
        if not colon or not name.strip():
            raise BadMessage("header line without a name")
        fields.append((key_of(name), line))
    if start.startswith("SIP/2.0 "):
        status, _, reason = start[8:].partition(" ")
        if len(status) != 3 or not status.isascii() or not status.isdigit() or not "1" <= status[0] <= "6":
            raise BadMessage("bad status code")
        return Response(int(status), reason, fields, body)
    method, _, rest = start.partition(" ")
    uri, _, version = rest.rpartition(" ")
    if not method or not uri or not version.upper().startswith("SIP/"):
        raise BadMessage("bad start line")
    return Request(method, uri, fields, body, version)
