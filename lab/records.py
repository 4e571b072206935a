"""What the edge itself says of a call: pcscf's log line for each leg, agw's for each context that ended."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table

from lab.processes import Event

#: Log events, and the gauge of contexts alive.
CALL = "call"
RELEASED = "context released"
CONTEXTS = "agw_contexts"


@dataclass(slots=True)
class LegRecord:
    """One leg of a call as the IMS-ALG served it; ``media`` has a decision and its reason for each m-line."""

    served: str
    direction: str
    status: int
    media: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, event: Event) -> "LegRecord":
        """Read the log line of a call that ended."""
        media = event.get("media")
        decisions = [one for one in media if isinstance(one, dict)] if isinstance(media, list) else []
        return cls(
            str(event.get("served", "")),
            str(event.get("direction", "")),
            int(event.get("status", 0)),
            [{str(name): str(value) for name, value in one.items()} for one in decisions],
        )

    @property
    def protected(self) -> bool:
        """Tell whether every m-line was e2ae."""
        return bool(self.media) and all(one.get("decision") == "e2ae" for one in self.media)

    def lines(self) -> list[str]:
        """Return a line for each m-line."""
        return [
            f"{self.direction}, {self.served}: {one.get('media')} is {one.get('decision')}"
            f" ({one.get('mechanism')}): {one.get('reason')} [{one.get('clause')}]"
            for one in self.media
        ]

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(slots=True)
class ContextRecord:
    """One context, an access and a core termination.

    decrypted: packets from the UE, forwarded to the core; protected: the other way; rtcp: both ways.
    octets_in, octets_out: the same in octets, which alone count where media is a stream.
    drops: reason -> datagrams, both ways.
    """

    context: int
    decrypted: int = 0
    protected: int = 0
    rtcp: int = 0
    octets_in: int = 0
    octets_out: int = 0
    drops: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, event: Event) -> "ContextRecord":
        """Read the log line of a context that ended."""
        record = cls(int(event.get("context", 0)))
        directions: Mapping[str, Mapping[str, Any]] = event.get("from", {})
        for termination, counts in directions.items():
            if _realm(termination) == "access":
                record.decrypted += int(counts.get("packets", 0))
                record.octets_in += int(counts.get("octets", 0))
            else:
                record.protected += int(counts.get("packets", 0))
                record.octets_out += int(counts.get("octets", 0))
            record.rtcp += int(counts.get("rtcp", 0))
            for reason, count in counts.get("drops", {}).items():
                record.drops[reason] = record.drops.get(reason, 0) + int(count)
        return record

    def moved(self, units: int, octets: int) -> bool:
        """Tell whether ``units`` passed each way: of so many ``octets`` each, or packets where it is 0."""
        if octets:
            return min(self.octets_in, self.octets_out) >= units * octets
        return min(self.decrypted, self.protected) >= units

    def summary(self) -> str:
        if self.decrypted or self.protected:
            return f"{self.decrypted} packets decrypted, {self.protected} protected"
        return f"{self.octets_in} octets decrypted, {self.octets_out} protected"

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def _realm(termination: str) -> str:
    """Return the realm in a termination's name: ip/0/access/17."""
    parts = termination.split("/")
    return parts[2] if len(parts) == 4 else termination


def gateway_table(calls: Mapping[str, Iterable[ContextRecord]]) -> Table:
    """One row for each context."""
    table = Table(title="What the gateway did", title_justify="left")
    table.add_column("call")
    table.add_column("context")
    for name in ("decrypted (UE to core)", "octets", "protected (core to UE)", "octets", "RTCP", "dropped"):
        table.add_column(name, justify="right")
    for call, contexts in calls.items():
        for one in contexts:
            drops = ", ".join(f"{count} {reason}" for reason, count in one.drops.items()) or "0"
            counts = (one.context, one.decrypted, one.octets_in, one.protected, one.octets_out, one.rtcp)
            table.add_row(call, *(str(count) for count in counts), drops)
    return table
