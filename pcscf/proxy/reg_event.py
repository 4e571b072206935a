"""The P-CSCF subscribes to the registrations of its UEs (TS 24.229 5.2.3; RFC 3680, RFC 6665)."""

from collections.abc import Iterable
from math import ceil

from pcscf.errors import SipRefusal
from pcscf.flow import Listener, Side
from pcscf.proxy.charging import Charging
from pcscf.proxy.deregistration import Deregistration
from pcscf.proxy.notifications import Notified, check_notify
from pcscf.proxy.routing import next_hop
from pcscf.proxy.subscription import Action, Input, State, Subscription
from pcscf.proxy.turn import Turn
from pcscf.registration.bindings import Binding
from pcscf.registration.contacts import seconds
from pcscf.registration.reginfo import MEDIA_TYPE
from pcscf.sip.build import request_in_dialog
from pcscf.sip.headers import NameAddr, tag_of
from pcscf.sip.message import Message, Request, Response
from pcscf.sip.uri import SipUri
from pcscf.transaction.layer import ServerTransaction
from pcscf.transaction.timers import TimerQueues

#: Seconds that a subscription is to outlast the registration (24.229 5.2.3).
MARGIN = 600
#: A subscription is refreshed so long before its end; one of less than twice that, at half of it (5.2.3).
REFRESH_BEFORE = 600
MIN_REFRESH, STEP = 5.0, 300
#: Seconds until the next attempt: where the notifier asks for a new subscription, and where nobody answered.
#: Doubled with each failure in a row.
SOON, LATER, MAX_RETRY = 1.0, 60.0, 3600.0
#: Seconds that the last NOTIFY has to come behind our SUBSCRIBE that ends it (RFC 6665 4.1.2.4: timer N).
LINGER = 32.0
#: Responses to SUBSCRIBE after which another attempt may do better; the rest says: no such event here.
_TRANSIENT = frozenset({408, 480, 491, 500, 503, 504})
#: States whose dialog is over, or never was.
_WITHOUT_DIALOG = frozenset({State.WAITING, State.REFUSED})
_PREFIX = "re-"


