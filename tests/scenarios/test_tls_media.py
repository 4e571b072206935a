"""TLS media from SDP to octets: the IMS-ALG's plans over a real Iq, a real gateway, a UE under OpenSSL."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from iq.controller import Gateway
from iq.fingerprint import read_fingerprint
from iq.procedures import Change, SecurityCause, SecurityChange
from pcscf.alg.policy import MediaPolicy
from pcscf.flow import Side
from pcscf.sdp.model import Media
from tests.support.agw_process import Palg, controlled
from tests.support.media import profile, sdp
from tests.support.media_peer import LOOPBACK, until
from tests.support.media_talk import MediaTalk, where
from tests.support.tcp_media import End
from tests.support.tls_ends import ITS, MINE, sha256
from tests.support.tls_media import SecureEnd

OCTETS = bytes(range(256)) * 64
#: Kind of media -> its mechanism.
MECHANISMS = {"MSRP": "msrp-tls", "BFCP": "bfcp-tls"}


@pytest.fixture
async def palg(tmp_path: Path) -> AsyncIterator[Palg]:
    async with controlled(tmp_path) as made:
        yield made


class Talk(MediaTalk):
    """A session with one m-line between a UE under TLS and a far end without. client: the UE is it."""

    def __init__(self, palg: Palg, gateway: Gateway, kind: str, *, client: bool) -> None:
        self.kind = kind
        known = gateway.mechanisms
        access = profile(MECHANISMS[kind], network=known, terminates=known, source=LOOPBACK)
        super().__init__(palg, gateway, access, MediaPolicy(msrp="agnostic"))
        self.ue, self.far = SecureEnd(client=client), End()
        self.certificate = sha256(ITS)[0].text

    def of_ue(self, setup: str) -> bytes:
        port = self.ue.endpoint.port
        lines = [f"m=message {port} TCP/TLS/{self.kind} *", f"a=setup:{setup}", "a=3ge2ae:requested"]
        path = f"a=path:msrps://{LOOPBACK}:{port}/s;tcp"
        return sdp("\n".join([*lines, path, f"a=fingerprint:{self.certificate}"]), host=LOOPBACK)

    def of_far(self, setup: str) -> bytes:
        port = self.far.endpoint.port
        lines = [f"m=message {port} TCP/{self.kind} *", f"a=setup:{setup}"]
        return sdp("\n".join([*lines, f"a=path:msrp://{LOOPBACK}:{port}/s;tcp"]), host=LOOPBACK)

    async def from_ue(self, offered: str, answered: str) -> tuple[Media, Media]:
        """Return what the UE and what the far end are told."""
        to_far = await self.step(self.session.plan_offer(self.of_ue(offered), Side.ACCESS))
        return await self.step(self.session.plan_answer(self.of_far(answered), Side.CORE, "b1")), to_far

    async def from_far(self, offered: str, answered: str) -> tuple[Media, Media]:
        to_ue = await self.step(self.session.plan_offer(self.of_far(offered), Side.CORE))
        return to_ue, await self.step(self.session.plan_answer(self.of_ue(answered), Side.ACCESS, "b1"))

    async def passes(self, to_ue: Media) -> None:
        """Both ends hear each other, and the UE sees the certificate that it was told of."""
        await self.ue.secure()
        if self.far.sock is None:
            await self.far.accept()
        assert self.ue.sees == read_fingerprint(to_ue.first("fingerprint") or "")
        await self.ue.send(OCTETS)
        assert await self.far.receive(len(OCTETS)) == OCTETS
        await self.far.send(OCTETS)
        assert await self.ue.receive(len(OCTETS)) == OCTETS


@pytest.mark.parametrize("offered", ["active", "actpass"])
async def test_a_ue_that_connects(palg: Palg, offered: str) -> None:
    async with Talk(palg, await palg.gateway(), "MSRP", client=True) as talk:
        to_ue, to_far = await talk.from_ue(offered, "passive")
        assert (to_ue.proto, to_far.proto) == ("TCP/TLS/MSRP", "TCP/MSRP")
        await talk.ue.connect(where(to_ue))
        await talk.passes(to_ue)


async def test_a_ue_that_waits(palg: Palg) -> None:
    async with Talk(palg, await palg.gateway(), "MSRP", client=False) as talk:
        to_ue, to_far = await talk.from_ue("passive", "active")
        await talk.far.connect(where(to_far))
        await talk.ue.accept()
        await talk.passes(to_ue)


async def test_both_ends_connect(palg: Palg) -> None:
    async with Talk(palg, await palg.gateway(), "MSRP", client=True) as talk:
        to_ue, to_far = await talk.from_far("active", "active")
        await talk.far.connect(where(to_far))
        await talk.ue.connect(where(to_ue))
        await talk.passes(to_ue)


async def test_floor_control_where_the_answerer_is_tls_server(palg: Palg) -> None:
    async with Talk(palg, await palg.gateway(), "BFCP", client=False) as talk:
        to_ue, _ = await talk.from_far("passive", "active")
        await talk.ue.connect(where(to_ue))
        await talk.passes(to_ue)


async def test_another_certificate_than_in_sdp(palg: Palg) -> None:
    async with Talk(palg, await palg.gateway(), "MSRP", client=True) as talk:
        talk.certificate = sha256(MINE)[0].text
        to_ue, _ = await talk.from_ue("active", "passive")
        await talk.ue.connect(where(to_ue))
        with contextlib.suppress(Exception):  # an alert, or a connection that is gone
            await talk.passes(to_ue)
        await until(lambda: palg.told != [])
        [(context, told)] = palg.told
        assert context == talk.session.context
        assert isinstance(told, SecurityChange)
        assert talk.session.has(told.termination)
        assert (told.change, told.cause) == (Change.FAILED, SecurityCause.FINGERPRINT)
        assert talk.far.sock is None or talk.far.silent()
