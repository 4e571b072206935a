"""``limits``: the named bounds on what peers can make the process do or keep. A new limit is a new field."""

from typing import Annotated

from pydantic import Field

from hosting.config import Section

Count = Annotated[int, Field(ge=1, le=10_000_000)]
Octets = Annotated[int, Field(ge=1_048_576, le=1 << 40)]
Seconds = Annotated[float, Field(ge=0.05, le=60.0)]


class Limits(Section):
    max_bindings: Count = 100_000
    """Registered contacts; above: 503."""
    max_bindings_per_source: Count = 10_000
    """Registered contacts on flows from one address (IPv6: one /64), and as many emergency registrations;
    above: 503. Trunks are exempt."""
    max_calls: Count = 20_000
    """Dialogs of INVITE at a time; above: 503."""
    max_unregistered_emergency_calls: Count = 100
    """Emergency calls of UEs without a registration at a time; above: 380."""
    max_transactions: Count = 250_000
    """Server and client transactions together; above: 503."""
    max_connections: Count = 20_000
    """Connections of SIP, whatever is on top of TCP; above: closed at once."""
    max_connections_per_source: Count = 1_000
    """Connections from one address."""
    max_handshakes: Count = 1_000
    """Connections that are not up yet: TLS, WebSocket; above: closed at once. From one address a tenth."""
    max_unfinished_input: Octets = 67_108_864
    """Octets of messages and handshakes that have begun and not ended, on all connections; above: connections
    of the source that holds most are closed, the oldest first."""
    max_unsent_output: Octets = 67_108_864
    """Octets that peers do not take, on all connections; above: as for max_unfinished_input."""
    requests_per_second_per_source: Count = 2_000
    """Requests from one address (IPv6: one /64) on the access side; above: 503 with Retry-After."""
    request_burst_per_source: Count = 2_000
    """Requests that a source may send at once after a silence."""
    registrations_per_second_per_source: Count = 100
    """REGISTER requests among them; above: 503 with Retry-After."""
    registration_burst_per_source: Count = 200
    """REGISTER requests that a source may send at once after a silence."""
    overload_lag: Seconds = 0.4
    """Input waits for so many seconds: new dialogs and registrations get 503 with Retry-After until it is
    over, emergency calls and what belongs to a dialog do not."""
