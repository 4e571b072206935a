"""Files through a gateway process, under TLS on the UE's side: every octet arrives, and few are kept."""

import asyncio
import hashlib
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from iq.controller import Gateway
from iq.fingerprint import Fingerprint
from iq.procedures import Action, Endpoint, Latch, Mode, Release, Reserve, Setup, Stream
from tests.support.agw_process import Palg, local, write
from tests.support.certificates import issue
from tests.support.media_peer import LOOPBACK
from tests.support.pouring import WAIT, Pouring, small
from tests.support.programs import Program

pytestmark = pytest.mark.interop

MEBI = 1 << 20
FILE = 100 * MEBI
TO_CORE = pytest.mark.parametrize("to_core", [True, False], ids=["to the core", "to the UE"])
BOUND = 8 * MEBI
"""Of memory that a stream may take, in the process and in the kernel's buffers."""


@dataclass
class Ends:
    """A UE under TLS and a far end with an established stream, by the process ``agw``."""

    ue: ssl.SSLSocket
    far: socket.socket
    agw: Program

    def forget_the_peak(self) -> None:
        Path(f"/proc/{self.agw.pid}/clear_refs").write_text("5", encoding="ascii")

    def memory(self, key: str) -> int:
        """VmRSS, VmHWM (its peak): octets."""
        text = Path(f"/proc/{self.agw.pid}/status").read_text(encoding="ascii")
        [line] = [line for line in text.splitlines() if line.startswith(f"{key}:")]
        return int(line.split()[1]) * 1024


@pytest.fixture
async def ends(tmp_path: Path) -> AsyncIterator[Ends]:
    palg = Palg()
    await palg.controller.start()
    agw = Program(
        sys.executable, "-m", "agw", "run", "-c", write(tmp_path / "agw.yaml", palg.controller.port),
        directory=Path(__file__).parents[2],
    )  # fmt: skip
    async with agw:
        gateway = await palg.gateway()
        with small(socket.create_server((LOOPBACK, 0))) as listener:
            context, to = await reserve(palg, gateway, listener, tmp_path)
            ue, far = await asyncio.to_thread(connect, to, listener, tmp_path)
        with ue, far:
            yield Ends(ue, far, agw)
            assert (await palg.act(gateway, Action(context, [Release()]))).error is None
    await palg.controller.close()


async def reserve(
    palg: Palg, gateway: Gateway, far: socket.socket, directory: Path
) -> tuple[int, tuple[str, int]]:
    """The context, and where the UE connects to."""
    files = issue(directory, "ue")
    der = ssl.PEM_cert_to_DER_cert(files.certificate.read_text())
    ue = Stream(1, "message", "TCP/TLS/MSRP", "*", Mode.SEND_RECEIVE, setup=Setup.PASSIVE)
    ue.remote_fingerprints = (Fingerprint("sha-256", hashlib.sha256(der).digest()),)
    ue.choose_fingerprint = "sha-256"
    to = Endpoint(*far.getsockname())
    core = Stream(1, "message", "TCP/MSRP", "*", Mode.SEND_RECEIVE, remote=to, setup=Setup.ACTIVE)
    wanted = [Reserve("access", [ue], 300, Latch.LATCH, LOOPBACK), Reserve("core", [core], 300)]
    reply = await palg.act(gateway, Action(None, wanted))
    assert reply.error is None
    assert reply.context is not None
    return reply.context, local(reply, 0)


def connect(
    to: tuple[str, int], listener: socket.socket, directory: Path
) -> tuple[ssl.SSLSocket, socket.socket]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(directory / "ue.pem", directory / "ue.key")
    sock = small(socket.socket())
    sock.settimeout(WAIT)
    sock.connect(to)
    ue = context.wrap_socket(sock)
    listener.settimeout(WAIT)
    return ue, listener.accept()[0]


@TO_CORE
async def test_a_file_for_a_slow_reader(ends: Ends, to_core: bool) -> None:
    """Who reads in portions and rests in between: what does not fit waits with its sender."""
    source, sink = (ends.ue, ends.far) if to_core else (ends.far, ends.ue)
    pouring = Pouring(source, sink, FILE, pauses=4)
    ends.forget_the_peak()
    before = ends.memory("VmRSS")
    assert await asyncio.to_thread(pouring.run)
    assert pouring.received > FILE
    assert len(pouring.held) == 4
    assert max(pouring.held) < BOUND  # the process, the kernel, and the little that both ends have
    assert ends.memory("VmHWM") - before < BOUND


@TO_CORE
async def test_a_file_for_a_fast_reader(ends: Ends, to_core: bool) -> None:
    source, sink = (ends.ue, ends.far) if to_core else (ends.far, ends.ue)
    pouring = Pouring(source, sink, FILE)
    ends.forget_the_peak()
    before = ends.memory("VmRSS")
    assert await asyncio.to_thread(pouring.run)
    assert pouring.received > FILE
    assert ends.memory("VmHWM") - before < BOUND
