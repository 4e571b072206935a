"""The transaction layer: what comes from the wire and from the user, to the machines and back. Pure.

Feed it messages, calls and time; execute the effects that each call returns, in order.
"""

from collections.abc import Callable
from hashlib import blake2s
from typing import Any

from pcscf.errors import BadMessage, SipRefusal
from pcscf.flow import Flow
from pcscf.sip.build import response_to
from pcscf.sip.headers import Via, cseq_of
from pcscf.sip.message import Request, Response
from pcscf.sip.validate import validate, validate_response
from pcscf.transaction.effects import (
    Acknowledged,
    Cancelled,
    Effect,
    Failed,
    NewRequest,
    NewResponse,
    Send,
)
from pcscf.transaction.interpreter import Interpreter
from pcscf.transaction.machine import ClientTransaction, Key, ServerTransaction
from pcscf.transaction.matching import branch_of, server_key, stamp
from pcscf.transaction.tables import Input, State

__all__ = [
    "Acknowledged",
    "Cancelled",
    "ClientTransaction",
    "Effect",
    "Failed",
    "NewRequest",
    "NewResponse",
    "Send",
    "ServerTransaction",
    "TransactionLayer",
]

#: Transactions alive at once. A finished one takes about 0.6 kB for 5 to 32 s; a call has four.
MAX_TRANSACTIONS = 250_000
#: Above this share of them new requests get 503, so that what has begun can go on.
FULL = 0.9
#: Retry-After of that 503, in seconds.
RETRY_AFTER = 5


