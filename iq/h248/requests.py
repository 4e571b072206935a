"""Procedures as commands: iq.procedures.Action <-> model.Action (TS 29.334 5.8, iq stage 2 to stage 3).

To the tree everything can be written; from the tree what no procedure carries is refused with its H.248.8
code, or read over where it asks for nothing that the gateway would have to do.
"""

import re
from functools import lru_cache

from iq.errors import IqError
from iq.h248 import model, sdp
from iq.h248.errors import ILLEGAL_ACTION, INCORRECT_IDENTIFIER, NOT_IMPLEMENTED, UNSUPPORTED_VALUE
from iq.h248.limits import CHOOSE_CONTEXT
from iq.h248.management import (
    audit_from_command,
    notify_to_command,
    observed_from_command,
    out_of_service_to_command,
    register_to_command,
    service_change_from_command,
)
from iq.h248.model import Audit, Command, Descriptor, Events, Media, Node, Signals, StreamParameters
from iq.h248.packages import (
    CAUSE,
    CONNECTION,
    DSCP,
    ESTABLISH,
    HEARTBEAT,
    HEARTBEAT_TIMER,
    INACTIVITY,
    INACTIVITY_DIRECTION,
    INACTIVITY_TIME,
    LATCH,
    NAPT,
    REALM,
    REQUEST_ID,
    ROOT,
    SECURITY,
    SOURCE_FILTER,
    SOURCE_MASK,
    START_TLS,
    STREAM,
    quote,
    termination_id,
)
from iq.h248.streams import configure_from_command, reserve_from_command
from iq.procedures import (
    ALL_CONTEXTS,
    Action,
    AuditRoot,
    AuditTerminations,
    AuthenticationFailures,
    BearerChange,
    BearerReleased,
    Configure,
    Heartbeat,
    Latch,
    MediaInactivity,
    OutOfService,
    Procedure,
    Register,
    Release,
    Reserve,
    SecurityChange,
    Stream,
)

_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_]")


@lru_cache(maxsize=256)
def chosen_termination(realm: str) -> str:
    """Return the wildcarded termination id of an Add in ``realm`` (a path holds letters, digits and "_")."""
    return f"ip/0/{_NOT_A_NAME.sub('_', realm)}/$"


@lru_cache(maxsize=256)
def realm_value(realm: str) -> str:
    """Return ``realm`` as the value of ipdc/realm."""
    return quote(realm)


def context_text(context: int | None) -> str:
    """Return the ContextID as written: None "$", 0 "-", ALL_CONTEXTS "*"."""
    if context is None:
        return "$"
    if context == 0:
        return "-"
    return "*" if context == ALL_CONTEXTS else str(context)


def context_number(text: str) -> int | None:
    """Return the ContextID as procedures have it. Raises IqError(410) for one that no gateway may choose."""
    if text == "$":
        return None
    if text in ("-", "*"):
        return 0 if text == "-" else ALL_CONTEXTS
    number = int(text)
    if not 0 < number < CHOOSE_CONTEXT:
        raise IqError(INCORRECT_IDENTIFIER, "ContextID out of range")
    return number


def family_of(stream: Stream, source: str | None) -> str:
    """Return which kind of address ``$`` asks for: that of the peer where it is known."""
    peer = stream.remote.address if stream.remote is not None else source
    return "IP6" if peer and ":" in peer else "IP4"


def is_tcp(stream: Stream) -> bool:
    """Tell whether ``stream`` is a TCP connection (TCP/MSRP, TCP/TLS/BFCP and so on)."""
    return stream.transport[:3].upper() == "TCP"


def has_remote(stream: Stream) -> bool:
    """Is anything known of the far end?"""
    return (
        stream.remote is not None
        or stream.remote_crypto is not None
        or stream.remote_fingerprints != ()
        or stream.tls_id is not None
        or stream.remote_path is not None
    )


def ends_tls(stream: Stream) -> bool:
    """Does ``stream`` say that (D)TLS ends at the gateway?"""
    return (
        stream.choose_fingerprint is not None
        or stream.remote_fingerprints != ()
        or stream.tls_id is not None
        or stream.start_tls
    )


def to_tree(action: Action) -> model.Action:
    """Return the commands of ``action``. Raises IqError where a value cannot be written."""
    properties = []
    if action.priority is not None:
        properties.append(Node("Priority", str(action.priority), operator="="))
    if action.emergency:
        properties.append(Node("Emergency"))
    return model.Action(context_text(action.context), [_command(p) for p in action.procedures], properties)


def _command(procedure: Procedure) -> Command:
    match procedure:
        case Reserve():
            return _add(procedure)
        case Configure():
            return _modify(procedure)
        case Release(termination):
            return Command("Subtract", termination_id(termination), [Audit()], wildcard=termination == "*")
        case AuditRoot():
            return Command("AuditValue", ROOT, [Audit()])
        case AuditTerminations(pattern):
            return Command("AuditValue", termination_id(pattern), [Audit()])
        case Register():
            return register_to_command(procedure)
        case OutOfService():
            return out_of_service_to_command(procedure)
        case (
            Heartbeat()
            | BearerReleased()
            | MediaInactivity()
            | BearerChange()
            | SecurityChange()
            | AuthenticationFailures()
        ):
            return notify_to_command(procedure)


