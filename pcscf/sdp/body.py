"""The SDP in a message body: alone, or one part of a multipart body (RFC 3261 7.4, RFC 5621, RFC 2046)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pcscf.errors import SdpRejected, SipRefusal
from pcscf.sip.message import Message

#: Multiparts inside each other, and parts of one body.
MAX_DEPTH = 4
MAX_PARTS = 32
#: Octets of the header fields of one part.
MAX_PART_HEAD = 4096

_ACCEPT = (("Accept", "application/sdp"),)
_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_LENGTH = re.compile(rb"^(content-length[ \t]*:[ \t]*)\d+", re.IGNORECASE | re.MULTILINE)
_KEYS = (b"crypto:", b"3ge2ae", b"key-mgmt:")


class SdpPart:
    """Where the SDP stands in a body: ``sdp`` are its octets. No repr of the content."""

    __slots__ = ("_after", "_before", "_head", "sdp")

    def __init__(self, sdp: bytes, before: bytes = b"", head: bytes = b"", after: bytes = b"") -> None:
        self.sdp = sdp
        self._before = before
        self._head = head
        self._after = after

    def replace(self, new: bytes) -> bytes:
        """Return the whole body with ``new`` as its SDP; other parts keep their octets.

        A Content-Length field of the part itself is corrected.
        """
        if not self._before and not self._after:
            return new
        head = _LENGTH.sub(rb"\g<1>%d" % len(new), self._head)
        return b"".join((self._before, head, new, self._after))


@dataclass(slots=True)
class _Found:
    """Parts seen so far: (part, disposition or "") of each SDP."""

    parts: int = 0
    sdp: list[tuple[SdpPart, str]] = field(default_factory=list)


def find_sdp(
    content_type: str | None,
    body: bytes,
    *,
    encoding: str | None = None,
    disposition: str | None = None,
    required: bool = True,
) -> SdpPart | None:
    """Find the session description; None where there is no body, or none that is SDP and need be.

    encoding, disposition: the values of Content-Encoding and Content-Disposition. required: a body without
    SDP is refused (an INVITE with handling=required, RFC 3261 20.11); pass False for responses.
    Raises SipRefusal 415 (another type, encoded or encrypted), 400 (malformed multipart); SdpRejected where
    several parts are SDP and none says that it is the session's.
    """
    if not body:
        return None
    kind = _kind(content_type)
    if kind == "application/sdp":
        if not _readable(encoding):
            raise _unsupported("encoded SDP")
        return SdpPart(body)
    optional = not required or (disposition is not None and "handling=optional" in _squeezed(disposition))
    if not kind.startswith("multipart/") or not _readable(encoding):
        if optional:
            return None
        raise _unsupported("body is not SDP")
    found = _Found()
    _walk(content_type or "", body, 0, len(body), 1, found)
    if not found.sdp:
        if optional:
            return None
        raise _unsupported("no SDP in the body")
    return _choose(found.sdp)


def strip_sdp(message: Message) -> None:
    """Take out a body that is or may contain a session description; others stay."""
    if not message.body:
        return
    kind = _kind(message.get("content-type"))
    if kind in {"", "application/sdp"} or kind.startswith("multipart/"):
        message.remove("content-type", "content-disposition", "content-encoding")
        message.set_body(b"")


def _choose(parts: list[tuple[SdpPart, str]]) -> SdpPart:
    if len(parts) == 1:
        return parts[0][0]
    chosen = next((part for part, disposition in parts if disposition == "session"), None)
    if chosen is None:
        raise SdpRejected("several SDP parts and none is the session's")
    for part, _ in parts:
        # Other parts pass untouched: no key may pass with them.
        if part is not chosen and any(word in part.sdp.lower() for word in _KEYS):
            raise SdpRejected("second SDP part with keys")
    return chosen


def _walk(content_type: str, body: bytes, start: int, end: int, depth: int, found: _Found) -> None:
    """Look through the multipart that is body[start:end]."""
    if depth > MAX_DEPTH:
        raise SipRefusal("multipart nested too deeply")
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise SipRefusal("multipart without a boundary")
    boundary = (match[1] or match[2]).encode("utf-8", "surrogateescape")
    content: int | None = None
    for before, behind, closing in _delimiters(b"--" + boundary, body, start, end):
        if content is not None:
            _part(body, content, max(content, before), depth, found)
        if closing:
            return
        content = behind
    raise SipRefusal("multipart without its closing boundary")


def _delimiters(mark: bytes, body: bytes, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Yield (end of the part before it, start of the part behind it, whether it closes) of each delimiter.

    The line end before a delimiter belongs to it (RFC 2046 5.1.1).
    """
    at = body.find(mark, start, end)
    while at >= 0:
        stop = at + len(mark)
        line_end = body.find(b"\n", stop, end)
        tail = body[stop : line_end if line_end >= 0 else end].strip(b" \t\r")
        if (at == start or body[at - 1 : at] == b"\n") and tail in {b"", b"--"}:
            before = at - 2 if body.endswith(b"\r\n", start, at) else max(at - 1, start)
            yield before, line_end + 1 if line_end >= 0 else end, tail == b"--"
        at = body.find(mark, stop, end)


def _part(body: bytes, start: int, end: int, depth: int, found: _Found) -> None:
    found.parts += 1
    if found.parts > MAX_PARTS:
        raise SipRefusal("too many body parts")
    head, content = _part_head(body, start, end)
    fields = _fields(body[start:head])
    kind = _kind(fields.get("content-type", "text/plain"))
    if kind.startswith("multipart/"):
        _walk(fields["content-type"], body, content, end, depth + 1, found)
    elif kind == "application/sdp":
        transfer = fields.get("content-transfer-encoding", "binary").strip().lower()
        if not _readable(fields.get("content-encoding")) or transfer not in {"binary", "8bit", "7bit"}:
            raise _unsupported("encoded SDP")
        disposition = fields.get("content-disposition", "").partition(";")[0].strip().lower()
        part = SdpPart(body[content:end], body[:start], body[start:content], body[end:])
        found.sdp.append((part, disposition))


def _part_head(body: bytes, start: int, end: int) -> tuple[int, int]:
    """Return where the header fields of a part end and where its content starts."""
    for empty in (b"\r\n", b"\n"):
        if body.startswith(empty, start, end):
            return start, start + len(empty)
    ends = [(at, at + len(gap)) for gap in (b"\r\n\r\n", b"\n\n") if (at := body.find(gap, start, end)) >= 0]
    head, content = min(ends, default=(end, end))
    if head - start > MAX_PART_HEAD:
        raise SipRefusal("header fields of a body part too large")
    return head, content


def _fields(head: bytes) -> dict[str, str]:
    text = re.sub(r"\r?\n[ \t]+", " ", head.decode("utf-8", "surrogateescape"))
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}


def _kind(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()


def _squeezed(text: str) -> str:
    return "".join(text.lower().split())


def _readable(encoding: str | None) -> bool:
    return encoding is None or encoding.strip().lower() in {"", "identity"}


def _unsupported(reason: str) -> SipRefusal:
    return SipRefusal(reason, status=415, phrase="Unsupported Media Type", headers=_ACCEPT)
