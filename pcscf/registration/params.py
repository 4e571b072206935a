"""Lists and parameters in which only quotes hide a separator (RFC 3261 25.1, RFC 3329 2.2)."""

import re

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def is_token(text: str) -> bool:
    """Tell whether ``text`` is a token of RFC 3261 25.1."""
    return _TOKEN.fullmatch(text) is not None


def split_unquoted(text: str, separator: str) -> list[str]:
    """Split at ``separator`` outside quoted strings; blanks around the parts go, empty parts stay.

    A quoted string that never ends hides everything behind it: the last part then has ``open_quote``.
    """
    if '"' not in text:
        return [part.strip() for part in text.split(separator)]
    parts, start, quoted, escaped = [], 0, False, False
    for i, c in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and c == "\\":
            escaped = True
        elif c == '"':
            quoted = not quoted
        elif c == separator and not quoted:
            parts.append(text[start:i].strip())
            start = i + 1
    parts.append(text[start:].strip())
    return parts


def open_quote(text: str) -> bool:
    """Tell whether a quoted string in ``text`` does not end."""
    return _QUOTED.sub("", text).find('"') >= 0


def split_parameter(text: str) -> tuple[str, str | None]:
    """Split ``name = value`` into the lower-case name and the value as written, None for a flag."""
    name, equals, value = text.partition("=")
    return name.strip().lower(), value.strip() if equals else None
