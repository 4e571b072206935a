"""What must not pass a stream of DTLS-SRTP or T.38 under DTLS: the outcome, its counter, what the P-CSCF is
told, and that nothing is left in the gateway (``controlled`` sees to it)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from iq.procedures import Change, Endpoint, SecurityCause, SecurityChange, Setup
from tests.interop.test_dtls_media import FAX, SRTP, UDPTL, Session, client, server
from tests.support import engines
from tests.support.agw_process import Palg, controlled
from tests.support.certificates import issue
from tests.support.dtls_call import Ue
from tests.support.media_peer import LOOPBACK, free_port, rtp, until
from tests.support.openssl import DTLS, fingerprint
from tests.support.openssl import client as dtls_client
from tests.support.programs import need
from tests.support.tls_ends import ITS, sha256

pytestmark = pytest.mark.interop

KINDS = pytest.mark.parametrize("transport", [SRTP, FAX], ids=["SRTP", "T.38"])
PROFILE = ("-use_srtp", "SRTP_AES128_CM_SHA1_80")
OPTIONS: dict[str, tuple[str, ...]] = {SRTP: PROFILE, FAX: ()}
MEDIA = {SRTP: rtp(1), FAX: UDPTL}


@pytest.fixture(params=engines.NAMES)
async def palg(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Palg]:
    need("openssl")
    async with controlled(tmp_path, request.param) as made:
        yield made


@pytest.fixture(params=engines.NAMES)
async def hasty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Palg]:
    """A gateway whose handshakes have little time."""
    async with controlled(tmp_path, request.param, {"tls_handshake": 1.0}) as made:
        yield made


async def failed(palg: Palg, session: Session, cause: SecurityCause, result: str) -> None:
    """It is told once and counted, and nothing passes, from anybody."""
    await until(lambda: palg.told != [])
    [(_, told)] = palg.told
    assert isinstance(told, SecurityChange)
    assert (told.stream, told.change, told.cause) == (1, Change.FAILED, cause)
    assert palg.metric("agw_dtls_handshakes_total", result=result) == 1
    assert palg.metric("agw_dtls_handshakes_total", result="ok") == 0
    await silent(palg, session)


async def silent(palg: Palg, session: Session) -> None:
    """What is sent from either side goes no further, and is counted."""
    media = MEDIA[session.access.transport]

    def dropped() -> float:
        return palg.metric("agw_drops_total") + palg.metric("agw_dtls_drops_total")

    before = dropped()
    session.far.send(media, session.to_core)
    session.ue.send(media, session.to_access)
    await until(lambda: dropped() >= before + 2)
    assert session.far.pending() == session.ue.pending() == []
    assert palg.metric("agw_packets_total") == 0


@KINDS
@pytest.mark.parametrize("shown", ["another", "none"])
async def test_a_client_that_is_not_expected(palg: Palg, tmp_path: Path, transport: str, shown: str) -> None:
    files, others = issue(tmp_path, "ue"), issue(tmp_path, "other")
    with Session(palg, transport, files.certificate) as session:
        await session.reserve()
        showing = others if shown == "another" else None
        async with client(session, showing, *OPTIONS[transport]) as ue:
            await until(lambda: palg.told != [])
            await ue.until(rb"(?i)alert")
        cause = SecurityCause.FINGERPRINT if shown == "another" else SecurityCause.NO_CERTIFICATE
        await failed(palg, session, cause, cause.name.lower())


@KINDS
async def test_a_server_that_is_not_expected(palg: Palg, tmp_path: Path, transport: str) -> None:
    files, others = issue(tmp_path, "ue"), issue(tmp_path, "other")
    with Session(palg, transport, files.certificate) as session:
        async with server(session, others, *OPTIONS[transport]):
            await session.reserve()
            await until(lambda: palg.told != [])
        await failed(palg, session, SecurityCause.FINGERPRINT, "fingerprint")


@KINDS
@pytest.mark.parametrize("right", [True, False])
async def test_a_fingerprint_by_a_hash_that_policy_allows(
    palg: Palg, tmp_path: Path, transport: str, right: bool
) -> None:
    files, others = issue(tmp_path, "ue"), issue(tmp_path, "other")
    with Session(palg, transport) as session:
        of = fingerprint((files if right else others).certificate, "sha-1")
        session.access.remote_fingerprints = (of,)
        await session.reserve()
        async with client(session, files, *OPTIONS[transport]) as ue:
            if right:
                await ue.until(b"Verification|CONNECTED")
                await until(lambda: palg.metric("agw_dtls_handshakes_total", result="ok") == 1)
            else:
                await failed(palg, session, SecurityCause.FINGERPRINT, "fingerprint")


@KINDS
async def test_sdp_vouches_for_a_certificate_that_has_expired(
    palg: Palg, tmp_path: Path, transport: str
) -> None:
    files = issue(tmp_path, "ue", expired=True)
    with Session(palg, transport, files.certificate) as session:
        await session.reserve()
        async with client(session, files, *OPTIONS[transport]):
            await until(lambda: palg.metric("agw_dtls_handshakes_total", result="ok") == 1)


@KINDS
async def test_both_are_clients(palg: Palg, tmp_path: Path, transport: str) -> None:
    files = issue(tmp_path, "ue")
    with Session(palg, transport, files.certificate) as session:
        at = free_port()
        session.access.remote = Endpoint(LOOPBACK, at)
        session.access.setup, session.access.start_tls = Setup.ACTIVE, True
        await session.reserve()
        bind = ("-bind", f"{LOOPBACK}:{at}")
        async with dtls_client(session.to_access, files, DTLS, *bind, *OPTIONS[transport]):
            await until(lambda: palg.told != [])
        await failed(palg, session, SecurityCause.PROTOCOL, "protocol")


@KINDS
async def test_both_are_servers(palg: Palg, tmp_path: Path, transport: str) -> None:
    """Nobody begins: no key, no media, and the supervision of silence is what ends the call."""
    files = issue(tmp_path, "ue")
    with Session(palg, transport, files.certificate) as session:
        async with server(session, files, *OPTIONS[transport]):
            session.access.setup, session.access.start_tls = Setup.PASSIVE, False
            await session.reserve()
            await silent(palg, session)
        assert palg.told == []
        assert palg.metric("agw_dtls_handshakes_total") == 0


@KINDS
@pytest.mark.parametrize("turns", [0, 1], ids=["without a cookie", "half way"])
async def test_a_handshake_that_stops(hasty: Palg, transport: str, turns: int) -> None:
    """Of a hello without a cookie nothing is kept; who stops later has a second here."""
    with Session(hasty, transport) as session:
        session.access.remote_fingerprints = sha256(ITS)
        await session.reserve()
        assert session.certificate is not None
        ue = Ue(
            session.ue.rtp, session.to_access, session.certificate, client=True, srtp=transport == SRTP,
            identity=ITS,
        )  # fmt: skip
        ue.start()
        for _ in range(turns):
            await ue.turn()
        if not turns:
            assert await session.ue.receive()  # the cookie
            assert hasty.process._handshakes.going == 0
            await silent(hasty, session)
            assert hasty.told == []
            return
        await until(lambda: hasty.told != [])
        session.ue.pending()  # flights of the handshake
        await failed(hasty, session, SecurityCause.TIMEOUT, "timeout")


@KINDS
async def test_somebody_else_while_it_stands(palg: Palg, tmp_path: Path, transport: str) -> None:
    """Another client of DTLS at the port of an association gets no answer, and does it no harm."""
    files = issue(tmp_path, "ue")
    with Session(palg, transport, files.certificate) as session:
        await session.reserve()
        async with client(session, files, "-quiet", *OPTIONS[transport]) as ue:
            await until(lambda: palg.metric("agw_dtls_handshakes_total", result="ok") == 1)
            async with client(session, issue(tmp_path, "other"), *OPTIONS[transport]) as other:
                other.write(b"nothing of this passes")
                if transport == FAX:
                    ue.write(UDPTL)
                    assert await session.far.receive() == UDPTL
                    session.far.send(UDPTL, session.to_core)
                    await ue.until(UDPTL[:-1])
                assert b"BEGIN CERTIFICATE" not in other.output
        assert palg.metric("agw_dtls_handshakes_total") == 1
