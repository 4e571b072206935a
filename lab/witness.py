"""The core's media witness: relays the media between the two core legs and tells plain from protected."""

import asyncio
from collections import deque
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import partial
from socket import socket

from lab import rtcp, rtp, sdp
from lab.errors import LabError
from lab.sockets import Address, drain, open_pair, transmit

#: Calls relayed at once, m-lines of one call, and finished calls that are remembered.
MAX_CALLS = 1000
MAX_LINES = 8
MAX_HISTORY = 1000
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
    """What came from one party in one stream: packets whose payload was readable (plain) or not (opaque)."""

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


@dataclass(slots=True)
class _End:
    """What faces one party: own sockets, where the party takes media, what came from it."""

    rtp: socket
    rtcp: socket
    remote: Address | None = None
    remote_rtcp: Address | None = None
    seen: Observed = field(default_factory=Observed)


class Relay:
    """One m-line: two pairs of sockets, each facing one party."""

    def __init__(self, address: str, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._address = address
        self._ends: dict[Party, _End] = {}
        for party in Party:
            pair = open_pair(address)
            self._ends[party] = _End(*pair)
            for control, sock in enumerate(pair):
                loop.add_reader(sock, drain, sock, partial(self._on_packet, party, bool(control)))

    def facing(self, party: Party) -> Address:
        """Return where ``party`` has to send its RTP."""
        return self._address, self._ends[party].rtp.getsockname()[1]

    def remote(self, party: Party, line: sdp.MediaLine) -> None:
        """Set where ``party`` takes media, from what it wrote."""
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
        clear = rtcp.in_clear(data) if control else rtp.in_clear(data)
        name = ("rtcp_" if control else "") + ("plain" if clear else "opaque")
        setattr(end.seen, name, getattr(end.seen, name) + 1)
        to = out.remote_rtcp if control else out.remote
        if to is not None:
            transmit(out.rtcp if control else out.rtp, data, to)


class MediaWitness:
    """The relays of all calls by Call-ID, and what was observed in those that are over."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self._loop = asyncio.get_running_loop()
        self._address = address
        self._calls: dict[str, dict[int, Relay]] = {}
        self._finished: deque[tuple[str, list[dict[Party, Observed]]]] = deque(maxlen=MAX_HISTORY)

    def describe(self, call_id: str, party: Party, body: bytes) -> bytes:
        """Return what ``party`` wrote as the other party has to see it, with the relays' addresses.

        Raises BadDescription, and LabError where no relay is left.
        """
        found = sdp.parse(body)
        if call_id not in self._calls and len(self._calls) >= MAX_CALLS:
            raise LabError("too many calls")
        relays = self._calls.setdefault(call_id, {})
        ends: list[Address | None] = []
        for index, line in enumerate(found.media[:MAX_LINES]):
            if "RTP/" not in line.proto.upper() or not line.port:
                ends.append(None)
                continue
            if (relay := relays.get(index)) is None:
                relay = relays[index] = Relay(self._address, self._loop)
            relay.remote(party, line)
            ends.append(relay.facing(party.other))
        return sdp.rewrite(body, ends)

    def observed(self, call_id: str) -> list[dict[Party, Observed]]:
        """Return what was seen in each m-line of a call that lives or is remembered."""
        if relays := self._calls.get(call_id):
            return [relay.observed() for _, relay in sorted(relays.items())]
        return next((seen for known, seen in reversed(self._finished) if known == call_id), [])

    def history(self) -> dict[str, list[dict[Party, Observed]]]:
        """Return what was seen in every call that is remembered or lives, by Call-ID, the oldest first."""
        return dict(self._finished) | {call_id: self.observed(call_id) for call_id in self._calls}

    def release(self, call_id: str) -> None:
        """Close the relays of a call; what they saw stays."""
        if (relays := self._calls.pop(call_id, None)) is None:
            return
        self._finished.append((call_id, [relay.observed() for _, relay in sorted(relays.items())]))
        for relay in relays.values():
            relay.close()

    def close(self) -> None:
        for call_id in list(self._calls):
            self.release(call_id)

    def __len__(self) -> int:
        return len(self._calls)
