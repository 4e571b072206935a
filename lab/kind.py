"""What a call of the lab may carry: each kind of media is one module that fills in these shapes.

A ``Kind`` is a row of ``lab.kinds.KINDS``. Its ``Media`` is that of one call: it makes offers and answers,
runs an exchange that both ends can check, and counts what came. Calls know no kind by name.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from lab.descriptions import Terms
from lab.errors import LabError


@dataclass(slots=True)
class Check:
    """One thing that had to be true; ``detail`` says what was seen."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(slots=True)
class Statistics(ABC):
    """What one end sent and saw, in units of its kind. ``exact``: as they have to be, ``bad``: otherwise.

    clear, opaque: the raw view of what arrived on the wire, before anything was decrypted; suite: what
    protects this leg, None where it is plain.
    """

    sent: int = 0
    received: int = 0
    exact: int = 0
    bad: int = 0
    clear: int = 0
    opaque: int = 0
    suite: str | None = None

    @abstractmethod
    def problems(self, units: int) -> list[str]:
        """Return what is wrong; nothing where at least ``units`` came and all of them right."""

    @abstractmethod
    def checks(self, user: str, units: int) -> Iterable[Check]:
        """Yield what the end of ``user`` has to show in a call protected on its leg."""

    @abstractmethod
    def columns(self) -> dict[str, str]:
        """Return the row of a table for people: column -> value, the same columns for all of a kind."""

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class Media(ABC):
    """The media of one call. ``problems``: rules that the other side broke; ``keys``: every secret of the
    call in base64, so that a check can look for them where they must not be.
    """

    problems: list[str]
    keys: set[str]
    _wanted = 0

    @property
    @abstractmethod
    def connected(self) -> bool:
        """Tell whether offer and answer are done."""

    @abstractmethod
    def offer(self, direction: str = "sendrecv") -> bytes:
        """Return the first or a further offer."""

    @abstractmethod
    def take_answer(self, body: bytes) -> None:
        """Judge the answer to the last offer and connect. Raises BadDescription where no media can flow."""

    @abstractmethod
    def answer(self, body: bytes) -> bytes:
        """Judge an offer, connect, and return the answer. Raises BadDescription: 488."""

    @abstractmethod
    async def send(self, units: int, *, interval: float | None = None) -> None:
        """Do this end's part of ``units``, one each ``interval`` seconds; None: at the kind's own pace."""

    @abstractmethod
    async def arrived(self, units: int, *, timeout: float) -> bool:  # noqa: ASYNC109 -- ends quietly
        """Wait till ``units`` are right in all; False when ``timeout`` seconds went by."""

    @abstractmethod
    def statistics(self) -> Statistics:
        """Return the counts so far; they stay readable after ``close``."""

    @abstractmethod
    def close(self) -> None:
        """Let go of every socket and task; further calls do nothing."""

    async def exchange(self, units: int, *, interval: float | None = None, grace: float = 2.0) -> Statistics:
        """Send ``units``; wait till as many came or ``grace`` seconds are over."""
        self._wanted += units
        await self.send(units, interval=interval)
        await self.arrived(self._wanted, timeout=grace)
        return self.statistics()

    def rekey(self) -> None:
        """Make new keys of the same strength, for the next offer. Raises LabError where there are none."""
        raise LabError("this media has no keys in its description")


@dataclass(frozen=True, slots=True)
class Kind:
    """name: of ``--media``; mechanism: what a UE announces for e2ae; unit: what is counted, in the plural.

    rate: units of a second; open: (terms, own address, user, echo) -> the media of a call. Raises LabError.
    octets: fewest of a unit each way, where it is not a packet that passes the gateway each way; 0: it is.
    echoes: an end may send back what comes. early: drops of the gateway that are no fault: packets may come
    before a leg has its keys. calls: what the demo's two UEs want when they call each other.
    """

    name: str
    mechanism: str
    unit: str
    rate: int
    open: Callable[[Terms, str, str, bool], Media]
    octets: int = 0
    echoes: bool = True
    early: frozenset[str] = frozenset()
    calls: tuple[Terms, Terms] = (Terms(), Terms())

    def units(self, seconds: float) -> int:
        return max(1, round(seconds * self.rate))
