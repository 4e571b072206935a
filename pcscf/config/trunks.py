"""``access.static``: trunks without REGISTER."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator

from hosting.config import Finding, Section
from pcscf.config.media_security import Mechanism
from pcscf.errors import SipRefusal
from pcscf.registration.identities import address_of_record

_CONTACT = re.compile(
    r"sip:(?:[^@<>;?\s]+@)?(\[[0-9A-Fa-f:.]+\]|[0-9.]+)(?::([0-9]{1,5}))?(?:;transport=(udp|tcp))?",
    re.IGNORECASE,
)
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
        raise ValueError(f"is no SIP URI with a numeric address, over udp or tcp, like {_EXAMPLE}") from None
    return uri


def _place(uri: str) -> tuple[str, str, int]:
    """Return transport, address and port of a contact. Raises ValueError."""
    found = _CONTACT.fullmatch(uri)
    if found is None:
        raise ValueError(uri)
    port = int(found[2] or 5060)
    if not 0 < port < 65536:
        raise ValueError(port)
    return (found[3] or "udp").lower(), str(ipaddress.ip_address(found[1].strip("[]"))), port


class Trunk(Section):
    """A peer that does not register. It is known by its address alone: only for networks that keep others
    from sending in its name."""

    aor: Annotated[str, AfterValidator(_aor)]
    """Its public identity."""
    contact: Annotated[str, AfterValidator(_contact)]
    """Where it listens and sends from: a SIP URI with a numeric address. Over tcp it sends from any port."""
    mechanisms: tuple[Mechanism, ...] = ()
    """Mechanisms of media security that it counts as having announced."""
    implicit: bool = True
    """Its RTP/SAVP without a=3ge2ae counts as a request, as with ``media_security.implicit``."""

    @property
    def transport(self) -> str:
        return _place(self.contact)[0]

    @property
    def remote(self) -> tuple[str, int]:
        """Its address and port."""
        return _place(self.contact)[1:]


def twice(trunks: tuple[Trunk, ...]) -> Iterator[Finding]:
    """Trunks that nobody could tell apart."""
    for index, trunk in enumerate(trunks):
        if trunk.aor in (one.aor for one in trunks[:index]):
            yield ("static", index, "aor"), f"{trunk.aor} stands twice"
