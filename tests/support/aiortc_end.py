"""aiortc as the end of DTLS-SRTP: its handshake, its keys, its SRTP, over a socket of ours."""

import asyncio
import socket

from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from iq.fingerprint import Fingerprint
from tests.support.media_peer import TIMEOUT


class Path:
    """What aiortc wants of an ICE transport: a socket whose peer is the gateway."""

    role = "controlled"

    def __init__(self, sock: socket.socket, to: tuple[str, int]) -> None:
        self._sock, self._to = sock, to

    async def _send(self, data: bytes) -> None:
        self._sock.sendto(data, self._to)

    async def _recv(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._sock, 4096)


class End(RTCDtlsTransport):
    """One association. client: in DTLS; media: what came out of its SRTP."""

    def __init__(
        self, sock: socket.socket, to: tuple[str, int], certificate: RTCCertificate, *, client: bool
    ) -> None:
        super().__init__(Path(sock, to), [certificate])
        self._set_role("client" if client else "server")
        self.media: asyncio.Queue[bytes] = asyncio.Queue()

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        self.media.put_nowait(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self.media.put_nowait(data)

    async def begin(self, expected: Fingerprint) -> None:
        said = RTCDtlsFingerprint("sha-256", expected.digest.hex(":").upper())
        async with asyncio.timeout(TIMEOUT):
            await self.start(RTCDtlsParameters([said]))

    async def received(self) -> bytes:
        async with asyncio.timeout(TIMEOUT):
            return await self.media.get()


def announced(certificate: RTCCertificate) -> tuple[Fingerprint, ...]:
    return tuple(
        Fingerprint(one.algorithm, bytes.fromhex(one.value.replace(":", "")))
        for one in certificate.getFingerprints()
    )
