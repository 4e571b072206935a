"""TLS that ends at the gateway, with OpenSSL's programs as the UE: from Iq to the octets in the core."""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from iq.fingerprint import Fingerprint
from iq.procedures import (
    Action,
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
from tests.support.agw_process import Palg, controlled, local
from tests.support.certificates import Files, issue
from tests.support.media_peer import LOOPBACK, free_port, until
from tests.support.openssl import client, fingerprint, server
from tests.support.programs import need
from tests.support.tcp_media import End

pytestmark = pytest.mark.interop

VERSIONS = pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
OCTETS = 3_000_000


@pytest.fixture
async def palg(tmp_path: Path) -> AsyncIterator[Palg]:
    need("openssl")
    async with controlled(tmp_path) as made:
        yield made


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


def expects(*files: Files, **special: object) -> Stream:
    """The access side for a UE with one of these certificates."""
    ue = Stream(1, transport="TCP/TLS/MSRP", setup=Setup.PASSIVE)
    ue.remote_fingerprints = tuple(fingerprint(one.certificate) for one in files)
    for name, value in special.items():
        setattr(ue, name, value)
    return ue


@VERSIONS
async def test_a_ue_that_connects(palg: Palg, tmp_path: Path, version: str) -> None:
    files, others = issue(tmp_path, "ue"), issue(tmp_path, "other")
    with contextlib.closing(End()) as far:
        session = await Session.make(palg, far, expects(others, files))
        async with client(session.to, files, version) as ue:
            ue.write(b"MSRP d93kswow SEND\n")
            await far.accept()
            assert await far.receive(19) == b"MSRP d93kswow SEND\n"
            await far.send(b"MSRP d93kswow 200 OK\n")
            far.finish()
            await ue.ended()
        assert "MSRP d93kswow 200 OK" in ue.text
        assert ue.sees == session.certificate
        assert re.search(r"ECDHE-ECDSA-AES(128|256)-GCM|TLS_AES_(128|256)_GCM", ue.text)
        assert "Compression: NONE" in ue.text
        assert await far.receive(1) == b""


@VERSIONS
async def test_a_ue_that_waits_with_the_gateway_as_client(palg: Palg, tmp_path: Path, version: str) -> None:
    """BFCP: the UE answered, so it is the server of TLS; it demands a certificate, too."""
    files = issue(tmp_path, "ue")
    with contextlib.closing(End()) as far:
        at = Endpoint(LOOPBACK, free_port())
        async with server(at.port, files, "-rev", version, "-naccept", "1"):
            special = {"setup": Setup.ACTIVE, "start_tls": True, "establish": True, "remote": at}
            await Session.make(palg, far, expects(files, transport="TCP/TLS/BFCP", **special))
            await far.accept()
            await far.send(b"a floor request\n")
            assert await far.receive(16) == b"tseuqer roolf a\n"
            far.finish()
            assert await far.receive(1) == b""


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
        async with client(session.to, files, *options) as ue:
            assert await ue.ended() != 0
        await until(lambda: palg.told != [])
        [(_, told)] = palg.told
        assert isinstance(told, SecurityChange)
        assert told.cause is SecurityCause.PROTOCOL
        assert far.sock is None


async def test_renegotiation_is_refused(palg: Palg, tmp_path: Path) -> None:
    files = issue(tmp_path, "ue")
    with contextlib.closing(End()) as far:
        session = await Session.make(palg, far, expects(files))
        async with client(session.to, files, "-tls1_2") as ue:
            await far.accept()
            ue.write(b"R\n")
            await ue.ended()
        assert "no renegotiation" in ue.text


@VERSIONS
async def test_a_file_passes_whole(palg: Palg, tmp_path: Path, version: str) -> None:
    """Megabytes to a UE that takes them as fast as it can, then the end."""
    files = issue(tmp_path, "ue")
    octets = bytes(range(256)) * (OCTETS // 256)
    with contextlib.closing(End()) as far:
        session = await Session.make(palg, far, expects(files))
        async with client(session.to, files, "-quiet", version) as ue:
            await far.accept()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(far.send(octets)).add_done_callback(lambda _: far.finish())
                got = await ue.receive(2 * OCTETS)
        assert hashlib.sha256(got[-len(octets) :]).digest() == hashlib.sha256(octets).digest()
