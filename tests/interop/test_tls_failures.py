"""What must not pass a stream of MSRP or BFCP under TLS: the outcome, its counter, what the P-CSCF is told,
and that nothing is left in the gateway (``controlled`` sees to it)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from OpenSSL import SSL

from iq.procedures import Change, SecurityCause, SecurityChange, Setup
from tests.interop.test_tls_media import VERSIONS, Session, expects
from tests.support.agw_process import Palg, controlled
from tests.support.certificates import issue
from tests.support.media_peer import LOOPBACK, until
from tests.support.openssl import client, fingerprint
from tests.support.programs import need
from tests.support.tcp_media import End, connect, refused
from tests.support.tls_ends import ITS, sha256
from tests.support.tls_media import SecureEnd

pytestmark = pytest.mark.interop

MSRP, BFCP = "TCP/TLS/MSRP", "TCP/TLS/BFCP"
KINDS = pytest.mark.parametrize("transport", [MSRP, BFCP])
NOTHING = b"nothing of this passes\n"


@pytest.fixture
async def palg(tmp_path: Path) -> AsyncIterator[Palg]:
    need("openssl")
    async with controlled(tmp_path) as made:
        yield made


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[Palg]:
    """A gateway whose handshakes have little time."""
    async with controlled(tmp_path, limits={"tls_handshake": 1.0}) as made:
        yield made


async def failed(palg: Palg, session: Session, far: End, cause: SecurityCause) -> None:
    """It is told once and counted, the core was never reached, and nobody else gets in there."""
    await until(lambda: palg.told != [])
    [(context, told)] = palg.told
    assert context == session.context
    assert isinstance(told, SecurityChange)
    assert (told.stream, told.change, told.cause) == (1, Change.FAILED, cause)
    assert palg.metric("agw_tcp_events_total", event="tls_failed") == 1
    assert palg.metric("agw_tcp_events_total", event="established") == 0
    assert palg.metric("agw_tcp_connections") == palg.metric("agw_octets_total") == 0
    assert far.sock is None
    with pytest.raises(BlockingIOError):
        far.listener.accept()


@VERSIONS
@KINDS
@pytest.mark.parametrize("shown", ["another", "none"])
async def test_who_is_not_expected(
    palg: Palg, tmp_path: Path, version: str, transport: str, shown: str
) -> None:
    files, others = issue(tmp_path, "ue"), issue(tmp_path, "other")
    with contextlib.closing(End()) as far:
        session = await Session.make(palg, far, expects(files, transport=transport))
        async with client(session.to, others if shown == "another" else None, version) as ue:
            ue.write(NOTHING)
            assert await ue.ended() != 0
        cause = SecurityCause.FINGERPRINT if shown == "another" else SecurityCause.NO_CERTIFICATE
        await failed(palg, session, far, cause)
        assert await refused(session.to)


@pytest.mark.parametrize("right", [True, False])
async def test_a_fingerprint_by_a_hash_that_policy_allows(palg: Palg, tmp_path: Path, right: bool) -> None:
    """Whether SHA-1 counts is the policy of the P-CSCF; the gateway compares what it is handed."""
    files, others = issue(tmp_path, "ue"), issue(tmp_path, "other")
    of = fingerprint((files if right else others).certificate, "sha-1")
    with contextlib.closing(End()) as far:
        session = await Session.make(palg, far, expects(remote_fingerprints=(of,)))
        async with client(session.to, files) as ue:
            ue.write(NOTHING)
            if not right:
                await failed(palg, session, far, SecurityCause.FINGERPRINT)
                return
            await far.accept()
            assert await far.receive(len(NOTHING)) == NOTHING
            assert palg.metric("agw_tcp_events_total", event="tls") == 1


async def test_sdp_vouches_for_a_certificate_that_has_expired(palg: Palg, tmp_path: Path) -> None:
    """RFC 8122 6.2: the validity of a certificate says nothing where its fingerprint is known."""
    files = issue(tmp_path, "ue", expired=True)
    with contextlib.closing(End()) as far:
        session = await Session.make(palg, far, expects(files))
        async with client(session.to, files) as ue:
            ue.write(NOTHING)
            await far.accept()
            assert await far.receive(len(NOTHING)) == NOTHING
        assert palg.metric("agw_tcp_events_total", event="tls_failed") == 0


@pytest.mark.parametrize("both", ["clients", "servers"])
async def test_a_ue_in_the_wrong_role(hasty: Palg, both: str) -> None:
    """The UE waits for TCP, and does in TLS what the gateway does."""
    role = {"start_tls": True} if both == "clients" else {}
    with contextlib.closing(End()) as far, contextlib.closing(SecureEnd(client=both == "clients")) as ue:
        special = {"setup": Setup.ACTIVE, "establish": True, "remote": ue.endpoint, **role}
        access = expects(transport=BFCP, remote_fingerprints=sha256(ITS), **special)
        session = await Session.make(hasty, far, access)
        await ue.accept()
        with pytest.raises((SSL.Error, ConnectionError)):
            await ue.speak(NOTHING)
        cause = SecurityCause.PROTOCOL if both == "clients" else SecurityCause.TIMEOUT
        await failed(hasty, session, far, cause)


@KINDS
async def test_octets_in_the_clear(palg: Palg, tmp_path: Path, transport: str) -> None:
    with contextlib.closing(End()) as far:
        session = await Session.make(palg, far, expects(issue(tmp_path, "ue"), transport=transport))
        with await connect(session.to) as ue:
            await asyncio.get_running_loop().sock_sendall(ue, b"MSRP d93kswow SEND\r\n" * 5)
            await failed(palg, session, far, SecurityCause.PROTOCOL)


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "half a hello"])
@KINDS
async def test_a_handshake_that_stops(hasty: Palg, tmp_path: Path, transport: str, said: bytes) -> None:
    with contextlib.closing(End()) as far:
        session = await Session.make(hasty, far, expects(issue(tmp_path, "ue"), transport=transport))
        with await connect(session.to) as ue:
            await asyncio.get_running_loop().sock_sendall(ue, said)
            await failed(hasty, session, far, SecurityCause.TIMEOUT)


async def test_a_second_connection(palg: Palg, tmp_path: Path) -> None:
    """It is closed at once; the first goes on."""
    files = issue(tmp_path, "ue")
    with contextlib.closing(End()) as far:
        session = await Session.make(palg, far, expects(files))
        async with client(session.to, files) as ue:
            ue.write(b"one\n")
            await far.accept()
            assert await far.receive(4) == b"one\n"
            async with client(session.to, files) as other:
                assert await other.ended() != 0
            assert palg.metric("agw_tcp_events_total", event="busy") >= 1
            ue.write(b"two\n")
            assert await far.receive(4) == b"two\n"
        assert palg.metric("agw_tcp_events_total", event="tls_failed") == 0


async def test_somebody_else(palg: Palg, tmp_path: Path) -> None:
    """From another address than the UE's SIP: closed before any TLS, and the UE is still waited for."""
    files = issue(tmp_path, "ue")
    with contextlib.closing(End()) as far:
        session = await Session.make(palg, far, expects(files))
        assert await refused(session.to, "127.0.0.3")
        assert palg.metric("agw_tcp_events_total", event="source") == 1
        async with client(session.to, files) as ue:
            ue.write(b"one\n")
            assert (await far.accept())[0] != LOOPBACK
            assert await far.receive(4) == b"one\n"
        assert [type(told) for _, told in palg.told if isinstance(told, SecurityChange)] == []
