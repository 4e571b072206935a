"""What the proxy core asks of its shell. Plain slots: some of each are made for every message."""

from collections.abc import Callable
from dataclasses import dataclass, field

from iq.procedures import Action, ActionReply
from pcscf.proxy.branch import Branch
from pcscf.sip.message import Request, Response
from pcscf.transaction.layer import ClientTransaction, ServerTransaction


@dataclass(slots=True)
class Respond:
    """Send ``response`` on the server transaction."""

    server: ServerTransaction
    response: Response


@dataclass(slots=True)
class Forward:
    """Resolve the branch's next hop, put Via (and Record-Route) on its request and send it.

    In a client transaction; an ACK, which has none, directly.
    """

    branch: Branch


@dataclass(slots=True)
class CancelBranch:
    """CANCEL a client transaction (RFC 3261 9.1); headers: further ones of the CANCEL."""

    client: ClientTransaction
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class AskGateway:
    """Send ``action`` to the gateway of that name; call ``resume`` with the reply, exactly once.

    resume None: nobody waits (a release).
    """

    gateway: str
    action: Action
    resume: Callable[[ActionReply], None] | None = None


@dataclass(slots=True)
class Report:
    """One log line."""

    event: str
    fields: dict[str, object] = field(default_factory=dict)


Effect = Respond | Forward | CancelBranch | AskGateway | Report

__all__ = ["AskGateway", "CancelBranch", "Effect", "Forward", "Report", "Request", "Respond", "Response"]
