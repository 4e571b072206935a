"""Text to tree: messages, transactions and actions (H.248.1 B.2)."""

import re

from iq.errors import IqError
from iq.h248 import tokens
from iq.h248.commands import read_command, read_error
from iq.h248.errors import (
    SYNTAX_IN_ACTION,
    SYNTAX_IN_MESSAGE,
    SYNTAX_IN_TRANSACTION,
    TOO_LARGE,
    TOO_MANY_TRANSACTIONS,
    VERSION_NOT_SUPPORTED,
    descriptor,
)
from iq.h248.limits import MAX_ID, MAX_MESSAGE, MAX_TRANSACTIONS
from iq.h248.model import Ack, Action, Message, Pending, Reply, Transaction
from iq.h248.scanner import Scanner

_GAP = r"(?:[ \t\r\n]++|;[^\r\n]*+)"
_HEADER = re.compile(
    rf"{_GAP}*(?:(?:Authentication|AU){_GAP}*={_GAP}*0x[0-9A-F]{{8}}:0x[0-9A-F]{{8}}:0x[0-9A-F]{{24,64}}{_GAP}+)?"
    rf"(?:MEGACO|!)/([0-9]{{1,2}}){_GAP}+"
    r"(<[A-Za-z0-9.\-_]{1,255}>(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?"
    rf"|MTP\{{[0-9A-F]{{4,8}}\}}|\*?[A-Za-z][A-Za-z0-9_/*$@.\-]{{0,127}}){_GAP}+",
    re.IGNORECASE,
)
_ID = re.compile(r"[0-9]{1,10}")
_CONTEXT = re.compile(r"[0-9]{1,10}|[-*$]")


def parse(data: bytes) -> Message:
    """Return the tree of one message.

    An error inside a transaction ends the message with a Transaction or Reply that has only its id and
    ``broken``. Raises IqError (400, 406, 413 or 533) where not even an id could be read.
    """
    if len(data) > MAX_MESSAGE:
        raise IqError(TOO_LARGE, f"message above {MAX_MESSAGE} octets")
    text = data.decode("utf-8", "surrogateescape")
    header = _HEADER.match(text)
    if header is None:
        raise IqError(SYNTAX_IN_MESSAGE, "no MEGACO header")
    version = int(header[1])
    if not 1 <= version <= 3:
        raise IqError(VERSION_NOT_SUPPORTED, f"version {version}")
    scanner = Scanner(text)
    scanner.at = header.end()
    message = Message(version, header[2])
    while scanner.peek():
        scanner.code = SYNTAX_IN_MESSAGE
        kind = tokens.BODY.get(scanner.word().lower())
        if kind == "Error" and not message.items:
            message.error = read_error(scanner)
            break
        if len(message.items) == MAX_TRANSACTIONS:
            raise IqError(TOO_MANY_TRANSACTIONS, f"more than {MAX_TRANSACTIONS} transactions")
        if not _item(scanner, kind, message):
            return message
    if scanner.peek():
        raise scanner.fail("text after the error descriptor")
    if message.error is None and not message.items:
        raise scanner.fail("no transaction")
    return message


def _item(scanner: Scanner, kind: str | None, message: Message) -> bool:
    """Read one transaction, reply, pending or ack. False: it is broken, and nothing can be read behind it."""
    match kind:
        case "Transaction":
            transaction = Transaction(_identifier(scanner))
            message.items.append(transaction)
            scanner.code = SYNTAX_IN_TRANSACTION
            try:
                scanner.expect("{")
                transaction.actions = _actions(scanner)
            except IqError as error:
                transaction.broken = descriptor(error)
                return False
        case "Reply":
            scanner.expect("=")
            number, _, segment = scanner.word().partition("/")
            reply = Reply(_number(scanner, number), segment=segment)
            message.items.append(reply)
            scanner.code = SYNTAX_IN_TRANSACTION
            try:
                _reply(scanner, reply)
            except IqError as error:
                reply.broken = descriptor(error)
                return False
        case "Pending":
            message.items.append(Pending(_identifier(scanner)))
            scanner.expect("{")
            scanner.expect("}")
        case "TransactionResponseAck":
            message.items.append(_ack(scanner))
        case _:
            raise scanner.fail("Transaction, Reply, Pending or TransactionResponseAck expected")
    return True


def _number(scanner: Scanner, word: str) -> int:
    if not _ID.fullmatch(word) or not 0 < (number := int(word)) <= MAX_ID:
        raise scanner.fail("no transaction id")
    return number


def _identifier(scanner: Scanner) -> int:
    scanner.expect("=")
    return _number(scanner, scanner.word())


def _ack(scanner: Scanner) -> Ack:
    scanner.expect("{")
    ranges = []
    while True:
        first, dash, last = scanner.word().partition("-")
        low = _number(scanner, first)
        ranges.append((low, _number(scanner, last) if dash else low))
        if scanner.take("}"):
            return Ack(ranges)
        scanner.expect(",")


def _reply(scanner: Scanner, reply: Reply) -> None:
    scanner.expect("{")
    start = scanner.at
    word = scanner.word().lower()
    if word in tokens.IMM_ACK:
        reply.ack = True
        scanner.expect(",")
        start = scanner.at
        word = scanner.word().lower()
    if tokens.BODY.get(word) == "Error":
        reply.error = read_error(scanner)
        scanner.expect("}")
        return
    scanner.at = start
    reply.actions = _actions(scanner)


def _actions(scanner: Scanner) -> list[Action]:
    actions = []
    while True:
        scanner.code = SYNTAX_IN_TRANSACTION
        if scanner.word().lower() not in tokens.CONTEXT:
            raise scanner.fail("Context expected")
        scanner.expect("=")
        actions.append(_action(scanner))
        scanner.code = SYNTAX_IN_TRANSACTION
        if scanner.take("}"):
            return actions
        scanner.expect(",")


def _action(scanner: Scanner) -> Action:
    scanner.code = SYNTAX_IN_ACTION
    word = scanner.word()
    if not _CONTEXT.fullmatch(word) or (len(word) == 10 and int(word) > MAX_ID):
        raise scanner.fail("no context id")
    action = Action(word)
    scanner.expect("{")
    while True:
        scanner.code = SYNTAX_IN_ACTION
        scanner.peek()
        start = scanner.at
        word = scanner.word().lower()
        if word in tokens.CONTEXT_PROPERTIES:
            scanner.at = start
            action.properties.append(scanner.node(tokens.CONTEXT_PROPERTIES, tokens.TOPOLOGY, 2))
        elif tokens.DESCRIPTORS.get(word) == "Error":
            action.error = read_error(scanner)
        else:
            action.commands.append(read_command(scanner, word))
        scanner.code = SYNTAX_IN_ACTION
        if scanner.take("}"):
            return action
        scanner.expect(",")
