"""DTLS-SRTP calls through real pcscf and agw: OpenSSL shakes hands for the UE and exports the keys of its
SRTP; in the core is plain RTP. What is sent arrives octet for octet."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiortc import RTCCertificate

from iq.fingerprint import read_fingerprint
from tests.interop.test_dtls_media import PROFILES, export, references
from tests.support.aiortc_end import End, announced
from tests.support.capture import Capture
from tests.support.certificates import Files, issue
from tests.support.media_call import Agreed, Calling, calling, where
from tests.support.media_peer import LOOPBACK, Peer, free_port, rtcp, rtp
from tests.support.openssl import DTLS, Openssl, client, fingerprint, server
from tests.support.programs import need
from tests.support.srtp_reference import Reference

pytestmark = pytest.mark.interop

ROLES = pytest.mark.parametrize("role", ["active", "passive"])
CALLERS = pytest.mark.parametrize("of_ue", [True, False], ids=["the UE calls", "the UE is called"])
PACKETS = 20
CM = "AES_CM_128_HMAC_SHA1_80"
#: The role of a UE that renews its association, by whether it offers.
RENEWED = {True: "passive", False: "active"}


@pytest.fixture
async def line() -> AsyncIterator[Calling]:
    """A UE that knows DTLS-SRTP and no SDES."""
    need("openssl")
    async with calling("dtls-srtp") as made:
        yield made


class Talk:
    """A call under DTLS-SRTP. port: of the UE's DTLS."""

    def __init__(self, line: Calling, files: Files, role: str, *, of_ue: bool) -> None:
        self.line, self.files, self.role, self.of_ue = line, files, role, of_ue
        self.port = free_port()
        self.phone, self.far = Peer(), Peer()
        self.tls_id = "of-the-ue-the-first-one"

    def offered(self) -> tuple[bytes, bytes]:
        """What the UE and what the far end say of their media."""
        ue = (
            f"m=audio {self.port} UDP/TLS/RTP/SAVP 8\na=setup:{self.role}\na=rtcp-mux\na=3ge2ae:requested\n"
            f"a=fingerprint:{fingerprint(self.files.certificate).text}\na=tls-id:{self.tls_id}"
        )
        far = f"m=audio {self.far.endpoint.port} RTP/AVP 8\na=rtcp:{self.far.endpoint.rtcp_port}"
        return self.line.ue.describe(ue), self.line.core.describe(far)

    def learn(self, agreed: Agreed) -> None:
        to_ue, to_far = (agreed.caller, agreed.callee) if self.of_ue else (agreed.callee, agreed.caller)
        assert [media.proto for media in (*to_ue, *to_far)] == ["UDP/TLS/RTP/SAVP", "RTP/AVP"]
        self.to_ue, self.to_far = where(to_ue[0]), where(to_far[0])
        self.certificate = (to_ue[0].first("fingerprint") or "").upper()
        host, port = self.to_far
        self.to_far_rtcp = (host, port + 1)

    async def begin(self) -> None:
        ue, far = self.offered()
        self.learn(await (self.line.call(ue, far) if self.of_ue else self.line.call(far, ue, of_ue=False)))

    async def again(self) -> None:
        ue, far = self.offered()
        reoffer = self.line.reoffer(ue, far) if self.of_ue else self.line.reoffer(far, ue, of_ue=False)
        self.learn(await reoffer)

    async def secured(self, stack: AsyncExitStack, *options: str) -> Openssl:
        """The UE's DTLS begins, or waits."""
        if self.role == "passive":
            return await stack.enter_async_context(server(self.port, self.files, DTLS, *options))
        bind = ("-bind", f"{LOOPBACK}:{self.port}")
        return await stack.enter_async_context(client(self.to_ue, self.files, DTLS, *bind, *options))

    async def speaks(self, mine: Reference, its: Reference, first: int = 1) -> None:
        for number in range(first, first + PACKETS):
            packet = rtp(number, bytes([number]) * 160, payload_type=8)
            self.phone.send(mine.protect(packet), self.to_ue)
            assert await self.far.receive() == packet
            self.far.send(packet, self.to_far)
            assert its.unprotect(await self.phone.receive()) == packet
        self.phone.send(mine.protect_rtcp(rtcp(), first), self.to_ue)
        assert await self.far.receive_rtcp() == rtcp()

    def close(self) -> None:
        self.phone.close()
        self.far.close()


