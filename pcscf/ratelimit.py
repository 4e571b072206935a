"""A bound on the requests of one source: a token bucket for each. Pure."""

import functools
import ipaddress

#: Sources watched at a time; the one that has been silent for longest is forgotten first.
MAX_SOURCES = 65_536
#: Seconds between two looks for sources whose bucket is full again: they are forgotten.
SWEEP = 60.0


@functools.lru_cache(maxsize=8192)
def source_of(host: str) -> str:
    """Return what counts as one source: an IPv4 address, or the /64 of an IPv6 one.

    A host on IPv6 has the whole /64 to itself (RFC 6177). host: numeric.
    """
    if ":" not in host:
        return host
    return str(ipaddress.IPv6Network((int(ipaddress.IPv6Address(host.partition("%")[0])) >> 64 << 64, 64)))


class RateLimit:
    """Admit ``rate`` messages of one source a second, and ``burst`` at once to one that was silent.

    Kept as the time at which the bucket is full again (the virtual scheduling form, ITU-T I.371): one number
    for each source, and a source that has none has a full bucket.
    """

    __slots__ = ("_full", "_interval", "_most", "_swept", "_tolerance")

    def __init__(self, rate: float, burst: int, most: int = MAX_SOURCES) -> None:
        self._interval = 1.0 / rate
        self._tolerance = (burst - 1) * self._interval + 1e-9  # of rounding
        self._most = most
        self._swept = 0.0
        self._full: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._full)

    def admit(self, source: str, now: float) -> bool:
        """Take a token of ``source``; False where there is none. now: seconds of any steady clock."""
        if now >= self._swept + SWEEP:
            self._sweep(now)
        known = self._full
        full = known.pop(source, now)
        if full - now > self._tolerance:
            known[source] = full
            return False
        if len(known) >= self._most:
            del known[next(iter(known))]
        known[source] = max(full, now) + self._interval
        return True

    def _sweep(self, now: float) -> None:
        """Let the table follow who sends, and not who ever sent."""
        self._full = {source: full for source, full in self._full.items() if full > now}
        self._swept = now