def _add(reserve: Reserve) -> Command:
    control = [Node(REALM, realm_value(reserve.realm), operator="="), *_filter(reserve.source)]
    if reserve.dscp is not None:
        control.append(Node(DSCP, f"{reserve.dscp:02X}", operator="="))
    streams = []
    for stream in reserve.streams:
        mode = [Node("Mode", stream.mode.value, operator="=")] if stream.mode is not None else []
        family = family_of(stream, reserve.source)
        parameters = StreamParameters(stream.id, [*mode, *control])
        local = sdp.write(stream, stream.local, stream.local_crypto, family, stream.setup)
        parameters.local = local + sdp.request_line(stream) + sdp.path_line(stream.local_path)
        if has_remote(stream):
            parameters.remote = _remote(stream)
        streams.append(parameters)
    events = [Node(HEARTBEAT, body=[Node(HEARTBEAT_TIMER, str(reserve.heartbeat), operator="=")])]
    if reserve.inactivity is not None:
        time = Node(INACTIVITY_TIME, str(reserve.inactivity), operator="=")
        events.append(Node(INACTIVITY, body=[time, Node(INACTIVITY_DIRECTION, "EXT", operator="=")]))
    events.append(Node(CAUSE))
    if any(map(is_tcp, reserve.streams)):
        events.append(Node(CONNECTION))
    if any(map(ends_tls, reserve.streams)):
        events.append(Node(SECURITY))
    descriptors: list[Descriptor] = [Media(streams), Events(REQUEST_ID, events)]
    descriptors += _signals(None if reserve.latch is Latch.OFF else reserve.latch, reserve.streams)
    return Command("Add", chosen_termination(reserve.realm), descriptors)


def _remote(stream: Stream) -> str:
    remote = sdp.write(stream, stream.remote, stream.remote_crypto, "")
    return remote + sdp.peer_lines(stream) + sdp.path_line(stream.remote_path)


def _filter(source: str | None) -> list[Node]:
    if source is None:
        return []
    return [Node(SOURCE_FILTER, "ON", operator="="), Node(SOURCE_MASK, quote(source), operator="=")]


def _signals(latch: Latch | None, streams: list[Stream]) -> list[Descriptor]:
    """Return the Signals descriptor; [] where there is nothing to signal."""
    signals = [] if latch is None else [Node(LATCH, body=[Node(NAPT, latch.value, operator="=")])]
    signals += [_of_stream(ESTABLISH, stream) for stream in streams if stream.establish]
    signals += [_of_stream(START_TLS, stream) for stream in streams if stream.start_tls]
    return [Signals(signals)] if signals else []


def _of_stream(signal: str, stream: Stream) -> Node:
    return Node(signal, body=[Node(STREAM, str(stream.id), operator="=")])


def _modify(configure: Configure) -> Command:
    streams = []
    for stream in configure.streams:
        parameters = StreamParameters(stream.id)
        if stream.mode is not None:
            parameters.control = [Node("Mode", stream.mode.value, operator="=")]
        if configure.source is not None:
            parameters.control = [*(parameters.control or []), *_filter(configure.source)]
        remote_known = has_remote(stream)
        # Somewhere an m= line has to say what the stream is: its transport decides what the gateway does.
        if _has_local(stream) or not remote_known:
            local = sdp.write(stream, stream.local, stream.local_crypto, "", stream.setup)
            parameters.local = local + sdp.request_line(stream) + sdp.path_line(stream.local_path)
        if remote_known:
            parameters.remote = _remote(stream)
        streams.append(parameters)
    descriptors: list[Descriptor] = [Media(streams)] if streams else []
    descriptors += _signals(configure.latch, configure.streams)
    return Command("Modify", termination_id(configure.termination), descriptors)


def _has_local(stream: Stream) -> bool:
    return (
        stream.local is not None
        or stream.local_crypto is not None
        or stream.setup is not None
        or stream.choose_fingerprint is not None
        or stream.local_path is not None
    )


def from_tree(action: model.Action) -> Action:
    """Return the procedures of a request's ``action``.

    Raises IqError with the code for the first thing that is unknown, missing or not implemented.
    """
    procedures: list[Procedure] = []
    context = context_number(action.context)
    for command in action.commands:
        procedures += _procedures(command, context)
    if action.error is not None or not procedures:
        raise IqError(ILLEGAL_ACTION, "no command in the action")
    result = Action(context, procedures)
    for node in action.properties:
        match node.name:
            case "Priority":
                result.priority = _priority(node.value)
            case "Emergency":
                result.emergency = True
            case "EmergencyOff":
                result.emergency = False
            case "IEPSCall":
                pass
            case _:
                raise IqError(NOT_IMPLEMENTED, f"context property {node.name} is not implemented")
    return result


def _priority(value: str) -> int:
    if len(value) > 2 or not value.isdigit() or int(value) > 15:
        raise IqError(UNSUPPORTED_VALUE, "Priority is 0 to 15")
    return int(value)


def _procedures(command: Command, context: int | None) -> list[Procedure]:
    match command.verb:
        case "Add":
            return [reserve_from_command(command)]
        case "Modify":
            return [configure_from_command(command)]
        case "Subtract":
            return [Release(command.termination)]
        case "AuditValue":
            return [audit_from_command(command, context)]
        case "Notify":
            return observed_from_command(command)
        case "ServiceChange":
            return [service_change_from_command(command)]
        case verb:
            raise IqError(NOT_IMPLEMENTED, f"{verb} is not implemented")