@pytest.mark.parametrize(("profile", "suite", "key", "salt"), PROFILES)
@CALLERS
async def test_a_call(
    line: Calling, tmp_path: Path, profile: str, suite: str, key: int, salt: int, of_ue: bool
) -> None:
    role = "active" if of_ue == (suite == CM) else "passive"
    async with AsyncExitStack() as stack:
        talk = Talk(line, issue(tmp_path, "ue"), role, of_ue=of_ue)
        stack.callback(talk.close)
        options = ("-use_srtp", profile, *export(key, salt))
        if role == "passive":
            ue = await talk.secured(stack, *options)
        await talk.begin()
        if role == "active":
            ue = await talk.secured(stack, *options)
        said = await ue.until(rb"Keying material: ([0-9A-F]+)")
        keys = references(said[1].decode(), suite, key, salt)
        await line.counted("agw_dtls_handshakes_total", 1, result="ok")
        await talk.speaks(*(keys if role == "active" else keys[::-1]))
        if role == "active":
            assert ue.sees.text.upper() == talk.certificate
        await line.hang_up(of_ue=of_ue)


async def test_tshark_reads_it_in_the_core_and_not_at_the_ue(line: Calling, tmp_path: Path) -> None:
    """At the UE a handshake that agrees on a profile, then packets that nobody reads; in the core RTP."""
    need("tshark", "dumpcap", root=True)
    profile, suite, key, salt = PROFILES[0].values
    async with AsyncExitStack() as stack, Capture(tmp_path, "udp") as wire:
        talk = Talk(line, issue(tmp_path, "ue"), "active", of_ue=True)
        stack.callback(talk.close)
        await talk.begin()
        ue = await talk.secured(stack, "-use_srtp", profile, *export(key, salt))
        said = await ue.until(rb"Keying material: ([0-9A-F]+)")
        await line.counted("agw_dtls_handshakes_total", 1, result="ok")
        await talk.speaks(*references(said[1].decode(), suite, key, salt))
        await line.hang_up()
        await wire.finish()
    (_, access), (_, core) = talk.to_ue, talk.to_far
    fields = ("dtls.handshake.type", "dtls.use_srtp.protection_profile")
    rows = await wire.read(f"udp.port == {access} and dtls", *fields, decode_as=(f"udp.port=={access},dtls",))
    assert {1, 2, 3, 11, 13, 16} <= {int(one) for row in rows for one in row[0].split(",") if one}
    assert {one for row in rows for one in row[1].split(",") if one} == {"0x0001"}
    spoken = (bytes([number]) * 160 for number in range(1, 1 + PACKETS))
    plain = [octets.hex() for octets in spoken]
    there = await wire.read(f"udp.port == {access}", "udp.payload")
    assert not [octets for (octets,) in there if octets[24:344] in plain]
    fields = ("udp.dstport", "rtp.ssrc", "rtp.seq", "rtp.payload", "_ws.malformed")
    as_rtp = (f"udp.port=={talk.far.endpoint.port},rtp",)
    rows = await wire.read(f"udp.port == {talk.far.endpoint.port} and rtp", *fields, decode_as=as_rtp)
    for port in (talk.far.endpoint.port, core):
        found = [row for row in rows if row[0] == str(port)]
        assert [row[3].replace(":", "") for row in found] == plain
        assert [int(row[2]) for row in found] == list(range(1, 1 + PACKETS))
        assert not any(row[4] for row in found)


@ROLES
@CALLERS
async def test_a_call_of_aiortc(line: Calling, role: str, of_ue: bool) -> None:
    """It offers what profiles it has, and does all of SRTP itself."""
    certificate = RTCCertificate.generateCertificate()
    [said, *_] = [one for one in announced(certificate) if one.hash == "sha-256"]
    phone, far = Peer(), Peer()
    async with AsyncExitStack() as stack:
        stack.callback(phone.close)
        stack.callback(far.close)
        mine = line.ue.describe(
            f"m=audio {phone.endpoint.port} UDP/TLS/RTP/SAVP 8\na=setup:{role}\na=rtcp-mux\n"
            f"a=3ge2ae:requested\na=fingerprint:{said.text}"
        )
        its = line.core.describe(f"m=audio {far.endpoint.port} RTP/AVP 8")
        agreed = await (line.call(mine, its) if of_ue else line.call(its, mine, of_ue=False))
        [to_ue], [to_far] = (agreed.caller, agreed.callee) if of_ue else (agreed.callee, agreed.caller)
        end = End(phone.rtp, where(to_ue), certificate, client=role == "active")
        await end.begin(read_fingerprint(to_ue.first("fingerprint") or ""))
        await line.counted("agw_dtls_handshakes_total", 1, result="ok")
        for number in range(PACKETS):
            await end._send_rtp(rtp(number))
            assert await far.receive() == rtp(number)
            far.send(rtp(number, ssrc=0x99), where(to_far))
            assert await end.received() == rtp(number, ssrc=0x99)
        await end.stop()
        await line.hang_up(of_ue=of_ue)


