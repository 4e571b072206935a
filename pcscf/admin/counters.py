"""What the P-CSCF counts. Pure; incremented on the path of a call, so nothing but dict additions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hosting.counters import Tally

#: Methods that stand in metrics by name (RFC 3261 and its extensions); the rest count as "other".
METHODS = frozenset(
    {
        "ACK",
        "BYE",
        "CANCEL",
        "INFO",
        "INVITE",
        "MESSAGE",
        "NOTIFY",
        "OPTIONS",
        "PRACK",
        "PUBLISH",
        "REFER",
        "REGISTER",
        "SUBSCRIBE",
        "UPDATE",
    }
)


#: Kinds of m= lines that stand in metrics by name (RFC 8866 5.14, RFC 6466); the rest count as "other".
MEDIA = frozenset({"audio", "video", "text", "application", "message", "image"})


def method_label(method: str) -> str:
    """``method`` where it is a known one, else "other": peers choose it."""
    return method if method in METHODS else "other"


@dataclass(slots=True)
class Counters:
    """One of these for each process. The comment names the parts of the label."""

    requests: Tally = field(default_factory=Tally)
    """(side, method): requests received, without retransmissions. Side is where they came from."""
    responses: Tally = field(default_factory=Tally)
    """(side, method, status): final and provisional responses sent towards that side, each once."""
    refusals: Tally = field(default_factory=Tally)
    """(reason, status): requests that we refused ourselves; the reason is one of our own words."""
    policed: Tally = field(default_factory=Tally)
    """(side, indication): what this side has no right to say and was removed: header field or 3ge2ae."""
    registrations: Tally = field(default_factory=Tally)
    """outcome: registered, refreshed, removed, expired, flow_lost, refused, deregistered (by the network)."""
    reg_event: Tally = field(default_factory=Tally)
    """event: of our subscriptions to registrations: subscribed, refreshed, refused, failed, notified, stale,
    ended."""
    decisions: Tally = field(default_factory=Tally)
    """(action, media): media security decisions for each m= line of a call's offer."""
    calls: Tally = field(default_factory=Tally)
    """outcome: answered, failed, released (by us)."""
    media_events: Tally = field(default_factory=Tally)
    """event: what gateways reported about the media of calls, a lost gateway once for each of its calls."""
    iq: Tally = field(default_factory=Tally)
    """result: actions sent to gateways; "ok" or "error"."""

    def call_ended(self, record: Mapping[str, Any]) -> None:
        """Count a call that is over by its record: ``answered``, the final ``status``, ``media`` by line."""
        if not record["answered"]:
            self.calls["failed"] += 1
        else:
            self.calls["answered" if record["status"] == 200 else "released"] += 1
        for line in record["media"]:
            self.decisions[line["decision"], line["media"] if line["media"] in MEDIA else "other"] += 1
