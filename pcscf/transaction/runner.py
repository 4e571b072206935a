"""The one place where transactions meet the event loop."""

import asyncio
from typing import Any, Protocol

from pcscf.flow import Flow
from pcscf.sip.message import Request, Response
from pcscf.transaction.effects import Acknowledged, Cancelled, Effect, Failed, NewRequest, NewResponse, Send
from pcscf.transaction.layer import TransactionLayer
from pcscf.transaction.machine import ClientTransaction, ServerTransaction

#: Seconds between two sweeps of the timers: T1 is five times as long, and a sweep wakes a process up.
TICK = 0.1


class User(Protocol):
    """The transaction user: a proxy core, a UA. Called from the loop; calls back into the runner freely."""

    def on_request(self, server: ServerTransaction) -> None: ...

    def on_cancel(self, server: ServerTransaction) -> None: ...

    def on_ack(self, request: Request, flow: Flow) -> None: ...

    def on_response(self, client: ClientTransaction, response: Response) -> None: ...

    def on_failed(self, client: ClientTransaction, reason: str) -> None: ...


class Runner:
    """Gives ``layer`` its clock and executes its effects. ``user`` may be set after construction."""

    def __init__(
        self,
        layer: TransactionLayer,
        user: User | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        tick: float = TICK,
    ) -> None:
        self.layer = layer
        self._user = user
        self._loop = loop or asyncio.get_running_loop()
        self._tick_length = tick
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def user(self) -> User:
        if self._user is None:
            raise RuntimeError("a runner without its user")
        return self._user

    @user.setter
    def user(self, user: User) -> None:
        self._user = user

    def receive(self, message: Request | Response, flow: Flow) -> None:
        self._apply(self.layer.receive(message, flow, self._loop.time()))

    def respond(self, server: ServerTransaction, response: Response) -> None:
        self._apply(self.layer.respond(server, response, self._loop.time()))

    def request(self, request: Request, flow: Flow, context: Any = None) -> ClientTransaction:
        """Send ``request``. What goes wrong at once is told later: on_failed never runs inside this call."""
        client, effects = self.layer.request(request, flow, self._loop.time(), context)
        if client.resend is None and client.end is None:
            self._loop.call_soon(self._apply, effects)
        else:
            self._apply(effects)
        return client

    def cancel(self, client: ClientTransaction, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self._apply(self.layer.cancel(client, self._loop.time(), headers))

    def flow_closed(self, flow: Flow) -> None:
        self._apply(self.layer.flow_closed(flow, self._loop.time()))

    def close(self) -> None:
        """Stop the clock. Nothing is sent or told after this."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _apply(self, effects: list[Effect]) -> None:
        if self._closed:
            return
        if self._timer is None and not self.layer.idle:
            self._timer = self._loop.call_later(self._tick_length, self._tick)
        for effect in effects:
            if isinstance(effect, Send):
                effect.flow.send(effect.data)
            else:
                self._tell(effect)

    def _tell(self, effect: NewRequest | Cancelled | Acknowledged | NewResponse | Failed) -> None:
        match effect:
            case NewResponse(client, response):
                self.user.on_response(client, response)
            case NewRequest(server):
                self.user.on_request(server)
            case Acknowledged(request, flow):
                self.user.on_ack(request, flow)
            case Cancelled(server):
                self.user.on_cancel(server)
            case Failed(client, reason):
                self.user.on_failed(client, reason)

    def _tick(self) -> None:
        self._timer = None
        self._apply(self.layer.tick(self._loop.time()))
