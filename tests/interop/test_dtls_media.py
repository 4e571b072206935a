"""DTLS that ends at the gateway, with OpenSSL's programs as the UE: from Iq to the packets in the core."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from iq.procedures import (
    Action,
    Change,
    Endpoint,
    Latch,
    Mode,
    Reserve,
    SecurityCause,
    SecurityChange,
    Setup,
    Stream,
)
from tests.support import engines, openssl
from tests.support.agw_process import Palg, controlled, local
from tests.support.certificates import Files, issue
from tests.support.media_peer import LOOPBACK, TIMEOUT, Peer, free_port, rtcp, rtp, until
from tests.support.openssl import fingerprint
from tests.support.programs import need
from tests.support.srtp_reference import Reference

pytestmark = pytest.mark.interop

SRTP, FAX = "UDP/TLS/RTP/SAVP", "UDP/TLS/UDPTL"
INSIDE = {SRTP: "RTP/AVP", FAX: "udptl"}
#: OpenSSL's name of the profile, the suite, octets of key and salt.
PROFILES = [
    pytest.param("SRTP_AES128_CM_SHA1_80", "AES_CM_128_HMAC_SHA1_80", 16, 14, id="AES-CM"),
    pytest.param("SRTP_AEAD_AES_128_GCM", "AEAD_AES_128_GCM", 16, 12, id="AES-GCM"),
]
UDPTL = bytes.fromhex("0005 06 c001800000ff 00 01 06 c00180000061")


@pytest.fixture(params=engines.NAMES)
async def palg(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Palg]:
    need("openssl")
    async with controlled(tmp_path, request.param) as made:
        yield made


class Session:
    """A stream whose access side is under DTLS; who sends to it: a UE's media and a far end."""

    def __init__(self, palg: Palg, transport: str, *certificates: Path) -> None:
        self.palg = palg
        self.ue, self.far = Peer(), Peer()
        self.access = Stream(1, "audio", transport, "0", Mode.SEND_RECEIVE, None, self.ue.endpoint)
        self.access.choose_fingerprint, self.access.rtcp_mux = "sha-256", True
        self.access.remote_fingerprints = tuple(map(fingerprint, certificates))
        self.access.setup = Setup.PASSIVE

    async def reserve(self) -> None:
        gateway = await self.palg.gateway()
        core = Stream(1, "audio", INSIDE[self.access.transport], "0", Mode.SEND_RECEIVE)
        core.remote = self.far.endpoint
        reserve = [Reserve("access", [self.access], 300, Latch.LATCH, LOOPBACK), Reserve("core", [core], 300)]
        reply = await self.palg.act(gateway, Action(None, reserve))
        assert reply.error is None
        self.to_access, self.to_core = local(reply, 0), local(reply, 1)
        self.certificate = reply.replies[0].streams[0].local_fingerprint

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.ue.close()
        self.far.close()


async def both_ways(session: Session, mine: Reference, its: Reference) -> None:
    """RTP and RTCP of a UE, from a socket of its own: an authentic packet latches, wherever it comes from."""
    async with asyncio.timeout(TIMEOUT):
        while not (found := session.far.pending()):  # the gateway may still be taking the last flight
            session.ue.send(mine.protect(rtp(1)), session.to_access)
            await asyncio.sleep(0)
        assert found == [rtp(1)]
        session.far.send(rtp(1), session.to_core)
        assert its.unprotect(await session.ue.receive()) == rtp(1)
        session.ue.send(mine.protect_rtcp(rtcp(), 1), session.to_access)
        assert await session.far.receive_rtcp() == rtcp()


def references(material: str, suite: str, key: int, salt: int) -> tuple[Reference, Reference]:
    """Of the client and of the server, from what -keymatexport printed (RFC 5764 4.2)."""
    octets = bytes.fromhex(material)
    return (
        Reference(suite, octets[:key] + octets[2 * key : 2 * key + salt]),
        Reference(suite, octets[key : 2 * key] + octets[2 * key + salt :]),
    )


def export(key: int, salt: int) -> tuple[str, ...]:
    return "-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", str(2 * (key + salt))


