"""One machine for all four tables, and the two kinds of transactions that carry it."""

from typing import Any

from pcscf.flow import Flow
from pcscf.sip.message import Request
from pcscf.transaction import tables
from pcscf.transaction.tables import Action, Input, State, Table
from pcscf.transaction.timers import Timer

Key = tuple[Any, ...]

#: Stands where a transaction has let go of its request.
SPENT = Request("", "", [])


class Machine:
    """``state`` of one transaction, moved by ``table``."""

    __slots__ = ("state", "table")

    def __init__(self, table: Table, state: State) -> None:
        self.table = table
        self.state = state

    def handle(self, event: Input) -> tuple[Action, ...]:
        """Go to the next state; return what to do. A pair that is not in the table changes nothing."""
        step = self.table.get((self.state, event))
        if step is None:
            return ()
        self.state, actions = step
        return actions


class Transaction(Machine):
    """A machine with what its actions work on.

    request: with its final response it becomes SPENT (at the tick after that, so that the user still sees it
    when the response is handed over), and so does ``context`` (None) except while 2xx may follow.
    data: the bytes that may have to be sent again. interval: of the RESEND timer, in seconds.
    """

    __slots__ = ("context", "data", "end", "flow", "interval", "key", "reliable", "request", "resend")

    def __init__(self, table: Table, state: State, key: Key, request: Request, flow: Flow) -> None:
        self.table = table
        self.state = state
        self.key = key
        self.request = request
        self.flow = flow
        self.reliable = flow.listener.reliable
        self.context: Any = None
        self.data = b""
        self.interval = 0.0
        self.resend: Timer | None = None
        self.end: Timer | None = None

    @property
    def method(self) -> str:
        """The method of the request, also when the request is gone."""
        method: str = self.key[-1]
        return method

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.method} {self.state}>"


class ServerTransaction(Transaction):
    """A request that came in: ``request`` (received and rport stamped), ``flow``, the user's ``context``.

    reasons: values of Reason in its CANCEL (RFC 3326).
    """

    __slots__ = ("reasons",)

    def __init__(self, key: Key, request: Request, flow: Flow) -> None:
        self.reasons: tuple[str, ...] = ()
        if request.method == "INVITE":
            super().__init__(tables.INVITE_SERVER, State.PROCEEDING, key, request, flow)
        else:
            super().__init__(tables.SERVER, State.TRYING, key, request, flow)


class ClientTransaction(Transaction):
    """A request that was sent: ``request``, ``flow``, the user's ``context``.

    cancel: None, or the header lines of the CANCEL that was asked for.
    """

    __slots__ = ("cancel",)

    def __init__(self, key: Key, request: Request, flow: Flow, context: Any) -> None:
        if request.method == "INVITE":
            super().__init__(tables.INVITE_CLIENT, State.CALLING, key, request, flow)
        else:
            super().__init__(tables.CLIENT, State.TRYING, key, request, flow)
        self.context = context
        self.cancel: tuple[tuple[str, str], ...] | None = None
