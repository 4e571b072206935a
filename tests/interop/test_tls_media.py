"""TLS that ends at the gateway, with OpenSSL's programs as the UE: from Iq to the octets in the core."""

import asyncio
import contextlib
import hashlib
import re
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agw.app import Process
from agw.config import Config
from hosting.config import load
from hosting.daemon import Stopping
from iq.fingerprint import Fingerprint
from iq.procedures import (
    Action,
    Change,
    Configure,
    Endpoint,
    Latch,
    Mode,
    Reserve,
    SecurityCause,
    SecurityChange,
    Setup,
    Stream,
)
from tests.support.agw_process import Palg, local, write
from tests.support.certificates import Files, issue
from tests.support.media_peer import LOOPBACK, free_port, until
from tests.support.programs import Program, need
from tests.support.tcp_media import End

pytestmark = pytest.mark.interop

VERSIONS = pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
OCTETS = 3_000_000


@pytest.fixture
async def palg(tmp_path: Path) -> AsyncIterator[Palg]:
    """A controller, and a gateway that connects to it."""
    need("openssl")
    made = Palg()
    await made.controller.start()
    process = Process(load(write(tmp_path / "agw.yaml", made.controller.port), Config))
    await process.start(Stopping())
    yield made
    await process.close()
    await made.controller.close()


def fingerprint(pem: str) -> Fingerprint:
    return Fingerprint("sha-256", hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest())


class Session:
    """A stream whose access side is under TLS. to: where the UE connects; certificate: the gateway's."""

    def __init__(self, context: int, to: tuple[str, int], certificate: Fingerprint | None) -> None:
        self.context = context
        self.to = to
        self.certificate = certificate

    @classmethod
    async def make(cls, palg: Palg, far: End, ue: Stream) -> "Session":
        """ue: the access side, as far as it is special."""
        gateway = await palg.gateway()
        ue.media, ue.formats, ue.mode, ue.choose_fingerprint = "message", "*", Mode.SEND_RECEIVE, "sha-256"
        core = Stream(1, "message", ue.transport.replace("/TLS", ""), "*", Mode.SEND_RECEIVE)
        reserve = [Reserve("access", [ue], 300, Latch.LATCH, LOOPBACK), Reserve("core", [core], 300)]
        reply = await palg.act(gateway, Action(None, reserve))
        assert reply.error is None
        assert reply.context is not None
        core.remote, core.setup = far.endpoint, Setup.ACTIVE
        answered = Configure(reply.replies[1].termination, [core])
        assert (await palg.act(gateway, Action(reply.context, [answered]))).error is None
        return cls(reply.context, local(reply, 0), reply.replies[0].streams[0].local_fingerprint)


async def client(
    to: tuple[str, int], *options: str | Path, files: Files | None
) -> asyncio.subprocess.Process:
    """An ``openssl s_client``, with its own certificate."""
    own = ("-cert", files.certificate, "-key", files.private_key) if files is not None else ()
    return await asyncio.create_subprocess_exec(
        "openssl", "s_client", "-connect", f"{to[0]}:{to[1]}", "-showcerts", *own, *options,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )  # fmt: skip


async def ended(ue: asyncio.subprocess.Process) -> str:
    """What it wrote in its life."""
    async with asyncio.timeout(20):
        out, errors = await ue.communicate()
    return (out + errors).decode()


def expects(*files: Files, **special: object) -> Stream:
    """The access side for a UE with one of these certificates."""
    ue = Stream(1, transport="TCP/TLS/MSRP", setup=Setup.PASSIVE)
    ue.remote_fingerprints = tuple(fingerprint(one.certificate.read_text()) for one in files)
    for name, value in special.items():
        setattr(ue, name, value)
    return ue


@VERSIONS
async def test_a_ue_that_connects(palg: Palg, tmp_path: Path, version: str) -> None:
    files, others = issue(tmp_path, "ue"), issue(tmp_path, "other")
    with contextlib.closing(End()) as far:
        session = await Session.make(palg, far, expects(others, files))
        ue = await client(session.to, version, files=files)
        assert ue.stdin is not None
        ue.stdin.write(b"MSRP d93kswow SEND\n")
        await far.accept()
        assert await far.receive(19) == b"MSRP d93kswow SEND\n"
        await far.send(b"MSRP d93kswow 200 OK\n")
        far.finish()
        said = await ended(ue)
        assert "MSRP d93kswow 200 OK" in said
        [certificate] = _PEM.findall(said)
        assert fingerprint(certificate) == session.certificate
        assert re.search(r"ECDHE-ECDSA-AES(128|256)-GCM|TLS_AES_(128|256)_GCM", said)
        assert "Compression: NONE" in said
        assert await far.receive(1) == b""


