"""Ends of MSRP that compare whole URIs, from SDP over a real Iq to messages on real sockets."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from iq.controller import Gateway
from iq.procedures import BearerChange, Change
from pcscf.alg.session import MediaPolicy, MediaSession, Plan
from pcscf.flow import Side
from pcscf.sdp.model import Media, Sdp
from tests.support.agw_process import Palg, controlled
from tests.support.media import Random, profile, sdp
from tests.support.media_peer import LOOPBACK, until
from tests.support.msrp_ends import Strict, converse
from tests.support.tcp_media import End
from tests.support.tls_ends import ITS, sha256
from tests.support.tls_media import SecureEnd

FINGERPRINT = f"a=3ge2ae:requested\na=fingerprint:{sha256(ITS)[0].text}"


@pytest.fixture
async def palg(tmp_path: Path) -> AsyncIterator[Palg]:
    async with controlled(tmp_path) as made:
        yield made


class Talk:
    """A session between a UE, under TLS or not, and a far end."""

    def __init__(
        self, palg: Palg, gateway: Gateway, *, tls: bool, client: bool = True, **policy: str
    ) -> None:
        """client: the UE is it, in TLS."""
        self.palg = palg
        self.gateway = gateway
        access = profile(
            *(["msrp-tls"] if tls else []),
            network=gateway.mechanisms,
            source=LOOPBACK,
            aware=gateway.aware,
        )
        self.session = MediaSession(MediaPolicy(**policy), access, Random())
        self.tls = tls
        self.ue: End = SecureEnd(client=client) if tls else End()
        self.far = End()
        self.told: dict[Side, Media] = {}
        self.version = 0

    def path(self, side: Side) -> str:
        """The end's own one."""
        end = self.ue if side is Side.ACCESS else self.far
        scheme = "msrps" if self.tls and side is Side.ACCESS else "msrp"
        return f"{scheme}://{LOOPBACK}:{end.endpoint.port}/{side}{self.version};tcp"

    def describe(self, side: Side, setup: str, *more: str) -> bytes:
        end = self.ue if side is Side.ACCESS else self.far
        under = self.tls and side is Side.ACCESS
        proto = "TCP/TLS/MSRP" if under else "TCP/MSRP"
        lines = [f"m=message {end.endpoint.port} {proto} *", f"a=path:{self.path(side)}", f"a=setup:{setup}"]
        lines += [FINGERPRINT] if under else []
        return sdp("\n".join([*lines, *more]), host=LOOPBACK, version=self.version)

    async def agree(
        self, offerer: Side, offered: str, answered: str, *more: str, and_answer: tuple[str, ...] = ()
    ) -> None:
        """Offer and answer: who connects, more lines of the offer, and_answer: of the answer."""
        fork = "b1" if self.version else ""
        self.version += 1
        offer = self.describe(offerer, offered, *more)
        await self._step(offerer.other, self.session.plan_offer(offer, offerer, fork))
        answer = self.describe(offerer.other, answered, *and_answer)
        await self._step(offerer, self.session.plan_answer(answer, offerer.other, "b1"))

    async def _step(self, to: Side, plan: Plan) -> None:
        reply = await self.palg.act(self.gateway, plan.action) if plan.action is not None else None
        assert reply is None or reply.error is None
        [self.told[to]] = Sdp.parse(self.session.complete(plan, reply)).media

    async def connect(self, side: Side) -> None:
        """That end connects, and with that the gateway to the other one."""
        media = self.told[side]
        end = self.ue if side is Side.ACCESS else self.far
        await end.connect((media.address.host, media.port))
        if side is Side.ACCESS:
            await self._secure()

    async def accept(self, side: Side) -> None:
        await (self.ue if side is Side.ACCESS else self.far).accept()
        if side is Side.ACCESS:
            await self._secure()

    async def _secure(self) -> None:
        if isinstance(self.ue, SecureEnd):
            await self.ue.secure()

    async def converse(self) -> None:
        """In both directions. Each end knows its own path, and that of the SDP that it got."""
        ends = {
            side: Strict(end, self.path(side), self.told[side].first("path") or "")
            for side, end in ((Side.ACCESS, self.ue), (Side.CORE, self.far))
        }
        await converse(ends[Side.ACCESS], ends[Side.CORE])
        await converse(ends[Side.CORE], ends[Side.ACCESS])

    async def end(self) -> None:
        self.ue.close()
        self.far.close()
        if (release := self.session.release()) is not None:
            await self.palg.act(self.gateway, release)


