"""The P-CSCF's metric families. ``docs/operation.md`` lists them; a test compares the two."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import Metric

from hosting.metrics import counter, gauge, gauges
from pcscf.admin.counters import Counters


@dataclass(slots=True)
class Snapshot:
    """What is alive at the moment of a scrape, and what other rooms have counted in dicts of their own."""

    bindings: int = 0
    transactions: int = 0
    calls: int = 0
    timers: int = 0
    tasks: int = 0
    connections: int = 0
    unfinished_input: int = 0
    unsent_output: int = 0
    overloaded: bool = False
    input_lag: float = 0.0
    gateways: Mapping[str, bool] = field(default_factory=dict)
    """Message identifier of each gateway seen -> its Iq association is up."""
    transaction_events: Mapping[str, int] = field(default_factory=dict)
    """Counters of the transaction layer, by name."""
    transport_events: Mapping[str, int] = field(default_factory=dict)
    """Counters of the transports: datagrams dropped, parse errors, connections refused, by name."""


def collect(counters: Counters, snapshot: Callable[[], Snapshot]) -> Callable[[], Iterator[Metric]]:
    """What hosting.admin.Admin wants: a function that yields every family, read at that moment."""

    def families() -> Iterator[Metric]:
        yield from _counted(counters)
        yield from _alive(snapshot())

    return families


def _counted(counters: Counters) -> Iterator[Metric]:
    yield counter("pcscf_requests", "SIP requests received.", ("side", "method"), counters.requests)
    yield counter("pcscf_responses", "SIP responses sent.", ("side", "method", "status"), counters.responses)
    yield counter("pcscf_refusals", "Requests refused by this node.", ("reason", "status"), counters.refusals)
    yield counter(
        "pcscf_policed_indications",
        "Indications removed that their sender has no right to give.",
        ("side", "indication"),
        counters.policed,
    )
    yield counter("pcscf_registrations", "Registrations by outcome.", ("outcome",), counters.registrations)
    yield counter(
        "pcscf_reg_event", "Subscriptions to registrations, by event.", ("event",), counters.reg_event
    )
    yield counter(
        "pcscf_media_decisions",
        "Media security decisions, one for each m= line.",
        ("action", "media"),
        counters.decisions,
    )
    yield counter("pcscf_calls", "Calls by outcome.", ("outcome",), counters.calls)
    yield counter(
        "pcscf_media_events", "What happened to the media of calls.", ("event",), counters.media_events
    )
    yield counter("pcscf_iq_actions", "Actions sent to gateways.", ("result",), counters.iq)


def _alive(now: Snapshot) -> Iterator[Metric]:
    yield gauge("pcscf_bindings", "Registered contacts.", now.bindings)
    yield gauge("pcscf_transactions", "SIP transactions alive.", now.transactions)
    yield gauge("pcscf_active_calls", "Calls in progress.", now.calls)
    yield gauge("pcscf_timers", "Timers of transactions and calls that run.", now.timers)
    yield gauge("pcscf_tasks", "Tasks of the event loop.", now.tasks)
    yield gauge("pcscf_connections", "SIP connections open.", now.connections)
    yield gauge("pcscf_unfinished_input_octets", "Octets of unfinished messages.", now.unfinished_input)
    yield gauge("pcscf_unsent_output_octets", "Octets that peers have not read.", now.unsent_output)
    yield gauge("pcscf_overloaded", "1 while new dialogs and registrations get 503.", float(now.overloaded))
    yield gauge("pcscf_input_lag_seconds", "How long input waits.", now.input_lag)
    up = {mid: float(is_up) for mid, is_up in now.gateways.items()}
    yield gauges("pcscf_iq_up", "1 where the Iq association with this gateway is up.", ("gateway",), up)
    yield counter(
        "pcscf_transaction_events",
        "What the transaction layer met: unmatched, malformed, timed out.",
        ("event",),
        now.transaction_events,
    )
    yield counter(
        "pcscf_transport_events",
        "What the transports met: parse errors, drops, refused connections.",
        ("event",),
        now.transport_events,
    )
