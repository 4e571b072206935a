"""Messages as a kind of media: text and a file over MSRP, each checked bit for bit (RFC 4975, 6135, 6714)."""

import asyncio
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from lab import sdp, stream
from lab.certified import Form, Peering
from lab.channel import OPEN_WAIT
from lab.descriptions import Terms
from lab.errors import BadDescription
from lab.kind import Check, Kind
from lab.msrp import BadMessage, Reader, Uri
from lab.msrp_session import MsrpSession
from lab.sockets import Address

TEXT = "text/plain"
FILE = "application/octet-stream"
#: Octets of a text, which makes two chunks, and of the file that ends each exchange.
TEXT_SIZE = 3000
FILE_SIZE = 300_000
#: Seconds between two texts.
PACE = 0.1
_FORM = Form("message", "TCP/MSRP", "TCP/TLS/MSRP", ("*",))
_ECHO = "echo-"


@dataclass(slots=True)
class Statistics(stream.Statistics):
    """In messages. confirmed: own ones that the peer answered and reported; refused: its complaints."""

    confirmed: int = 0
    refused: int = 0
    chunks: int = 0

    def problems(self, units: int) -> list[str]:
        found = []
        if self.exact < units:
            found.append(f"{self.exact} of {units} messages arrived bit-exact")
        if self.confirmed < min(units, self.sent):
            found.append(f"{self.confirmed} of {self.sent} own messages were confirmed")
        if self.refused:
            found.append(f"{self.refused} refused")
        return found + self.wrong()

    def checks(self, user: str, units: int) -> Iterable[Check]:
        problems = self.problems(units)
        seen = f"{self.exact} exact in {self.chunks} chunks, {self.confirmed} own ones confirmed"
        name = f"{user} got {units} messages bit-exact, a file among them"
        yield Check(name, not problems, "; ".join(problems) or seen)
        yield from self.hidden(user)

    def columns(self) -> dict[str, str]:
        return {
            "sent": str(self.sent),
            "confirmed": str(self.confirmed),
            "refused": str(self.refused),
            "received": str(self.received),
            "bit-exact": str(self.exact),
            "bad": str(self.bad),
            "chunks": str(self.chunks),
            "readable": str(self.clear),
            "records": str(self.opaque),
        }


def content(name: str, content_type: str, size: int) -> bytes:
    """Return what the message with this Message-ID has to say: both ends can work it out."""
    octets = hashlib.shake_256(name.removeprefix(_ECHO).encode())
    return octets.hexdigest((size + 1) // 2)[:size].encode() if content_type == TEXT else octets.digest(size)


class Messages(stream.StreamMedia):
    """echo: each message goes back with its content, under a Message-ID that tells so."""

    def __init__(self, terms: Terms, address: str, user: str, echo: bool) -> None:
        super().__init__(_FORM, Reader(), terms, address, user)
        self._reader = Reader()
        secure = self.certified.identity is not None
        own = Uri(secure, address, self.channel.local[1], secrets.token_urlsafe(12))
        self._cema = terms.cema
        self.session = MsrpSession(own, (TEXT, FILE), self._received, strict=not terms.cema)
        self._echo = echo
        self._exact = self._bad = 0

    def attributes(self) -> tuple[str, ...]:
        own = (f"accept-types:{TEXT} {FILE}", f"path:{self.session.own}")
        return (*own, "msrp-cema") if self._cema else own

    def understand(self, line: sdp.MediaLine) -> None:
        try:
            self.session.peer = Uri.parse(line.value("path") or "")
        except BadMessage as error:
            raise BadDescription(f"a=path: {error}") from None
        if self.session.peer.secure is not (self.certified.identity is not None):
            self.certified.object_to(f"the scheme of a=path does not fit {line.proto}")

    def where(self, peering: Peering) -> Address:
        """Between two that know RFC 6714 c= and m= say where the peer waits, else a=path."""
        assert self.session.peer is not None
        if self._cema and peering.line.value("msrp-cema") is not None:
            return peering.remote
        return self.session.peer.host, self.session.peer.port

    async def send(self, units: int, *, interval: float | None = None) -> None:
        """Send texts, and a file at the end."""
        if not await self.channel.ready() or not await self.until(lambda: self.session.bound, OPEN_WAIT):
            return
        for number in range(units):
            name = secrets.token_hex(10)
            last = number == units - 1
            content_type, size = (FILE, FILE_SIZE) if last else (TEXT, TEXT_SIZE)
            for chunk in self.session.send(name, content_type, content(name, content_type, size)):
                if not await self.channel.send(chunk):
                    return
            await asyncio.sleep(PACE if interval is None else interval)

    async def arrived(self, units: int, *, timeout: float) -> bool:  # noqa: ASYNC109 -- ends quietly
        """Wait for ``units`` of the peer, and till it has confirmed ours."""
        counts = self.session.counts
        return await self.until(lambda: self._exact >= units and counts.confirmed >= counts.sent, timeout)

    def greet(self) -> None:
        """Who connects says for whom it is (RFC 4975 5.4)."""
        if self.certified.peering is not None and self.certified.peering.active:
            self.channel.write(self.session.hello())

    def statistics(self) -> Statistics:
        counts = self.session.counts
        found = Statistics(sent=counts.sent, received=counts.received, exact=self._exact, bad=self._bad)
        found.confirmed, found.refused, found.chunks = counts.confirmed, counts.refused, counts.chunks
        self.seen(found)
        return found

    def receive(self, octets: bytes) -> None:
        for message in self._reader.feed(octets):
            for reply in self.session.take(message):
                self.channel.write(reply)

    def _received(self, name: str, content_type: str, octets: bytes) -> None:
        if octets == content(name, content_type, len(octets)):
            self._exact += 1
        else:
            self._bad += 1
        if self._echo:
            for chunk in self.session.send(_ECHO + name, content_type, octets):
                self.channel.write(chunk)


MSRP = Kind("msrp", "msrp-tls", "messages", 10, Messages, octets=TEXT_SIZE)
