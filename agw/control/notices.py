"""What the relay of TCP reports, as what the controller is told."""

from agw.control.contexts import Contexts
from agw.tcp.api import Report
from iq.procedures import BearerChange, SecurityChange


def bearer_change(contexts: Contexts, report: Report) -> tuple[int, BearerChange | SecurityChange] | None:
    """The notification with its context; None: the port was closed meanwhile."""
    holder = contexts.holders.get(report.port)
    if holder is None:
        return None
    stream = next(end.id for end in holder.ends.values() if end.port == report.port)
    if report.security is not None:
        return holder.context.id, SecurityChange(holder.name, stream, report.change, report.security)
    return holder.context.id, BearerChange(holder.name, stream, report.change, report.cause)
