"""Replies: iq.procedures.ActionReply <-> model.Action."""

from iq.errors import IqError
from iq.h248 import model, sdp
from iq.h248.errors import ACTION_LEVEL, NO_WILDCARD_MATCH, NOT_IMPLEMENTED, descriptor, received
from iq.h248.management import registered_from_command, registered_to_command
from iq.h248.model import Command, Descriptor, Media, StreamParameters
from iq.h248.packages import ROOT
from iq.h248.requests import chosen_termination, context_number, context_text
from iq.procedures import (
    ALL_CONTEXTS,
    Action,
    ActionReply,
    Audited,
    AuditRoot,
    AuditTerminations,
    AuthenticationFailures,
    BearerChange,
    BearerReleased,
    Configure,
    Done,
    Heartbeat,
    MediaInactivity,
    OutOfService,
    Procedure,
    Register,
    Registered,
    Release,
    Reply,
    Reserve,
    Reserved,
    SecurityChange,
    Stream,
)


def _verb(procedure: Procedure) -> str:
    match procedure:
        case Reserve():
            return "Add"
        case Configure():
            return "Modify"
        case Release():
            return "Subtract"
        case AuditRoot() | AuditTerminations():
            return "AuditValue"
        case Register() | OutOfService():
            return "ServiceChange"
        case (
            Heartbeat()
            | BearerReleased()
            | MediaInactivity()
            | BearerChange()
            | SecurityChange()
            | AuthenticationFailures()
        ):
            return "Notify"


def _termination(procedure: Procedure) -> str:
    match procedure:
        case Reserve(realm):
            return chosen_termination(realm)
        case Configure(termination) | Release(termination) | AuditTerminations(termination):
            return termination
        case Heartbeat(termination) | BearerReleased(termination) | MediaInactivity(termination):
            return termination
        case OutOfService(termination) | BearerChange(termination) | SecurityChange(termination):
            return termination
        case AuthenticationFailures(termination):
            return termination
        case AuditRoot() | Register():
            return ROOT


def to_tree(action: Action, reply: ActionReply) -> list[model.Action]:
    """Return the actions that answer ``action``: one, or one for each context that an audit found."""
    result = model.Action(context_text(reply.context))
    for procedure, answer in zip(action.procedures, reply.replies, strict=False):
        match answer:
            case Audited(contexts) if contexts:
                return [
                    model.Action(context_text(context), [Command("AuditValue", name) for name in names])
                    for context, names in contexts.items()
                    if names
                ]
            case Audited():
                # H.248.1 8.2.2: a wildcard that matches nothing is an error, here of the command.
                nothing = model.Error(NO_WILDCARD_MATCH, "no termination")
                result.commands.append(Command("AuditValue", _termination(procedure), [nothing]))
            case Reserved(termination, streams):
                media = _media(streams)
                result.commands.append(Command(_verb(procedure), termination, media))
            case Registered():
                result.commands.append(registered_to_command(answer))
            case Done(termination):
                result.commands.append(Command(_verb(procedure), termination))
    if reply.error is not None:
        _append_error(result, action, reply, reply.error)
    return [result]


def _media(streams: list[Stream]) -> list[Descriptor]:
    parameters = [
        StreamParameters(stream.id, local=_local(stream))
        for stream in streams
        if stream.local is not None or stream.local_crypto is not None or stream.local_fingerprint is not None
    ]
    return [Media(parameters)] if parameters else []


def _local(stream: Stream) -> str:
    return sdp.write(stream, stream.local, stream.local_crypto, "") + sdp.reply_line(stream)


def _append_error(result: model.Action, action: Action, reply: ActionReply, error: IqError) -> None:
    failed = len(reply.replies)
    if error.code in ACTION_LEVEL or failed >= len(action.procedures):
        result.error = descriptor(error)
    else:
        procedure = action.procedures[failed]
        result.commands.append(Command(_verb(procedure), _termination(procedure), [descriptor(error)]))


def from_tree(actions: list[model.Action]) -> list[ActionReply]:
    """Return the replies of a transaction; those of an audit of all contexts come as one."""
    replies: list[ActionReply] = []
    audited: Audited | None = None
    for action in actions:
        if action.commands and all(map(_is_audited, action.commands)):
            context = context_number(action.context)
            if audited is None:
                audited = Audited({})
                replies.append(ActionReply(ALL_CONTEXTS, [audited]))
            if context is not None and not any(command.descriptors for command in action.commands):
                names = audited.contexts.setdefault(context, [])
                names += [command.termination for command in action.commands]
        else:
            replies.append(_reply(action))
    return replies


def _is_audited(command: Command) -> bool:
    """Tell whether this is a line of an audit of terminations, or its "none"."""
    error = _error(command)
    return (
        command.verb == "AuditValue"
        and command.termination.upper() != ROOT
        and (error is None or error.code == NO_WILDCARD_MATCH)
    )


def _error(command: Command) -> model.Error | None:
    return next((d for d in command.descriptors if isinstance(d, model.Error)), None)


def _reply(action: model.Action) -> ActionReply:
    reply = ActionReply(context_number(action.context), [])
    for command in action.commands:
        if error := _error(command):
            reply.error = received(error)
            break
        reply.replies.append(_answer(command))
    if reply.error is None and action.error is not None:
        reply.error = received(action.error)
    return reply


def _answer(command: Command) -> Reply:
    match command.verb:
        case "Add" | "Modify":
            return Reserved(command.termination, _streams(command))
        case "ServiceChange" if command.termination.upper() == ROOT:
            return registered_from_command(command)
        case "Subtract" | "AuditValue" | "Notify" | "ServiceChange":
            return Done(command.termination)
        case verb:
            raise IqError(NOT_IMPLEMENTED, f"reply to {verb}")


def _streams(command: Command) -> list[Stream]:
    streams = []
    for found in command.descriptors:
        if isinstance(found, Media):
            for parameters in found.streams:
                if parameters.local:
                    local = sdp.read(parameters.local)
                    stream = Stream(parameters.id, local.media, local.transport, local.formats)
                    stream.local, stream.local_crypto = local.endpoint, local.crypto
                    stream.rtcp_mux = local.rtcp_mux
                    stream.local_fingerprint = next(iter(local.fingerprints), None)
                    streams.append(stream)
    return streams
