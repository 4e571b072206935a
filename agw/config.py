"""``agw.yaml``: the sections, and the rules between them. Times in seconds, sizes in octets."""

import itertools
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from agw.engine.choice import native_missing
from hosting.config import Finding, Section
from hosting.sections import (
    Address,
    AdminSection,
    Host,
    Root,
    Seconds,
    TlsFiles,
    is_loopback,
    is_wildcard,
)

Count = Annotated[int, Field(ge=1, le=10_000_000)]
UdpPort = Annotated[int, Field(ge=1, le=65535)]
RealmName = Annotated[str, StringConstraints(max_length=32, pattern=r"^[0-9A-Za-z_-]+$")]
"""Stands in termination identifiers: ip/0/<realm>/<number>."""


class Node(Section):
    name: Host
    """Message identifier of this gateway (H.248.1 8.3); not resolved by anybody."""


class ControllerAddress(Section):
    address: Address = "127.0.0.1"
    port: UdpPort = 2944


class Iq(Section):
    """The H.248 controllers that this gateway connects to."""

    controllers: Annotated[tuple[ControllerAddress, ...], Field(min_length=1, max_length=16)] = (
        ControllerAddress(),
    )
    """The first is the primary; the rest are tried in order when it is lost, one at a time (H.248.1 11.1)."""
    tls: TlsFiles | None = None
    """Mutual TLS; null: none."""
    insecure: bool = False
    """Allow no TLS outside loopback: SDES keys travel on Iq."""

    def problems(self) -> Iterator[Finding]:
        if self.tls is None and not self.insecure and not self._stays_here():
            yield ("tls",), "is needed outside loopback (Iq carries SRTP keys); insecure: true goes without"

    def warnings(self) -> Iterator[Finding]:
        if self.tls is None and not self._stays_here():
            yield ("insecure",), "is true: SRTP keys cross the network in the clear"

    def _stays_here(self) -> bool:
        return all(is_loopback(controller.address) for controller in self.controllers)


class RealmSection(Section):
    """An IP realm: where media sockets are opened."""

    address: Address = "127.0.0.1"
    advertise: Address | None = None
    """What peers are told to send to, where it differs from ``address`` (a gateway behind 1:1 NAT)."""
    address6: Address | None = None
    """IPv6 address, for streams that ask for it; null: none."""
    ports: tuple[UdpPort, UdpPort]
    """First and last port. RTP takes the even ones, RTCP the next."""
    dscp: Annotated[int, Field(ge=0, le=63)] = 46
    """Of packets sent, unless Iq says another; 46 is EF, 0 leaves them unmarked."""

    def problems(self) -> Iterator[Finding]:
        first, last = self.ports
        if last <= first + first % 2:
            yield ("ports",), "hold no even port with the next one"
        if is_wildcard(self.address):
            yield ("address",), "is every address: name the one that media is sent from"
        if self.address6 is not None and (":" not in self.address6 or is_wildcard(self.address6)):
            yield ("address6",), "has to be one IPv6 address"
        if self.address6 is not None and ":" in self.address:
            yield ("address6",), "is a second IPv6 address: address is one already"
        if self.advertise is not None and (":" in self.advertise) != (":" in self.address):
            yield ("advertise",), "is of another IP version than address"

    @property
    def addresses(self) -> tuple[str, ...]:
        return (self.address,) if self.address6 is None else (self.address, self.address6)


class EngineSection(Section):
    kind: Literal["auto", "native", "portable"] = "auto"
    """auto: native where it is built. portable: plain Python sockets and libsrtp."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Threads of the native engine that move packets."""
    replay_window: Annotated[int, Field(ge=64, le=0x7FFF)] = 128
    """Packets (RFC 3711 3.3.2)."""

    def problems(self) -> Iterator[Finding]:
        if self.kind == "native" and (missing := native_missing()):
            yield (
                ("kind",),
                f"native {missing}; make setup builds it where cargo is, auto or portable goes without",
            )
        if self.kind == "portable" and self.workers > 1:
            yield ("workers",), "has to be 1 with the portable engine, which has no threads"

    def warnings(self) -> Iterator[Finding]:
        if self.kind == "auto" and self.workers > 1 and (missing := native_missing()):
            yield ("workers",), f"has no effect: the native engine {missing}"


class Limits(Section):
    """The named bounds on what peers can make the process do or keep."""

    max_ssrcs: Count = 64
    """SSRCs of one key and direction; above: dropped and counted as ssrc_limit."""
    control_grace: Seconds = 300.0
    """Seconds that media goes on without a controller; then every context is released."""
    auth_failures: Count = 100
    """Packets of one stream within a minute that fail authentication: told over Iq, once a minute."""
    tcp_establish: Seconds = 30.0
    """Seconds for both connections of a TCP stream, once it is known who connects to whom."""
    tls_handshake: Seconds = 10.0
    """Seconds for a handshake of TLS or DTLS with a peer of media."""
    tls_handshakes: Count = 500
    """Handshakes that go on at a time; above: refused, and told over Iq."""


class Config(Root):
    node: Node
    iq: Iq = Iq()
    realms: Annotated[dict[RealmName, RealmSection], Field(min_length=2, max_length=64)]
    """By the names that the controller uses: one for its access side, one for its core side."""
    engine: EngineSection = EngineSection()
    limits: Limits = Limits()
    admin: AdminSection = AdminSection(port=8081)

    def problems(self) -> Iterator[Finding]:
        for (one, first), (other, second) in itertools.combinations(self.realms.items(), 2):
            shared = set(first.addresses) & set(second.addresses)
            if shared and first.ports[0] <= second.ports[1] and second.ports[0] <= first.ports[1]:
                yield ("realms", other, "ports"), f"overlap with those of {one} on {shared.pop()}"
