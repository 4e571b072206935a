"""What the kinds of media over TCP have in common: one m-line, one connection, what was seen on its wire."""

import asyncio
import contextlib
from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from OpenSSL import SSL

from lab import kind, sdp
from lab.certified import Certified, Form, Peering
from lab.channel import ENDED, Channel
from lab.descriptions import Terms
from lab.errors import BadDescription, LabError
from lab.identity import context
from lab.kind import Check, Media
from lab.sockets import Address
from lab.tls import CLOSED, Tls
from lab.view import Reader, View


@dataclass(slots=True)
class Statistics(kind.Statistics):
    """``unreadable``: what came as the media could not be read; sealed: all that came was TLS.

    failure: why the connection ended before its time.
    """

    unreadable: int = 0
    sealed: bool = False
    failure: str = ""

    def wrong(self) -> list[str]:
        """Return what no kind may have."""
        found = [f"{count} {name}" for name in ("bad", "unreadable") if (count := getattr(self, name))]
        if self.suite and not self.sealed:
            found.append(f"{self.clear} messages in clear on a protected leg")
        if not self.suite and self.opaque:
            found.append(f"{self.opaque} pieces that could not be read on a plain leg")
        return found if not self.failure else [*found, self.failure]

    def hidden(self, user: str) -> Iterable[Check]:
        yield Check(
            f"nothing readable on {user}'s access leg",
            self.suite is not None and self.sealed and not self.clear,
            f"{self.suite}: {self.opaque} records, all encrypted"
            if self.sealed
            else f"{self.clear} in clear",
        )


class StreamMedia(Media):
    """Made with its socket; a kind says what its m-line holds, and takes what the connection brings."""

    def __init__(self, form: Form, seen: Reader, terms: Terms, address: str, user: str) -> None:
        self.keys = set()
        self.view = View(seen)
        self.channel = Channel(address, arrived=self.view.feed, said=self._said, moved=self._moved)
        self.certified = Certified(terms, self.channel.local, user, form=form)
        self.problems = self.certified.problems
        self.unreadable = 0
        self.changed = asyncio.Event()

    @property
    def connected(self) -> bool:
        return self.certified.peering is not None

    def offer(self, direction: str = "sendrecv") -> bytes:
        return self.certified.offer(self.attributes(), direction)

    def take_answer(self, body: bytes) -> None:
        self._peer(self.certified.take_answer(body))

    def answer(self, body: bytes) -> bytes:
        before = self.certified.peering
        peering = self.certified.take_offer(body)
        if before is not None and peering.line.value("connection") != "existing":
            raise BadDescription("another connection in the same call")
        self._peer(peering)
        return self.certified.answer(self.attributes())

    def close(self) -> None:
        self.channel.close()

    # -- what a kind fills in

    @abstractmethod
    def attributes(self) -> tuple[str, ...]:
        """Return what the m-line of this end has to say, as in sdp.MediaLine."""

    @abstractmethod
    def understand(self, line: sdp.MediaLine) -> None:
        """Take what the peer's m-line says. Raises BadDescription."""

    @abstractmethod
    def receive(self, octets: bytes) -> None:
        """Take what the connection brings. Raises LabError for what cannot be read."""

    def where(self, peering: Peering) -> Address:
        """Return where the peer waits for the connection."""
        return peering.remote

    def hello(self, peering: Peering) -> bool:
        """Tell whether this end is the client of TLS: it is the one that connects, unless a kind differs."""
        return peering.active

    def greet(self) -> None:
        """Say what has to be said first: the connection is up."""

    async def until(self, done: Callable[[], bool], timeout: float) -> bool:  # noqa: ASYNC109 -- ends quietly
        """Wait till ``done``; False when ``timeout`` seconds went by or nothing more can come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not done() and not self.channel.failure:
                    self.changed.clear()
                    await self.changed.wait()
        return done()

    def seen(self, statistics: Statistics) -> Statistics:
        """Return ``statistics`` with what the connection has to say."""
        statistics.suite = self.channel.tls.suite if self.channel.tls is not None else None
        statistics.clear, statistics.opaque = self.view.plain, self.view.opaque
        statistics.sealed, statistics.unreadable = self.view.sealed, self.unreadable
        failure = self.channel.failure
        statistics.failure = failure if failure not in (CLOSED, ENDED) else ""
        return statistics

    def _peer(self, peering: Peering) -> None:
        self.understand(peering.line)
        tls = None
        if self.certified.identity is not None:
            made = context(SSL.TLS_METHOD, self.certified.identity, peering.fingerprints, self.keys)
            tls = Tls(made, client=self.hello(peering))
        self.channel.open(self.where(peering) if peering.active else None, tls)

    def _said(self, octets: bytes) -> None:
        try:
            self.receive(octets)
        except LabError as error:
            self.unreadable += 1
            self.certified.object_to(str(error))
            self.channel.close()
        self.changed.set()

    def _moved(self) -> None:
        if not self.channel.failure:
            self.greet()
        self.changed.set()
