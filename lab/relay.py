"""How the core's witness stands in the path of one m-line: relays of datagrams, and what they saw."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import partial
from socket import socket

from lab import rtcp, sdp
from lab.sockets import Address, drain, open_pair, transmit

#: Addresses that mean hold (RFC 3264 8.4).
_HELD = ("0.0.0.0", "::", "")


class Party(StrEnum):
    """Who wrote a description or sent a packet."""

    CALLER = "caller"
    CALLEE = "callee"

    @property
    def other(self) -> "Party":
        return Party.CALLEE if self is Party.CALLER else Party.CALLER


@dataclass(slots=True)
class Observed:
    """What came from one party in one stream: packets or messages that were readable (plain) or not."""

    plain: int = 0
    opaque: int = 0
    rtcp_plain: int = 0
    rtcp_opaque: int = 0
    foreign: int = 0

    @property
    def all_plain(self) -> bool:
        return bool(self.plain) and not self.opaque and not self.rtcp_opaque

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


class Relay(ABC):
    """What stands between the two parties of one m-line."""

    @abstractmethod
    def facing(self, party: Party) -> Address:
        """Return where ``party`` has to send its media."""

    @abstractmethod
    def remote(self, party: Party, line: sdp.MediaLine) -> None:
        """Set where ``party`` takes media, from what it wrote."""

    @abstractmethod
    def observed(self) -> dict[Party, Observed]:
        """Return what came from each party so far."""

    @abstractmethod
    def close(self) -> None:
        """Close the sockets; what was seen stays."""


#: Makes a relay on an own address.
Make = Callable[[str, asyncio.AbstractEventLoop], Relay]


@dataclass(slots=True)
class _End:
    """What faces one party: own sockets, where the party takes media, what came from it."""

    rtp: socket
    rtcp: socket
    remote: Address | None = None
    remote_rtcp: Address | None = None
    seen: Observed = field(default_factory=Observed)


class DatagramRelay(Relay):
    """Two pairs of sockets, each facing one party. readable: is a datagram that is not RTCP plain."""

    def __init__(
        self, readable: Callable[[bytes], bool], address: str, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._readable = readable
        self._loop = loop
        self._address = address
        self._ends: dict[Party, _End] = {}
        for party in Party:
            pair = open_pair(address)
            self._ends[party] = _End(*pair)
            for control, sock in enumerate(pair):
                loop.add_reader(sock, drain, sock, partial(self._on_packet, party, bool(control)))

    def facing(self, party: Party) -> Address:
        return self._address, self._ends[party].rtp.getsockname()[1]

    def remote(self, party: Party, line: sdp.MediaLine) -> None:
        held = line.address in _HELD or not line.port
        end = self._ends[party]
        end.remote, end.remote_rtcp = (None, None) if held else (line.rtp, line.rtcp)

    def observed(self) -> dict[Party, Observed]:
        return {party: end.seen for party, end in self._ends.items()}

    def close(self) -> None:
        for end in self._ends.values():
            for sock in (end.rtp, end.rtcp):
                self._loop.remove_reader(sock)
                sock.close()

    def _on_packet(self, party: Party, control: bool, data: bytes, source: Address) -> None:
        end, out = self._ends[party], self._ends[party.other]
        if source != (end.remote_rtcp if control else end.remote):
            end.seen.foreign += 1
            return
        clear = rtcp.in_clear(data) if control else self._readable(data)
        name = ("rtcp_" if control else "") + ("plain" if clear else "opaque")
        setattr(end.seen, name, getattr(end.seen, name) + 1)
        to = out.remote_rtcp if control else out.remote
        if to is not None:
            transmit(out.rtcp if control else out.rtp, data, to)
