"""Lossless, lazy SIP messages (RFC 3261 7).

A message keeps the lines that it came with. Header fields are looked up by name and parsed only when a
step asks for them; what nobody touches goes out byte for byte, in its order.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Self

from pcscf.errors import BadMessage, TooMuch

#: What ``native/sip`` reads; the same as ``Message`` has, and the offset of the body and Content-Length.
_Read = tuple[str, str, int, list[tuple[str, str]], int, int]
#: Reads ordinary messages where it is built, and gives None for all others.
tokenizer: Callable[[bytes], _Read | None] | None
try:
    from pcscf.sip._tokenizer import read

    tokenizer = read
except ImportError:
    tokenizer = None

#: RFC 3261 7.3.3 and the IANA registry: compact form -> name. Names are kept in lower case as keys.
COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "n": "identity-info", "o": "event", "r": "refer-to",
    "s": "subject", "t": "to", "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}  # fmt: skip

#: Most header fields that a message may have, and most octets before its body.
MAX_HEADERS = 256
MAX_HEAD = 65_536

#: The key of a line that is no header field: kept, and refused by ``validate`` (400 can still be answered).
MALFORMED = ""
#: The keys of a field that stands for others, left out because they are too many or too large: as above.
TOO_MANY = "\n"
TOO_LARGE = "\r"

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
#: What stands between commas: plain text, quoted strings and addresses; an open quote reaches to the end.
_VALUES = re.compile(r'(?:[^",<]++|"(?:[^"\\]++|\\.)*"?|<[^>]*+>?)+', re.DOTALL)
_STATUS = re.compile(r"[Ss][Ii][Pp]/2\.0 ([1-6][0-9][0-9])(?: (.*))?", re.DOTALL)

#: Names as they are usually written -> key, so that a line costs one look-up. Interned: most comparisons of
#: keys end where both are one object.
_KEYS = {
    spelling: sys.intern(name.lower())
    for name in re.findall(
        r"\S+",
        "Accept Accept-Contact Accept-Encoding Accept-Language Alert-Info Allow Allow-Events "
        "Authentication-Info Authorization Call-ID Call-Info Contact Content-Disposition Content-Encoding "
        "Content-Language Content-Length Content-Type CSeq Date Error-Info Event Expires "
        "Feature-Caps From Geolocation History-Info In-Reply-To Max-Forwards MIME-Version Min-Expires "
        "Min-SE Organization P-Access-Network-Info P-Asserted-Identity P-Asserted-Service "
        "P-Associated-URI P-Called-Party-ID P-Charging-Function-Addresses P-Charging-Vector P-Early-Media "
        "P-Preferred-Identity P-Preferred-Service P-Profile-Key P-Served-User P-Visited-Network-ID Path "
        "Priority Privacy Proxy-Authenticate Proxy-Authorization Proxy-Require RAck RSeq Reason "
        "Record-Route Refer-To Referred-By Reject-Contact Replaces Reply-To Request-Disposition Require "
        "Retry-After Route Security-Client Security-Server Security-Verify Server Service-Route "
        "Session-Expires SIP-ETag SIP-If-Match Subject Subscription-State Supported Timestamp To "
        "Unsupported User-Agent Via Warning WWW-Authenticate",
    )
    for spelling in (name, name.lower())
}
for _compact, _name in COMPACT.items():
    _KEYS[_compact] = _KEYS[_compact.upper()] = sys.intern(_name)


def key_of(name: str) -> str:
    """Return the lower-case long form of a header name."""
    key = _KEYS.get(name)
    if key is None:
        key = name.strip(" \t").lower()
        key = COMPACT.get(key, key)
    return key


def split_values(value: str) -> list[str]:
    """Split a header value at the commas outside quotes and angle brackets (RFC 3261 7.3.1)."""
    if "," not in value:
        return [value.strip()] if value and not value.isspace() else []
    if '"' not in value and "<" not in value:
        return [part for v in value.split(",") if (part := v.strip())]
    return [part for v in _VALUES.findall(value) if (part := v.strip())]


class Message:
    """What requests and responses share: ``fields`` is a list of (key, raw line or lines), ``body`` is bytes.

    Text is UTF-8 with surrogateescape, so that any octets survive. Edit by the methods only.
    vouched: octets of the body with which the message passes ``validate``; -1: not known, or edited since.
    """

    __slots__ = ("body", "fields", "vouched")

    def __init__(self, fields: list[tuple[str, str]], body: bytes = b"") -> None:
        self.fields = fields
        self.body = body
        self.vouched = -1

    @property
    def in_order(self) -> bool:
        """Whether ``validate`` is known to pass."""
        return self.vouched == len(self.body)

    def start_line(self) -> str:
        raise NotImplementedError

    def get(self, key: str) -> str | None:
        """Return the unfolded value of the first field ``key`` (lower-case long form), or None."""
        for k, raw in self.fields:
            if k == key:
                return value_of(raw)
        return None

    def all(self, key: str) -> list[str]:
        """Return the unfolded value of each field ``key``, in order."""
        return [value_of(raw) for k, raw in self.fields if k == key]

    def values(self, key: str) -> list[str]:
        """Return the comma-separated values of every field ``key``, in order."""
        return [v for k, raw in self.fields if k == key for v in split_values(value_of(raw))]

    def __contains__(self, key: str) -> bool:
        return self._index(key) >= 0

    def remove(self, *keys: str) -> int:
        """Remove every field with one of ``keys``; return how many went."""
        self.vouched = -1
        before = len(self.fields)
        self.fields = [f for f in self.fields if f[0] not in keys]
        return before - len(self.fields)

    def set(self, name: str, value: str) -> None:
        """Replace the first field ``name`` in its place and drop further ones; append it where none is."""
        key = key_of(name)
        field = (key, f"{name}: {value}")
        self.vouched = -1
        at = self._index(key)
        if at < 0:
            self.fields.append(field)
            return
        self.fields[at] = field
        for i in range(len(self.fields) - 1, at, -1):
            if self.fields[i][0] == key:
                del self.fields[i]

    def append(self, name: str, value: str) -> None:
        """Add a field behind the last one of that name, or at the end."""
        self.vouched = -1
        key = key_of(name)
        fields = self.fields
        at = len(fields)
        while at and fields[at - 1][0] != key:
            at -= 1
        fields.insert(at or len(fields), (key, f"{name}: {value}"))

    def prepend(self, name: str, value: str) -> None:
        """Add a field before the first one of that name, or at the top (Via, Route, Record-Route, Path)."""
        self.vouched = -1
        key = key_of(name)
        self.fields.insert(max(self._index(key), 0), (key, f"{name}: {value}"))

    def replace_values(self, name: str, values: Iterable[str]) -> None:
        """Set all values of ``name`` as one field; no values remove it."""
        if joined := ", ".join(values):
            self.set(name, joined)
        else:
            self.remove(key_of(name))

    def pop_value(self, key: str) -> str | None:
        """Remove and return the first comma-separated value of ``key``; the rest keeps its bytes."""
        self.vouched = -1
        while (at := self._index(key)) >= 0:
            raw = self.fields[at][1]
            first, rest = _cut_first(value_of(raw))
            if rest:
                self.fields[at] = (key, f"{raw.partition(':')[0]}: {rest}")
            else:
                del self.fields[at]
            if first:
                return first
        return None

    def first(self, key: str) -> str | None:
        """Return the first comma-separated value of ``key``, or None."""
        for k, raw in self.fields:
            if k == key:
                value = value_of(raw)
                if "," in value:
                    value = next(iter(split_values(value)), "")
                if value:
                    return value
        return None

    def replace_first(self, name: str, value: str) -> None:
        """Put ``value`` in the place of the first comma-separated value of ``name``, which must be there."""
        self.vouched = -1
        key = key_of(name)
        at = self._index(key)
        rest = _cut_first(value_of(self.fields[at][1]))[1]
        self.fields[at] = (key, f"{name}: {value}, {rest}" if rest else f"{name}: {value}")

    def _index(self, key: str) -> int:
        for i, field in enumerate(self.fields):
            if field[0] == key:
                return i
        return -1

    def set_body(self, body: bytes) -> None:
        """Replace the body and correct Content-Length."""
        self.body = body
        self.set("Content-Length", str(len(body)))

    def encode(self) -> bytes:
        """Return the message as it goes on the wire."""
        lines = [self.start_line()]
        lines += [field[1] for field in self.fields]
        lines.append("\r\n")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield (key, unfolded value) of each field."""
        return ((k, value_of(raw)) for k, raw in self.fields)


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


