"""The live transactions and what each action of the tables does to them, their timers and the effects."""

from collections.abc import Callable

from pcscf.sip.build import ack_for, cancel_for, response_to
from pcscf.sip.message import Message, Request, Response
from pcscf.transaction.effects import Acknowledged, Effect, Failed, NewRequest, NewResponse, Send
from pcscf.transaction.machine import SPENT, ClientTransaction, Key, ServerTransaction, Transaction
from pcscf.transaction.tables import (
    CLIENT_START,
    CLIENT_STARTS,
    SERVER_START,
    SERVER_STARTS,
    Action,
    Input,
    State,
)
from pcscf.transaction.timers import TimerQueues

#: RFC 3261 17.2.1: the user has so long to respond before 100 is sent for it. All times in seconds.
TRYING_AFTER = 0.2
T2 = 4.0
T4 = 5.0
#: Timer D is at least 32 s on UDP whatever T1 is (17.1.1.2).
MIN_TIMER_D = 32.0

Perform = Callable[[Transaction], None]
#: Whether it is the RESEND timer; what it feeds; its length on UDP; its length on reliable transports
#: (None: not started; 0: it fires at once).
Start = tuple[bool, Input, float, float | None]


class Interpreter:
    """Owns every transaction from its start until its END or FAIL action.

    now, effects, message: of the call in progress; ``begin`` sets the first two, ``feed`` the message.
    """

    def __init__(self, t1: float) -> None:
        self.now = 0.0
        self.effects: list[Effect] = []
        self.message: Message = SPENT
        self.timers = TimerQueues()
        self.servers: dict[Key, ServerTransaction] = {}
        self.clients: dict[Key, ClientTransaction] = {}
        #: Clients on connections, which can be closed under them. A UDP flow never is.
        self.by_flow: dict[Key, dict[ClientTransaction, None]] = {}
        self.spent: list[Transaction] = []
        self._starts = _starts(t1)
        self._perform: dict[Action, Perform] = {
            Action.SEND: self._send,
            Action.RESEND: self._resend,
            Action.ACK: self._ack,
            Action.PASS_REQUEST: self._pass_request,
            Action.PASS_ACK: self._pass_ack,
            Action.PASS_RESPONSE: self._pass_response,
            Action.DOUBLE_A: self._double_a,
            Action.DOUBLE_E: self._double_e,
            Action.DOUBLE_G: self._double_g,
            Action.E_AT_T2: self._e_at_t2,
            Action.STOP_RESEND: self._stop_resend,
            Action.STOP_END: self._stop_end,
            Action.SEND_TRYING: self._send_trying,
            Action.SEND_CANCEL: self._send_cancel,
            Action.CANCEL_IF_HELD: self._cancel_if_held,
            Action.HOLD_CANCEL: self._hold_cancel,
            Action.SPEND: self._spend,
            Action.END: self._end,
            Action.FAIL_TIMEOUT: self._fail_timeout,
            Action.FAIL_TRANSPORT: self._fail_transport,
        }

    def begin(self, now: float) -> list[Effect]:
        """Begin a call at time ``now``; return the list that its effects will be in."""
        self.now = now
        self.effects = []
        return self.effects

    def start_server(self, t: ServerTransaction) -> None:
        self.servers[t.key] = t
        self._run(t, SERVER_STARTS.get(t.request.method, SERVER_START))

    def start_client(self, t: ClientTransaction) -> None:
        self.clients[t.key] = t
        if t.reliable:
            self.by_flow.setdefault(t.flow.key, {})[t] = None
        self.message = t.request
        self._run(t, CLIENT_STARTS.get(t.request.method, CLIENT_START))

    def feed(self, t: Transaction, event: Input, message: Message = SPENT) -> None:
        """Feed one input to ``t``, with the message that it is about."""
        if actions := t.handle(event):
            self.message = message
            self._run(t, actions)

    def tick(self) -> None:
        """Fire the timers that are due, and let spent transactions go of what they need no more."""
        for t in self.spent:
            _shed(t)
        self.spent.clear()
        for t, name in self.timers.due(self.now):
            told = len(self.effects)
            self.feed(t, name)
            if t.state is State.TERMINATED and len(self.effects) == told:
                t.context = None  # it refers back: without this the two wait for the garbage collector

    def _run(self, t: Transaction, actions: tuple[Action, ...]) -> None:
        for action in actions:
            start = self._starts.get(action)
            if start is None:
                self._perform[action](t)
                continue
            is_resend, name, length, reliable = start
            if t.reliable:
                if reliable is None:
                    continue
                if not reliable:  # always the last action of its row
                    self.feed(t, name)
                    return
            if is_resend:
                self._again(t, name, length)
            else:
                self.timers.stop(t.end)
                t.end = self.timers.start(length, t, self.now, name)

    # Messages

    def _send(self, t: Transaction) -> None:
        t.data = self.message.encode()
        self.effects.append(Send(t.flow, t.data))

    def _resend(self, t: Transaction) -> None:
        if t.data:
            self.effects.append(Send(t.flow, t.data))

    def _ack(self, t: Transaction) -> None:
        if isinstance(self.message, Response):
            t.data = ack_for(t.request, self.message).encode()
            self.effects.append(Send(t.flow, t.data))

    def _send_trying(self, t: Transaction) -> None:
        t.data = response_to(t.request, 100).encode()
        self.effects.append(Send(t.flow, t.data))

    def _pass_request(self, t: Transaction) -> None:
        if isinstance(t, ServerTransaction):
            self.effects.append(NewRequest(t))

    def _pass_ack(self, t: Transaction) -> None:
        if isinstance(self.message, Request):
            self.effects.append(Acknowledged(self.message, t.flow))

    def _pass_response(self, t: Transaction) -> None:
        if isinstance(t, ClientTransaction) and isinstance(self.message, Response) and t.method != "CANCEL":
            self.effects.append(NewResponse(t, self.message))

    def _hold_cancel(self, t: Transaction) -> None:
        """Nothing yet: ``t.cancel`` is set, and the first provisional response lets it go."""

    def _cancel_if_held(self, t: Transaction) -> None:
        if isinstance(t, ClientTransaction) and t.cancel is not None:
            self.feed(t, Input.CANCEL)

    def _send_cancel(self, t: Transaction) -> None:
        """CANCEL is a transaction of its own, whose responses concern nobody (9.1)."""
        if isinstance(t, ClientTransaction):
            cancel = cancel_for(t.request, t.cancel or ())
            self.start_client(ClientTransaction((t.key[0], "CANCEL"), cancel, t.flow, None))

    # Timers

    def _again(self, t: Transaction, name: Input, interval: float) -> None:
        self.timers.stop(t.resend)
        t.interval = interval
        t.resend = self.timers.start(interval, t, self.now, name)

    def _double_a(self, t: Transaction) -> None:
        self._again(t, Input.TIMER_A, 2 * t.interval)

    def _double_e(self, t: Transaction) -> None:
        self._again(t, Input.TIMER_E, min(2 * t.interval, T2))

    def _double_g(self, t: Transaction) -> None:
        self._again(t, Input.TIMER_G, min(2 * t.interval, T2))

    def _e_at_t2(self, t: Transaction) -> None:
        self._again(t, Input.TIMER_E, T2)

    def _stop_resend(self, t: Transaction) -> None:
        self.timers.stop(t.resend)
        t.resend = None

    def _stop_end(self, t: Transaction) -> None:
        self.timers.stop(t.end)
        t.end = None

    # Ends

    def _spend(self, t: Transaction) -> None:
        self.spent.append(t)

    def _end(self, t: Transaction) -> None:
        self.timers.stop(t.resend)
        self.timers.stop(t.end)
        t.resend = t.end = None
        if isinstance(t, ServerTransaction):
            if self.servers.get(t.key) is t:
                del self.servers[t.key]
        elif isinstance(t, ClientTransaction):
            if self.clients.get(t.key) is t:  # the user may have used a branch twice
                del self.clients[t.key]
            if t.reliable and (clients := self.by_flow.get(t.flow.key)) is not None:
                clients.pop(t, None)
                if not clients:
                    del self.by_flow[t.flow.key]

    def _fail_timeout(self, t: Transaction) -> None:
        self._fail(t, "timeout")

    def _fail_transport(self, t: Transaction) -> None:
        self._fail(t, "transport")

    def _fail(self, t: Transaction, reason: str) -> None:
        self._end(t)
        if isinstance(t, ClientTransaction) and t.method != "CANCEL":
            self.effects.append(Failed(t, reason))


