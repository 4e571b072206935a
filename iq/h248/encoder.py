"""Tree to text, in short tokens (H.248.1 B.2)."""

from iq.errors import IqError
from iq.h248.errors import INTERNAL_FAILURE
from iq.h248.model import (
    Ack,
    Action,
    Audit,
    Command,
    Descriptor,
    DigitMap,
    Error,
    Events,
    Media,
    Message,
    Node,
    ObservedEvents,
    Pending,
    Reply,
    Services,
    Signals,
    StreamParameters,
    Transaction,
)
from iq.h248.tokens import SHORT, VALUES


def encode(message: Message) -> bytes:
    """Return ``message`` as octets, without framing. Raises IqError(500) for text that has no octets."""
    parts = [_error(message.error)] if message.error else [_item(item) for item in message.items]
    return octets(f"!/{message.version} {message.mid}\n{''.join(parts)}")


def octets(text: str) -> bytes:
    """Return the octets of a message's text; what came undecodable from a peer goes out as it came."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise IqError(INTERNAL_FAILURE, "text that cannot be written") from None


def escape(sdp: str) -> str:
    """Return ``sdp`` as it stands between the braces of Local and Remote."""
    return sdp.replace("}", "\\}") if "}" in sdp else sdp


def _item(item: Transaction | Reply | Pending | Ack) -> str:
    match item:
        case Transaction():
            return f"T={item.id}{{{','.join(map(_action, item.actions))}}}"
        case Reply():
            body = _error(item.error) if item.error else ",".join(map(_action, item.actions))
            segment = f"/{item.segment}" if item.segment else ""
            return f"P={item.id}{segment}{{{'IA,' if item.ack else ''}{body}}}"
        case Pending():
            return f"PN={item.id}{{}}"
        case Ack():
            return f"K{{{','.join(f'{a}-{b}' if a != b else str(a) for a, b in item.ranges)}}}"


def _action(action: Action) -> str:
    parts = [*map(_node, action.properties), *map(_command, action.commands)]
    if action.error:
        parts.append(_error(action.error))
    return f"C={action.context}{{{','.join(parts)}}}"


def _command(command: Command) -> str:
    prefix = f"{'O-' if command.optional else ''}{'W-' if command.wildcard else ''}"
    body = f"{{{','.join(map(_descriptor, command.descriptors))}}}" if command.descriptors else ""
    return f"{prefix}{SHORT[command.verb]}={command.termination}{body}"


def _descriptor(descriptor: Descriptor) -> str:
    match descriptor:
        case Media():
            return _media(descriptor)
        case Events():
            request = f"={descriptor.request}" if descriptor.request else ""
            return f"E{request}{_nodes(descriptor.events) if descriptor.events else ''}"
        case ObservedEvents():
            events = (f"{o.time}:{_node(o.event)}" if o.time else _node(o.event) for o in descriptor.events)
            return f"OE={descriptor.request}{{{','.join(events)}}}"
        case Signals():
            return f"SG{_nodes(descriptor.signals)}"
        case Audit():
            return f"AT{_nodes(descriptor.items)}"
        case Services():
            return f"SV{_nodes(descriptor.parameters)}"
        case DigitMap():
            name = f"={descriptor.name}" if descriptor.name else ""
            return f"DM{name}{'' if descriptor.text is None else f'{{{descriptor.text}}}'}"
        case Error():
            return _error(descriptor)
        case Node():
            return _node(descriptor)


def _media(media: Media) -> str:
    parts = [] if media.state is None else [f"TS{_nodes(media.state)}"]
    parts += map(_stream, media.streams)
    return f"M{{{','.join(parts)}}}"


def _stream(stream: StreamParameters) -> str:
    parts = [] if stream.control is None else [f"O{_nodes(stream.control)}"]
    if stream.local is not None:
        parts.append(f"L{{\r\n{escape(stream.local)}}}")
    if stream.remote is not None:
        parts.append(f"R{{\r\n{escape(stream.remote)}}}")
    parts += map(_node, stream.others)
    return f"ST={stream.id}{{{','.join(parts)}}}"


def _error(error: Error) -> str:
    return f'ER={error.code}{{"{error.text}"}}' if error.text else f"ER={error.code}{{}}"


def _nodes(nodes: list[Node]) -> str:
    return f"{{{','.join(map(_node, nodes))}}}"


def _node(node: Node) -> str:
    name = SHORT.get(node.name, node.name)
    value = node.value
    if node.name in VALUES:
        value = SHORT.get(value, value)
    body = "" if node.body is None else _nodes(node.body)
    return f"{name}{node.operator}{value}{body}"