def value_of(raw: str) -> str:
    """Return the value of a raw field: unfolded, outer blanks stripped."""
    at = raw.find(":") + 1
    if at == 0:
        return ""
    if at < len(raw) and raw[at] == " ":  # as nearly everybody writes it: nothing is left to strip
        at += 1
    value = raw[at:]
    if "\r" in value:
        value = " ".join([part.strip(" \t") for part in value.split("\r\n")])
    return value.strip(" \t")


def _cut_first(value: str) -> tuple[str, str]:
    """Return the first comma-separated value and what is written behind its comma."""
    values = split_values(value) if "," in value else [value]
    if len(values) <= 1:
        return (values[0] if values else ""), ""
    return values[0], value.partition(values[0])[2].partition(",")[2].lstrip(" \t")


def parse(data: bytes) -> Request | Response:
    """Parse one message. Everything behind the empty line is its body: framing is not done here.

    Checks only what the start line and the shape of header lines tell; what a step needs it parses itself.
    A line without a name gets the key MALFORMED, so that the request can still be answered.
    Raises BadMessage: TooMuch, where ``abridged`` may find what an answer needs.
    """
    if tokenizer is None or (got := tokenizer(data)) is None:
        return _parse(data)
    method, text, status, fields, at, length = got
    body = data[at:]
    message = Request(method, text, fields, body) if method else Response(status, text, fields, body)
    message.vouched = length
    return message


