"""IP realms and their media ports."""

import errno
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Protocol

from agw.engine.api import PortId
from iq.errors import IqError

REUSE_SECONDS = 2.0
"""A port that was released rests: late packets of its last call must not reach the next one."""
BIND_ATTEMPTS = 32
"""Ports tried for one stream while others hold them, before the realm counts as exhausted."""
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Opener(Protocol):
    """What binds ports: the packet engine, the relay of TCP."""

    def open(self, address: str, port: int, dscp: int) -> PortId:
        """Raises OSError."""


class PortPool:
    """Even ports whose next one belongs to them too. The least recently released is taken first."""

    def __init__(self, first: int, last: int, random: Callable[[int], bytes]) -> None:
        """first to last: the range, both included. random: octets; the first round goes in no guessable
        order, so that nobody waits at the next call's port."""
        even = range(first + first % 2, last, 2)
        self._first = even.start
        self._free = deque(sorted(even, key=lambda _: random(4)))
        # By port, all of it from the start: objects made at each first release would look like a leak for as
        # long as it takes to use every port once.
        self._released = array("d", [-inf]) * len(even)
        self.size = len(even)

    def __len__(self) -> int:
        """Ports that nobody has now, those that rest included."""
        return len(self._free)

    def take(self, now: float) -> int | None:
        """A port, or None: all are taken or rest."""
        if not self._free or self._released[self._index(self._free[0])] + REUSE_SECONDS > now:
            return None
        return self._free.popleft()

    def give_back(self, port: int, now: float) -> None:
        """``port`` was released at ``now``, or could not be bound then."""
        self._released[self._index(port)] = now
        self._free.append(port)

    def _index(self, port: int) -> int:
        return (port - self._first) // 2


@dataclass(slots=True)
class Interface:
    """One address of a realm. address: to bind; advertise: what peers are told; version: 4 or 6."""

    realm: str
    address: str
    advertise: str
    dscp: int
    pool: PortPool
    version: int = 4

    def open(self, opener: Opener, dscp: int | None, now: float) -> tuple[PortId, int]:
        """Bind the next port that is free: the opener's name for it, and its number.

        Ports that something else holds go to the end of the line. Raises IqError 510.
        """
        for _ in range(BIND_ATTEMPTS):
            number = self.pool.take(now)
            if number is None:
                break
            try:
                return opener.open(self.address, number, self.dscp if dscp is None else dscp), number
            except OSError as error:
                self.pool.give_back(number, now)
                if error.errno in _EXHAUSTED:
                    raise IqError(510, "Insufficient resources: descriptors") from None
        raise IqError(510, f"Insufficient resources: ports of realm {self.realm}")


@dataclass(slots=True)
class Realm:
    """An IP realm (H.248.41). interfaces: the first one serves where nothing asks for the other version."""

    name: str
    interfaces: list[Interface]

    def interface(self, version: int | None) -> Interface:
        """The interface for IP ``version``, None for any. Raises IqError 449."""
        for interface in self.interfaces:
            if version is None or interface.version == version:
                return interface
        raise IqError(449, f"Unsupported value: realm {self.name} has no IPv{version}")
