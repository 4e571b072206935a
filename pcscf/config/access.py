"""``access``: Gm, the side of the UEs."""

import ssl
from collections.abc import Iterator
from typing import Annotated, Literal

from hosting.config import Finding, NotBuilt, Section
from hosting.daemon import StartError
from hosting.sections import File, Name
from hosting.tls import listening_context
from pcscf.config.listening import ListeningPoint
from pcscf.config.media_security import Mechanism
from pcscf.config.trunks import Trunk, twice

#: Transports on which the P-CSCF itself encrypts Gm.
ENCRYPTED = ("tls", "wss")


class AccessListener(ListeningPoint):
    transport: Literal["udp", "tcp", "tls", "ws", "wss"] = "udp"
    realm: Name = "access"
    """Gateway realm for the media of this listener's UEs."""
    certificate: File | None = None
    """PEM file, for tls and wss: ours, and what it needs up to the CA."""
    private_key: File | None = None
    """PEM file, for tls and wss; not encrypted."""
    client_ca: File | None = None
    """PEM file, for tls and wss: where given, each UE has to present a certificate that it vouches for."""
    confidential: bool | None = None
    """Gm cannot be read on the way (TS 33.328 6.2.1.2); null: true for tls and wss, else false."""
    assume: tuple[Mechanism, ...] = ()
    """Mechanisms that its UEs count as having announced: phones and trunks without mediasec. RTP/SAVP of who
    announces nothing itself counts as a request for protection as far as the edge."""
    webrtc: Annotated[bool, NotBuilt(but=False)] = False
    """Browsers: DTLS-SRTP always."""

    @property
    def is_confidential(self) -> bool:
        return self.transport in ENCRYPTED if self.confidential is None else self.confidential

    def tls_context(self) -> ssl.SSLContext | None:
        """Read the certificate anew; None where the transport has none. Raises StartError."""
        if self.certificate is None or self.private_key is None or self.transport not in ENCRYPTED:
            return None
        return listening_context(self.certificate, self.private_key, self.client_ca)

    def problems(self) -> Iterator[Finding]:
        yield from super().problems()
        for key in ("certificate", "private_key"):
            given = getattr(self, key) is not None
            if given != (self.transport in ENCRYPTED):
                yield (key,), f"{'has no use' if given else 'is needed'} with transport {self.transport}"
        if self.client_ca is not None and self.transport not in ENCRYPTED:
            yield ("client_ca",), f"has no use with transport {self.transport}"
        try:
            self.tls_context()
        except StartError as error:
            yield ("certificate",), str(error)
        if self.transport in ENCRYPTED and self.confidential is False:
            yield ("confidential",), f"is false, yet {self.transport} encrypts"

    def warnings(self) -> Iterator[Finding]:
        if "sdes-srtp" in self.assume and not self.is_confidential:
            yield ("assume",), "sdes-srtp has no effect: this listener is not confidential"


class Access(Section):
    listen: tuple[AccessListener, ...] = (
        AccessListener(transport="udp"),
        AccessListener(transport="tcp"),
    )
    static: tuple[Trunk, ...] = ()
    """Trunks without REGISTER."""

    def listener_of(self, trunk: Trunk) -> int | None:
        """Index of the listener that a trunk is reached from: the first of its transport and IP version."""
        for index, point in enumerate(self.listen):
            if point.transport == trunk.transport and (":" in point.address) == (":" in trunk.remote[0]):
                return index
        return None

    def problems(self) -> Iterator[Finding]:
        if not self.listen:
            yield ("listen",), "is empty: no UE could register"
        yield from twice(self.static)
        for index, trunk in enumerate(self.static):
            if self.listener_of(trunk) is None:
                version = "IPv6" if ":" in trunk.remote[0] else "IPv4"
                yield ("static", index, "contact"), f"no listener speaks {trunk.transport} over {version}"

    def warnings(self) -> Iterator[Finding]:
        for index, trunk in enumerate(self.static):
            at = self.listener_of(trunk)
            if "sdes-srtp" in trunk.mechanisms and at is not None and not self.listen[at].is_confidential:
                yield (
                    ("static", index, "mechanisms"),
                    "sdes-srtp has no effect: its listener is not confidential",
                )
