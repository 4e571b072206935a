"""The path of MSRP media (RFC 4975 6, 8.2)."""

import re

from pcscf.sdp.model import Media

_FIRST = re.compile(r"(\s*)(msrps?)(://(?:[^/@\s]*@)?)([^/\s]+)", re.IGNORECASE)
#: Whether TLS is below -> scheme (RFC 4975 6).
_SCHEMES = {True: "msrps", False: "msrp"}


def through(media: Media, lines: list[str], host: str, port: int, *, secure: bool | None = None) -> list[str]:
    """Return ``lines`` of an m-section whose path leads over ``host`` and ``port``; session-ids stay.

    secure: over TLS on the side that they go to; None: as on the other one. The addresses of a path stay as
    they are where the writer matches sessions by id alone and connects to c= and m= (a=msrp-cema, RFC 6714),
    and all of it where the media is no MSRP.
    """
    cema = "msrp-cema" in media
    if "path" not in media or "MSRP" not in media.proto.upper() or (cema and secure is None):
        return lines
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    scheme = _SCHEMES[secure] if secure is not None else None
    return [_rewritten(line, None if cema else authority, scheme) for line in lines]


def _rewritten(line: str, authority: str | None, scheme: str | None) -> str:
    name, _, value = line.partition(":")
    if name[2:].strip().lower() != "path" or name[:1] != "a":
        return line

    def first(found: re.Match[str]) -> str:
        blanks, written, between, there = found.groups()
        return f"{blanks}{scheme or written}{between}{authority or there}"

    return f"{name}:{_FIRST.sub(first, value, count=1)}"
