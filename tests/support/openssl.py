"""OpenSSL's programs as independent ends of TLS and DTLS: what they are given comes out of them, octet for
octet, and what they say of the handshake can be read."""

import asyncio
import contextlib
import hashlib
import re
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from iq.fingerprint import Fingerprint
from tests.support.certificates import Files
from tests.support.media_peer import LOOPBACK
from tests.support.programs import bound, until

DTLS = "-dtls1_2"
WITHIN = 20.0
"""Seconds for anything that is waited for."""
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def fingerprint(pem: str | Path, name: str = "sha-256") -> Fingerprint:
    """Of a certificate, or of the one in a file."""
    text = pem.read_text() if isinstance(pem, Path) else pem
    digest = hashlib.new(name.replace("-", ""), ssl.PEM_cert_to_DER_cert(text)).digest()
    return Fingerprint(name, digest)


def own(files: Files | None) -> tuple[str | Path, ...]:
    return ("-cert", files.certificate, "-key", files.private_key) if files is not None else ()


class Openssl:
    """A running program, and what it has written so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.output = b""

    @property
    def text(self) -> str:
        return self.output.decode("utf-8", "replace")

    @property
    def sees(self) -> Fingerprint:
        """The peer's certificate (``-showcerts``)."""
        [certificate] = _PEM.findall(self.text)
        return fingerprint(certificate)

    def write(self, data: bytes) -> None:
        """Of DTLS what is written at once is one packet, once the one before has arrived."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    async def send(self, data: bytes) -> None:
        self.write(data)
        assert self.process.stdin is not None
        await self.process.stdin.drain()

    async def until(self, pattern: bytes) -> re.Match[bytes]:
        """Wait for what it says, and one octet behind it."""
        async with asyncio.timeout(WITHIN):
            while (found := re.search(pattern + rb"(?s:.)", self.output)) is None:
                assert await self._more(), self.text
        return found

    async def receive(self, octets: int) -> bytes:
        """Exactly so many of those that it has not handed over yet, or what came before the end."""
        async with asyncio.timeout(WITHIN):
            while len(self.output) < octets and await self._more():
                pass
        found, self.output = self.output[:octets], self.output[octets:]
        return found

    async def ended(self) -> int:
        """Say that nothing more comes; wait for its end, and return the status."""
        async with asyncio.timeout(WITHIN):
            out, _ = await self.process.communicate()
        self.output += out
        assert self.process.returncode is not None
        return self.process.returncode

    async def _more(self) -> bool:
        assert self.process.stdout is not None
        more = await self.process.stdout.read(65536)
        self.output += more
        return bool(more)


@contextlib.asynccontextmanager
async def openssl(*command: str | Path) -> AsyncIterator[Openssl]:
    """Ends with the block. Under ``-quiet`` its output is what it received, and nothing else."""
    process = await asyncio.create_subprocess_exec(
        "openssl",
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL if "-quiet" in command else asyncio.subprocess.STDOUT,
    )
    try:
        yield Openssl(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


@contextlib.asynccontextmanager
async def client(to: tuple[str, int], files: Files | None, *options: str | Path) -> AsyncIterator[Openssl]:
    """One that connects; files: its certificate, None for none."""
    at = f"{to[0]}:{to[1]}"
    async with openssl("s_client", "-connect", at, "-showcerts", *own(files), *options) as made:
        yield made


@contextlib.asynccontextmanager
async def server(port: int, files: Files, *options: str | Path) -> AsyncIterator[Openssl]:
    """One that waits, and demands a certificate."""
    at, kind = f"{LOOPBACK}:{port}", "udp" if DTLS in options else "tcp"
    async with openssl("s_server", "-accept", at, "-Verify", "1", *own(files), *options) as made:

        async def look() -> bool:
            return bound(port, kind)

        await until(look, bool)
        yield made
