"""The path of MSRP media (RFC 4975 6, 8.2)."""

import re

from iq.msrp import MAX_URI, compared
from pcscf.sdp.model import Media

_FIRST = re.compile(r"(\s*)(msrps?)(://(?:[^/@\s]*@)?)([^/;\s]+)", re.IGNORECASE)
#: Whether TLS is below -> scheme (RFC 4975 6).
_SCHEMES = {True: "msrps", False: "msrp"}
#: Characters by which a URI grows at most whose address becomes another one.
_GROWTH = 64


def is_msrp(media: Media) -> bool:
    return "MSRP" in media.proto.upper()


def path_of(media: Media) -> str | None:
    """Return the first URI of the path; None where this is no MSRP, or no path that a gateway could use."""
    words = (media.first("path") or "").split() if is_msrp(media) else []
    if not words or len(words[0]) > MAX_URI - _GROWTH or compared(words[0]) is None:
        return None
    return words[0]


def known_by(
    media: Media, uri: str, host: str, port: int, *, secure: bool | None = None, aware: bool = False
) -> str:
    """Return what ``through`` makes of ``uri``, the first one of the path: as the other side knows it."""
    there = None if matches_by_id(media) and not aware else _authority(host, port)
    return _led(uri, there, _SCHEMES[secure] if secure is not None else None)


def matches_by_id(media: Media) -> bool:
    """Return whether the writer matches sessions by their id alone (RFC 6714)."""
    return "msrp-cema" in media


def through(
    media: Media,
    lines: list[str],
    host: str,
    port: int,
    *,
    secure: bool | None = None,
    aware: bool = False,
) -> list[str]:
    """Return ``lines`` of an m-section whose path leads over ``host`` and ``port``; session-ids stay.

    secure: over TLS on the side that they go to; None: as on the other one. The addresses of a path stay as
    they are where the writer matches sessions by id alone and connects to c= and m= (a=msrp-cema, RFC 6714),
    and all of it where the media is no MSRP. aware: the gateway is aware of MSRP, so that it leads over it
    whatever the writer says, who does not need to hear of RFC 6714 from the other side.
    """
    cema = matches_by_id(media)
    if "path" not in media or not is_msrp(media) or (cema and secure is None and not aware):
        return lines
    if cema and aware:
        lines, cema = [line for line in lines if _name(line) != "msrp-cema"], False
    authority = _authority(host, port)
    scheme = _SCHEMES[secure] if secure is not None else None
    return [_rewritten(line, None if cema else authority, scheme) for line in lines]


def _rewritten(line: str, authority: str | None, scheme: str | None) -> str:
    if _name(line) != "path":
        return line
    name, _, value = line.partition(":")
    return f"{name}:{_led(value, authority, scheme)}"


def _name(line: str) -> str:
    return line[2:].partition(":")[0].strip().lower() if line[:1] == "a" else ""


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _led(path: str, authority: str | None, scheme: str | None) -> str:
    def first(found: re.Match[str]) -> str:
        blanks, written, between, there = found.groups()
        return f"{blanks}{scheme or written}{between}{authority or there}"

    return _FIRST.sub(first, path, count=1)