def _parse(data: bytes) -> Request | Response:
    end = data.find(b"\r\n\r\n")
    if end < 0:
        raise BadMessage("no empty line after the header fields")
    if end > MAX_HEAD:
        raise TooMuch("header fields too large", 513)
    head = data[:end].decode("utf-8", "surrogateescape")
    lines = head.split("\r\n")
    count = len(lines) - 1
    # A bare CR or LF is a line end to some parsers and none to others: what one checks the other never sees.
    within = "".join(lines)
    if "\n" in within or "\r" in within:
        raise BadMessage("bare CR or LF in the header fields")
    if count > MAX_HEADERS:
        raise TooMuch("too many header lines", 400)
    keys = _KEYS
    fields: list[tuple[str, str]] = []
    start = lines[0]
    del lines[0]
    for line in lines:
        name, colon, _ = line.partition(":")
        key = keys.get(name) if colon else None
        fields.append((key, line) if key is not None else _other_field(line, fields))
    if start[:4].upper() == "SIP/":
        if (found := _STATUS.fullmatch(start)) is None:
            raise BadMessage("bad status line")
        return Response(int(found[1]), found[2] or "", fields, data[end + 4 :])
    method, _, rest = start.partition(" ")
    uri, _, version = rest.rstrip(" \t").rpartition(" ")
    if not uri or not _TOKEN.fullmatch(method) or version[:4].upper() != "SIP/":
        raise BadMessage("bad start line")
    return Request(method, uri, fields, data[end + 4 :], version)


def _other_field(line: str, fields: list[tuple[str, str]]) -> tuple[str, str]:
    """Return the field of a line whose name is rare or that continues the last of ``fields``, taken off."""
    if line[:1] in {" ", "\t"}:
        if not fields:
            raise BadMessage("folded line without a header field")
        key, raw = fields.pop()
        return key, f"{raw}\r\n{line}"
    name, colon, _ = line.partition(":")
    name = name.rstrip(" \t")
    return (key_of(name) if colon and _TOKEN.fullmatch(name) else MALFORMED), line
