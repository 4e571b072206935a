"""One request on its way through the proxy (a branch of RFC 3261 16.6), and one call."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pcscf.alg.session import MediaSession, Plan
from pcscf.flow import Flow, Listener, Side
from pcscf.proxy.terminating import SavedHeaders
from pcscf.registration.bindings import Binding
from pcscf.registration.registrar import PendingRegistration
from pcscf.sip.message import Request, Response
from pcscf.transaction.layer import ClientTransaction, ServerTransaction
from pcscf.transaction.timers import Timer


@dataclass(slots=True)
class Branch:
    """A request being forwarded from ``server`` to side ``to``.

    server None: the proxy's own request (a release) or an ACK, which has no transaction.
    request: the edited copy, complete but for what depends on the next hop. flow: the UE's, where it goes
    to the access side; else ``uri`` is resolved. token: user part of Record-Route, "" for none.
    served: the binding of the UE that sent it, where the request begins something.
    plan: of the offer that this request carries, for a rollback when it fails. offered: the offer that came
    in its response (offerless INVITE), as received and as sent on. loop: hash of what decides its routing.
    bare_fields: the header fields without those of the next hop, while a large request tries TCP first.
    """

    server: ServerTransaction | None
    request: Request
    to: Side
    uri: str = ""
    flow: Flow | None = None
    arrived_on: Listener | None = None
    token: str = ""
    call: "Call | None" = None
    registration: PendingRegistration | None = None
    saved: SavedHeaders | None = None
    served: Binding | None = None
    plan: Plan | None = None
    offered: tuple[bytes, bytes] | None = None
    loop: str = ""
    bare_fields: list[tuple[str, str]] | None = None
    client: ClientTransaction | None = None
    timer_c: Timer | None = None
    cancelled: bool = False
    finished: bool = False

    @property
    def method(self) -> str:
        return self.request.method


@dataclass(slots=True)
class Dialog:
    """A confirmed dialog of a call: the 2xx that made it, as its sender wrote it (RFC 3261 12).

    contacts: remote target of each side as refreshed since. cseq: highest number sent towards each side.
    """

    answer: Response
    contacts: dict[Side, str] = field(default_factory=dict)
    cseq: dict[Side, int] = field(default_factory=dict)


@dataclass(slots=True)
class Call:
    """One INVITE session through this proxy; a local call is two of them, told apart by ``token``.

    caller: the side that the INVITE came from. invite: as received, for requests that the proxy makes itself.
    dialogs: by To tag of the callee. queue: what arrived while the gateway was asked, in order.
    """

    token: str
    call_id: str
    caller: Side
    invite: Request
    binding: Binding
    media: MediaSession
    started: float
    gateway: str = ""
    branch: Branch | None = None
    dialogs: dict[str, Dialog] = field(default_factory=dict)
    waiting: bool = False
    queue: deque[Callable[[], None]] = field(default_factory=deque)
    queued: set[Any] = field(default_factory=set)
    ended: bool = False
    answered: float = 0.0