@VERSIONS
async def test_a_ue_that_waits_with_the_gateway_as_client(palg: Palg, tmp_path: Path, version: str) -> None:
    """BFCP: the UE answered, so it is the server of TLS; it demands a certificate, too."""
    files = issue(tmp_path, "ue")
    with contextlib.closing(End()) as far:
        at = Endpoint(LOOPBACK, free_port())
        server = Program(
            "openssl", "s_server", "-accept", f"{at.address}:{at.port}", "-cert", files.certificate,
            "-key", files.private_key, "-Verify", "1", "-rev", version, "-naccept", "1", directory=tmp_path,
        )  # fmt: skip
        async with server:
            await server.listening(at.port, "tcp")
            special = {"setup": Setup.ACTIVE, "start_tls": True, "establish": True, "remote": at}
            await Session.make(palg, far, expects(files, transport="TCP/TLS/BFCP", **special))
            await far.accept()
            await far.send(b"a floor request\n")
            assert await far.receive(16) == b"tseuqer roolf a\n"
            far.finish()
            assert await far.receive(1) == b""


@VERSIONS
@pytest.mark.parametrize("shown", ["another", "none"])
async def test_who_is_not_expected(palg: Palg, tmp_path: Path, version: str, shown: str) -> None:
    files, others = issue(tmp_path, "ue"), issue(tmp_path, "other")
    with contextlib.closing(End()) as far:
        session = await Session.make(palg, far, expects(files))
        ue = await client(session.to, version, files=others if shown == "another" else None)
        assert ue.stdin is not None
        ue.stdin.write(b"nothing of this passes\n")
        said = await ended(ue)
        assert ue.returncode != 0
        assert re.search("alert|reset|errno", said, re.IGNORECASE)
        await until(lambda: palg.told != [])
        [(context, told)] = palg.told
        assert context == session.context
        assert isinstance(told, SecurityChange)
        assert told.change is Change.FAILED
        wanted = SecurityCause.FINGERPRINT if shown == "another" else SecurityCause.NO_CERTIFICATE
        assert told.cause is wanted
        assert far.sock is None


@pytest.mark.parametrize(
    "options",
    [
        ("-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"),
        ("-tls1_2", "-cipher", "AES128-GCM-SHA256"),
    ],
    ids=["TLS 1.1", "CBC", "no forward secrecy"],
)
async def test_what_the_profile_does_not_have(palg: Palg, tmp_path: Path, options: tuple[str, ...]) -> None:
    files = issue(tmp_path, "ue")
    with contextlib.closing(End()) as far:
        session = await Session.make(palg, far, expects(files))
        ue = await client(session.to, *options, files=files)
        await ended(ue)
        assert ue.returncode != 0
        await until(lambda: palg.told != [])
        [(_, told)] = palg.told
        assert isinstance(told, SecurityChange)
        assert told.cause is SecurityCause.PROTOCOL
        assert far.sock is None


async def test_renegotiation_is_refused(palg: Palg, tmp_path: Path) -> None:
    files = issue(tmp_path, "ue")
    with contextlib.closing(End()) as far:
        session = await Session.make(palg, far, expects(files))
        ue = await client(session.to, "-tls1_2", files=files)
        await far.accept()
        assert ue.stdin is not None
        ue.stdin.write(b"R\n")
        assert "no renegotiation" in await ended(ue)


@VERSIONS
async def test_a_file_passes_whole(palg: Palg, tmp_path: Path, version: str) -> None:
    """Megabytes to a UE that takes them as fast as it can, then the end."""
    files = issue(tmp_path, "ue")
    octets = bytes(range(256)) * (OCTETS // 256)
    with contextlib.closing(End()) as far:
        session = await Session.make(palg, far, expects(files))
        ue = await client(session.to, "-quiet", version, files=files)
        await far.accept()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(far.send(octets)).add_done_callback(lambda _: far.finish())
            assert ue.stdout is not None
            got = await ue.stdout.read()
        assert hashlib.sha256(got[-len(octets) :]).digest() == hashlib.sha256(octets).digest()
        await ended(ue)
