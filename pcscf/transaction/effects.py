"""What the transaction layer asks of its shell. Plain slots: several are made for every message."""

from dataclasses import dataclass

from pcscf.flow import Flow
from pcscf.sip.message import Request, Response
from pcscf.transaction.machine import ClientTransaction, ServerTransaction


@dataclass(slots=True)
class Send:
    """Send ``data`` on ``flow``."""

    flow: Flow
    data: bytes


@dataclass(slots=True)
class NewRequest:
    """A valid request that is no retransmission, ACK or CANCEL: the user responds to ``server``."""

    server: ServerTransaction


@dataclass(slots=True)
class Cancelled:
    """A CANCEL came for an INVITE without a final response. The CANCEL has been answered with 200."""

    server: ServerTransaction


@dataclass(slots=True)
class Acknowledged:
    """The ACK of a 2xx, or of nothing that is known: a proxy forwards it by its Route."""

    request: Request
    flow: Flow


@dataclass(slots=True)
class NewResponse:
    """A provisional response, the final one, or (INVITE) a 2xx of a fork or a repeated 2xx."""

    client: ClientTransaction
    response: Response


@dataclass(slots=True)
class Failed:
    """No final response will come; ``reason`` is "timeout" or "transport"."""

    client: ClientTransaction
    reason: str


Effect = Send | NewRequest | Cancelled | Acknowledged | NewResponse | Failed