@ROLES
async def test_the_call_ends_where_the_ue_is_somebody_else(line: Calling, tmp_path: Path, role: str) -> None:
    async with AsyncExitStack() as stack:
        talk = Talk(line, issue(tmp_path, "ue"), role, of_ue=True)
        stack.callback(talk.close)
        ue, far = talk.offered()
        talk.files = issue(tmp_path, "other")
        if role == "passive":
            await talk.secured(stack, "-use_srtp", "SRTP_AES128_CM_SHA1_80")
        talk.learn(await line.call(ue, far))
        if role == "active":
            await talk.secured(stack, "-use_srtp", "SRTP_AES128_CM_SHA1_80")
        assert await line.hung_up() == ['SIP;cause=500;text="media security failure"'] * 2
        assert await line.net.metric("agw", "agw_dtls_handshakes_total", result="fingerprint") == 1
        assert talk.far.pending() == []


@pytest.mark.parametrize("kind", ["audio", "image"])
async def test_a_call_whose_ue_never_shakes_hands_ends_by_silence(kind: str, tmp_path: Path) -> None:
    """Both ends of DTLS wait: no handshake fails, and no media comes."""
    announced = f"a=fingerprint:{fingerprint(issue(tmp_path, 'ue').certificate).text}"
    mine, its = {
        "audio": ("UDP/TLS/RTP/SAVP 8", "RTP/AVP 8"),
        "image": ("UDP/TLS/UDPTL t38", "udptl t38"),
    }[kind]
    async with calling(media_inactivity=1) as line:
        ue = line.ue.describe(f"m={kind} 40000 {mine}\na=setup:actpass\na=3ge2ae:requested\n{announced}")
        await line.call(ue, line.core.describe(f"m={kind} 40002 {its}"))
        assert await line.hung_up() == ['SIP;cause=503;text="the media is lost"'] * 2
        assert await line.net.metric("agw", "agw_dtls_handshakes_total") == 0


@CALLERS
async def test_a_re_invite_keeps_the_association_or_makes_another(
    line: Calling, tmp_path: Path, of_ue: bool
) -> None:
    """Another a=tls-id is another association (RFC 8842 4), of which a UE that offers may change the role;
    where nothing changed, the one before serves."""
    profile, suite, key, salt = PROFILES[0].values
    options = ("-use_srtp", profile, *export(key, salt))
    async with AsyncExitStack() as stack:
        talk = Talk(line, issue(tmp_path, "ue"), "active", of_ue=of_ue)
        stack.callback(talk.close)
        await talk.begin()
        ue = await talk.secured(stack, *options)
        first = references((await ue.until(rb"Keying material: ([0-9A-F]+)"))[1].decode(), suite, key, salt)
        await line.counted("agw_dtls_handshakes_total", 1, result="ok")
        await talk.speaks(*first)
        certificate = talk.certificate
        await talk.again()
        await talk.speaks(*first, 21)
        assert talk.certificate == certificate
        talk.tls_id, talk.port, talk.role = "of-the-ue-the-second-one", free_port(), RENEWED[of_ue]
        if of_ue:
            other = await talk.secured(stack, *options)
        await talk.again()
        if not of_ue:
            other = await talk.secured(stack, *options)
        found = await other.until(rb"Keying material: ([0-9A-F]+)")
        second = references(found[1].decode(), suite, key, salt)
        await line.counted("agw_dtls_handshakes_total", 2, result="ok")
        await talk.speaks(*(second[::-1] if of_ue else second))
        await line.hang_up(of_ue=of_ue)
