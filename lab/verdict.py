"""What the demo has seen, and whether it proves what it set out to prove."""

import base64
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.kind import Check, Kind, Statistics
from lab.records import ContextRecord, LegRecord
from lab.relay import Observed, Party


@dataclass(slots=True)
class CallRecord:
    """One call: both UEs' ends, the core's view, what pcscf and agw say of it."""

    kind: Kind
    caller: str
    callee: str
    units: int
    call_id: str = ""
    ends: dict[str, Statistics] = field(default_factory=dict)
    core: list[dict[Party, Observed]] = field(default_factory=list)
    legs: list[LegRecord] = field(default_factory=list)
    gateway: list[ContextRecord] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.kind.name}, {self.caller} -> {self.callee}"

    def checks(self) -> Iterable[Check]:
        """Yield what this call had to show."""
        yield Check(
            f"{self.name}: signalling as the standards want it", not self.problems, _lines(self.problems)
        )
        for user, seen in self.ends.items():
            for check in seen.checks(user, self.units):
                yield Check(f"{self.name}: {check.name}", check.passed, check.detail)
        seen_plain = [line[party] for line in self.core for party in Party]
        yield Check(
            f"{self.name}: plain media in the core",
            bool(seen_plain) and all(seen.all_plain for seen in seen_plain),
            f"{sum(s.plain for s in seen_plain)} messages or packets read by the core, "
            f"{sum(s.opaque for s in seen_plain)} not readable",
        )
        moved = [one for one in self.gateway if one.moved(self.units, self.kind.octets)]
        yield Check(
            f"{self.name}: the gateway protected and decrypted on both legs",
            len(moved) == 2 and not any(one.drops.keys() - self.kind.early for one in self.gateway),
            _lines(one.summary() for one in self.gateway),
        )
        decisions = [text for leg in self.legs for text in leg.lines()]
        yield Check(
            f"{self.name}: both legs decided as e2ae",
            len(self.legs) == 2 and all(leg.protected for leg in self.legs),
            _lines(decisions) or "no decision in the log of pcscf",
        )


@dataclass(slots=True)
class Result:
    """Everything that the demo shows; ``verified`` where every check passed.

    registrations: kind of media -> user -> Security-Server.
    """

    calls: list[CallRecord] = field(default_factory=list)
    registrations: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)

    def add(self, name: str, passed: bool, detail: str = "") -> None:
        self.checks.append(Check(name, passed, detail))

    def of(self, kind: Kind) -> list[CallRecord]:
        return [call for call in self.calls if call.kind is kind]

    @property
    def verified(self) -> bool:
        return bool(self.checks) and all(check.passed for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """Return the result for JSON."""
        return {
            "verified": self.verified,
            "registrations": {
                kind: {user: list(names) for user, names in users.items()}
                for kind, users in self.registrations.items()
            },
            "calls": [
                {
                    "media": call.kind.name,
                    "caller": call.caller,
                    "callee": call.callee,
                    call.kind.unit: call.units,
                    "ends": {user: seen.as_dict() for user, seen in call.ends.items()},
                    "core": [{p.value: seen.as_dict() for p, seen in line.items()} for line in call.core],
                    "legs": [leg.as_dict() for leg in call.legs],
                    "gateway": [context.as_dict() for context in call.gateway],
                    "problems": call.problems,
                }
                for call in self.calls
            ],
            "checks": [asdict(check) for check in self.checks],
        }


def leaks(keys: Iterable[str], texts: dict[str, str]) -> list[str]:
    """Return the names of the ``texts`` that contain a key: in base64, without its padding, or in hex."""
    forms = set()
    for key in keys:
        octets = base64.b64decode(key)
        forms |= {key.rstrip("="), octets.hex(), octets[:16].hex(), octets.hex().upper()}
    return [name for name, text in texts.items() if any(form in text for form in forms)]


def _lines(texts: Iterable[str]) -> str:
    return "; ".join(texts)
