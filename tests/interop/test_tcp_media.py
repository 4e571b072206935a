"""TLS from end to end through the gateway, between two OpenSSL: what it relays is theirs, octet for octet."""

import asyncio
import contextlib
import hashlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from iq.procedures import Action, BearerChange, Endpoint, Latch, Mode, Release, Reserve, Setup, Stream
from tests.support.agw_process import Palg, controlled, local
from tests.support.certificates import issue
from tests.support.media_peer import LOOPBACK, until
from tests.support.programs import Program, need

pytestmark = pytest.mark.interop

OCTETS = 3_000_000


@pytest.fixture
async def palg(tmp_path: Path) -> AsyncIterator[Palg]:
    need("openssl")
    async with controlled(tmp_path) as made:
        yield made


async def client(to: tuple[str, int], ca: Path) -> asyncio.subprocess.Process:
    """An ``openssl s_client`` that trusts nobody but ``ca``."""
    return await asyncio.create_subprocess_exec(
        "openssl", "s_client", "-quiet", "-connect", f"{to[0]}:{to[1]}", "-CAfile", str(ca),
        "-verify_return_error", "-verify_hostname", "localhost",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )  # fmt: skip


def far_end() -> Endpoint:
    """A TCP port that nobody has."""
    with socket.create_server((LOOPBACK, 0)) as sock:
        return Endpoint(LOOPBACK, sock.getsockname()[1])


async def session(palg: Palg, far: Endpoint) -> tuple[int, tuple[str, int]]:
    """A context with TCP/TLS/MSRP on both sides; where the UE connects to."""
    gateway = await palg.gateway()
    access = Stream(1, "message", "TCP/TLS/MSRP", "*", Mode.SEND_RECEIVE, setup=Setup.PASSIVE)
    core = Stream(1, "message", "TCP/TLS/MSRP", "*", Mode.SEND_RECEIVE, remote=far, setup=Setup.ACTIVE)
    reserve = [Reserve("access", [access], 300, Latch.LATCH, LOOPBACK), Reserve("core", [core], 300)]
    reply = await palg.act(gateway, Action(None, reserve))
    assert reply.error is None
    assert reply.context is not None
    palg.up.put_nowait(gateway)
    return reply.context, local(reply, 0)


async def test_tls_passes_from_end_to_end(palg: Palg, tmp_path: Path) -> None:
    files = issue(tmp_path, "far")
    far = far_end()
    server = Program(
        "openssl", "s_server", "-accept", f"{far.address}:{far.port}", "-cert", files.certificate,
        "-key", files.private_key, "-rev", directory=tmp_path,
    )  # fmt: skip
    async with server:
        await server.listening(far.port, "tcp")
        context, to = await session(palg, far)
        ue = await client(to, files.ca)
        assert ue.stdin is not None
        assert ue.stdout is not None
        async with asyncio.timeout(20):
            for line in (b"MSRP d93kswow SEND\n", b"x" * 8000 + b"\n"):
                ue.stdin.write(line)
                assert await ue.stdout.readline() == line[-2::-1] + b"\n"
        await palg.act(await palg.gateway(), Action(context, [Release()]))
        async with asyncio.timeout(20):
            await ue.communicate()
        assert palg.told == []


async def test_a_file_passes_whole(palg: Palg, tmp_path: Path) -> None:
    """Megabytes that their reader takes as fast as it can, then the end of the connection."""
    files = issue(tmp_path, "far")
    (tmp_path / "file").write_bytes(bytes(range(256)) * (OCTETS // 256))
    far = far_end()
    server = Program(
        "openssl", "s_server", "-accept", f"{far.address}:{far.port}", "-cert", files.certificate,
        "-key", files.private_key, "-HTTP", "-naccept", "1", directory=tmp_path,
    )  # fmt: skip
    async with server:
        await server.listening(far.port, "tcp")
        context, to = await session(palg, far)
        ue = await client(to, files.ca)
        assert ue.stdin is not None
        assert ue.stdout is not None
        ue.stdin.write(b"GET /file HTTP/1.0\r\n\r\n")
        async with asyncio.timeout(30):
            got = await ue.stdout.read()
        ue.stdin.close()
        await ue.wait()
        wanted = (tmp_path / "file").read_bytes()
        assert hashlib.sha256(got[-len(wanted) :]).digest() == hashlib.sha256(wanted).digest()
        await until(lambda: palg.told != [])
        assert [(one, type(told)) for one, told in palg.told] == [(context, BearerChange)]


async def test_the_gateway_in_between_is_not_trusted(palg: Palg, tmp_path: Path) -> None:
    """The client would notice another certificate than the far end's: nothing was terminated."""
    files, others = issue(tmp_path, "far"), issue(tmp_path, "other")
    far = far_end()
    server = Program(
        "openssl", "s_server", "-accept", f"{far.address}:{far.port}", "-cert", files.certificate,
        "-key", files.private_key, "-rev", directory=tmp_path,
    )  # fmt: skip
    async with server:
        await server.listening(far.port, "tcp")
        _, to = await session(palg, far)
        ue = await client(to, others.ca)
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(20):
                _, said = await ue.communicate(b"hello\n")
        assert ue.returncode != 0
        assert b"verify error" in said
