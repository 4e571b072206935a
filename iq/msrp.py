"""URIs of MSRP (RFC 4975 6), as both ends of Iq read and compare them."""

import re
from typing import NamedTuple

MAX_URI = 512
"""Characters of one. Longer ones are not taken over: each message grows by what its URIs grow."""
AWARE = "msrp"
"""How a gateway announces that it can be aware of it."""
DEFAULT_PORT = "2855"
"""RFC 4975 15.4."""

_URI = re.compile(
    r"(msrps?)://(?:[^/@;]*@)?(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,255})(?::([0-9]{1,5}))?(?:/([^;]*))?"
    r";([a-z0-9]+)(?:;.*)?",
    re.IGNORECASE | re.ASCII,
)
#: What is in no URI, and would have to be escaped where one is written.
_NEVER = re.compile(r'[^!-~]|[<>"{}\\]')


class Compared(NamedTuple):
    """What counts where two URIs are compared (RFC 4975 6.1); of these only the session-id has a case."""

    scheme: str
    host: str
    port: str
    session: str
    transport: str


def compared(uri: str) -> Compared | None:
    """Return what counts of ``uri``; None where it is no URI of MSRP."""
    if len(uri) > MAX_URI or _NEVER.search(uri) or (found := _URI.fullmatch(uri)) is None:
        return None
    scheme, host, port, session, transport = found.groups()
    return Compared(scheme.lower(), host.lower(), port or DEFAULT_PORT, session or "", transport.lower())