class TransactionLayer:
    """All transactions of one process.

    t1: round-trip estimate in seconds (RFC 3261 17.1.1.1). limit: most transactions alive.
    admit(request, flow, now): judges what is no retransmission; raises SipRefusal.
    counters: how often each thing happened that no effect tells.
    """

    def __init__(
        self,
        *,
        t1: float = 0.5,
        limit: int = MAX_TRANSACTIONS,
        admit: Callable[[Request, Flow, float], None] | None = None,
    ) -> None:
        self._run = Interpreter(t1)
        self._limit = limit
        self._admit = admit
        self.counters: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._run.servers) + len(self._run.clients)

    @property
    def timers_running(self) -> int:
        return len(self._run.timers)

    @property
    def idle(self) -> bool:
        """Whether ``tick`` has nothing to do until the next call of another method."""
        return not (len(self._run.timers) or self._run.spent)

    # From the wire

    def receive(self, message: Request | Response, flow: Flow, now: float) -> list[Effect]:
        """Take one message that came on ``flow``. It belongs to the layer from here on."""
        effects = self._run.begin(now)
        if isinstance(message, Request):
            self._receive_request(message, flow)
        else:
            self._receive_response(message)
        return effects

    def _receive_request(self, request: Request, flow: Flow) -> None:
        try:
            via = Via.parse(request.first("via") or "")
        except SipRefusal:
            self._count("unanswerable")
            return
        try:
            key = server_key(request, via, flow)
            server = self._run.servers.get(key)
            if server is not None and self._absorb(request, server):
                return
            in_order = request.in_order  # the stamp is ours
            stamp(request, via, flow)
            if self._admit is not None:
                self._admit(request, flow, self._run.now)
            if not in_order:
                validate(request)
            self._accept(request, key, flow)
        except SipRefusal as refusal:
            self._refuse(request, flow, refusal)

    def _absorb(self, request: Request, server: ServerTransaction) -> bool:
        """Give a retransmission, or the ACK of a 3xx to 6xx, to its transaction."""
        if request.method != "ACK":
            self._count("retransmissions")
            self._run.feed(server, Input.REQUEST, request)
        elif server.state is State.ACCEPTED:
            return False
        else:
            self._run.feed(server, Input.ACK, request)
        return True

    def _accept(self, request: Request, key: Key, flow: Flow) -> None:
        """Pass a valid request up. Raises SipRefusal 503."""
        if request.method == "ACK":
            self._run.effects.append(Acknowledged(request, flow))
            return
        if len(self) >= self._limit * FULL:
            raise SipRefusal("transaction limit", status=503, headers=(("Retry-After", str(RETRY_AFTER)),))
        server = ServerTransaction(key, request, flow)
        self._run.start_server(server)
        if request.method == "CANCEL":
            self._answer_cancel(server)

    def _answer_cancel(self, cancel: ServerTransaction) -> None:
        """Answer a CANCEL; pass it up where its INVITE waits for a final response (RFC 3261 9.2)."""
        invite = self._run.servers.get((*cancel.key[:-1], "INVITE"))
        response = response_to(cancel.request, 481 if invite is None else 200, to_tag=_tag(cancel.request))
        self._run.feed(cancel, Input.TU_3XX_6XX if invite is None else Input.TU_2XX, response)
        if invite is None:
            self._count("unmatched_cancels")
        elif invite.state is State.PROCEEDING:
            invite.reasons = tuple(cancel.request.all("reason"))
            self._run.effects.append(Cancelled(invite))

    def _receive_response(self, response: Response) -> None:
        try:
            client = self._run.clients.get((branch_of(response), cseq_of(response)[1]))
            if client is None:
                self._count("unmatched_responses")
                return
            if not response.in_order:
                validate_response(response)
        except (SipRefusal, BadMessage):
            self._count("bad_responses")
            return
        status = response.status
        event = Input.R1XX if status < 200 else Input.R2XX if status < 300 else Input.R3XX_6XX
        self._run.feed(client, event, response)

    def _refuse(self, request: Request, flow: Flow, refusal: SipRefusal) -> None:
        """Answer without a transaction: a retransmission gets the same answer again."""
        self._count(f"refused_{refusal.status}")
        if request.method != "ACK":
            response = response_to(
                request,
                refusal.status,
                refusal.phrase or None,
                to_tag=_tag(request),
                headers=refusal.headers,
            )
            self._run.effects.append(Send(flow, response.encode()))

    # From the user

    def respond(self, server: ServerTransaction, response: Response, now: float) -> list[Effect]:
        """Send a response. One that comes too late (a final response was sent) is not sent."""
        effects = self._run.begin(now)
        status = response.status
        event = Input.TU_1XX if status < 200 else Input.TU_2XX if status < 300 else Input.TU_3XX_6XX
        self._run.feed(server, event, response)
        return effects

    def request(
        self, request: Request, flow: Flow, now: float, context: Any = None
    ) -> tuple[ClientTransaction, list[Effect]]:
        """Send any request but ACK in a new transaction; its top Via is the caller's, with a new branch.

        On a closed flow or beyond the limit the effects are one Failed.
        """
        effects = self._run.begin(now)
        client = ClientTransaction((branch_of(request), request.method), request, flow, context)
        if flow.closed or len(self) >= self._limit:
            self._count("not_sent")
            client.state = State.TERMINATED
            effects.append(Failed(client, "transport"))
        else:
            self._run.start_client(client)
        return client, effects

    def cancel(
        self, client: ClientTransaction, now: float, headers: tuple[tuple[str, str], ...] = ()
    ) -> list[Effect]:
        """Cancel an INVITE: now or with the first provisional response; not after a final one (RFC 3261 9.1).

        headers: further ones of the CANCEL (Reason, RFC 3326). The INVITE's final response still comes, or
        Failed("timeout") 64*T1 after the CANCEL.
        """
        effects = self._run.begin(now)
        if client.cancel is None:
            client.cancel = headers
            self._run.feed(client, Input.CANCEL)
        return effects

    # From the transport and the clock

    def flow_closed(self, flow: Flow, now: float) -> list[Effect]:
        """Fail the requests that wait for a response on a connection that is gone."""
        effects = self._run.begin(now)
        for client in list(self._run.by_flow.get(flow.key, ())):
            self._run.feed(client, Input.TRANSPORT_ERROR)
        return effects

    def tick(self, now: float) -> list[Effect]:
        """Fire what is due. Call it about every 100 ms while not ``idle``."""
        effects = self._run.begin(now)
        self._run.tick()
        return effects

    def _count(self, name: str) -> None:
        self.counters[name] = self.counters.get(name, 0) + 1


def _tag(request: Request) -> str:
    """Return the To tag of our own answer: the same for a retransmission (RFC 3261 8.2.7)."""
    text = f"{request.first('via')}\n{request.get('call-id')}\n{request.get('cseq')}"
    return blake2s(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
