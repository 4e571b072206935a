"""The path of MSRP media (RFC 4975 6, 8.2)."""

import re

from pcscf.sdp.model import Media

_FIRST = re.compile(r"(\s*msrps?://(?:[^/@\s]*@)?)[^/\s]+", re.IGNORECASE)


def through(media: Media, lines: list[str], host: str, port: int) -> list[str]:
    """Return ``lines`` of an m-section whose path leads over ``host`` and ``port``; session-ids stay.

    A path stays as it is where the writer matches sessions by id alone and connects to c= and m=
    (a=msrp-cema, RFC 6714), and where the media is no MSRP.
    """
    if "path" not in media or "msrp-cema" in media or "MSRP" not in media.proto.upper():
        return lines
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return [_rewritten(line, authority) for line in lines]


def _rewritten(line: str, authority: str) -> str:
    name, _, value = line.partition(":")
    if name[2:].strip().lower() != "path" or name[:1] != "a":
        return line
    return f"{name}:{_FIRST.sub(lambda found: found[1] + authority, value, count=1)}"
