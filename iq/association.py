"""One connection of Iq, the same for both ends: TPKT, messages, transactions (H.248.1 8, RFC 3525 D.2)."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Protocol, cast

import structlog

from iq import procedures as p
from iq.errors import BadFrame, IqError
from iq.exchange import Done, Outstanding, Receiver, Sender, TransactionIds
from iq.h248 import codec
from iq.h248.errors import INTERNAL_FAILURE, NETWORK_FAILURE, PENDINGS_EXCEEDED
from iq.h248.model import Pending
from iq.times import Times
from iq.tpkt import TpktReader, frame

log = structlog.get_logger()

MAX_WRITE_BUFFER = 4 * 1024 * 1024
"""Octets that wait for a peer which does not read; above it the connection is lost."""

MAX_UNKNOWN = 4096
"""Adds that got no reply in time and are remembered, to release what a late reply says they made."""

_ANSWERS: dict[type, type] = {
    p.Reserve: p.Reserved,
    p.Configure: p.Reserved,
    p.Release: p.Done,
    p.AuditRoot: p.Done,
    p.AuditTerminations: p.Audited,
    p.Register: p.Registered,
    p.Heartbeat: p.Done,
    p.BearerReleased: p.Done,
    p.MediaInactivity: p.Done,
    p.OutOfService: p.Done,
    p.BearerChange: p.Done,
    p.SecurityChange: p.Done,
    p.AuthenticationFailures: p.Done,
}


class Owner(Protocol):
    """The end that an association belongs to."""

    mid: str
    counters: Counter[str]

    def connected(self, association: "Association") -> None: ...

    def execute(self, association: "Association", request: codec.Request) -> list[p.ActionReply]:
        """Return the answers, the last one with the error if there is one. Raises IqError to refuse all."""

    def lost(self, association: "Association", reason: str) -> None:
        """Called once; requests without a reply have ended already."""


class Association(asyncio.Protocol):
    """One connection.

    ``registered``: the ServiceChange was answered; ``heard``: when something last came; ``peer``: MID of the
    last message; ``receiver`` is None until the peer is registered: only ServiceChange passes then, and that
    may be repeated.
    """

    def __init__(
        self, owner: Owner, ids: TransactionIds, times: Times, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._owner = owner
        self._loop = loop
        self._reader = TpktReader()
        self._sender = Sender(ids, times.reply)
        self._counters = owner.counters
        self._unknown: set[int] = set()
        self._transport: asyncio.Transport | None = None
        self._reason = ""
        self._ended = False
        self.receiver: Receiver | None = None
        self.registered = False
        self.made = self.heard = self.audited = loop.time()
        self.unanswered = 0  # audits sent since something was heard
        self.after_reply: Callable[[], None] | None = None
        self.closed: asyncio.Future[None] = loop.create_future()
        self.remote: tuple[str, int] = ("", 0)
        self.peer = ""

    def __len__(self) -> int:
        """Requests without a reply."""
        return len(self._sender)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=MAX_WRITE_BUFFER)
        self.remote = self._transport.get_extra_info("peername", ("", 0))[:2]
        self._owner.connected(self)

    def pause_writing(self) -> None:
        self.close("peer does not read")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(self._reason or (f"connection lost: {exc}" if exc else "closed by the peer"))

    def data_received(self, data: bytes) -> None:
        now = self.heard = self._loop.time()
        try:
            payloads = self._reader.feed(data)
        except BadFrame as error:
            self._counters["bad_frames"] += 1
            self.close(f"bad frame: {error}")
            return
        for payload in payloads:
            if self._reason:
                return
            self._message(payload, now)

    # what the owner does

    def close(self, reason: str) -> None:
        """Cut the connection. Ends every request, then tells the owner, before it returns."""
        if not self._reason:
            self._reason = reason
            if self._transport is not None:
                self._transport.abort()
            self._end(reason)

    def request(self, action: p.Action, done: Done) -> None:
        """Send ``action``; ``done`` is called once, never before this returns."""
        try:
            number = self._sender.open(action, done, self._loop.time())
        except IqError as error:
            self._loop.call_soon(done, p.ActionReply(action.context, [], error))
            return
        try:
            data = codec.encode_request(self._owner.mid, number, action)
        except IqError as error:
            self._sender.take(number)
            self._loop.call_soon(done, p.ActionReply(action.context, [], error))
            return
        self._write(data)

    def sweep(self, now: float) -> None:
        """End the requests whose time is up."""
        for late in self._sender.sweep(now):
            self._counters["timeouts"] += 1
            if late.action.context is None and len(self._unknown) < MAX_UNKNOWN:
                self._unknown.add(late.id)
            self._finish(late, late.failure(NETWORK_FAILURE, "no reply in time"))

    # messages

    def _end(self, reason: str) -> None:
        if self._ended:
            return
        self._ended = True
        self._reason = reason
        if not self.closed.done():  # whoever waited may have been cancelled, and it with them
            self.closed.set_result(None)
        self.registered = False
        for lost in self._sender.lose():
            self._finish(lost, lost.failure(NETWORK_FAILURE, "association lost"))
        self._owner.lost(self, reason)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._reason:
            self._counters["messages_out"] += 1
            self._transport.write(frame(data))

    def _count(self, error: IqError) -> None:
        self._counters[f"error_{error.code}"] += 1

    def _message(self, payload: bytes, now: float) -> None:
        self._counters["messages_in"] += 1
        try:
            incoming = codec.decode(payload)
        except IqError as error:
            self._count(error)
            self._write(codec.encode_error(self._owner.mid, error))
            return
        if incoming.error is not None:
            self._count(incoming.error)
        self.peer = incoming.mid
        for item in incoming.items:
            if isinstance(item, codec.Response):
                self._response(item)
            elif isinstance(item, codec.Request):
                self._request(item, incoming, now)
            elif isinstance(item, Pending):
                if found := self._sender.pending(item.id, now):
                    self._finish(found, found.failure(PENDINGS_EXCEEDED, "too many Pendings"))
            elif self.receiver is not None:
                self.receiver.acknowledge(item.ranges)

    def _response(self, response: codec.Response) -> None:
        if response.ack:
            self._write(codec.encode_ack(self._owner.mid, response.id))
        found = self._sender.take(response.id)
        reply = response.reply
        if reply.error is not None:
            self._count(reply.error)
        if found is None:
            self._late(response.id, reply)
            return
        if reply.error is None and not _answers(found.action, reply):
            reply = p.ActionReply(reply.context, [], IqError(INTERNAL_FAILURE, "reply to something else"))
        self._finish(found, reply)

    def _finish(self, found: Outstanding, reply: p.ActionReply) -> None:
        try:
            found.done(reply)
        except Exception:  # a fault in what one call does must not cut the association of all calls
            log.exception("iq.callback_failed")

    def _late(self, number: int, reply: p.ActionReply) -> None:
        self._counters["late_replies"] += 1
        if number in self._unknown:
            self._unknown.discard(number)
            if reply.context and reply.context != p.ALL_CONTEXTS:
                self.request(p.Action(reply.context, [p.Release()]), _ignore)

    def _request(self, request: codec.Request, incoming: codec.Incoming, now: float) -> None:
        mid, version, receiver = self._owner.mid, min(incoming.version, codec.VERSION), self.receiver
        try:
            verdict = True if receiver is None else receiver.begin(request.id, now)
            if verdict is True:
                answers = self._execute(request)
                ack = receiver is not None and receiver.pended(request.id)
                data = codec.encode_reply(mid, request.id, request.actions, answers, ack=ack, version=version)
            elif verdict is False:
                self._write(codec.encode_pending(mid, request.id))
                return
            else:
                self._counters["duplicates"] += 1
                data = verdict
        except IqError as error:
            self._count(error)
            data = codec.encode_refusal(mid, request.id, error, version)
        if receiver is not None:
            receiver.finish(request.id, data, now)
        self._write(data)
        if self.after_reply is not None:
            after, self.after_reply = self.after_reply, None
            after()

    def _execute(self, request: codec.Request) -> list[p.ActionReply]:
        if request.error is not None:
            raise request.error
        answers = self._owner.execute(self, request)
        if answers and answers[-1].error is not None:
            self._count(answers[-1].error)
        return answers


def _answers(action: p.Action, reply: p.ActionReply) -> bool:
    """Tell whether there is one reply of the right kind for each procedure (a wildcard may get several)."""
    asked, got = action.procedures, reply.replies
    if len(asked) != len(got):
        wildcard = len(asked) == 1 and isinstance(asked[0], p.Release) and asked[0].termination == "*"
        return wildcard and all(isinstance(answer, p.Done) for answer in got)
    return all(isinstance(g, _ANSWERS[type(a)]) for a, g in zip(asked, got, strict=True))


def _ignore(_: p.ActionReply) -> None:
    """Nobody waits for this reply."""
