"""MSRP that the gateway is aware of: the paths of each message lead over it (RFC 4975, TS 23.334 5.19).

No IO. Of a message three lines are read: the start line, To-Path and From-Path, which come first in this
order (RFC 4975 7.1). All else passes as it came, at once and in whatever pieces it came; it is only searched
for the end-line, so that a body of any length costs no memory, and no work for each of its octets.
"""

import re
from typing import NamedTuple

from iq.msrp import Compared, compared

MAX_HEAD = 8192
"""Octets of the start line, To-Path and From-Path together."""

NEAR = 28_672
"""Octets that are searched at a time: from 30,000 on ``bytes.find`` takes another way, which is ten times as
slow for an end-line that is not there."""

_START_LINE_TEXT = rb"MSRP ([A-Za-z0-9][A-Za-z0-9.\-+%=]{3,31}) (?:[A-Z]+|[0-9]{3}(?: [^\r\n]*)?)\r\n"
_START_LINE = re.compile(_START_LINE_TEXT)
_HEAD = re.compile(
    _START_LINE_TEXT + rb"(?i:To-Path): *([^ \r\n]+)(?: [^\r\n]*)?\r\n"
    rb"(?i:From-Path): *([^ \r\n]+)(?: [^\r\n]*)?\r\n"
)
_START = b"MSRP "
_NEWLINE = b"\r\n"
_DASHES = b"\r\n-------"
_LINES = 3
_FLAGS = b"$+#"
_ENDS = frozenset({b"$\r\n", b"+\r\n", b"#\r\n"})


class Malformed(ValueError):
    """What came is no MSRP, or its paths are longer than MAX_HEAD. Without an octet of it."""


class Rewriting(NamedTuple):
    """What becomes of the first URIs of messages that one side receives, requests and responses alike.

    known: what this side's peer has to write into To-Path. to: what stands there instead, the path of the
    other side's peer. sender: what that one knows as the path of who sends, and gets in From-Path. The URIs
    behind the first ones, of relays (RFC 4976), pass.
    """

    known: str
    to: str
    sender: str


