"""What ends DTLS-SRTP, side by side: the gateway, and rtpengine."""

import asyncio
import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

from benchmarks.byte_relays import open_bytes
from benchmarks.errors import BenchmarkFailed
from benchmarks.handshake_load import FINGERPRINT, IDENTITY, Ue
from benchmarks.load import FAR, UE
from benchmarks.media_edge import MediaEdge
from benchmarks.peers.rtpengine import Ng, RtpEngine, media_of
from benchmarks.processes import Child
from iq.fingerprint import read_fingerprint
from iq.procedures import (
    Action,
    Configure,
    Endpoint,
    Latch,
    Mode,
    Reserve,
    Reserved,
    Setup,
    Stream,
)

_HEARTBEAT = 3600
_FAR_PORT = 9
"""No media is sent."""


class DtlsEnd(ABC):
    """``offer`` and ``answer`` for each UE, then they shake hands; ``release`` when that is done.

    client: whether it is the end that speaks first."""

    name: str

    def __init__(self, *, client: bool) -> None:
        self.client = client

    @property
    @abstractmethod
    def child(self) -> Child: ...

    @abstractmethod
    async def offer(self, ues: Sequence[Ue]) -> None:
        """The UEs offer."""

    @abstractmethod
    async def answer(self, ues: Sequence[Ue]) -> None:
        """They are answered: a client begins."""

    @abstractmethod
    async def release(self) -> None: ...


class AgwDtls(DtlsEnd):
    name = "agw"

    def __init__(self, edge: MediaEdge, *, client: bool) -> None:
        super().__init__(client=client)
        self._edge = edge
        self._made: list[tuple[int, str]] = []

    @property
    def child(self) -> Child:
        return self._edge.child

    async def offer(self, ues: Sequence[Ue]) -> None:
        self._made += await asyncio.gather(*map(self._reserve, ues))

    async def answer(self, ues: Sequence[Ue]) -> None:
        await asyncio.gather(*map(self._configure, self._made, ues))

    async def release(self) -> None:
        made, self._made = self._made, []
        await asyncio.gather(*(self._edge.release(context) for context, _ in made))

    async def _reserve(self, ue: Ue) -> tuple[int, str]:
        access = Stream(1, "audio", "UDP/TLS/RTP/SAVP", "8", Mode.SEND_RECEIVE, rtcp_mux=True)
        access.remote, access.choose_fingerprint = Endpoint(UE, ue.port), "sha-256"
        core = Stream(1, "audio", "RTP/AVP", "8", Mode.SEND_RECEIVE, remote=Endpoint(FAR, _FAR_PORT))
        wanted = Reserve("access", [access], _HEARTBEAT, Latch.LATCH, UE), Reserve("core", [core], _HEARTBEAT)
        made = await self._edge.ask(Action(None, [*wanted]))
        reserved = [one for one in made.replies if isinstance(one, Reserved)]
        if made.error is not None or made.context is None or len(reserved) != 2:
            raise BenchmarkFailed(f"the gateway refused a call: {made.error}")
        local, fingerprint = reserved[0].streams[0].local, reserved[0].streams[0].local_fingerprint
        if local is None or fingerprint is None:
            raise BenchmarkFailed("the gateway has no address or no certificate")
        ue.expect((local.address, local.port), fingerprint)
        return made.context, reserved[0].termination

    async def _configure(self, made: tuple[int, str], ue: Ue) -> None:
        context, termination = made
        access = Stream(1, "audio", "UDP/TLS/RTP/SAVP", "8", Mode.SEND_RECEIVE, rtcp_mux=True)
        access.remote, access.remote_fingerprints = Endpoint(UE, ue.port), (FINGERPRINT,)
        access.setup = Setup.ACTIVE if self.client else Setup.PASSIVE
        access.start_tls = self.client
        done = await self._edge.ask(Action(context, [Configure(termination, [access])]))
        if done.error is not None:
            raise BenchmarkFailed(f"the gateway refused an answer: {done.error}")


class AgwTls(AgwDtls):
    """The same for MSRP under TLS, whose other side is at ``far``."""

    def __init__(self, edge: MediaEdge, far: tuple[str, int]) -> None:
        super().__init__(edge, client=False)
        self._far = far

    async def offer(self, ues: Sequence[Ue]) -> None:
        for ue in ues:
            context, to, fingerprint = await open_bytes(self._edge, self._far, IDENTITY)
            assert fingerprint is not None
            ue.expect(to, fingerprint)
            self._made.append((context, ""))

    async def answer(self, ues: Sequence[Ue]) -> None:
        """All was in the offer."""


class RtpengineDtls(DtlsEnd):
    """Its certificate is the same for all calls (P-256, as ours), and it asks for no cookies."""

    name = "rtpengine"
    _numbers = itertools.count()

    def __init__(self, engine: RtpEngine, *, client: bool) -> None:
        super().__init__(client=client)
        self._engine = engine
        self._ng = Ng(engine.ng)
        self._made: list[int] = []

    @property
    def child(self) -> Child:
        return self._engine.child

    async def offer(self, ues: Sequence[Ue]) -> None:
        for ue in ues:
            await asyncio.to_thread(self._offer, ue)

    async def answer(self, ues: Sequence[Ue]) -> None:
        for number, ue in zip(self._made, ues, strict=True):
            await asyncio.to_thread(self._answer, number, ue)

    async def release(self) -> None:
        made, self._made = self._made, []
        for number in made:
            await asyncio.to_thread(self._ng.delete, number)

    def _offer(self, ue: Ue) -> None:
        number = next(self._numbers)
        role = "passive" if self.client else "active"
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {UE}\r\ns=-\r\nc=IN IP4 {UE}\r\nt=0 0\r\n"
            f"m=audio {ue.port} UDP/TLS/RTP/SAVP 8\r\na=rtpmap:8 PCMA/8000\r\na=rtcp-mux\r\n"
            f"a=setup:{role}\r\na=fingerprint:{FINGERPRINT.text}\r\n"
        )
        self._ng.offer(number, sdp, rtcp_mux=["accept"])
        self._made.append(number)

    def _answer(self, number: int, ue: Ue) -> None:
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {FAR}\r\ns=-\r\nc=IN IP4 {FAR}\r\nt=0 0\r\n"
            f"m=audio {_FAR_PORT} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
        )
        back = self._ng.answer(number, sdp)
        host, port, _ = media_of(back)
        shown = re.search(r"^a=fingerprint:(\S+ \S+)", back, re.MULTILINE)
        role = "active" if self.client else "passive"
        if shown is None or f"a=setup:{role}" not in back or "a=rtcp-mux" not in back:
            raise BenchmarkFailed(f"rtpengine answered without DTLS as its {role} end: {back}")
        ue.expect((host, port), read_fingerprint(shown[1]))
