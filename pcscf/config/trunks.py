"""``access.static``: trunks without REGISTER."""

import ipaddress
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from hosting.config import Finding, Section
from hosting.daemon import StartError
from hosting.sections import File, Host
from hosting.tls import connecting_context
from pcscf.config.media_security import Mechanism
from pcscf.errors import SipRefusal
from pcscf.registration.identities import address_of_record

_CONTACT = re.compile(
    r"sip:(?:[^@<>;?\s]+@)?(\[[0-9A-Fa-f:.]+\]|[0-9.]+)(?::([0-9]{1,5}))?(?:;transport=(udp|tcp|tls))?",
    re.IGNORECASE,
)
#: Ports of a contact without one (RFC 3261 19.1.2).
_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}
_EXAMPLE = '"sip:192.0.2.20:5060;transport=tcp"'


def _aor(uri: str) -> str:
    try:
        return address_of_record(uri)
    except SipRefusal:
        raise ValueError('is no address-of-record like "sip:pbx@ims.example" or "tel:+4922812345"') from None


def _contact(uri: str) -> str:
    try:
        _place(uri)
    except ValueError:
        raise ValueError(
            f"is no SIP URI with a numeric address, over udp, tcp or tls, like {_EXAMPLE}"
        ) from None
    return uri


def _place(uri: str) -> tuple[str, str, int]:
    """Return transport, address and port of a contact. Raises ValueError."""
    found = _CONTACT.fullmatch(uri)
    if found is None:
        raise ValueError(uri)
    transport = (found[3] or "udp").lower()
    port = int(found[2] or _PORTS[transport])
    if not 0 < port < 65536:
        raise ValueError(port)
    return transport, str(ipaddress.ip_address(found[1].strip("[]"))), port


class Trunk(Section):
    """A peer that does not register. It is known by its address alone: only for networks that keep others
    from sending in its name."""

    aor: Annotated[str, AfterValidator(_aor)]
    """Its public identity."""
    contact: Annotated[str, AfterValidator(_contact)]
    """Where it listens and sends from: a SIP URI with a numeric address. Over tcp and tls it sends from any
    port."""
    mechanisms: tuple[Mechanism, ...] = ()
    """Mechanisms of media security that it counts as having announced."""
    implicit: bool = True
    """Its protected media without a=3ge2ae counts as a request, as with ``media_security.implicit``."""

    ca: File | None = None
    """PEM file, over tls: vouches for its certificate; null: the CAs of this system."""
    server_name: Host | None = None
    """Over tls: host name or address that its certificate is for (RFC 5922 7); null: that of contact."""

    @property
    def transport(self) -> str:
        return _place(self.contact)[0]

    @property
    def remote(self) -> tuple[str, int]:
        """Its address and port."""
        return _place(self.contact)[1:]

    @property
    def name(self) -> str:
        """What its certificate has to be for."""
        return self.server_name or self.remote[0]

    def tls_context(self, certificate: Path | None = None, private_key: Path | None = None) -> ssl.SSLContext:
        """Read the CAs anew. certificate, private_key: ours, where it asks. Raises StartError."""
        return connecting_context(self.ca, certificate, private_key)

    def problems(self) -> Iterator[Finding]:
        if self.transport == "tls":
            try:
                self.tls_context()
            except StartError as error:
                yield ("ca",), str(error)
            return
        for key in ("ca", "server_name"):
            if getattr(self, key) is not None:
                yield (key,), f"has no use over {self.transport}"


def twice(trunks: tuple[Trunk, ...]) -> Iterator[Finding]:
    """Trunks that nobody could tell apart."""
    for index, trunk in enumerate(trunks):
        place = (trunk.transport, *trunk.remote)
        if trunk.transport == "tls" and any(
            (one.transport, *one.remote) == place and (one.ca, one.name) != (trunk.ca, trunk.name)
            for one in trunks[:index]
        ):
            yield ("static", index, "contact"), "another trunk there has another ca or server_name"
        if trunk.aor in (one.aor for one in trunks[:index]):
            yield ("static", index, "aor"), f"{trunk.aor} stands twice"
