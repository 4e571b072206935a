"""DTLS-SRTP that ends at the gateway, with aiortc as the UE: its handshake, its keys, its SRTP."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiortc import RTCCertificate

from agw.engine.api import Engine
from iq.procedures import Change, SecurityCause
from tests.support import engines
from tests.support.aiortc_end import End, announced
from tests.support.dtls_call import DtlsCall, DtlsGateway
from tests.support.media_peer import rtcp, rtp, until

ROLES = pytest.mark.parametrize("client", [False, True], ids=["aiortc is client", "aiortc is server"])


@pytest.fixture(params=engines.NAMES)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    made = engines.make(request.param)
    yield made
    made.stop()


def end(call: DtlsCall, certificate: RTCCertificate, *, rtcp: bool = False) -> End:
    """The UE's association of media, or of RTCP."""
    sock, to = (call.ue.rtcp, call.to_access_rtcp) if rtcp else (call.ue.rtp, call.to_access)
    return End(sock, to, certificate, client=not call.client)


@ROLES
@pytest.mark.parametrize("mux", [True, False], ids=["rtcp-mux", "a port for RTCP"])
async def test_media_both_ways(engine: Engine, client: bool, mux: bool) -> None:
    certificate = RTCCertificate.generateCertificate()
    gateway = DtlsGateway(engine)
    call = gateway.call(client=client, mux=mux, announced=announced(certificate))
    media = end(call, certificate)
    control = media if mux else end(call, certificate, rtcp=True)
    ends = {media, control}
    await asyncio.gather(*(one.begin(call.fingerprint) for one in ends))
    assert {one.state for one in ends} == {"connected"}
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
    for one in ends:
        await one.stop()
    await until(lambda: gateway.reports != [])
    assert gateway.reports[0][1:3] == (Change.RELEASED, SecurityCause.CLOSED)
    call.close()


@ROLES
async def test_a_certificate_that_was_not_announced(engine: Engine, client: bool) -> None:
    gateway = DtlsGateway(engine)
    certificate, other = RTCCertificate.generateCertificate(), RTCCertificate.generateCertificate()
    call = gateway.call(client=client, announced=announced(other))
    ue = end(call, certificate)
    handshake = asyncio.ensure_future(ue.begin(call.fingerprint))
    await until(lambda: gateway.reports != [])
    assert gateway.reports[0][1:3] == (Change.FAILED, SecurityCause.FINGERPRINT)
    handshake.cancel()
    await asyncio.gather(handshake, return_exceptions=True)
    call.far.send(rtp(1), call.to_core)
    assert await call.drops("core", 1) == {"no_key": 1}
    await ue.stop()
    call.close()
