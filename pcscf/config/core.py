"""``core``: Mw, the side of the I/S-CSCF."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from hosting.config import Finding, Section
from hosting.sections import Address, Name
from pcscf.config.listening import ListeningPoint

_NEXT_HOP = re.compile(
    r"sip:(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z][0-9A-Za-z.-]*)(:\d{1,5})?((;[!-:<=>A-~]+)*)", re.IGNORECASE
)


def _next_hop(uri: str) -> str:
    if _NEXT_HOP.fullmatch(uri) is None:
        raise ValueError('is not a SIP URI like "sip:192.0.2.10:5060;transport=tcp"')
    return uri


NextHop = Annotated[str, AfterValidator(_next_hop)]
Dialled = Annotated[str, StringConstraints(pattern=r"^[0-9*#+]{1,15}$")]


class CoreListener(ListeningPoint):
    transport: Literal["udp", "tcp"] = "udp"
    port: Annotated[int, Field(ge=0, le=65535)] = 5070
    """0: any free port, for tests."""


class DnsServer(Section):
    address: Address
    port: Annotated[int, Field(ge=1, le=65535)] = 53


class Core(Section):
    listen: tuple[CoreListener, ...] = (
        CoreListener(transport="udp"),
        CoreListener(transport="tcp"),
    )
    realm: Name = "core"
    """Gateway realm for the media of the core side."""
    next_hop: NextHop | None = None
    """I-CSCF for REGISTER; null: RFC 3263 on the home domain."""
    emergency: NextHop | None = None
    """E-CSCF for emergency calls (TS 24.229 5.2.10); null: they are answered 380."""
    emergency_numbers: tuple[Dialled, ...] = ()
    """Dialled numbers that mean an emergency, as urn:service:sos does (RFC 5031)."""
    dns: DnsServer | None = None
    """Server that is asked for names of next hops; null: those of the system."""
    reg_event: bool = False
    """Subscribe to the registration state of UEs (TS 24.229 5.2.3): the core may end registrations."""
    udp_limit: Annotated[int, Field(ge=512, le=65_507)] = 1300
    """Octets; a larger request goes over tcp (RFC 3261 18.1.1)."""

    def problems(self) -> Iterator[Finding]:
        if not self.listen:
            yield ("listen",), "is empty: the core could not reach this node"
        elif all(point.transport != "tcp" for point in self.listen):
            yield ("listen",), "has no tcp: requests above udp_limit could not be sent"
