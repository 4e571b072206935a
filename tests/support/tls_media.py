"""Ends of TCP media under TLS for tests: bare OpenSSL over loopback sockets, with the relay between them."""

import asyncio
import contextlib
from dataclasses import dataclass, field

from OpenSSL import SSL

from agw.security.api import Security
from agw.tcp.api import TcpLeg
from iq.fingerprint import Fingerprint
from iq.procedures import Setup
from tests.support.media_peer import TIMEOUT
from tests.support.tcp_media import Call, End
from tests.support.tls_ends import ITS, MINE, Peer, sha256

ACTIVE, PASSIVE = Setup.ACTIVE, Setup.PASSIVE


class SecureEnd(End):
    """An ``End`` under TLS. client: in TLS; method: the version; peer: the certificate that it saw."""

    def __init__(self, *, client: bool = True, method: int = SSL.TLS_METHOD) -> None:
        super().__init__()
        self.peer = Peer.make(method, client=client)
        self.peer.connection.set_verify(SSL.VERIFY_PEER, lambda *_: True)

    async def secure(self) -> None:
        """Shake hands. Raises SSL.Error, or ConnectionError where the other end has gone."""
        async with asyncio.timeout(TIMEOUT):
            while True:
                try:
                    done = self.peer.handshake()
                finally:
                    await self._flush()
                if done:
                    return
                await self._more()

    @property
    def sees(self) -> Fingerprint:
        """The certificate of the gateway."""
        certificate = self.peer.connection.get_peer_certificate()
        assert certificate is not None
        return Fingerprint("sha-256", bytes.fromhex(certificate.digest("sha256").decode().replace(":", "")))

    async def send(self, data: bytes) -> None:
        self.peer.connection.sendall(data)
        await self._flush()

    async def receive(self, octets: int) -> bytes:
        """Exactly so many, or what came before the close_notify."""
        found = bytearray()
        async with asyncio.timeout(TIMEOUT):
            while len(found) < octets:
                try:
                    found += self.peer.connection.recv(octets - len(found))
                except SSL.WantReadError:
                    await self._more()
                except SSL.ZeroReturnError:
                    break
        return bytes(found)

    async def speak(self, data: bytes) -> None:
        """From the handshake on, until something is heard."""
        await self.secure()
        await self.send(data)
        await self.receive(1)

    async def last_word(self) -> None:
        """Say that nothing more comes."""
        self.peer.connection.shutdown()
        await self._flush()

    async def _flush(self) -> None:
        if octets := self.peer.output():
            await super().send(octets)

    async def _more(self) -> None:
        octets = await asyncio.get_running_loop().sock_recv(self.connection, 65536)
        if not octets:
            raise ConnectionResetError("the connection ended")
        self.peer.connection.bio_write(octets)

    def silent(self) -> bool:
        """Is there nothing to read, but words of TLS itself?"""
        with contextlib.suppress(BlockingIOError):
            self.peer.connection.bio_write(self.connection.recv(65536))
        try:
            self.peer.connection.recv(1)
        except SSL.WantReadError:
            return True
        return False


@dataclass
class TlsCall(Call):
    """The UE under TLS, the far end in the clear. client: the UE is it, in TLS."""

    ue: SecureEnd = field(default_factory=SecureEnd)
    client: bool = True
    expected: tuple[Fingerprint, ...] = sha256(ITS)

    def __post_init__(self) -> None:
        super().__post_init__()
        connection = self.ue.peer.connection
        connection.set_connect_state() if self.client else connection.set_accept_state()

    def secured(self, setup: Setup | None, **changes: object) -> None:
        """Edit the access side."""
        security = Security(MINE, self.expected, client=not self.client)
        self.relay.edit(self.access, TcpLeg(setup, True, True, self.ue.endpoint, security=security))
        if changes:
            self.edit_access(setup, security=security, **changes)

    async def up(self) -> None:
        self.secured(Setup.PASSIVE)
        self.edit_core(Setup.ACTIVE)
        await self.ue.connect(self.to_access)
        await self.ue.secure()
        await self.far.accept()
        await self.standing()
