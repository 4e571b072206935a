"""Calls under DTLS at a gateway with real packets: procedures of Iq in, UEs that are sessions of OpenSSL with
sockets and an SRTP of their own."""

import asyncio
import os
import socket
from dataclasses import dataclass, field

from agw.control.contexts import Contexts
from agw.control.ports import Interface, PortPool, Realm
from agw.dtls.api import Report
from agw.dtls.ends import make_dtls
from agw.engine.api import Counters, Engine
from agw.security.certificates import Identity, Pool
from agw.security.events import Data, Established, Event
from agw.security.session import Handshakes, Session, State
from iq.fingerprint import Fingerprint
from iq.procedures import (
    Action,
    Configure,
    Endpoint,
    Latch,
    Mode,
    Procedure,
    Release,
    Reserve,
    Reserved,
    Setup,
    Stream,
)
from tests.support.media_peer import LOOPBACK, TIMEOUT, Peer, dealt_with
from tests.support.srtp_reference import Reference
from tests.support.tls_ends import DTLS, DTLS_SRTP, ITS, sha256

OPEN = Mode.SEND_RECEIVE
SRTP, FAX = "UDP/TLS/RTP/SAVP", "UDP/TLS/UDPTL"
INSIDE = {SRTP: "RTP/AVP", FAX: "udptl"}


def _realm(name: str) -> Realm:
    return Realm(name, [Interface(name, LOOPBACK, LOOPBACK, 0, PortPool(10_000, 60_000, os.urandom))])


class DtlsGateway:
    """Contexts over an engine whose DTLS ends here. reports: what went wrong."""

    def __init__(self, engine: Engine, *, handshakes: int = 500) -> None:
        loop = asyncio.get_running_loop()
        self.engine = engine
        self.handshakes = Handshakes(handshakes)
        self.dtls = make_dtls(loop, engine, self.handshakes)
        realms = {name: _realm(name) for name in ("access", "core")}
        self.contexts = Contexts(engine, realms, 10_000, None, Pool().take, self.dtls)
        self.reports: list[Report] = []
        engine.watch(lambda: self.dtls.take(engine.drain()))
        self.dtls.watch(self._rekeyed, self.reports.append)

    def _rekeyed(self, port: object) -> None:
        assert self.contexts.rekey(port) is None

    def act(self, context: int | None, *procedures: Procedure) -> tuple[int, list[Reserved]]:
        reply = self.contexts.execute(Action(context, list(procedures)), asyncio.get_running_loop().time())
        assert reply.error is None
        assert reply.context is not None
        return reply.context, reply.replies

    def call(self, transport: str = SRTP, **changes: object) -> "DtlsCall":
        return DtlsCall(self, transport, **changes)


