"""Key material out of whatever is about to be printed. The last line of defence, not the first: types that
hold keys print as their length, and nothing logs one on purpose."""

import re
from collections.abc import Callable, Mapping
from typing import Any

MAX_DEPTH = 8
MAX_TEXT = 16_384
"""Characters of one value that reach a log; the rest is cut."""

_BASE64 = r"[A-Za-z0-9+/]"
_LONG_BASE64 = re.compile(rf"{_BASE64}{{16,}}={{0,2}}")

#: Each with the way it may appear: SDP (RFC 4568, 4567, 8866 5.12), IMS AKA challenges (TS 24.229 5.2.2),
#: digest answers (they can be tried against a dictionary), PEM.
_PATTERNS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        "<private key>",
    ),
    (re.compile(rf"(inline\s*:\s*){_BASE64}+={{0,2}}", re.IGNORECASE), r"\1<key>"),
    (re.compile(rf"(mikey\s+){_BASE64}{{8,}}={{0,2}}", re.IGNORECASE), r"\1<key>"),
    (re.compile(r"(\bk=(?:clear|base64|uri):)[^\s\\]+"), r"\1<key>"),
    (re.compile(r"(\b[ci]k=\\?[\"']?)[0-9a-f]{16,}", re.IGNORECASE), r"\1<key>"),
    (re.compile(r"(\bresponse=\\?[\"']?)[0-9a-f]{16,}", re.IGNORECASE), r"\1<digest>"),
    (
        # A crypto line that does not even say inline: may still carry a key.
        re.compile(r"(crypto\s*:)([^\r\n]*)", re.IGNORECASE),
        lambda line: line[1] + _LONG_BASE64.sub("<key>", line[2]),
    ),
)


def _suspicious(text: str) -> bool:
    """Nearly every text is not, and then nothing has to be done. (Tests in a row: one pattern with IGNORECASE
    costs ten times as much, ``any`` three times.)"""
    lower = text.lower()
    return (
        "k=" in lower
        or "inline" in lower
        or "crypto" in lower
        or "mikey" in lower
        or "response=" in lower
        or "private key" in lower
    )


def harmless(text: str) -> bool:
    """Tell whether a text, of several values perhaps, can be printed as it is.

    JSON escapes no letter, and so hides nothing that is looked for."""
    return len(text) <= MAX_TEXT and not _suspicious(text)


def redact_text(text: str) -> str:
    """``text`` without anything that looks like key material, at most MAX_TEXT characters of it."""
    if _suspicious(text):
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}... ({len(text)} characters)"


def redact(value: Any, depth: int = 0) -> Any:
    """``value`` as something that JSON knows. Octets never show: keys cannot be told from the rest."""
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if depth >= MAX_DEPTH:
        return "..."
    if isinstance(value, Mapping):
        return {redact_text(str(key)): redact(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth + 1) for item in value]
    return redact_text(str(value))
