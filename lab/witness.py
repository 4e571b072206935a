"""The core's media witness: relays the media between the two core legs and tells plain from protected."""

import asyncio
from collections import deque
from functools import partial

from lab import bfcp, fax, msrp, rtp, sdp
from lab.errors import LabError
from lab.relay import DatagramRelay, Make, Observed, Party, Relay
from lab.sockets import Address
from lab.stream_relay import StreamRelay

#: Calls relayed at once, m-lines of one call, and finished calls that are remembered.
MAX_CALLS = 1000
MAX_LINES = 8
MAX_HISTORY = 1000
#: What relays a protocol, by a part of its name: the first that fits counts. What none fits passes by.
RELAYS: tuple[tuple[str, Make], ...] = (
    ("RTP/", partial(DatagramRelay, rtp.in_clear)),
    ("UDPTL", partial(DatagramRelay, fax.readable)),
    ("MSRP", partial(StreamRelay, msrp.Reader)),
    ("BFCP", partial(StreamRelay, bfcp.Reader)),
)


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
            make = next((make for part, make in RELAYS if part in line.proto.upper()), None)
            if make is None or not line.port:
                ends.append(None)
                continue
            if (relay := relays.get(index)) is None:
                relay = relays[index] = make(self._address, self._loop)
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
