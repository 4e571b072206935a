"""Requests with more in their header fields than is read: what an answer to them needs (RFC 3261 8.2.6.2)."""

import re
from itertools import islice

from pcscf.errors import BadMessage, TooMuch
from pcscf.sip.message import MAX_HEAD, MAX_HEADERS, TOO_LARGE, TOO_MANY, Request, parse

#: What is copied into an answer, and where the message ends.
_KEPT = re.compile(
    rb"\r\n(?:v|via|f|from|t|to|i|call-id|cseq|l|content-length)[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*",
    re.IGNORECASE,
)
_NEEDED = ("via", "from", "to", "call-id", "cseq")


def abridged(data: bytes, why: TooMuch) -> Request:
    """Return the request at the front of ``data`` with the fields that an answer needs and no others.

    Its first field tells ``validate`` to refuse it. Raises BadMessage where it cannot be answered: it is a
    response, or lacks one of these fields within the octets that are read.
    """
    end = data.find(b"\r\n\r\n", 0, MAX_HEAD + 4)
    if end < 0:
        end = data.rfind(b"\r\n", 0, MAX_HEAD)  # a line that is cut is none
    start = data.find(b"\r\n", 0, end + 2)
    if start < 0:
        raise BadMessage(why.reason)
    lines = [found[0] for found in islice(_KEPT.finditer(data, start, end), MAX_HEADERS + 1)]
    message = parse(b"".join([data[:start], *lines, b"\r\n\r\n"]))
    if not isinstance(message, Request) or any(key not in message for key in _NEEDED):
        raise BadMessage(why.reason)
    message.vouched = -1
    message.fields.insert(0, (TOO_LARGE if why.status == 513 else TOO_MANY, "Omitted:"))
    return message