@pytest.mark.parametrize(("profile", "suite", "key", "salt"), PROFILES)
async def test_a_ue_that_is_the_client(
    palg: Palg, tmp_path: Path, profile: str, suite: str, key: int, salt: int
) -> None:
    files, others = issue(tmp_path, "ue"), issue(tmp_path, "other")
    with Session(palg, SRTP, others.certificate, files.certificate) as session:
        await session.reserve()
        session.ue.send(rtp(1), session.to_access)
        session.far.send(rtp(1), session.to_core)
        async with client(session, files, "-use_srtp", profile, *export(key, salt)) as ue:
            said = await ue.until(rb"Keying material: ([0-9A-F]+)")
            assert session.far.pending() == []  # what came before the keys went nowhere
            mine, its = references(said[1].decode(), suite, key, salt)
            await both_ways(session, mine, its)
            assert f"SRTP Extension negotiated, profile={profile}" in ue.text
            assert ue.sees == session.certificate
            assert re.search(r"ECDHE-ECDSA-AES(128|256)-GCM", ue.text)
        assert palg.told == []


@pytest.mark.parametrize(("profile", "suite", "key", "salt"), PROFILES)
async def test_a_ue_that_is_the_server(
    palg: Palg, tmp_path: Path, profile: str, suite: str, key: int, salt: int
) -> None:
    files = issue(tmp_path, "ue")
    with Session(palg, SRTP, files.certificate) as session:
        async with server(session, files, "-use_srtp", profile, *export(key, salt)) as ue:
            await session.reserve()
            said = await ue.until(rb"Keying material: ([0-9A-F]+)")
            its, mine = references(said[1].decode(), suite, key, salt)
            await both_ways(session, mine, its)
        assert palg.told == []


async def test_a_fax(palg: Palg, tmp_path: Path) -> None:
    files = issue(tmp_path, "ue")
    with Session(palg, FAX, files.certificate) as session:
        await session.reserve()
        async with client(session, files, "-quiet") as ue:
            ue.write(UDPTL + b"\n")
            assert await session.far.receive() == UDPTL + b"\n"
            session.far.send(UDPTL + b"\n", session.to_core)
            await ue.until(re.escape(UDPTL))


async def test_a_fax_of_a_ue_that_is_the_server(palg: Palg, tmp_path: Path) -> None:
    files = issue(tmp_path, "ue")
    with Session(palg, FAX, files.certificate) as session:
        async with server(session, files) as ue:
            await session.reserve()
            await ue.until(b"CIPHER is")
            session.far.send(UDPTL + b"\n", session.to_core)
            await ue.until(re.escape(UDPTL))
            ue.write(UDPTL + b"\n")
            assert await session.far.receive() == UDPTL + b"\n"


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="no use_srtp"),
        pytest.param(("-use_srtp", "SRTP_AES128_CM_SHA1_32"), id="another profile"),
        pytest.param(("-use_srtp", "SRTP_AES128_CM_SHA1_80", "-cipher", "AES128-SHA"), id="weak suite"),
    ],
)
async def test_what_the_profile_does_not_have(palg: Palg, tmp_path: Path, options: tuple[str, ...]) -> None:
    files = issue(tmp_path, "ue")
    with Session(palg, SRTP, files.certificate) as session:
        await session.reserve()
        async with client(session, files, *options):
            await until(lambda: palg.told != [])
        [(_, told)] = palg.told
        assert isinstance(told, SecurityChange)
        assert (told.change, told.cause) == (Change.FAILED, SecurityCause.PROTOCOL)


@contextlib.asynccontextmanager
async def client(session: Session, files: Files | None, *options: str) -> AsyncIterator[openssl.Openssl]:
    """A UE that is the client of DTLS 1.2."""
    async with openssl.client(session.to_access, files, openssl.DTLS, *options) as made:
        yield made


@contextlib.asynccontextmanager
async def server(session: Session, files: Files, *options: str) -> AsyncIterator[openssl.Openssl]:
    """A UE that is the server, and waits; ``session`` knows where."""
    port = free_port()
    session.access.remote = Endpoint(LOOPBACK, port)
    session.access.setup, session.access.start_tls = Setup.ACTIVE, True
    async with openssl.server(port, files, openssl.DTLS, *options) as made:
        yield made
