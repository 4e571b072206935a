"""TCP media from SDP to octets: the IMS-ALG's plans over a real Iq, a real gateway, real connections."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from iq.controller import Gateway
from pcscf.alg.policy import MediaPolicy
from pcscf.alg.session import Plan
from pcscf.flow import Side
from tests.support.agw_process import Palg, controlled
from tests.support.media import profile, sdp
from tests.support.media_peer import LOOPBACK, until
from tests.support.media_talk import MediaTalk, where
from tests.support.tcp_media import End

#: A message that fits any of the protocols: the gateway reads none.
OCTETS = bytes(range(256)) * 64


@pytest.fixture
async def palg(tmp_path: Path) -> AsyncIterator[Palg]:
    async with controlled(tmp_path) as made:
        yield made


class Talk(MediaTalk):
    """A session with one m-line between a UE and a far end, each with a socket."""

    def __init__(self, palg: Palg, gateway: Gateway, proto: str) -> None:
        super().__init__(palg, gateway, profile(source=LOOPBACK), MediaPolicy(msrp="agnostic"))
        self.proto = proto
        self.ue, self.far = End(), End()

    def line(self, end: End, setup: str) -> bytes:
        media = f"m=message {end.endpoint.port} {self.proto} *\na=setup:{setup}\na=fingerprint:SHA-256 AB"
        return sdp(f"{media}\na=path:msrp://{LOOPBACK}:{end.endpoint.port}/s;tcp", host=LOOPBACK)

    async def told(self, plan: Plan) -> tuple[str, int]:
        """Execute a plan; return the address that goes out."""
        media = await self.step(plan)
        assert media.first("path") == f"msrp://{media.address.host}:{media.port}/s;tcp"
        return where(media)

    async def agree(self, offered: str, answered: str) -> tuple[tuple[str, int], tuple[str, int]]:
        """Return the gateway's addresses for the far end and for the UE."""
        to_core = await self.told(self.session.plan_offer(self.line(self.ue, offered), Side.ACCESS))
        answer = self.line(self.far, answered)
        return to_core, await self.told(self.session.plan_answer(answer, Side.CORE, "b1"))


@pytest.mark.parametrize("proto", ["TCP/MSRP", "TCP/TLS/MSRP"])
@pytest.mark.parametrize("ue_connects", [True, False])
async def test_octets_pass_in_both_directions(palg: Palg, proto: str, ue_connects: bool) -> None:
    async with Talk(palg, await palg.gateway(), proto) as talk:
        if ue_connects:
            to_core, to_ue = await talk.agree("active", "passive")
            await talk.ue.connect(to_ue)
            assert (await talk.far.accept())[0] == to_core[0]
        else:
            to_core, to_ue = await talk.agree("actpass", "active")
            await talk.far.connect(to_core)
            assert (await talk.ue.accept())[0] == to_ue[0]
        for sender, receiver in ((talk.ue, talk.far), (talk.far, talk.ue)):
            await sender.send(OCTETS)
            assert await receiver.receive(len(OCTETS)) == OCTETS
        talk.far.finish()
        assert await talk.ue.end() == ""
        talk.ue.connection.close()
        await until(lambda: palg.told != [])