class Ue:
    """One association of a UE: a socket, a session, and what it was told. lost: datagrams that do not arrive,
    by their number among those of both directions, from 1 on."""

    def __init__(
        self,
        sock: socket.socket,
        to: tuple[str, int],
        expected: Fingerprint,
        *,
        client: bool,
        srtp: bool,
        identity: Identity,
    ) -> None:
        profile = DTLS_SRTP if srtp else DTLS
        self.session = Session(profile, identity, (expected,), client=client, handshakes=Handshakes())
        self.told: list[Event] = []
        self.lost: frozenset[int] = frozenset()
        self.carried = 0
        self._loop = asyncio.get_running_loop()
        self._sock, self._to = sock, to

    def start(self) -> None:
        self.told += self.session.start(self._loop.time())
        self.flush()

    def flush(self) -> None:
        for data in self.session.datagrams():
            if self._arrives():
                self._sock.sendto(data, self._to)

    def _arrives(self) -> bool:
        self.carried += 1
        return self.carried not in self.lost

    async def turn(self) -> None:
        """Take one datagram; send again what was lost where none comes."""
        due = self.session.due
        wait = TIMEOUT if due is None else min(TIMEOUT, max(0.0, due - self._loop.time()))
        try:
            async with asyncio.timeout(wait):
                data = await self._loop.sock_recv(self._sock, 4096)
        except TimeoutError:
            assert due is not None, "nothing came"
            self.told += self.session.tick(self._loop.time())
        else:
            if self._arrives():
                self.told += self.session.receive(data, self._loop.time(), b"gateway")
        self.flush()

    async def handshake(self) -> None:
        async with asyncio.timeout(4 * TIMEOUT):
            while self.session.state not in (State.UP, State.OVER):
                await self.turn()

    async def receive(self) -> bytes:
        """The next packet in the clear."""
        while True:
            for event in self.told:
                if isinstance(event, Data):
                    self.told.remove(event)
                    return event.octets
            await self.turn()

    def send(self, packet: bytes) -> None:
        assert self.session.send(packet) == []
        self.flush()

    @property
    def up(self) -> bool:
        return any(isinstance(event, Established) for event in self.told)

    def srtp(self) -> tuple[Reference, Reference]:
        """What the UE protects with, and what the gateway does."""
        names = {
            "SRTP_AES128_CM_SHA1_80": ("AES_CM_128_HMAC_SHA1_80", 16, 14),
            "SRTP_AEAD_AES_128_GCM": ("AEAD_AES_128_GCM", 16, 12),
        }
        suite, key, salt = names[self.session.srtp_profile]
        octets = self.session.export(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        of_client = octets[:key] + octets[2 * key : 2 * key + salt]
        of_server = octets[key : 2 * key] + octets[2 * key + salt :]
        client = "client" in repr(self.session)
        mine, its = (of_client, of_server) if client else (of_server, of_client)
        return Reference(suite, mine), Reference(suite, its)


@dataclass
class DtlsCall:
    """A UE and a far end. client: the gateway is it; mux: of RTCP."""

    gateway: DtlsGateway
    transport: str = SRTP
    client: bool = False
    mux: bool = True
    identity: Identity = ITS
    announced: tuple[Fingerprint, ...] | None = None
    tls_id: str | None = None
    ue: Peer = field(default_factory=Peer)
    far: Peer = field(default_factory=Peer)

    def __post_init__(self) -> None:
        access = self.stream()
        access.choose_fingerprint = "sha-256"
        core = Stream(1, "audio", INSIDE[self.transport], "0", OPEN, None, self.far.endpoint)
        self.context, (one, other) = self.gateway.act(
            None, Reserve("access", [access], 300, Latch.LATCH, LOOPBACK), Reserve("core", [core], 300)
        )
        self.access, self.core = one.termination, other.termination
        local, far = one.streams[0].local, other.streams[0].local
        assert local is not None
        assert far is not None
        self.to_access, self.to_access_rtcp = (LOOPBACK, local.port), (LOOPBACK, local.port + 1)
        self.to_core, self.to_core_rtcp = (LOOPBACK, far.port), (LOOPBACK, far.port + 1)
        found = one.streams[0].local_fingerprint
        assert found is not None
        self.fingerprint = found
        self.media, self.control = self.association(), self.association(rtcp=True)

    def stream(self) -> Stream:
        """The access side's, as Iq has it."""
        stream = Stream(1, "audio", self.transport, "0", OPEN, None, self.ue.endpoint)
        stream.remote_fingerprints = sha256(self.identity) if self.announced is None else self.announced
        stream.setup = Setup.ACTIVE if self.client else Setup.PASSIVE
        stream.start_tls, stream.rtcp_mux, stream.tls_id = self.client, self.mux, self.tls_id
        if self.mux:
            stream.remote = Endpoint(self.ue.endpoint.address, self.ue.endpoint.port)
        return stream

    def association(self, *, rtcp: bool = False) -> Ue:
        """A fresh one of the UE's side; not started."""
        sock = self.ue.rtcp if rtcp else self.ue.rtp
        to = self.to_access_rtcp if rtcp else self.to_access
        srtp = self.transport == SRTP
        return Ue(sock, to, self.fingerprint, client=not self.client, srtp=srtp, identity=self.identity)

    async def establish(self) -> "DtlsCall":
        ues = [self.media] if self.mux or self.transport == FAX else [self.media, self.control]
        for ue in ues:
            ue.start()
        await asyncio.gather(*(ue.handshake() for ue in ues))
        return self

    def configure(self, **changes: object) -> None:
        """A re-offer of the UE."""
        for name, value in changes.items():
            setattr(self, name, value)
        self.gateway.act(self.context, Configure(self.access, [self.stream()]))

    def counters(self, side: str = "access") -> Counters:
        name = self.access if side == "access" else self.core
        return self.gateway.contexts.media.state(self.gateway.contexts.terminations[name].ends[1]).counters

    async def drops(self, side: str, count: int) -> dict[str, int]:
        """At the engine's port of a side, once it has dealt with ``count`` datagrams."""
        name = self.access if side == "access" else self.core
        port = self.gateway.contexts.terminations[name].ends[1].port
        return (await dealt_with(self.gateway.engine, port, count)).dropped()

    def close(self) -> None:
        if self.context in self.gateway.contexts.contexts:
            self.gateway.act(self.context, Release())
        self.ue.close()
        self.far.close()