def _starts(t1: float) -> dict[Action, Start]:
    long = 64 * t1
    return {
        Action.START_A: (True, Input.TIMER_A, t1, None),
        Action.START_B: (False, Input.TIMER_B, long, long),
        Action.START_D: (False, Input.TIMER_D, max(MIN_TIMER_D, long), 0.0),
        Action.START_E: (True, Input.TIMER_E, min(t1, T2), None),
        Action.START_F: (False, Input.TIMER_F, long, long),
        Action.START_G: (True, Input.TIMER_G, min(t1, T2), None),
        Action.START_H: (False, Input.TIMER_H, long, long),
        Action.START_I: (False, Input.TIMER_I, T4, 0.0),
        Action.START_J: (False, Input.TIMER_J, long, 0.0),
        Action.START_K: (False, Input.TIMER_K, T4, 0.0),
        Action.START_L: (False, Input.TIMER_L, long, long),
        Action.START_M: (False, Input.TIMER_M, long, long),
        Action.START_TRYING: (True, Input.TIMER_TRYING, TRYING_AFTER, TRYING_AFTER),
        Action.START_CANCELLED: (False, Input.TIMER_CANCELLED, long, long),
        Action.START_UNANSWERED: (False, Input.TIMER_UNANSWERED, long + T2, long + T2),
    }


def _shed(t: Transaction) -> None:
    """Keep what may be sent again: a final response, or the ACK of one."""
    t.request = SPENT
    if t.state is State.ACCEPTED:
        t.data = b""  # 2xx are the user's to repeat; more of them may come, for the same context
    else:
        t.context = None
        if isinstance(t, ClientTransaction) and t.method != "INVITE":
            t.data = b""
