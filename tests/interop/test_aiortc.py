"""DTLS-SRTP that ends at the gateway, with aiortc as the UE: its handshake, its keys, its SRTP."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from agw.engine.api import Engine
from iq.fingerprint import Fingerprint
from iq.procedures import Change, SecurityCause
from tests.support import engines
from tests.support.dtls_call import DtlsCall, DtlsGateway
from tests.support.media_peer import TIMEOUT, rtcp, rtp, until

ROLES = pytest.mark.parametrize("client", [False, True], ids=["aiortc is client", "aiortc is server"])


@pytest.fixture(params=engines.NAMES)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    made = engines.make(request.param)
    yield made
    made.stop()


class Path:
    """What aiortc wants of an ICE transport: a socket whose peer is the gateway."""

    role = "controlled"

    def __init__(self, call: DtlsCall, *, rtcp: bool) -> None:
        self._sock = call.ue.rtcp if rtcp else call.ue.rtp
        self._to = call.to_access_rtcp if rtcp else call.to_access

    async def _send(self, data: bytes) -> None:
        self._sock.sendto(data, self._to)

    async def _recv(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._sock, 4096)


class End(RTCDtlsTransport):
    """One association of a UE; media: what came out of its SRTP."""

    def __init__(self, call: DtlsCall, certificate: RTCCertificate, *, rtcp: bool = False) -> None:
        super().__init__(Path(call, rtcp=rtcp), [certificate])
        self._set_role("server" if call.client else "client")
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


@ROLES
@pytest.mark.parametrize("mux", [True, False], ids=["rtcp-mux", "a port for RTCP"])
async def test_media_both_ways(engine: Engine, client: bool, mux: bool) -> None:
    certificate = RTCCertificate.generateCertificate()
    gateway = DtlsGateway(engine)
    call = gateway.call(client=client, mux=mux, announced=announced(certificate))
    media = End(call, certificate)
    control = media if mux else End(call, certificate, rtcp=True)
    ends = {media, control}
    await asyncio.gather(*(end.begin(call.fingerprint) for end in ends))
    assert {end.state for end in ends} == {"connected"}
    await until(lambda: dict(gateway.dtls.handshakes) == {"ok": len(ends)})
    for number in range(3):
        await media._send_rtp(rtp(number))
        assert await call.far.receive() == rtp(number)
        call.far.send(rtp(number, ssrc=0x99), call.to_core)
        assert await media.received() == rtp(number, ssrc=0x99)
        await control._send_rtp(rtcp())
        assert await call.far.receive_rtcp() == rtcp()
        call.far.send_rtcp(rtcp(0x99), call.to_core_rtcp)
        assert await control.received() == rtcp(0x99)
    assert call.counters().dropped() == {}
    for end in ends:
        await end.stop()
    await until(lambda: gateway.reports != [])
    assert gateway.reports[0][1:3] == (Change.RELEASED, SecurityCause.CLOSED)
    call.close()


@ROLES
async def test_a_certificate_that_was_not_announced(engine: Engine, client: bool) -> None:
    gateway = DtlsGateway(engine)
    certificate, other = RTCCertificate.generateCertificate(), RTCCertificate.generateCertificate()
    call = gateway.call(client=client, announced=announced(other))
    end = End(call, certificate)
    handshake = asyncio.ensure_future(end.begin(call.fingerprint))
    await until(lambda: gateway.reports != [])
    assert gateway.reports[0][1:3] == (Change.FAILED, SecurityCause.FINGERPRINT)
    handshake.cancel()
    await asyncio.gather(handshake, return_exceptions=True)
    call.far.send(rtp(1), call.to_core)
    assert await call.drops("core", 1) == {"no_key": 1}
    await end.stop()
    call.close()
