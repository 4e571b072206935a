"""Procedures to octets and back: the one entrance to ``iq.h248`` for the two ends of an association.

The common messages go the direct way (``hot_write``, ``hot_read``), everything else through the tree.
"""

import re
from dataclasses import dataclass, field

from iq.errors import IqError
from iq.h248 import hot_read, hot_write, model, replies, requests
from iq.h248.encoder import encode
from iq.h248.errors import INTERNAL_FAILURE, NOT_IMPLEMENTED, TOO_LARGE, descriptor, received
from iq.h248.limits import MAX_MESSAGE
from iq.h248.parser import parse
from iq.procedures import Action, ActionReply, Register

_IP = re.compile(r"[0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_MID = re.compile(r"<[A-Za-z0-9.\-_]{1,255}>(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
VERSION = 2
"""Protocol version in use; the first ServiceChange goes out with version 1 (TS 29.334 5.1)."""


@dataclass(slots=True)
class Request:
    """A transaction request. error: it cannot be executed, nothing of it was; then there are no actions."""

    id: int
    actions: list[Action]
    error: IqError | None = None


@dataclass(slots=True)
class Response:
    """A transaction reply. ack: ImmAckRequired. error: that of the whole transaction, or of reading it."""

    id: int
    replies: list[ActionReply]
    error: IqError | None = None
    ack: bool = False

    @property
    def reply(self) -> ActionReply:
        """The answer to a transaction of one action."""
        if self.error is not None:
            return ActionReply(None, [], self.error)
        if not self.replies:
            return ActionReply(None, [], IqError(INTERNAL_FAILURE, "reply without an action"))
        return self.replies[0]


Item = Request | Response | model.Pending | model.Ack


@dataclass(slots=True)
class Incoming:
    """One message as read. error: the peer's error descriptor for a whole message, which none answers."""

    mid: str
    items: list[Item] = field(default_factory=list)
    version: int = VERSION
    error: IqError | None = None


def mid_of(name: str) -> str:
    """Return the MID for a node: ``[address]`` for an IP address, ``<name>`` for a domain name.

    What has brackets already stays, with its port. Raises ValueError for what no message could carry.
    """
    if name[:1] not in ("<", "["):
        name = f"[{name}]" if _IP.fullmatch(name) else f"<{name}>"
    if not _MID.fullmatch(name):
        raise ValueError(f"{name} is no H.248 message identifier")
    return name


def decode(data: bytes) -> Incoming:
    """Return what a message says. Raises IqError (400, 406, 413, 533): answer it with ``encode_error``."""
    if len(data) > MAX_MESSAGE:
        raise IqError(TOO_LARGE, f"message above {MAX_MESSAGE} octets")
    found = hot_read.read(data.decode("utf-8", "surrogateescape"))
    if found is not None:
        mid, number, content = found
        if isinstance(content, Action):
            return Incoming(mid, [Request(number, [content])])
        return Incoming(mid, [Response(number, [content])])
    message = parse(data)
    incoming = Incoming(message.mid, [_item(item) for item in message.items], message.version)
    if message.error is not None:
        incoming.error = received(message.error)
    return incoming


def _item(item: model.Transaction | model.Reply | model.Pending | model.Ack) -> Item:
    if isinstance(item, model.Transaction):
        return _request(item)
    if isinstance(item, model.Reply):
        try:
            return _response(item)
        except IqError as error:
            return Response(item.id, [], error)
    return item


def _request(transaction: model.Transaction) -> Request:
    if transaction.broken is not None:
        return Request(transaction.id, [], received(transaction.broken))
    try:
        return Request(transaction.id, [requests.from_tree(action) for action in transaction.actions])
    except IqError as error:
        return Request(transaction.id, [], error)


def _response(reply: model.Reply) -> Response:
    if reply.segment:
        return Response(reply.id, [], IqError(NOT_IMPLEMENTED, "segmented reply"))
    problem = reply.broken or reply.error
    error = received(problem) if problem else None
    return Response(reply.id, replies.from_tree(reply.actions) if not problem else [], error, reply.ack)


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_MESSAGE:
        raise IqError(TOO_LARGE, "response exceeds the maximum PDU size")
    return data


def encode_request(mid: str, number: int, action: Action) -> bytes:
    """Return the request for ``action``. Raises IqError for what cannot be written."""
    data = hot_write.request(mid, number, action)
    if data is None:
        first = action.procedures[0] if action.procedures else None
        version = 1 if isinstance(first, Register) else VERSION
        tree = model.Transaction(number, [requests.to_tree(action)])
        data = encode(model.Message(version, mid, [tree]))
    return _bounded(data)


def encode_reply(
    mid: str,
    number: int,
    actions: list[Action],
    answers: list[ActionReply],
    *,
    ack: bool = False,
    version: int = VERSION,
) -> bytes:
    """Return the reply to ``actions``, of which the last ones may have no answer. Raises IqError(533)."""
    if len(answers) == 1 and not ack and version == VERSION:
        data = hot_write.reply(mid, number, actions[0], answers[0])
        if data is not None:
            return _bounded(data)
    trees = [
        tree
        for action, answer in zip(actions, answers, strict=False)
        for tree in replies.to_tree(action, answer)
    ]
    return _bounded(encode(model.Message(version, mid, [model.Reply(number, trees, ack=ack)])))


def encode_refusal(mid: str, number: int, error: IqError, version: int = VERSION) -> bytes:
    """Return the reply that refuses the whole transaction ``number``."""
    return encode(model.Message(version, mid, [model.Reply(number, error=descriptor(error))]))


def encode_pending(mid: str, number: int) -> bytes:
    """Return TransactionPending."""
    return encode(model.Message(VERSION, mid, [model.Pending(number)]))


def encode_ack(mid: str, number: int) -> bytes:
    """Return the acknowledgement of one reply."""
    return encode(model.Message(VERSION, mid, [model.Ack([(number, number)])]))


def encode_error(mid: str, error: IqError) -> bytes:
    """Return the answer to a message that could not be read at all."""
    return encode(model.Message(VERSION, mid, error=descriptor(error)))