def refresh_after(expires: int) -> float:
    """Return the seconds until a subscription of ``expires`` seconds is refreshed.

    In whole steps where it is long: timers of few different lengths cost least (``TimerQueues``).
    """
    if expires > 2 * REFRESH_BEFORE:
        return float((expires - REFRESH_BEFORE) // STEP * STEP)
    return max(expires / 2, MIN_REFRESH)


class RegEvents:
    """The subscriptions, one for each private identity with a contact here.

    core: the listener that Path names, where notifications come. enabled: False never subscribes.
    next_hop: URI of the I-CSCF, for UEs that have no Service-Route.
    """

    def __init__(
        self,
        core: Listener,
        charging: Charging,
        turn: Turn,
        timers: TimerQueues,
        deregistration: Deregistration,
        next_hop: str | None,
        *,
        enabled: bool,
    ) -> None:
        self._hostport = core.hostport
        transport = "" if core.transport == "udp" else f";transport={core.transport}"
        self._contact = f"<sip:{{}}@{core.hostport}{transport}>"
        self._charging = charging
        self._turn = turn
        self._timers = timers
        self._deregistration = deregistration
        self._next_hop = next_hop
        self._enabled = enabled
        self._by_user: dict[str, Subscription] = {}
        self._by_token: dict[str, Subscription] = {}
        self._watched: dict[Binding, Subscription] = {}

    # Contacts come and go

    def registered(self, bindings: Iterable[Binding]) -> None:
        """A 200 to REGISTER installed or refreshed these contacts."""
        if not self._enabled:
            return
        for binding in bindings:
            if binding.emergency:
                continue
            subscription = self._by_user.get(binding.impi)
            if subscription is None:
                subscription = self._by_user[binding.impi] = Subscription(binding.impi)
            if self._watched.get(binding) is subscription:
                continue
            self.gone([binding])  # it may have registered under another private identity before
            self._watched[binding] = subscription
            subscription.bindings[binding] = None
            self._step(subscription, Input.START)

    def gone(self, bindings: Iterable[Binding]) -> None:
        """These contacts are registered here no more."""
        for binding in bindings:
            subscription = self._watched.pop(binding, None)
            if subscription is not None:
                del subscription.bindings[binding]
                self._leave_if_idle(subscription)

    def _leave_if_idle(self, subscription: Subscription) -> None:
        if not subscription.bindings and self._by_user.get(subscription.impi) is subscription:
            del self._by_user[subscription.impi]
            self._step(subscription, Input.LEAVE)

    # Events

    def due(self, subscription: Subscription) -> None:
        """The timer of a subscription is due."""
        subscription.timer = None
        if subscription.state is State.ACTIVE:
            subscription.failures = 0
        self._step(subscription, Input.DUE)

    def is_ours(self, uri: str) -> bool:
        """Tell whether a Request-URI is the Contact of a subscription, living or ended."""
        user, _, host = uri.partition("@")
        return user.startswith(f"sip:{_PREFIX}") and host.partition(";")[0] == self._hostport

    def notify(self, server: ServerTransaction, request: Request) -> None:
        """Take a NOTIFY to a Contact of ours: 200 at once, then what it says. Raises SipRefusal."""
        subscription = self._by_token.get(SipUri.parse(request.uri).user or "")
        if subscription is None or subscription.state in _WITHOUT_DIALOG:
            raise SipRefusal("no such subscription", status=481)
        notified = check_notify(subscription, request)
        if not subscription.remote_tag:
            self._learn(subscription, request, "from", request.values("record-route"))
        self._turn.answer(server, 200)
        self._count("notified")
        self._read(subscription, notified)
        if notified.ended:
            self._count("ended")
            subscription.retry_after = notified.retry_after
            self._step(subscription, Input.REJECTED if notified.for_good else Input.ENDED)
        elif notified.expires is not None and subscription.state is State.ACTIVE:
            subscription.expires = notified.expires
            self._do(subscription, Action.ARM)
        self._leave_if_idle(subscription)

    def _read(self, subscription: Subscription, notified: Notified) -> None:
        info = notified.info
        if info is None:
            return
        last = subscription.version
        if last >= 0 and info.version <= last:
            self._count("stale")  # RFC 3680 5.2: it is discarded
            return
        subscription.version = info.version
        for gone in self._deregistration.take(info, subscription.bindings):
            del subscription.bindings[gone], self._watched[gone]
        if not info.full and info.version != last + 1:
            self._step(subscription, Input.STALE)

    def _outcome(self, subscription: Subscription, call_id: str, response: Response | None) -> None:
        """A SUBSCRIBE has its final response; None: it reached nobody."""
        if subscription.call_id != call_id:
            return
        event = self._judge(subscription, response)
        if event is Input.ACCEPTED:
            first = subscription.state is not State.REFRESHING
            self._count("subscribed" if first else "refreshed")
        else:
            self._count("refused" if event is Input.REFUSED else "failed")
        self._step(subscription, event)

    def _judge(self, subscription: Subscription, response: Response | None) -> Input:
        subscription.retry_after = None
        if response is None:
            return Input.FAILED
        if response.status >= 300:
            subscription.retry_after = seconds(response.get("retry-after"))
            return Input.FAILED if response.status in _TRANSIENT else Input.REFUSED
        if subscription.state in {State.LEAVING, State.OVER}:
            return Input.ACCEPTED
        if not subscription.target:
            self._learn(subscription, response, "to", response.values("record-route")[::-1])
        granted = seconds(response.get("expires"))
        subscription.expires = subscription.expires if granted is None else granted
        return Input.ACCEPTED if subscription.target and subscription.expires else Input.FAILED

    def _learn(self, subscription: Subscription, message: Message, end: str, route: list[str]) -> None:
        """Take the remote end of the dialog from its first message, and what cannot be read for nothing."""
        subscription.remote_tag = tag_of(message.get(end)) or ""
        try:
            contacts = [NameAddr.parse(value).uri for value in message.values("contact")[:1]]
        except SipRefusal:
            contacts = []
        subscription.target = contacts[0] if contacts else ""
        subscription.route = route

    # Actions

    def _step(self, subscription: Subscription, event: Input) -> None:
        for action in subscription.step(event):
            self._do(subscription, action)

    def _do(self, subscription: Subscription, action: Action) -> None:
        match action:
            case Action.SUBSCRIBE:
                self._subscribe(subscription)
            case Action.REFRESH:
                self._send(subscription, self._wanted(subscription))
            case Action.UNSUBSCRIBE:
                self._start(subscription, LINGER)
                self._send(subscription, 0)
            case Action.ARM:
                self._start(subscription, refresh_after(subscription.expires))
            case Action.RETRY:
                self._start(subscription, self._pause(subscription, LATER))
            case Action.RENEW:
                self._start(subscription, self._pause(subscription, SOON))
            case Action.DISARM:
                self._timers.stop(subscription.timer)
                subscription.timer = None
            case Action.FORGET:
                self._by_token.pop(subscription.token, None)

    def _start(self, subscription: Subscription, delay: float) -> None:
        self._timers.stop(subscription.timer)
        subscription.timer = self._timers.start(delay, subscription, self._turn.now)

    def _pause(self, subscription: Subscription, first: float) -> float:
        pause: float = min(first * 2 ** min(subscription.failures, 12), MAX_RETRY)
        subscription.failures += 1
        return max(pause, min(subscription.retry_after or 0, MAX_RETRY))

    def _wanted(self, subscription: Subscription) -> int:
        latest = max((binding.expires_at for binding in subscription.bindings), default=self._turn.now)
        return ceil(latest - self._turn.now) + MARGIN

    def _subscribe(self, subscription: Subscription) -> None:
        """Begin a dialog towards the S-CSCF, in the name of this node as it stands in Path (24.229 5.2.3)."""
        turn, binding = self._turn, next(reversed(subscription.bindings))
        self._by_token.pop(subscription.token, None)
        subscription.begin(f"{_PREFIX}{turn.token()}", turn.token(), turn.token())
        self._by_token[subscription.token] = subscription
        subscription.identity, subscription.asserted = binding.default_identity, binding.path
        subscription.target, subscription.route = subscription.identity, binding.service_route
        charging = ("P-Charging-Vector", self._charging.new(turn.random))
        self._send(subscription, self._wanted(subscription), charging)
        subscription.target, subscription.route = "", []

    def _send(self, subscription: Subscription, expires: int, *headers: tuple[str, str]) -> None:
        remote = f"<{subscription.identity}>"
        if subscription.remote_tag:
            remote += f";tag={subscription.remote_tag}"
        subscription.cseq += 1
        subscription.expires = expires
        call_id = subscription.call_id
        try:
            request = request_in_dialog(
                "SUBSCRIBE",
                target=subscription.target,
                local=f"<sip:{self._hostport}>;tag={subscription.tag}",
                remote=remote,
                call_id=call_id,
                cseq=subscription.cseq,
                route=subscription.route,
                headers=[
                    ("Contact", self._contact.format(subscription.token)),
                    ("Event", "reg"),
                    ("Accept", MEDIA_TYPE),
                    ("Expires", str(expires)),
                    ("P-Asserted-Identity", subscription.asserted),
                    *headers,
                ],
            )
            uri = next_hop(request)
        except SipRefusal:  # a Route that nobody can follow
            self._outcome(subscription, call_id, None)
            return
        if "route" not in request and self._next_hop and not subscription.remote_tag:
            uri = self._next_hop
        self._turn.send_own(
            request,
            Side.CORE,
            uri=uri,
            outcome=lambda response: self._outcome(subscription, call_id, response),
        )

    def _count(self, event: str) -> None:
        self._turn.counters.reg_event[event] += 1
