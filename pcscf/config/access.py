"""``access``: Gm, the side of the UEs."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import StringConstraints

from hosting.config import Finding, NotBuilt, Section
from hosting.sections import File, Name
from pcscf.config.listening import ListeningPoint
from pcscf.config.media_security import Mechanism

#: Transports on which the P-CSCF itself encrypts Gm.
ENCRYPTED = ("tls", "wss")


class AccessListener(ListeningPoint):
    transport: Annotated[Literal["udp", "tcp", "tls", "ws", "wss"], NotBuilt("tls", "ws", "wss")] = "udp"
    realm: Name = "access"
    """Gateway realm for the media of this listener's UEs."""
    certificate: File | None = None
    """PEM file, for tls and wss."""
    private_key: File | None = None
    """PEM file, for tls and wss."""
    confidential: bool | None = None
    """Gm cannot be read on the way (TS 33.328 6.2.1.2); null: true for tls and wss, else false."""
    assume: tuple[Mechanism, ...] = ()
    """Mechanisms that its UEs count as having announced: phones and trunks without mediasec."""
    webrtc: Annotated[bool, NotBuilt(but=False)] = False
    """Browsers: DTLS-SRTP always."""

    @property
    def is_confidential(self) -> bool:
        return self.transport in ENCRYPTED if self.confidential is None else self.confidential

    def problems(self) -> Iterator[Finding]:
        yield from super().problems()
        for key in ("certificate", "private_key"):
            given = getattr(self, key) is not None
            if given != (self.transport in ENCRYPTED):
                yield (key,), f"{'has no use' if given else 'is needed'} with transport {self.transport}"
        if self.transport in ENCRYPTED and self.confidential is False:
            yield ("confidential",), f"is false, yet {self.transport} encrypts"

    def warnings(self) -> Iterator[Finding]:
        if "sdes-srtp" in self.assume and not self.is_confidential:
            yield ("assume",), "sdes-srtp has no effect: this listener is not confidential"


class Trunk(Section):
    """A peer that does not register."""

    aor: Annotated[str, StringConstraints(pattern=r"^(sips?|tel):\S+$")]
    """Its public identity."""
    contact: Annotated[str, StringConstraints(pattern=r"^sips?:\S+$")]
    """Where it listens."""
    mechanisms: tuple[Mechanism, ...] = ()
    """What it can do, as if it had announced it."""


class Access(Section):
    listen: tuple[AccessListener, ...] = (
        AccessListener(transport="udp"),
        AccessListener(transport="tcp"),
    )
    static: Annotated[tuple[Trunk, ...], NotBuilt(but=())] = ()
    """Trunks without REGISTER."""

    def problems(self) -> Iterator[Finding]:
        if not self.listen:
            yield ("listen",), "is empty: no UE could register"
