"""What the gateway itself says of a call: its log line for each context that ended, and its metrics."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table

from lab.processes import Event

#: Names that the gateway gives them.
RELEASED = "context released"
CONTEXTS = "agw_contexts"


@dataclass(slots=True)
class ContextRecord:
    """One context, an access and a core termination.

    decrypted: packets from the UE, forwarded to the core; protected: the other way; rtcp: both ways.
    drops: reason -> datagrams, both ways.
    """

    context: int
    decrypted: int = 0
    protected: int = 0
    rtcp: int = 0
    drops: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, event: Event) -> "ContextRecord":
        """Read the log line of a context that ended."""
        record = cls(int(event.get("context", 0)))
        directions: Mapping[str, Mapping[str, Any]] = event.get("from", {})
        for realm, counts in directions.items():
            if realm.startswith("access"):
                record.decrypted += int(counts.get("packets", 0))
            else:
                record.protected += int(counts.get("packets", 0))
            record.rtcp += int(counts.get("rtcp", 0))
            for reason, count in counts.get("drops", {}).items():
                record.drops[reason] = record.drops.get(reason, 0) + int(count)
        return record

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def leg_table(calls: Mapping[str, Iterable[ContextRecord]]) -> Table:
    """One row for each context."""
    table = Table(title="What the gateway did", title_justify="left")
    table.add_column("call")
    table.add_column("context")
    for name in ("decrypted (UE to core)", "protected (core to UE)", "RTCP", "dropped"):
        table.add_column(name, justify="right")
    for call, contexts in calls.items():
        for one in contexts:
            drops = ", ".join(f"{count} {reason}" for reason, count in one.drops.items()) or "0"
            counts = (one.context, one.decrypted, one.protected, one.rtcp)
            table.add_row(call, *(str(count) for count in counts), drops)
    return table