@contextlib.asynccontextmanager
async def talking(palg: Palg, *, tls: bool, client: bool = True, **policy: str) -> AsyncIterator[Talk]:
    talk = Talk(palg, await palg.gateway(), tls=tls, client=client, **policy)
    try:
        yield talk
    finally:
        await talk.end()


UNDER_TLS = pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])


@UNDER_TLS
@pytest.mark.parametrize("offerer", Side)
async def test_ends_that_compare_whole_uris(palg: Palg, tls: bool, offerer: Side) -> None:
    async with talking(palg, tls=tls, client=offerer is Side.ACCESS) as talk:
        await talk.agree(offerer, "active", "passive")
        for side in Side:
            media = talk.told[side]
            assert media.first("path") == (
                f"{'msrps' if tls and side is Side.ACCESS else 'msrp'}://{media.address.host}"
                f":{media.port}/{side.other}1;tcp"
            )
        await talk.connect(offerer)
        await talk.accept(offerer.other)
        await talk.converse()


@UNDER_TLS
async def test_the_answerer_connects(palg: Palg, tls: bool) -> None:
    async with talking(palg, tls=tls) as talk:
        await talk.agree(Side.CORE, "actpass", "active")
        await talk.connect(Side.ACCESS)
        await talk.accept(Side.CORE)
        await talk.converse()


@UNDER_TLS
async def test_other_paths_of_a_re_offer(palg: Palg, tls: bool) -> None:
    """The connection stays (a=connection:existing), and the session on it is another one."""
    async with talking(palg, tls=tls) as talk:
        await talk.agree(Side.ACCESS, "active", "passive")
        await talk.connect(Side.ACCESS)
        await talk.accept(Side.CORE)
        await talk.converse()
        await talk.agree(Side.CORE, "passive", "active", "a=connection:existing")
        assert (talk.told[Side.ACCESS].first("path") or "").endswith("/core2;tcp")
        await talk.converse()


async def test_a_policy_for_networks_where_not_all_know_rfc_6714(palg: Palg) -> None:
    async with talking(palg, tls=False, msrp="aware") as talk:
        await talk.agree(Side.ACCESS, "active", "passive", "a=msrp-cema")
        assert "msrp-cema" not in talk.told[Side.CORE]
        await talk.connect(Side.ACCESS)
        await talk.accept(Side.CORE)
        await talk.converse()


@UNDER_TLS
async def test_an_answerer_that_does_not_know_rfc_6714(palg: Palg, tls: bool) -> None:
    async with talking(palg, tls=tls) as talk:
        await talk.agree(Side.ACCESS, "active", "passive", "a=msrp-cema")
        assert talk.told[Side.CORE].first("path") == talk.path(Side.ACCESS).replace("msrps:", "msrp:")
        await talk.connect(Side.ACCESS)
        await talk.accept(Side.CORE)
        await talk.converse()


@pytest.mark.parametrize(("policy", "more"), [("auto", ("a=msrp-cema",)), ("agnostic", ())])
async def test_what_the_gateway_is_not_aware_of_passes_unread(
    palg: Palg, policy: str, more: tuple[str, ...]
) -> None:
    async with talking(palg, tls=True, msrp=policy) as talk:
        await talk.agree(Side.ACCESS, "active", "passive", *more, and_answer=more)
        await talk.connect(Side.ACCESS)
        await talk.accept(Side.CORE)
        await talk.ue.send(b"no MSRP at all")
        assert await talk.far.receive(14) == b"no MSRP at all"


async def test_what_is_no_msrp_ends_the_stream(palg: Palg) -> None:
    async with talking(palg, tls=True) as talk:
        await talk.agree(Side.ACCESS, "active", "passive")
        await talk.connect(Side.ACCESS)
        await talk.accept(Side.CORE)
        await talk.ue.send(b"no MSRP at all")
        await until(lambda: palg.told != [])
        [(context, told)] = palg.told
        assert context == talk.session.context
        assert isinstance(told, BearerChange)
        assert (told.change, told.cause) == (Change.RELEASED, "malformed MSRP: not MSRP")
        assert await talk.far.end() == "ConnectionResetError"
