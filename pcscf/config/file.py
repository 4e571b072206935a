"""The whole file: the sections, and the rules between them."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from hosting.config import Finding, Location, Section
from hosting.sections import Address, Host, Port, Root, TlsFiles, is_loopback
from pcscf.config.access import ENCRYPTED, Access
from pcscf.config.core import Core
from pcscf.config.limits import Limits
from pcscf.config.listening import Socket, collisions
from pcscf.config.media_security import MediaSecurity
from pcscf.flow import Listener, Side


class Node(Section):
    name: Host
    """Our SIP domain name, in Via, charging and log; not resolved by anybody."""
    visited_network: Host
    """P-Visited-Network-ID (TS 24.229 5.2.2)."""


class IqListen(Section):
    address: Address = "127.0.0.1"
    port: Port = 2944
    """H.248 text (RFC 3525 D.2)."""


class Iq(Section):
    """H.248 controller: gateways connect to it."""

    listen: IqListen = IqListen()
    tls: TlsFiles | None = None
    """Mutual TLS; null: none."""
    insecure: bool = False
    """Allow no TLS outside loopback: SDES keys travel on Iq."""

    def problems(self) -> Iterator[Finding]:
        if self.tls is None and not self.insecure and not is_loopback(self.listen.address):
            yield ("tls",), "is needed outside loopback (Iq carries SRTP keys); insecure: true goes without"

    def warnings(self) -> Iterator[Finding]:
        if self.tls is None and not is_loopback(self.listen.address):
            yield ("insecure",), "is true: SRTP keys cross the network in the clear"


class Timers(Section):
    t1: Annotated[float, Field(ge=0.05, le=10)] = 0.5
    """Seconds: round-trip estimate of RFC 3261 17.1.1.1; the other SIP timers are multiples of it."""
    timer_c: Annotated[float, Field(gt=0, le=86_400)] = 181
    """Seconds without a final response to INVITE (RFC 3261 16.6)."""
    session_expires_max: Annotated[int, Field(ge=90, le=86_400)] = 7200
    """Seconds: longest session interval that passes, and the one asked for where none is (RFC 4028)."""

    def warnings(self) -> Iterator[Finding]:
        if self.timer_c <= 180:
            yield ("timer_c",), "has to be larger than 180 outside tests (RFC 3261 16.6)"


class Config(Root):
    """``pcscf.yaml``. Times in seconds, sizes in octets."""

    node: Node
    access: Access = Access()
    core: Core = Core()
    media_security: MediaSecurity = MediaSecurity()
    iq: Iq = Iq()
    timers: Timers = Timers()
    limits: Limits = Limits()

    def problems(self) -> Iterator[Finding]:
        yield from collisions(list(self._sockets()))
        if "sec-agree" in self.media_security.require and not any(
            point.transport in ENCRYPTED for point in self.access.listen
        ):
            yield (
                ("media_security", "require"),
                "sec-agree needs a listener with tls or wss: there is no other agreement on signalling",
            )

    def warnings(self) -> Iterator[Finding]:
        mechanisms = self.media_security.mechanisms
        if "sdes-srtp" in mechanisms and not any(point.is_confidential for point in self.access.listen):
            left = "" if "dtls-srtp" in mechanisms else " and RTP stays plain"
            yield (
                ("access", "listen"),
                f"no listener is confidential, so sdes-srtp is announced to nobody{left}",
            )

    def _sockets(self) -> Iterator[tuple[Location, Socket]]:
        for side, points in (("access", self.access.listen), ("core", self.core.listen)):
            for index, point in enumerate(points):
                below = "udp" if point.transport == "udp" else "tcp"
                yield (side, "listen", index), (below, point.address, point.port)
        yield ("iq", "listen"), ("tcp", self.iq.listen.address, self.iq.listen.port)
        yield ("admin",), ("tcp", self.admin.address, self.admin.port)


def listeners(config: Config) -> list[Listener]:
    """The listening points as SIP sees them, access side first, in the order of the file.

    ``host`` is what peers are told; where to bind is in the sections, in the same order.
    """
    access = [
        Listener(
            Side.ACCESS,
            point.transport,
            point.host,
            point.port,
            point.realm,
            point.is_confidential,
            frozenset(point.assume),
        )
        for point in config.access.listen
    ]
    core = [
        Listener(Side.CORE, point.transport, point.host, point.port, config.core.realm)
        for point in config.core.listen
    ]
    return access + core
