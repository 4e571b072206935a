"""What the command line asks for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """rates in calls a second, seconds of one run, streams: calls with media, calls: held in ``held``,
    modes: of media, as in ``systems.MODES``; parts: what of ``signalling``, or of ``media`` beside its table;
    minutes of a soak, and rate: its calls a second; mebibytes: of one transfer."""

    quick: bool
    peers: bool
    rates: tuple[int, ...]
    seconds: float
    repetitions: int
    streams: tuple[int, ...]
    calls: int
    modes: tuple[str, ...] = ()
    parts: frozenset[str] = frozenset()
    minutes: float = 60.0
    rate: float = 20.0
    mebibytes: int = 100
