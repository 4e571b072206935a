"""Media under DTLS from SDP to packets: plans of the IMS-ALG, a real Iq and gateway, a UE under OpenSSL."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from iq.controller import Gateway
from iq.fingerprint import read_fingerprint
from iq.procedures import Change, SecurityCause, SecurityChange
from pcscf.alg.policy import MediaPolicy
from pcscf.flow import Side
from pcscf.sdp.model import Media
from tests.support import engines
from tests.support.agw_process import Palg, controlled
from tests.support.dtls_call import Ue
from tests.support.media import profile, sdp
from tests.support.media_peer import LOOPBACK, TIMEOUT, Peer, rtcp, rtp, until
from tests.support.media_talk import MediaTalk, where
from tests.support.tls_ends import ITS, MINE, sha256

#: What the UE says in its m-line, what the far end says, the mechanism.
SPEECH = ("m=audio {} UDP/TLS/RTP/SAVP 8", "m=audio {} RTP/AVP 8", "dtls-srtp")
FAX = ("m=image {} UDP/TLS/UDPTL t38", "m=image {} udptl t38", "udptl-dtls")
MUX = pytest.mark.parametrize("mux", [True, False], ids=["rtcp-mux", "a port for RTCP"])
UDPTL = bytes.fromhex("0005 06 c001800000ff 00 01 06 c001800000fe")


@pytest.fixture(params=engines.NAMES)
async def palg(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Palg]:
    async with controlled(tmp_path, request.param) as made:
        yield made


class Talk(MediaTalk):
    """A session with one m-line between a UE under DTLS and a far end without. client: the UE is it."""

    def __init__(
        self, palg: Palg, gateway: Gateway, kind: tuple[str, str, str], *, client: bool, mux: bool = False
    ) -> None:
        self.kind, self.client, self.mux = kind, client, mux
        known = gateway.mechanisms
        access = profile(kind[2], network=known, terminates=known, source=LOOPBACK)
        super().__init__(palg, gateway, access, MediaPolicy())
        self.ue, self.far = Peer(), Peer()
        self.certificate, self.tls_id = sha256(ITS)[0].text, "of-the-ue-the-first-one"
        self.version = 0
        self.media: Ue | None = None

    def of_ue(self, setup: str) -> bytes:
        self.version += 1
        lines = [self.kind[0].format(self.ue.endpoint.port), f"a=setup:{setup}", "a=3ge2ae:requested"]
        lines += [f"a=fingerprint:{self.certificate}", f"a=tls-id:{self.tls_id}"]
        lines += ["a=rtcp-mux"] if self.mux else [f"a=rtcp:{self.ue.endpoint.rtcp_port}"]
        return sdp("\n".join(lines), version=self.version, host=LOOPBACK)

    def of_far(self) -> bytes:
        self.version += 1
        lines = [self.kind[1].format(self.far.endpoint.port), f"a=rtcp:{self.far.endpoint.rtcp_port}"]
        return sdp("\n".join(lines), version=self.version, host=LOOPBACK)

    async def from_ue(self, offered: str, dialog: str = "") -> tuple[Media, Media]:
        """Return what the UE and what the far end are told."""
        to_far = await self.step(self.session.plan_offer(self.of_ue(offered), Side.ACCESS, dialog))
        return await self.step(self.session.plan_answer(self.of_far(), Side.CORE, "b1")), to_far

    async def from_far(self, answered: str, dialog: str = "") -> tuple[Media, Media]:
        to_ue = await self.step(self.session.plan_offer(self.of_far(), Side.CORE, dialog))
        return to_ue, await self.step(self.session.plan_answer(self.of_ue(answered), Side.ACCESS, "b1"))

    async def handshake(self, to_ue: Media, *, rtcp: bool = False) -> Ue:
        expected = read_fingerprint(to_ue.first("fingerprint") or "")
        host, port = where(to_ue)
        sock = self.ue.rtcp if rtcp else self.ue.rtp
        to = (host, port + rtcp)
        srtp = self.kind is SPEECH
        made = Ue(sock, to, expected, client=self.client, srtp=srtp, identity=ITS)
        made.start()
        await made.handshake()
        return made

    async def secure(self, to_ue: Media) -> None:
        """The UE does its part, at both ports where RTCP has its own."""
        tasks = [self.handshake(to_ue)]
        if self.kind is SPEECH and not self.mux:
            tasks.append(self.handshake(to_ue, rtcp=True))
        self.media, *others = await asyncio.gather(*tasks)
        assert all(one.up for one in (self.media, *others))
        self.control = others[0] if others else self.media

    async def speaks(self, to_ue: Media, to_far: Media, number: int = 1) -> None:
        """RTP and RTCP, both ways. The gateway may still be taking the last flight of the handshake."""
        assert self.media is not None
        at, core = where(to_ue), where(to_far)
        mine, its = self.media.srtp()
        async with asyncio.timeout(TIMEOUT):
            while not self.far.pending():
                self.ue.send(mine.protect(rtp(number)), at)
                await asyncio.sleep(0)
        self.far.send(rtp(number), core)
        assert its.unprotect(await self.ue.receive()) == rtp(number)
        mine, its = self.control.srtp()
        packet = mine.protect_rtcp(rtcp(), number)
        if self.mux:
            self.ue.send(packet, at)
        else:
            self.ue.send_rtcp(packet, (at[0], at[1] + 1))
        assert await self.far.receive_rtcp() == rtcp()

    async def faxes(self, to_far: Media) -> None:
        assert self.media is not None
        self.media.send(UDPTL)
        assert await self.far.receive() == UDPTL
        self.far.send(UDPTL, where(to_far))
        assert await self.media.receive() == UDPTL


@MUX
@pytest.mark.parametrize(("offered", "client"), [("active", True), ("actpass", True), ("passive", False)])
async def test_speech_that_the_ue_offers(palg: Palg, mux: bool, offered: str, client: bool) -> None:
    async with Talk(palg, await palg.gateway(), SPEECH, client=client, mux=mux) as talk:
        to_ue, to_far = await talk.from_ue(offered)
        assert (to_ue.proto, to_far.proto) == ("UDP/TLS/RTP/SAVP", "RTP/AVP")
        assert to_ue.first("setup") == ("passive" if client else "active")
        await talk.secure(to_ue)
        await talk.speaks(to_ue, to_far)
        assert palg.told == []


@MUX
@pytest.mark.parametrize(("answered", "client"), [("active", True), ("passive", False)])
async def test_speech_that_the_ue_answers(palg: Palg, mux: bool, answered: str, client: bool) -> None:
    async with Talk(palg, await palg.gateway(), SPEECH, client=client, mux=mux) as talk:
        to_ue, to_far = await talk.from_far(answered)
        assert to_ue.first("setup") == "actpass"
        talk.mux = mux and "rtcp-mux" in to_ue
        await talk.secure(to_ue)
        await talk.speaks(to_ue, to_far)
        assert palg.told == []


@pytest.mark.parametrize(("setup", "client"), [("active", True), ("passive", False)])
@pytest.mark.parametrize("of_ue", [True, False], ids=["the UE offers", "the UE answers"])
async def test_a_fax(palg: Palg, setup: str, client: bool, of_ue: bool) -> None:
    async with Talk(palg, await palg.gateway(), FAX, client=client) as talk:
        to_ue, to_far = await (talk.from_ue(setup) if of_ue else talk.from_far(setup))
        assert (to_ue.proto, to_far.proto) == ("UDP/TLS/UDPTL", "udptl")
        await talk.secure(to_ue)
        await talk.faxes(to_far)


@MUX
@pytest.mark.parametrize("renewed", ["tls-id", "setup"])
async def test_re_offers_keep_or_renew_the_association(palg: Palg, mux: bool, renewed: str) -> None:
    """Of either end; where RTCP has a port of its own, both associations."""
    async with Talk(palg, await palg.gateway(), SPEECH, client=True, mux=mux) as talk:
        to_ue, to_far = await talk.from_ue("actpass")
        await talk.secure(to_ue)
        await talk.speaks(to_ue, to_far, 1)
        to_ue, to_far = await talk.from_ue("actpass", "b1")
        await talk.speaks(to_ue, to_far, 2)
        to_ue, to_far = await talk.from_far("active", "b1")
        await talk.speaks(to_ue, to_far, 3)
        assert palg.metric("agw_dtls_handshakes_total") == 2 - mux
        setup = "actpass"
        if renewed == "tls-id":
            talk.tls_id = "of-the-ue-the-second-one"
        else:
            setup, talk.client = "passive", False
        before = palg.metric("agw_packets_total")
        to_ue, to_far = await talk.from_ue(setup, "b1")
        await talk.secure(to_ue)
        await talk.speaks(to_ue, to_far, 1)
        assert palg.metric("agw_packets_total") == before + 2
        assert palg.metric("agw_dtls_handshakes_total", result="ok") == 2 * (2 - mux)
        assert palg.told == []


async def test_re_offers_keep_or_renew_that_of_a_fax(palg: Palg) -> None:
    async with Talk(palg, await palg.gateway(), FAX, client=True) as talk:
        to_ue, to_far = await talk.from_ue("actpass")
        await talk.secure(to_ue)
        await talk.faxes(to_far)
        for again in (talk.from_ue("actpass", "b1"), talk.from_far("active", "b1")):
            to_ue, to_far = await again
            await talk.faxes(to_far)
        assert palg.metric("agw_dtls_handshakes_total") == 1
        talk.tls_id = "of-the-ue-the-second-one"
        to_ue, to_far = await talk.from_ue("actpass", "b1")
        await talk.secure(to_ue)
        await talk.faxes(to_far)
        assert palg.metric("agw_dtls_handshakes_total", result="ok") == 2
        assert palg.told == []


async def test_another_certificate_than_in_sdp(palg: Palg) -> None:
    async with Talk(palg, await palg.gateway(), SPEECH, client=True, mux=True) as talk:
        talk.certificate = sha256(MINE)[0].text
        to_ue, to_far = await talk.from_ue("active")
        made = await talk.handshake(to_ue)
        assert not made.up
        await until(lambda: palg.told != [])
        [(context, told)] = palg.told
        assert context == talk.session.context
        assert isinstance(told, SecurityChange)
        assert talk.session.has(told.termination)
        assert (told.change, told.cause) == (Change.FAILED, SecurityCause.FINGERPRINT)
        talk.far.send(rtp(1), where(to_far))
        talk.ue.send(rtp(1), where(to_ue))
        assert talk.far.pending() == talk.ue.pending() == []
