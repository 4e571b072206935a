"""Transactions of H.248.1 8: ids, what became of a request, and that each is executed at most once.

No clock and no sockets: ``now`` is monotonic seconds, one ``sweep`` looks after all deadlines.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from iq.errors import IqError
from iq.h248.errors import BUSY, PENDINGS_EXCEEDED
from iq.procedures import Action, ActionReply

LONG_TIMER = 30.0
"""How long a reply is kept for a repeated request (H.248.1 D.1.3)."""

REPLY_TIMEOUT = 10.0
"""How long a sender on TCP waits for a reply, or for the next Pending."""

PENDING_LIMIT = 10
"""Pendings for one transaction; the next one ends it with 506 (root/MGOriginatedPendingLimit)."""

MAX_CACHED_REPLIES = 131_072
MAX_CACHED_OCTETS = 64 * 1024 * 1024
"""Bounds of the reply cache: the oldest replies go first, requests being executed never."""

MAX_OUTSTANDING = 65_536
"""Requests without a reply; further ones end at once with 511."""

Done = Callable[[ActionReply], None]


class TransactionIds:
    """Transaction ids of one sender: from a random start upwards, never 0.

    The space is passed through once in 2**32 transactions: at fewer than 70 million a second none comes
    again within 2 x LONG_TIMER.
    """

    __slots__ = ("_last",)

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._last = int.from_bytes(random(4), "big")

    def next(self) -> int:
        """Return the next id, 1 to 2**32 - 1."""
        self._last = self._last % 0xFFFFFFFF + 1
        return self._last


@dataclass(slots=True)
class Outstanding:
    """A request that waits for its reply. ``done`` is called by whoever took it out of the Sender, once."""

    id: int
    action: Action
    done: Done
    deadline: float
    pendings: int = 0

    def failure(self, code: int, text: str) -> ActionReply:
        """Return the reply that ends it with an error."""
        return ActionReply(self.action.context, [], IqError(code, text))


class Sender:
    """Requests sent and not answered yet, oldest deadline first. Each leaves it exactly once."""

    __slots__ = ("_ids", "_limit", "_open", "_timeout")

    def __init__(
        self, ids: TransactionIds, timeout: float = REPLY_TIMEOUT, pending_limit: int = PENDING_LIMIT
    ) -> None:
        self._ids = ids
        self._timeout = timeout
        self._limit = pending_limit
        self._open: dict[int, Outstanding] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self, action: Action, done: Done, now: float) -> int:
        """Return the id for a new request. Raises IqError(511) with MAX_OUTSTANDING of them."""
        if len(self._open) >= MAX_OUTSTANDING:
            raise IqError(BUSY, f"{MAX_OUTSTANDING} transactions without a reply")
        number = self._ids.next()
        while number in self._open:
            number = self._ids.next()
        self._open[number] = Outstanding(number, action, done, now + self._timeout)
        return number

    def take(self, number: int) -> Outstanding | None:
        """A reply came, or sending failed: return whose it is; None for one that is late or unknown."""
        return self._open.pop(number, None)

    def pending(self, number: int, now: float) -> Outstanding | None:
        """A Pending came: extend the deadline. Returns the request where that was one too many (506)."""
        found = self._open.pop(number, None)
        if found is None:
            return None
        found.pendings += 1
        if found.pendings > self._limit:
            return found
        found.deadline = now + self._timeout
        self._open[number] = found  # last again: the dictionary stays sorted by deadline
        return None

    def sweep(self, now: float) -> list[Outstanding]:
        """Return the requests whose deadline has passed; their outcome is unknown."""
        late = []
        for found in self._open.values():
            if found.deadline > now:
                break
            late.append(found)
        for found in late:
            del self._open[found.id]
        return late

    def lose(self) -> list[Outstanding]:
        """The association is gone: return all requests; their outcome is unknown."""
        lost = list(self._open.values())
        self._open.clear()
        return lost


class Receiver:
    """Requests received from one peer: executing, or done with their reply kept for LONG_TIMER."""

    __slots__ = ("_executing", "_limit", "_long", "_max_entries", "_max_octets", "_octets", "_replies")

    def __init__(
        self,
        long_timer: float = LONG_TIMER,
        max_entries: int = MAX_CACHED_REPLIES,
        max_octets: int = MAX_CACHED_OCTETS,
        pending_limit: int = PENDING_LIMIT,
    ) -> None:
        self._long = long_timer
        self._limit = pending_limit
        self._max_entries = max_entries
        self._max_octets = max_octets
        self._octets = 0
        self._executing: dict[int, int] = {}  # id -> Pendings sent for it
        self._replies: OrderedDict[int, tuple[float, bytes]] = OrderedDict()  # id -> until when, reply

    def __len__(self) -> int:
        return len(self._executing) + len(self._replies)

    def begin(self, number: int, now: float) -> bytes | bool:
        """A request came. Returns True: execute it; False: send Pending; octets: send this reply again.

        Raises IqError(506) after the last Pending, IqError(511) where everything kept is being executed.
        """
        kept = self._replies.get(number)
        if kept is not None and kept[0] > now:
            return kept[1]
        pendings = self._executing.get(number)
        if pendings is not None:
            if pendings >= self._limit:
                raise IqError(PENDINGS_EXCEEDED, f"more than {self._limit} TransactionPendings")
            self._executing[number] = pendings + 1
            return False
        while len(self) >= self._max_entries:
            if not self._replies:
                raise IqError(BUSY, f"{self._max_entries} transactions are being executed")
            self._forget_oldest()
        self._executing[number] = 0
        return True

    def pended(self, number: int) -> bool:
        """Tell whether a Pending was sent for ``number``: then its reply asks for an acknowledgement."""
        return self._executing.get(number, 0) > 0

    def finish(self, number: int, reply: bytes, now: float) -> None:
        """Keep the octets of the reply to ``number``, which was begun."""
        if self._executing.pop(number, None) is None:
            return
        self._drop(number)
        self._replies[number] = (now + self._long, reply)
        self._octets += len(reply)
        while self._octets > self._max_octets:
            self._forget_oldest()

    def acknowledge(self, ranges: Iterable[tuple[int, int]]) -> None:
        """The peer has the replies to these ids (first and last of each range): forget them."""
        for first, last in ranges:
            numbers: Iterable[int] = range(first, last + 1)
            if last - first >= len(self._replies):
                numbers = [number for number in self._replies if first <= number <= last]
            for number in numbers:
                self._drop(number)

    def sweep(self, now: float) -> None:
        """Forget the replies that are older than LONG_TIMER."""
        while self._replies and next(iter(self._replies.values()))[0] <= now:
            self._forget_oldest()

    def _drop(self, number: int) -> None:
        if kept := self._replies.pop(number, None):
            self._octets -= len(kept[1])

    def _forget_oldest(self) -> None:
        _, kept = self._replies.popitem(last=False)
        self._octets -= len(kept[1])


class Receivers:
    """One Receiver for each peer MID, kept over reconnections; the longest unused goes first."""

    __slots__ = ("_by_mid", "_limit", "_long")

    def __init__(self, limit: int, long_timer: float = LONG_TIMER) -> None:
        self._by_mid: OrderedDict[str, Receiver] = OrderedDict()
        self._limit = limit
        self._long = long_timer

    def of(self, mid: str) -> Receiver:
        """Return the Receiver of ``mid``."""
        receiver = self._by_mid.get(mid)
        if receiver is None:
            receiver = self._by_mid[mid] = Receiver(self._long)
            if len(self._by_mid) > self._limit:
                self._by_mid.popitem(last=False)
        self._by_mid.move_to_end(mid)
        return receiver

    def sweep(self, now: float) -> None:
        """Forget old replies of every peer."""
        for receiver in self._by_mid.values():
            receiver.sweep(now)
