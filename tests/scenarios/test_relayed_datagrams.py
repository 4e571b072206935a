"""What passes from end to end over UDP, from SDP to datagrams: every one, over a real Iq and gateway."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from iq.controller import Gateway
from pcscf.alg.session import MediaPolicy, MediaSession, Plan
from pcscf.flow import Side
from pcscf.sdp.model import Sdp
from tests.support.agw_process import Palg, controlled
from tests.support.media import KEY_LINE, Random, profile, sdp
from tests.support.media_peer import LOOPBACK, Peer, rtcp, rtp

CLIENT_HELLO = bytes([22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0])
STUN = bytes.fromhex("000100002112a442") + bytes(12)
FINGERPRINT = "a=fingerprint:SHA-256 AB\na=setup:actpass"
#: m-line, what stands below it, and datagrams on its port.
STREAMS = {
    "SDES": ("audio {} RTP/SAVP 8", KEY_LINE, [rtp(1)]),
    "SDES with rtcp-mux": ("audio {} RTP/SAVP 8", f"{KEY_LINE}\na=rtcp-mux", [rtp(1), rtcp()]),
    "keys of a key management system": ("audio {} RTP/SAVP 8", "a=key-mgmt:mikey AQAF", [rtp(1)]),
    "DTLS-SRTP": ("audio {} UDP/TLS/RTP/SAVPF 8", FINGERPRINT, [CLIENT_HELLO, STUN, rtp(1), rtcp()]),
    "DTLS-SRTP under RTP/SAVP": ("audio {} RTP/SAVP 8", FINGERPRINT, [CLIENT_HELLO, rtp(1)]),
    "T.38": ("image {} UDP/TLS/UDPTL t38", FINGERPRINT, [CLIENT_HELLO, bytes(7)]),
    "data channel": ("application {} UDP/DTLS/SCTP webrtc-datachannel", FINGERPRINT, [CLIENT_HELLO, STUN]),
    "SRTP by capabilities": (
        "audio {} RTP/AVP 8",
        f"a=tcap:1 RTP/SAVP UDP/TLS/RTP/SAVP\na=acap:1 {KEY_LINE[2:]}\na=pcfg:1 t=1 a=1\na=pcfg:2 t=2",
        [CLIENT_HELLO, rtp(1)],
    ),
}


@pytest.fixture
async def palg(tmp_path: Path) -> AsyncIterator[Palg]:
    async with controlled(tmp_path) as made:
        yield made


@pytest.mark.parametrize(("line", "below", "datagrams"), STREAMS.values(), ids=STREAMS)
async def test_every_datagram_passes(palg: Palg, line: str, below: str, datagrams: list[bytes]) -> None:
    gateway = await palg.gateway()
    session = MediaSession(MediaPolicy(), profile(source=LOOPBACK), Random())
    ue, far = Peer(), Peer()

    def described(peer: Peer) -> bytes:
        media = line.format(peer.endpoint.port)
        return sdp(f"m={media}\n{below}\na=rtcp:{peer.endpoint.rtcp_port}", host=LOOPBACK)

    to_core = await step(palg, gateway, session, session.plan_offer(described(ue), Side.ACCESS))
    to_ue = await step(palg, gateway, session, session.plan_answer(described(far), Side.CORE, "b1"))
    assert [decision.action for decision in session.decisions] == ["e2e"]
    for datagram in datagrams:
        ue.send(datagram, to_ue)
        assert await far.receive() == datagram
    for datagram in datagrams:
        far.send(datagram, to_core)
        assert await ue.receive() == datagram
    if (release := session.release()) is not None:
        await palg.act(gateway, release)
    ue.close()
    far.close()


async def step(palg: Palg, gateway: Gateway, session: MediaSession, plan: Plan) -> tuple[str, int]:
    """Execute a plan; return the address that goes out."""
    reply = await palg.act(gateway, plan.action) if plan.action is not None else None
    [media] = Sdp.parse(session.complete(plan, reply)).media
    return media.address.host, media.port
