"""Times of an association, in seconds."""

from dataclasses import dataclass

from iq.exchange import LONG_TIMER, REPLY_TIMEOUT


@dataclass(frozen=True, slots=True)
class Times:
    """audit: silence after which the controller audits ROOT, and between audits; misses: silence of so many
    audits is a loss. silence: the gateway gives up a controller that says nothing for so long.

    reply: for a reply or the next Pending; long: how long replies are kept; connect: for TCP and TLS;
    register: for a ServiceChange on a new connection, or its reply; retry_first, retry_most: between
    attempts to connect, doubling; tick: how often deadlines are looked after.
    """

    audit: float = 3.0
    misses: int = 3
    silence: float = 10.0
    reply: float = REPLY_TIMEOUT
    long: float = LONG_TIMER
    connect: float = 3.0
    register: float = 5.0
    retry_first: float = 0.2
    retry_most: float = 2.0
    tick: float = 0.25
