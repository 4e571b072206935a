"""What the P-CSCF counts. Pure; incremented on the path of a call, so nothing but dict additions."""

from dataclasses import dataclass, field

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


def method_label(method: str) -> str:
    """``method`` where it is a known one, else "other": peers choose it."""
    return method if method in METHODS else "other"


@dataclass(slots=True)
class Counters:
    """One of these for each process. The comment names the parts of the label."""

    requests: Tally = field(default_factory=Tally)
    """(side, method): requests received, without retransmissions. Side is where they came from."""
    responses: Tally = field(default_factory=Tally)
    """(side, method, status): final and provisional responses sent towards that side."""
    refusals: Tally = field(default_factory=Tally)
    """(reason, status): requests that we refused ourselves; the reason is one of our own words."""
    policed: Tally = field(default_factory=Tally)
    """(side, indication): indications removed that this side has no right to give."""
    registrations: Tally = field(default_factory=Tally)
    """outcome: registered, refreshed, removed, expired, flow_lost, refused."""
    decisions: Tally = field(default_factory=Tally)
    """(action, media): media security decisions for each m= line of a call's offer."""
    calls: Tally = field(default_factory=Tally)
    """outcome: answered, failed, released (by us)."""
    iq: Tally = field(default_factory=Tally)
    """result: actions sent to gateways; "ok" or "error"."""
