"""One request on its way through the proxy (a branch of RFC 3261 16.6), and one call."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pcscf.alg.session import MediaSession, Plan
from pcscf.errors import SipRefusal
from pcscf.flow import Flow, Listener, Side
from pcscf.proxy.terminating import SavedHeaders
from pcscf.registration.bindings import Binding
from pcscf.registration.registrar import PendingRegistration
from pcscf.sip.message import Request, Response
from pcscf.transaction.layer import ClientTransaction, ServerTransaction
from pcscf.transaction.timers import Timer


@dataclass(slots=True)
class SessionAsked:
    """The session interval that a request asks for, in seconds, 0 for none (RFC 4028).

    timed: whether its sender supports session timers.
    """

    interval: int
    timed: bool


@dataclass(slots=True)
class Offered:
    """An offer that came in the response to an INVITE without one, as received and as sent on.

    number: CSeq of that INVITE. answer: in the ACK, as received and as sent on.
    """

    number: int
    received: bytes
    sent: bytes
    plan: Plan
    answer: tuple[bytes, bytes] | None = None


#: Our listener that sends, and the numeric host and port of the next hop.
Way = tuple[Listener, str, int]


class Branch:
    """A request being forwarded from ``server`` to side ``to``.

    server None: the proxy's own request (a release) or an ACK, which has no transaction.
    request: the edited copy, complete but for what depends on the next hop. flow: the UE's, where it goes
    to the access side; else ``uri`` is resolved. token: user part of Record-Route, "" for none.
    served: the binding of the UE that sent it, where the request begins something.
    plan: of the offer that this request carries, for a rollback when it fails. offered: what came instead in
    its responses, by dialog (offerless INVITE). session: where it refreshes a session.
    loop: hash of what decides its routing.
    heard: a response came, at least 100. undelivered: of an emergency, the answer where it reaches nobody.
    outcome: of a request of our own: is given its final response, None where none comes.
    ways: the other ways to try when this one fails. bare_fields: the header fields without those of the next
    hop, while there are such ways.
    initial: its INVITE began its call. cancelled: the caller gave up. answered: ``server`` has been given its
    final response.
    """

    __slots__ = (
        "answered",
        "arrived_on",
        "bare_fields",
        "call",
        "cancelled",
        "client",
        "flow",
        "heard",
        "initial",
        "loop",
        "offered",
        "outcome",
        "plan",
        "registration",
        "request",
        "saved",
        "served",
        "server",
        "session",
        "timer_c",
        "to",
        "token",
        "undelivered",
        "uri",
        "ways",
    )

    def __init__(
        self,
        server: ServerTransaction | None,
        request: Request,
        to: Side,
        *,
        uri: str = "",
        flow: Flow | None = None,
        arrived_on: Listener | None = None,
        call: "Call | None" = None,
        outcome: Callable[[Response | None], None] | None = None,
    ) -> None:
        self.server = server
        self.request = request
        self.to = to
        self.uri = uri
        self.flow = flow
        self.arrived_on = arrived_on
        self.token = ""
        self.call = call
        self.registration: PendingRegistration | None = None
        self.saved: SavedHeaders | None = None
        self.served: Binding | None = None
        self.plan: Plan | None = None
        self.offered: dict[str, Offered] = {}
        self.session: SessionAsked | None = None
        self.loop = ""
        self.heard = False
        self.undelivered: SipRefusal | None = None
        self.outcome = outcome
        self.ways: list[Way] = []
        self.bare_fields: list[tuple[str, str]] | None = None
        self.client: ClientTransaction | None = None
        self.timer_c: Timer | None = None
        self.initial = False
        self.cancelled = False
        self.answered = False

    @property
    def method(self) -> str:
        return self.request.method


@dataclass(slots=True)
class Dialog:
    """A confirmed dialog of a call (RFC 3261 12).

    answer: ``dialogs.outline`` of the 2xx that made it. body: as it went on, for repetitions of the 2xx.
    contacts: remote target of each side as refreshed since.
    cseq: highest number sent towards each side. session: runs while its interval was agreed (RFC 4028).
    """

    answer: Response
    body: bytes = b""
    contacts: dict[Side, str] = field(default_factory=dict)
    cseq: dict[Side, int] = field(default_factory=dict)
    session: Timer | None = None


@dataclass(slots=True, eq=False)
class Call:
    """One INVITE session through this proxy; a local call is two of them, told apart by ``token``.

    caller: the side that the INVITE came from. invite: ``dialogs.outline`` of it.
    emergency: it went to the E-CSCF.
    branch: of that INVITE, until its final response goes back: then the transactions alone keep it, as
    long as a further 2xx may come. dialogs: confirmed ones, by To tag of the callee; over: those that have
    ended. forks: every To tag of the INVITE's responses so far. offered: the last offer in a response, by
    dialog: its answer is in PRACK or ACK.
    waiting: the gateway was asked, and ``queue`` holds in order what came since. answered: when, 0.0 if not.
    """

    token: str
    call_id: str
    caller: Side
    invite: Request
    binding: Binding
    media: MediaSession
    started: float
    branch: Branch | None
    gateway: str = ""
    emergency: bool = False
    dialogs: dict[str, Dialog] = field(default_factory=dict)
    over: dict[str, Dialog] = field(default_factory=dict)
    forks: list[str] = field(default_factory=list)
    offered: dict[str, Offered] = field(default_factory=dict)
    waiting: bool = False
    queue: deque[Callable[[], None]] = field(default_factory=deque)
    queued: set[Any] = field(default_factory=set)
    ended: bool = False
    answered: float = 0.0
