"""The table of a soak: first minutes beside last ones, growth per hour, and what is left at the end."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.growth import HOUR, Bound, fit
from benchmarks.sipp import Calls
from benchmarks.watching import WATCHED, Watched

#: Samples of the beginning and of the end whose medians stand in the table: two minutes, as they come.
SPAN = 120.0


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity. slope and error: units an hour, None where the run was too short."""

    name: str
    before: float
    first: float
    last: float
    after: float | None
    slope: float | None
    error: float
    bound: Bound
    grew: bool
    stayed: bool

    def __str__(self) -> str:
        growth = "too short" if self.slope is None else f"{self.slope:+9.1f} +-{self.error:.1f}"
        after = "" if self.after is None else f"{self.after:.0f}"
        verdict = ", ".join(text for text, so in (("GREW", self.grew), ("NOT RELEASED", self.stayed)) if so)
        return (
            f"{self.name:28s}{self.before:10.0f}{self.first:10.0f}{self.last:10.0f}{growth:>22s}"
            f"{self.bound.per_hour:9g}{after:>10s}  {verdict or 'ok'}"
        )


def judge(
    name: str, times: Sequence[float], values: Sequence[float], bound: Bound, warm_up: float, *, ended: bool
) -> Row:
    """One row. times: seconds, the first sample from before the load; ended: the last one from after it."""
    loaded = slice(1, -1 if ended else None)
    when, under = list(times[loaded]), list(values[loaded])
    warm = [(time, value) for time, value in zip(when, under, strict=True) if time >= warm_up]
    found = fit([time for time, _ in warm], [value for _, value in warm])
    first = [value for time, value in warm if time < warm_up + SPAN] or under or [values[0]]
    last = [value for time, value in warm if time > when[-1] - SPAN] or first
    after = values[-1] if ended else None
    length = (when[-1] - warm[0][0]) / HOUR if warm else 0.0
    return Row(
        name,
        values[0],
        statistics.median(first),
        statistics.median(last),
        after,
        found.slope if found else None,
        found.error if found else 0.0,
        bound,
        grew=found is not None and found.exceeds(bound.per_hour) and found.slope * length > bound.least,
        stayed=after is not None and bound.rest is not None and after > values[0] + bound.rest,
    )


def tell(
    times: Sequence[float],
    watched: Sequence[Watched],
    counted: dict[str, Calls],
    warm_up: float,
    quick: bool,
) -> int:
    """Print the table; return how much was wrong. quick: what grows or stays in seconds says nothing."""
    print(f"{len(times)} samples; growth is fitted after {warm_up:g} s; bound and growth in units an hour")
    head = ("before", "first", "last", "growth", "bound", "after")
    print(f"{'':28s}{head[0]:>10s}{head[1]:>10s}{head[2]:>10s}{head[3]:>22s}{head[4]:>9s}{head[5]:>10s}")
    wrong = 0
    for one in watched:
        for name, bound in WATCHED[one.name].items():
            values = one.series.get(name, [])[: len(times)]
            if not values:
                continue
            label = name if name.startswith(one.name) else f"{one.name} {name}"
            row = judge(label, times[: len(values)], values, bound, warm_up, ended=bool(counted))
            print(row)
            wrong += 0 if quick else row.grew + row.stayed
    for kind, calls in counted.items():
        print(
            f"{kind:28s}{calls.succeeded:10d} done, {calls.lost} lost, "
            f"{calls.retransmissions} retransmissions"
        )
        wrong += calls.lost
    for one in watched:
        print(f"{one.name + ' errors in its log':28s}{one.errors:10d}", *one.wrong, sep="\n  ")
        wrong += one.errors
    return wrong
