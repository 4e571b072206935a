"""Audio as a kind of media: one RTP stream, plain or with keys in its description (RFC 3551, RFC 4568)."""

from lab.descriptions import Protection, Terms
from lab.kind import Kind, Media
from lab.media import MediaEnd, Statistics
from lab.negotiation import Negotiation
from lab.sockets import Address


class Audio(Media):
    """``end`` has the sockets, ``negotiation`` the descriptions."""

    def __init__(self, terms: Terms, address: str, user: str, echo: bool) -> None:
        self.end = MediaEnd(address, echo=echo)
        self.negotiation = Negotiation(terms, self.end.local, user)
        self.problems = self.negotiation.problems
        self.keys = set()

    @property
    def local(self) -> Address:
        """Where this end takes RTP."""
        return self.end.local

    @property
    def ssrc(self) -> int:
        return self.end.ssrc

    @property
    def connected(self) -> bool:
        return self.negotiation.agreed is not None

    def offer(self, direction: str = "sendrecv") -> bytes:
        return self.negotiation.offer(direction)

    def take_answer(self, body: bytes) -> None:
        self.negotiation.take_answer(body)
        self._connect()

    def answer(self, body: bytes) -> bytes:
        answer = self.negotiation.answer(body)
        self._connect()
        return answer

    def rekey(self) -> None:
        self.negotiation.rekey()

    async def send(self, units: int, *, interval: float | None = None) -> None:
        await self.end.send(units, interval=0.02 if interval is None else interval)

    async def arrived(self, units: int, *, timeout: float) -> bool:  # noqa: ASYNC109 -- ends quietly
        return await self.end.arrived(units, timeout=timeout)

    def statistics(self) -> Statistics:
        return self.end.statistics()

    def close(self) -> None:
        self.end.close()

    def _connect(self) -> None:
        agreed = self.negotiation.agreed
        assert agreed is not None
        self.keys |= {key.inline for key in (agreed.send, agreed.receive) if key is not None}
        self.end.connect(agreed.remote, agreed.send, agreed.receive, agreed.remote_rtcp)


_CALLS = (
    Terms(Protection.E2AE, ("AES_CM_128_HMAC_SHA1_80",)),
    Terms(Protection.E2AE, ("AEAD_AES_128_GCM",)),
)
AUDIO = Kind("audio", "sdes-srtp", "packets", 50, Audio, calls=_CALLS)
