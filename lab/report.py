"""Tables for people, made of what the lab counted. Never key material."""

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table

from lab.kind import Statistics
from lab.relay import Observed, Party

#: Columns that a ladder with its notes needs where nobody looks at a terminal.
WIDTH = 160


def console(*, stderr: bool = False) -> Console:
    """Return a console that is wide enough in a pipe too."""
    found = Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=WIDTH)


def statistics_table(ends: Iterable[tuple[str, Statistics]], title: str = "Media at the UEs") -> Table:
    """One row for each end; all of one kind of media."""
    table = Table(title=title, title_justify="left")
    table.add_column("end", no_wrap=True)
    table.add_column("protection", no_wrap=True)
    for name, seen in ends:
        columns = seen.columns()
        if not table.row_count:
            for column in columns:
                table.add_column(column, justify="right")
        table.add_row(name, seen.suite or "none", *columns.values())
    return table


def witness_table(calls: Mapping[str, list[dict[Party, Observed]]]) -> Table:
    """One row for each stream and direction that the core saw."""
    table = Table(title="What the core saw of the media", title_justify="left")
    table.add_column("call")
    table.add_column("from")
    for name in ("readable", "unreadable", "readable RTCP", "unreadable RTCP", "foreign"):
        table.add_column(name, justify="right")
    for call, lines in calls.items():
        for line in lines:
            for party, seen in line.items():
                counts = (seen.plain, seen.opaque, seen.rtcp_plain, seen.rtcp_opaque, seen.foreign)
                table.add_row(call, party.value, *(str(count) for count in counts))
    return table
