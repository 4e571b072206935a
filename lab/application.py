"""Floor control as a kind of media: BFCP over TCP or TLS, the offerer as its client (RFC 8855, RFC 8856)."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from lab import sdp, stream
from lab.bfcp import Message, Reader
from lab.certified import Form, Peering
from lab.channel import OPEN_WAIT
from lab.descriptions import Terms
from lab.errors import BadDescription
from lab.floor import Conference, FloorClient, FloorServer
from lab.kind import Check, Kind

#: Seconds between two rounds, until an answer has to be there; octets of a round each way.
PACE = 0.1
ANSWER_WAIT = 5.0
ROUND = 32
_FORM = Form("application", "TCP/BFCP", "TCP/TLS/BFCP", ("*",))


@dataclass(slots=True)
class Statistics(stream.Statistics):
    """In rounds: a floor asked for, granted and given back. role: of this end; refused: by the server."""

    role: str = ""
    refused: int = 0

    def problems(self, units: int) -> list[str]:
        found = []
        if self.exact < units:
            found.append(f"{self.exact} of {units} floors were granted and given back")
        if self.refused:
            found.append(f"{self.refused} requests refused")
        return found + self.wrong()

    def checks(self, user: str, units: int) -> Iterable[Check]:
        problems = self.problems(units)
        seen = f"{self.exact} rounds, {self.received} messages received"
        yield Check(
            f"{user}, floor control {self.role}, saw {units} rounds",
            not problems,
            "; ".join(problems) or seen,
        )
        yield from self.hidden(user)

    def columns(self) -> dict[str, str]:
        return {
            "role": self.role,
            "messages sent": str(self.sent),
            "received": str(self.received),
            "rounds": str(self.exact),
            "bad": str(self.bad),
            "refused": str(self.refused),
            "readable": str(self.clear),
            "records": str(self.opaque),
        }


class Floors(stream.StreamMedia):
    """The client has ``client``, the server ``server`` once their roles are agreed."""

    def __init__(self, terms: Terms, address: str, user: str, _echo: bool) -> None:
        super().__init__(_FORM, Reader(), terms, address, user)
        self._reader = Reader()
        self.client: FloorClient | None = None
        self.server: FloorServer | None = None
        self._sent = self._received = 0

    def attributes(self) -> tuple[str, ...]:
        if self.server is None:
            return ("floorctrl:c-only",)
        about = self.server.about
        ids = (f"confid:{about.conference}", f"userid:{about.user}", f"floorid:{about.floor}")
        return ("floorctrl:s-only", *ids)

    def understand(self, line: sdp.MediaLine) -> None:
        role = (line.value("floorctrl") or "").split()
        if self.client is not None or self.server is not None:
            return
        if any(one in ("s-only", "s") for one in role):
            self.client = FloorClient(_conference(line))
        elif any(one in ("c-only", "c", "c-s") for one in role):
            self.server = FloorServer(Conference.make())
        else:
            raise BadDescription("no usable a=floorctrl")

    def hello(self, peering: Peering) -> bool:
        """The answerer is the server of TLS, whoever connects (RFC 4583 7, TS 23.334 5.11)."""
        return not peering.answerer

    async def send(self, units: int, *, interval: float | None = None) -> None:
        """Run rounds as the client; the server has nothing to begin."""
        client = self.client
        if client is None or not await self.channel.ready():
            return
        await self.until(lambda: client.idle, ANSWER_WAIT)
        for _ in range(units):
            if self.channel.failure or not client.greeted or not client.idle:
                return
            self._say(client.request())
            await self.until(lambda: client.idle, ANSWER_WAIT)
            await asyncio.sleep(PACE if interval is None else interval)

    async def arrived(self, units: int, *, timeout: float) -> bool:  # noqa: ASYNC109 -- ends quietly
        """Wait for rounds; a server waits as long as their client may take for them at its pace."""
        if self.server is not None:
            timeout += OPEN_WAIT + units * PACE
        return await self.until(lambda: self._rounds >= units, timeout)

    def greet(self) -> None:
        if self.client is not None:
            self._say(self.client.hello())

    def receive(self, octets: bytes) -> None:
        for message in self._reader.feed(octets):
            self._received += 1
            if self.server is not None:
                self._say(self.server.take(message))
            elif self.client is not None and (release := self.client.take(message)) is not None:
                self._say(release)

    def statistics(self) -> Statistics:
        found = Statistics(sent=self._sent, received=self._received, exact=self._rounds)
        if self.client is not None:
            found.role, found.bad = "client", self.client.bad
        if self.server is not None:
            found.role, found.refused = "server", self.server.refused
        self.seen(found)
        return found

    @property
    def _rounds(self) -> int:
        side = self.client or self.server
        return side.rounds if side is not None else 0

    def _say(self, message: Message) -> None:
        self._sent += self.channel.write(message.encode())


def _conference(line: sdp.MediaLine) -> Conference:
    """Return what a floor control server says of itself. Raises BadDescription."""
    values = [(line.value(name) or "").partition(" ")[0] for name in ("confid", "userid", "floorid")]
    if not all(value.isascii() and value.isdigit() for value in values):
        raise BadDescription("a=confid, a=userid and a=floorid of a floor control server are wanted")
    conference, user, floor = (int(value[:11]) for value in values)
    if conference >> 32 or user >> 16 or floor >> 16:
        raise BadDescription("identifier of BFCP too large")
    return Conference(conference, user, floor)


BFCP = Kind("bfcp", "bfcp-tls", "floors", 10, Floors, octets=ROUND)
