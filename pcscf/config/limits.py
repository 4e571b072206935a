"""``limits``: the named bounds on what peers can make the process do or keep. A new limit is a new field."""

from typing import Annotated

from pydantic import Field

from hosting.config import Section

Count = Annotated[int, Field(ge=1, le=10_000_000)]


class Limits(Section):
    max_bindings: Count = 100_000
    """Registered contacts; above: 503."""
    max_calls: Count = 20_000
    """Dialogs of INVITE at a time; above: 503."""
    max_transactions: Count = 250_000
    """Server and client transactions together; above: 503."""
    max_connections: Count = 20_000
    """Accepted TCP connections; above: closed at once."""
    max_connections_per_source: Count = 1_000
    """Accepted TCP connections from one address."""
    requests_per_second_per_source: Count = 2_000
    """Requests from one address on the access side; above: 503 with Retry-After."""
