"""An H.248.1 message as a tree (Annex B). Plain slots; names are canonical, values as they were written.

Keywords of the grammar stand by their long name ("SendReceive", whatever the form on the wire), package
names in lower case ("gm/saf"). A value is the text of the wire: a quoted string keeps its quotes, so that
writing a tree and reading it again gives the same tree.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Node:
    """``name``, ``name = value`` and ``name {...}``: property, event, signal, parameter, or what is unknown.

    operator: "=", "#", "<", ">" or "" without a value. body: None without braces.
    """

    name: str
    value: str = ""
    body: "list[Node] | None" = None
    operator: str = ""


@dataclass(slots=True)
class Error:
    """Error descriptor: H.248.8 code and text (without quotes)."""

    code: int
    text: str = ""


@dataclass(slots=True)
class StreamParameters:
    """One Stream descriptor. control: LocalControl; local, remote: SDP with CRLF line ends; None: absent."""

    id: int = 1
    control: list[Node] | None = None
    local: str | None = None
    remote: str | None = None
    others: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Media:
    """Media descriptor. Stream parameters outside a Stream descriptor are those of stream 1 (7.1.4)."""

    streams: list[StreamParameters] = field(default_factory=list)
    state: list[Node] | None = None


@dataclass(slots=True)
class Events:
    """Events descriptor. request: RequestID as written, "" without one (no events wanted)."""

    request: str = ""
    events: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Observed:
    """One observed event. time: yyyymmddThhmmsscc, or ""."""

    event: Node
    time: str = ""


@dataclass(slots=True)
class ObservedEvents:
    """ObservedEvents descriptor, with the RequestID of the Events that asked for them."""

    request: str
    events: list[Observed] = field(default_factory=list)


@dataclass(slots=True)
class Signals:
    """Signals descriptor; an empty one stops all signals."""

    signals: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Audit:
    """Audit descriptor; an empty one asks for existence alone (on Subtract: no statistics)."""

    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Services:
    """Services descriptor of a ServiceChange; a bare time stamp is a node without a value."""

    parameters: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class DigitMap:
    """DigitMap descriptor, kept as text: no IMS-AGW collects digits."""

    name: str
    text: str | None = None


Descriptor = Media | Events | ObservedEvents | Signals | Audit | Services | DigitMap | Error | Node


@dataclass(slots=True)
class Command:
    """One command, or its reply. verb: long name; optional: O-; wildcard: W- (one reply for all)."""

    verb: str
    termination: str
    descriptors: list[Descriptor] = field(default_factory=list)
    optional: bool = False
    wildcard: bool = False


@dataclass(slots=True)
class Action:
    """Commands, or their replies, on one context. context: decimal, "-" (null), "*" (all) or "$" (choose).

    properties: Priority, Emergency, Topology, ContextAudit and the like.
    """

    context: str
    commands: list[Command] = field(default_factory=list)
    properties: list[Node] = field(default_factory=list)
    error: Error | None = None


@dataclass(slots=True)
class Transaction:
    """TransactionRequest. broken: the syntax error, where the id alone could be read."""

    id: int
    actions: list[Action] = field(default_factory=list)
    broken: Error | None = None


@dataclass(slots=True)
class Reply:
    """TransactionReply. ack: ImmAckRequired; segment: as written after the id (version 3), or ""."""

    id: int
    actions: list[Action] = field(default_factory=list)
    error: Error | None = None
    ack: bool = False
    segment: str = ""
    broken: Error | None = None


@dataclass(slots=True)
class Pending:
    """TransactionPending: the peer is still at it."""

    id: int


@dataclass(slots=True)
class Ack:
    """TransactionResponseAck: first and last id of each range, both included."""

    ranges: list[tuple[int, int]]


@dataclass(slots=True)
class Message:
    """A whole message. mid: as written, ``<domain>:port``, ``[address]:port`` or a device name."""

    version: int
    mid: str
    items: list[Transaction | Reply | Pending | Ack] = field(default_factory=list)
    error: Error | None = None
