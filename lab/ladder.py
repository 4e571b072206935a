"""A SIP ladder for the terminal: one row for each message on each leg. Never shows key material."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.text import Text

from lab.trace import Event

#: Columns of characters between two lifelines.
GAP = 17
_TIME = 8


@dataclass(slots=True)
class Row:
    """One arrow, from one column to a neighbour."""

    at: float
    start: int
    end: int
    label: str
    note: str
    style: str


class Ladder:
    """left and right: nodes of the two UEs; edge: None where they talk to the core directly.

    The columns are left, edge, core, edge, right: the same P-CSCF stands once on each side of the core.
    """

    def __init__(self, left: str, right: str, *, edge: str | None = "pcscf", core: str = "core") -> None:
        self._left, self._right, self._core, self._edge = left, right, core, edge
        self.columns = [left, edge, core, edge, right] if edge else [left, core, right]

    def rows(self, events: Iterable[Event]) -> list[Row]:
        """Place each event of the known nodes on its leg."""
        callers: dict[str, tuple[str, str]] = {}
        rows = []
        zero: float | None = None
        for event in events:
            caller, tag = callers.setdefault(event.call_id, (self._caller(event), event.from_tag))
            forward = (event.from_tag == tag or event.method == "REGISTER") == event.request
            if (leg := self._leg(event, caller == self._right, forward)) is None:
                continue
            zero = event.at if zero is None else zero
            label = event.label if event.request else f"{event.label} {event.method}"
            rows.append(Row(event.at - zero, *leg, label, _note(event), _style(event)))
        return rows

    def render(self, events: Iterable[Event]) -> Text:
        """Return the whole ladder as styled text."""
        out = Text(" " * (_TIME - 1))
        for name in self.columns:
            out.append(name[:GAP].center(GAP), style="bold")
        out.append("\n")
        for row in self.rows(events):
            out.append(f"{row.at:{_TIME - 2}.3f}s", style="dim")
            out.append(" " * (GAP // 2))
            out.append_text(self._line(row))
            out.append(f"  {row.note}\n" if row.note else "\n", style=row.style)
        return out

    def _line(self, row: Row) -> Text:
        line = Text()
        first = min(row.start, row.end)
        for column in range(len(self.columns)):
            line.append("│", style="dim")
            if column == len(self.columns) - 1:
                break
            if column == first:
                label = f" {row.label[: GAP - 5]} ".center(GAP - 2, "─")
                arrow = f"{label}▶" if row.end > row.start else f"◀{label}"
                line.append(arrow, style=row.style)
            else:
                line.append(" " * (GAP - 1))
        return line

    def _caller(self, event: Event) -> str:
        """Return who began a dialog, from its first event."""
        return event.node if event.node in (self._left, self._right) and event.sent else self._left

    def _leg(self, event: Event, from_right: bool, forward: bool) -> tuple[int, int] | None:
        """Return (start, end) columns; ``forward``: on its way from the dialog's caller to its callee."""
        last = len(self.columns) - 1
        if event.node == self._left:
            return (0, 1) if event.sent else (1, 0)
        if event.node == self._right:
            return (last, last - 1) if event.sent else (last - 1, last)
        if event.node != self._core or self._edge is None:
            return None
        # The core's leg towards the caller, else that towards the callee; then which side that party is on.
        callers_leg = event.sent != forward
        other = 3 if callers_leg == from_right else 1
        return (2, other) if event.sent else (other, 2)


def _note(event: Event) -> str:
    # On an INVITE the lists only repeat what the REGISTER said.
    text = event.sdp or (event.security if event.method == "REGISTER" else "")
    return f"{text}{' (again)' if event.repeated else ''}".strip()


def _style(event: Event) -> str:
    if not event.request and event.label >= "300" and event.label not in ("401", "407", "487"):
        return "red"
    if event.repeated:
        return "dim"
    if "SAVP" in event.sdp:
        return "green"
    if event.sdp:
        return "yellow"
    return "" if event.request else "cyan"
