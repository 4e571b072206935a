"""Numeric SIP destinations: the lab asks no DNS."""

import ipaddress
from typing import NamedTuple

from lab.errors import LabError
from pcscf.errors import SipRefusal
from pcscf.sip.uri import SipUri

DEFAULT_PORT = 5060


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
        ipaddress.ip_address(parsed.host)
    except (SipRefusal, ValueError):
        raise LabError(f"no numeric SIP address: {uri[:100]}") from None
    transport = (parsed.param("transport") or "udp").lower()
    return Target(transport, parsed.host, parsed.port or DEFAULT_PORT)


def parse_target(text: str) -> Target:
    """Read ``[udp:|tcp:]HOST[:PORT]`` or a SIP URI from a command line. Raises LabError."""
    if text.startswith(("sip:", "sips:")):
        return target_of(text)
    scheme, colon, rest = text.partition(":")
    if colon and scheme in ("udp", "tcp"):
        return target_of(f"sip:{rest};transport={scheme}")
    return target_of(f"sip:{text}")
