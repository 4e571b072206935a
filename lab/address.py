"""Numeric SIP destinations: the lab asks no DNS."""

import ipaddress
import re
from typing import NamedTuple

from lab.errors import LabError
from pcscf.errors import SipRefusal
from pcscf.sip.uri import SipUri

#: Port of a SIP URI without one, by transport (RFC 3261 19.1.2).
DEFAULT_PORTS = {"tls": 5061}
DEFAULT_PORT = 5060
_TRANSPORT = re.compile(r";transport=(\w+)", re.IGNORECASE)


class Target(NamedTuple):
    """Where a message goes."""

    transport: str
    host: str
    port: int

    @property
    def uri(self) -> str:
        """The destination as a loose route."""
        return f"sip:{hostport(self.host, self.port)};transport={self.transport};lr"


def hostport(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def target_of(uri: str) -> Target:
    """Return where a SIP URI with a numeric host leads. Raises LabError for any other."""
    try:
        parsed = SipUri.parse(uri)
        host = str(ipaddress.ip_address(parsed.host))
    except (SipRefusal, ValueError):
        raise LabError(f"no numeric SIP address: {uri[:100]}") from None
    transport = (parsed.param("transport") or "udp").lower()
    return Target(transport, host, parsed.port or DEFAULT_PORTS.get(transport, DEFAULT_PORT))


def parse_target(text: str, transport: str | None = None) -> Target:
    """Read ``[udp:|tcp:|tls:]HOST[:PORT]`` or a SIP URI from a command line.

    transport: where the text names none. Raises LabError, too where it names another.
    """
    scheme, colon, rest = text.partition(":")
    named = scheme if colon and scheme in ("udp", "tcp", "tls") else None
    if scheme in ("sip", "sips"):
        uri = text
        named = found.group(1).lower() if (found := _TRANSPORT.search(text)) else None
    else:
        uri = f"sip:{rest if named else text}"
    if transport is not None and named not in (None, transport):
        raise LabError(f"{text[:100]} is not over {transport}")
    chosen = named or transport
    if chosen is not None and not _TRANSPORT.search(uri):
        uri += f";transport={chosen}"
    return target_of(uri)
