"""What carries streams of octets, side by side: the gateway for MSRP, and socat or stunnel."""

from abc import ABC, abstractmethod
from pathlib import Path

from agw.security.certificates import Identity
from benchmarks import msrp_load
from benchmarks.errors import BenchmarkFailed
from benchmarks.load import UE
from benchmarks.media_edge import MediaEdge
from benchmarks.peers.socat import Socat
from benchmarks.peers.stunnel import Stunnel
from benchmarks.processes import Child, Group
from iq.fingerprint import Fingerprint
from iq.procedures import Action, Endpoint, Latch, Mode, Reserve, Reserved, Setup, Stream

Address = tuple[str, int]
_HEARTBEAT = 3600


class ByteRelay(ABC):
    """name: in the tables. aware: of MSRP, whose paths it changes."""

    name: str
    aware = False

    @property
    @abstractmethod
    def child(self) -> Child: ...

    @abstractmethod
    async def open(self) -> Address:
        """Be ready for one more connection; where the UE connects to."""

    async def close(self) -> None:  # noqa: B027 (most need nothing)
        """All connections are over."""

    def pids(self) -> list[int]:
        return self.child.pids()


class AgwBytes(ByteRelay):
    """Streams at the gateway, made by Iq; arguments: see ``open_bytes``."""

    name = "agw"

    def __init__(
        self, edge: MediaEdge, far: Address, expected: Identity | None, *, aware: bool = False
    ) -> None:
        self._edge = edge
        self._far = far
        self._expected = expected
        self.aware = aware
        self._contexts: list[int] = []

    @property
    def child(self) -> Child:
        return self._edge.child

    async def open(self) -> Address:
        context, to, _ = await open_bytes(self._edge, self._far, self._expected, aware=self.aware)
        self._contexts.append(context)
        return to

    async def close(self) -> None:
        contexts, self._contexts = self._contexts, []
        for context in contexts:
            await self._edge.release(context)


class SocatBytes(ByteRelay):
    name = "socat"

    def __init__(self, group: Group, far: Address) -> None:
        self._socat = Socat(group, far)

    @property
    def child(self) -> Child:
        return self._socat.child

    async def open(self) -> Address:
        return "127.0.0.1", self._socat.port


class StunnelBytes(ByteRelay):
    name = "stunnel"

    def __init__(self, group: Group, far: Address, own: Path, peer: Path) -> None:
        self._stunnel = Stunnel(group, far, own, peer)

    @property
    def child(self) -> Child:
        return self._stunnel.child

    async def open(self) -> Address:
        return "127.0.0.1", self._stunnel.port


async def open_bytes(
    edge: MediaEdge, far: Address, expected: Identity | None, *, aware: bool = False
) -> tuple[int, Address, Fingerprint | None]:
    """Make a stream between a UE, which connects, and ``far``.

    Return the context, where the UE connects to, and the certificate that it sees there. expected: the UE's,
    under TLS; None: plain. aware: of MSRP, with the paths of ``msrp_load``. Raises BenchmarkFailed."""
    transport = "TCP/MSRP" if expected is None else "TCP/TLS/MSRP"
    ue = Stream(1, "message", transport, "*", Mode.SEND_RECEIVE, setup=Setup.PASSIVE)
    if expected is not None:
        ue.remote_fingerprints = (expected.fingerprint("sha-256"),)
        ue.choose_fingerprint = "sha-256"
    core = Stream(1, "message", "TCP/MSRP", "*", Mode.SEND_RECEIVE)
    core.remote, core.setup = Endpoint(*far), Setup.ACTIVE
    if aware:
        path = msrp_load.access(secured=expected is not None)
        ue.local_path, ue.remote_path = path.local, path.remote
        core.local_path, core.remote_path = msrp_load.CORE.local, msrp_load.CORE.remote
    wanted = Reserve("access", [ue], _HEARTBEAT, Latch.LATCH, UE), Reserve("core", [core], _HEARTBEAT)
    made = await edge.ask(Action(None, [*wanted]))
    ends = [one.streams[0] for one in made.replies if isinstance(one, Reserved)]
    if made.error is not None or made.context is None or not ends or (local := ends[0].local) is None:
        raise BenchmarkFailed(f"the gateway refused a stream: {made.error}")
    return made.context, (local.address, local.port), ends[0].local_fingerprint
