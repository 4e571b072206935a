"""Tables for people, made of what the lab counted. Never key material."""

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table

from lab.media import Statistics
from lab.witness import Observed, Party

#: Columns that a ladder with its notes needs where nobody looks at a terminal.
WIDTH = 160


def console(*, stderr: bool = False) -> Console:
    """Return a console that is wide enough in a pipe too."""
    found = Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=WIDTH)


def statistics_table(ends: Iterable[tuple[str, Statistics]], title: str = "Media at the UEs") -> Table:
    """One row for each end."""
    table = Table(title=title, title_justify="left")
    table.add_column("end", no_wrap=True)
    table.add_column("protection", no_wrap=True)
    names = ("sent", "received", "bit-exact", "bad", "not opened", "lost", "reordered", "jitter ms")
    for name in (*names, "readable", "RTCP in/out"):
        table.add_column(name, justify="right")
    for name, s in ends:
        counts = (s.sent, s.received, s.exact, s.bad, s.undecryptable, s.lost, s.reordered)
        table.add_row(
            name,
            s.suite or "none",
            *(str(count) for count in counts),
            f"{s.jitter_ms:.2f}",
            f"{s.clear} of {s.clear + s.opaque}",
            f"{s.rtcp_received}/{s.rtcp_sent}",
        )
    return table


def witness_table(calls: Mapping[str, list[dict[Party, Observed]]]) -> Table:
    """One row for each stream and direction that the core saw."""
    table = Table(title="What the core saw of the media", title_justify="left")
    table.add_column("call")
    table.add_column("from")
    for name in ("readable RTP", "unreadable RTP", "readable RTCP", "unreadable RTCP", "foreign"):
        table.add_column(name, justify="right")
    for call, lines in calls.items():
        for line in lines:
            for party, seen in line.items():
                counts = (seen.plain, seen.opaque, seen.rtcp_plain, seen.rtcp_opaque, seen.foreign)
                table.add_row(call, party.value, *(str(count) for count in counts))
    return table
