"""The messages of every call written without a tree: Add, Modify and wildcard Subtract, and their replies.

Exactly the octets that ``encoder`` writes for the trees of ``requests`` and ``replies``, at a fraction of the
cost. What does not fit gives None: then the tree is written.
"""

from iq.h248 import sdp
from iq.h248.encoder import escape, octets
from iq.h248.limits import CHOOSE_CONTEXT
from iq.h248.packages import quote, termination_id
from iq.h248.requests import chosen_termination, ends_tls, family_of, is_tcp, realm_value
from iq.procedures import (
    Action,
    ActionReply,
    Configure,
    Done,
    Latch,
    Mode,
    Release,
    Reserve,
    Reserved,
    Stream,
)

_MODES = {
    Mode.SEND_RECEIVE: "MO=SR",
    Mode.SEND_ONLY: "MO=SO",
    Mode.RECEIVE_ONLY: "MO=RC",
    Mode.INACTIVE: "MO=IN",
}
_LATCHES = {latch: f"SG{{ipnapt/latch{{napt={latch.value}}}}}" for latch in Latch}


def request(mid: str, transaction: int, action: Action) -> bytes | None:
    """Return the request of ``action``, or None. Raises IqError as ``requests.to_tree`` does."""
    context = action.context
    if action.emergency or (context is not None and not 0 < context < CHOOSE_CONTEXT):
        return None
    commands = []
    for procedure in action.procedures:
        if isinstance(procedure, Reserve | Configure) and _connects(procedure.streams):
            return None
        if isinstance(procedure, Reserve):
            commands.append(_add(procedure))
        elif isinstance(procedure, Configure) and procedure.source is None:
            commands.append(_modify(procedure))
        elif isinstance(procedure, Release) and procedure.termination == "*":
            commands.append("W-S=*{AT{}}")
        else:
            return None
    priority = "" if action.priority is None else f"PR={action.priority},"
    number = "$" if context is None else context
    return octets(f"!/2 {mid}\nT={transaction}{{C={number}{{{priority}{','.join(commands)}}}}}")


def _connects(streams: list[Stream]) -> bool:
    """Is there TCP or (D)TLS to be set up, or a path to be told?"""
    return any(
        is_tcp(stream)
        or stream.setup is not None
        or stream.establish
        or ends_tls(stream)
        or stream.local_path is not None
        or stream.remote_path is not None
        for stream in streams
    )


def _add(reserve: Reserve) -> str:
    control = f"ipdc/realm={realm_value(reserve.realm)}"
    source = reserve.source
    if source is not None:
        control += f",gm/saf=ON,gm/sam={quote(source)}"
    if reserve.dscp is not None:
        control += f",ds/dscp={reserve.dscp:02X}"
    streams = [_reserved_stream(stream, control, source) for stream in reserve.streams]
    inactivity = reserve.inactivity
    silence = "" if inactivity is None else f",adid/ipstop{{dt={inactivity},dir=EXT}}"
    signals = "" if reserve.latch is Latch.OFF else f",{_LATCHES[reserve.latch]}"
    return (
        f"A={chosen_termination(reserve.realm)}{{M{{{','.join(streams)}}},"
        f"E=1{{hangterm/thb{{timerx={reserve.heartbeat}}}{silence},g/cause}}{signals}}}"
    )


def _reserved_stream(stream: Stream, control: str, source: str | None) -> str:
    mode = "" if stream.mode is None else f"{_MODES[stream.mode]},"
    local = escape(sdp.write(stream, stream.local, stream.local_crypto, family_of(stream, source)))
    if stream.remote is None and stream.remote_crypto is None:
        return f"ST={stream.id}{{O{{{mode}{control}}},L{{\r\n{local}}}}}"
    remote = escape(sdp.write(stream, stream.remote, stream.remote_crypto, ""))
    return f"ST={stream.id}{{O{{{mode}{control}}},L{{\r\n{local}}},R{{\r\n{remote}}}}}"


def _modify(configure: Configure) -> str:
    parts = []
    if configure.streams:
        parts.append(f"M{{{','.join([_configured_stream(stream) for stream in configure.streams])}}}")
    if configure.latch is not None:
        parts.append(_LATCHES[configure.latch])
    termination = termination_id(configure.termination)
    return f"MF={termination}{{{','.join(parts)}}}" if parts else f"MF={termination}"


def _configured_stream(stream: Stream) -> str:
    parts = [] if stream.mode is None else [f"O{{{_MODES[stream.mode]}}}"]
    has_remote = stream.remote is not None or stream.remote_crypto is not None
    if stream.local is not None or stream.local_crypto is not None or not has_remote:
        parts.append(f"L{{\r\n{escape(sdp.write(stream, stream.local, stream.local_crypto, ''))}}}")
    if has_remote:
        parts.append(f"R{{\r\n{escape(sdp.write(stream, stream.remote, stream.remote_crypto, ''))}}}")
    return f"ST={stream.id}{{{','.join(parts)}}}"


def reply(mid: str, transaction: int, action: Action, answer: ActionReply) -> bytes | None:
    """Return the reply to ``action``, or None."""
    context = answer.context
    if answer.error is not None or context is None or not 0 < context < CHOOSE_CONTEXT or not answer.replies:
        return None
    commands = []
    for procedure, result in zip(action.procedures, answer.replies, strict=False):
        if isinstance(result, Reserved) and isinstance(procedure, Reserve | Configure):
            if any(stream.local_fingerprint is not None for stream in result.streams):
                return None
            verb = "A" if isinstance(procedure, Reserve) else "MF"
            commands.append(f"{verb}={result.termination}{_media(result.streams)}")
        elif isinstance(result, Done) and isinstance(procedure, Release):
            commands.append(f"S={result.termination}")
        else:
            return None
    return octets(f"!/2 {mid}\nP={transaction}{{C={context}{{{','.join(commands)}}}}}")


def _media(streams: list[Stream]) -> str:
    parts = [
        f"ST={stream.id}{{L{{\r\n{escape(sdp.write(stream, stream.local, stream.local_crypto, ''))}}}}}"
        for stream in streams
        if stream.local is not None or stream.local_crypto is not None
    ]
    return f"{{M{{{','.join(parts)}}}}}" if parts else ""
