"""pcscf.admin: what is counted comes out under the names that docs/operation.md tells."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from pcscf.admin.counters import Counters, method_label
from pcscf.admin.metrics import Snapshot, collect
from pcscf.flow import Side

OPERATION = Path(__file__).parents[3] / "docs" / "operation.md"


class Scrape:
    def __init__(self, counters: Counters, snapshot: Snapshot) -> None:
        self._families = collect(counters, lambda: snapshot)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def collect(self):
        return self._families()

    def text(self) -> str:
        return generate_latest(self._registry).decode()


def test_what_is_counted_is_shown() -> None:
    counters, snapshot = (
        Counters(),
        Snapshot(bindings=2, calls=1, timers=3, gateways={"[127.0.0.1]:2945": True}),
    )
    scrape = Scrape(counters, snapshot)
    counters.requests[Side.ACCESS, "INVITE"] += 1
    counters.responses[Side.CORE, "INVITE", 200] += 2
    counters.refusals["no binding", 403] += 1
    snapshot.transport_events = {"parse_errors": 4}
    lines = scrape.text().splitlines()
    for line in (
        'pcscf_requests_total{method="INVITE",side="access"} 1.0',
        'pcscf_responses_total{method="INVITE",side="core",status="200"} 2.0',
        'pcscf_refusals_total{reason="no binding",status="403"} 1.0',
        'pcscf_transport_events_total{event="parse_errors"} 4.0',
        "pcscf_bindings 2.0",
        "pcscf_active_calls 1.0",
        "pcscf_timers 3.0",
        'pcscf_iq_up{gateway="[127.0.0.1]:2945"} 1.0',
    ):
        assert line in lines


def test_methods_are_those_that_we_know() -> None:
    assert method_label("INVITE") == "INVITE"
    assert method_label("MADEUP") == "other"


def test_the_documented_names_are_the_real_ones() -> None:
    documented = re.findall(r"^\| `(pcscf_\w+)` \|", OPERATION.read_text(), re.MULTILINE)
    text = Scrape(Counters(), Snapshot()).text()
    real = {
        name + ("_total" if kind == "counter" and not name.endswith("_total") else "")
        for name, kind in re.findall(r"^# TYPE (pcscf_\w+) (\w+)$", text, re.MULTILINE)
    }
    assert sorted(documented) == sorted(real)


def test_every_counter_reaches_a_metric() -> None:
    counters = Counters()
    shapes = {"requests": 2, "responses": 3, "refusals": 2, "policed": 2, "decisions": 2}
    names = list(Counters.__dataclass_fields__)
    for name in names:
        getattr(counters, name)[("a", "b", "c")[: shapes.get(name, 1)]] += 7
    assert Scrape(counters, Snapshot()).text().count(" 7.0\n") == len(names)


def test_a_call_that_is_over_is_counted_by_its_outcome_and_its_lines() -> None:
    counters = Counters()
    lines = [{"decision": "e2ae", "media": "audio"}, {"decision": "plain", "media": "made-up"}]
    counters.call_ended({"answered": True, "status": 200, "media": lines})
    counters.call_ended({"answered": True, "status": 503, "media": []})
    counters.call_ended({"answered": False, "status": 486, "media": lines[:1]})
    assert counters.calls == {"answered": 1, "released": 1, "failed": 1}
    assert counters.decisions == {("e2ae", "audio"): 2, ("plain", "other"): 1}