class Rewriter:
    """The octets of one direction of a connection. foreign: messages whose To-Path was not ours: it passes,
    for who gets it to answer (481)."""

    __slots__ = (
        "_end", "_from", "_head", "_known", "_put", "_rewriting", "_same", "_seen", "_tail", "_to", "foreign",
    )  # fmt: skip

    def __init__(self, rewriting: Rewriting) -> None:
        self._head = b""
        self._end = b""  # of the message that passes: without its flag; empty between two messages
        self._tail = b""  # of what passed: the end-line may begin in it
        self.foreign = 0
        self.change(rewriting)

    def change(self, rewriting: Rewriting) -> None:
        """From the next message on."""
        self._rewriting = rewriting
        self._known: Compared | None = compared(rewriting.known)
        self._same = rewriting.known.encode()  # as last found to be the same
        self._to = rewriting.to.encode()
        self._from = rewriting.sender.encode()
        self._seen = self._put = b""  # both lines of paths as they came last, and what became of them

    @property
    def rewriting(self) -> Rewriting:
        return self._rewriting

    @property
    def within(self) -> bool:
        """Has a message begun that has not ended?"""
        return bool(self._head or self._end)

    def feed(self, data: bytes) -> bytes:
        """Return what goes on of ``data`` and of the head of a message that was held. Raises Malformed."""
        if not self._end:
            return self._several(data, 0)
        end = self._passed(data, 0)
        if end == -1:
            return data
        self._end = b""
        return self._several(data, end)

    def _several(self, data: bytes, at: int) -> bytes:
        """As ``feed``, of data that passes as it is before ``at``, where a message begins."""
        view = memoryview(data)
        pieces: list[bytes | memoryview] = [view[:at]]
        while at < len(data):
            if self._end:
                end = self._passed(data, at)
                if end == -1:
                    pieces.append(view[at:])
                    break
                pieces.append(view[at:end])
                self._end = b""
                at = end
            elif self._head or (end := self._whole(data, at, pieces)) == at:
                at = self._begin(data, at, pieces)
            else:
                at = end
        return b"".join(pieces)

    def _whole(self, data: bytes, at: int, pieces: list[bytes | memoryview]) -> int:
        """Take messages from ``at`` on that are there to their end, with the paths that came last; return the
        place behind them. What a file consists of costs a microsecond a message here."""
        seen, put = self._seen, self._put
        view = memoryview(data)
        passed = at
        while seen and (found := _START_LINE.match(data, at)) is not None:
            paths = found.end()
            body = paths + len(seen)
            if body - at > MAX_HEAD or not data.startswith(seen, paths):
                break
            line = _DASHES + found[1]
            place = data.find(line, body - 2, body + NEAR)  # the CRLF of From-Path may begin it
            flag = place + len(line)
            if place == -1 or data[flag : flag + 3] not in _ENDS:
                break
            pieces += (view[passed:paths], put)
            passed, at = body, flag + 3
        if at > passed:
            pieces.append(view[passed:at])
        return at

    def _begin(self, data: bytes, at: int, pieces: list[bytes | memoryview]) -> int:
        """Read the head of a message, from what is held and what is at ``at``; return the place behind it."""
        held = len(self._head)
        head = self._head + data[at : at + MAX_HEAD - held]
        end = 0
        for _ in range(_LINES):
            end = head.find(_NEWLINE, end) + 2
            if end == 1:
                break
        if end == 1:
            if len(head) >= MAX_HEAD:
                raise Malformed("paths that are too long")
            if not head.startswith(_START[: len(head)]):
                raise Malformed("not MSRP")
            self._head = head
            return len(data)
        found = _HEAD.fullmatch(head, 0, end)
        if found is None:
            raise Malformed("start line, To-Path or From-Path")
        paths = head.find(_NEWLINE) + len(_NEWLINE)
        ours = self._ours(found[2])
        to = self._to if ours else found[2]
        put = b"".join(
            (head[paths : found.start(2)], to, head[found.end(2) : found.start(3)], self._from,
             head[found.end(3) : end])
        )  # fmt: skip
        self._seen, self._put = (head[paths:end], put) if ours else (b"", b"")
        pieces += (head[:paths], put)
        self._head = b""
        self._end = _DASHES + found[1]
        self._tail = _NEWLINE
        return at + end - held

    def _ours(self, uri: bytes) -> bool:
        if uri == self._same:
            return True
        if self._known is not None and compared(uri.decode("latin-1")) == self._known:
            self._same = uri
            return True
        self.foreign += 1
        return False

    def _passed(self, data: bytes, at: int) -> int:
        """Return the place behind the end-line of the message that passes; -1: it is not in ``data`` yet."""
        line, tail = self._end, self._tail
        length = len(line) + 3
        if tail:
            begun = tail + data[at : at + length - 1]
            found = _end_line(begun, line, 0)
            if found != -1:
                return at + found - len(tail)
        found = _end_line(data, line, at)
        if found == -1:
            kept = length - 1
            rest = data[max(at, len(data) - kept) :]
            self._tail = rest if len(rest) == kept else (tail + rest)[-kept:]
        return found


def _end_line(data: bytes, line: bytes, at: int) -> int:
    """Return the place behind ``line`` with flag and CRLF (RFC 4975 7.1), from ``at`` on; -1: not there."""
    while (found := _find(data, line, at)) != -1:
        flag = found + len(line)
        if len(data) < flag + 3:
            return -1
        if data[flag] in _FLAGS and data[flag + 1 : flag + 3] == _NEWLINE:
            return flag + 3
        at = flag
    return -1


def _find(data: bytes, line: bytes, at: int) -> int:
    """As ``data.find(line, at)``."""
    while (found := data.find(line, at, at + NEAR)) == -1 and at + NEAR < len(data):
        at += NEAR - len(line) + 1
    return found
