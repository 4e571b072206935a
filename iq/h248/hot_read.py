"""The messages of every call read without a tree, in the very form that ``hot_write`` gives them.

Anything else, be it only another order or one more space, gives None: then the generic parser reads it. What
both read they read alike.
"""

import re

from iq.errors import IqError
from iq.h248.limits import CHOOSE_CONTEXT, MAX_ID
from iq.h248.sdp import crypto_of
from iq.procedures import (
    Action,
    ActionReply,
    Configure,
    Done,
    Endpoint,
    Latch,
    Mode,
    Procedure,
    Release,
    Reply,
    Reserve,
    Reserved,
    Stream,
)

_HEADER = re.compile(
    r"!/2 (<[A-Za-z0-9.\-_]{1,255}>(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?)\n"
    r"([TP])=([1-9][0-9]{0,9})\{C=([1-9][0-9]{0,9}|\$)\{(?:PR=(1[0-5]|[0-9]),)?"
)
_SIDE = re.compile(
    r"([LR])\{\r\nv=0\r\n(?:c=IN IP[46] ([0-9A-Fa-f:.]{2,45}|\$)\r\n)?"
    r"m=([^\s{}]+) ([0-9]{1,5}|[$-]) ([^\s{}]+) ([^\s{}](?:[^\x00-\x1f{}]*[^\s{}])?)\r\n"
    r"(?:a=rtcp:([0-9]{1,5})\r\n)?(a=rtcp-mux\r\n)?"
    r"(?:a=crypto:([0-9]{1,9}) ([^\s{}]+) inline:([A-Za-z0-9+/]+=*)(?:\|([0-9]{1,309}):([0-9]{1,3}))?\r\n)?\}"
)
_ADD = re.compile(r"A=[A-Za-z0-9_/]+/\$\{M\{")
_ADD_STREAM = re.compile(
    r'ST=([1-9][0-9]{0,3})\{O\{(?:MO=(SR|SO|RC|IN),)?ipdc/realm="([^"\x00-\x1f]*)"'
    r'(?:,gm/saf=ON,gm/sam="([^"\x00-\x1f]*)")?(?:,ds/dscp=([0-3][0-9A-F]))?\},(?=L)'
)
_ADD_END = re.compile(
    r"\},E=1\{hangterm/thb\{timerx=([0-9]{1,8})\}(?:,adid/ipstop\{dt=([0-9]{1,8}),dir=EXT\})?,g/cause\}"
    r"(?:,SG\{ipnapt/latch\{napt=(OFF|LATCH|RELATCH)\}\})?\}"
)
_MODIFY_STREAM = re.compile(r"ST=([1-9][0-9]{0,3})\{(?:O\{MO=(SR|SO|RC|IN)\},)?(?=[LR])")
_MODIFY_END = re.compile(r"\}(?:,SG\{ipnapt/latch\{napt=(OFF|LATCH|RELATCH)\}\})?\}")
_REPLY_STREAM = re.compile(r"ST=([1-9][0-9]{0,3})\{()(?=L)")
_NAMED = re.compile(r"(?:A|MF)=([A-Za-z0-9_/]+)(?:(\{M\{)|(?=[,}]))")
_SUBTRACT = "W-S=*{AT{}}"
_SUBTRACTED = re.compile(r"S=([A-Za-z0-9_/]+|\*)(?=[,}])")

_MODES = {
    "SR": Mode.SEND_RECEIVE,
    "SO": Mode.SEND_ONLY,
    "RC": Mode.RECEIVE_ONLY,
    "IN": Mode.INACTIVE,
}
_LATCHES = {latch.value: latch for latch in Latch}


class _Other(ValueError):
    """The message is not of the common form."""


def read(text: str) -> tuple[str, int, Action | ActionReply] | None:
    """Return the sender's MID, the transaction id, and the request or reply; or None."""
    header = _HEADER.match(text)
    if header is None or "\\" in text:
        return None
    mid, kind, number, context_id, priority = header.groups()
    transaction = int(number)
    context = None if context_id == "$" else int(context_id)
    if transaction > MAX_ID or (context is not None and context >= CHOOSE_CONTEXT):
        return None
    try:
        if kind == "T":
            action = Action(context, _procedures(text, header.end()))
            if priority is not None:
                action.priority = int(priority)
            return mid, transaction, action
        if context is None or priority is not None:
            return None
        return mid, transaction, ActionReply(context, _replies(text, header.end()))
    except (_Other, IqError):
        return None


def _procedures(text: str, at: int) -> list[Procedure]:
    procedures: list[Procedure] = []
    while True:
        if start := _ADD.match(text, at):
            procedure, at = _reserve(text, start.end())
            procedures.append(procedure)
        elif start := _NAMED.match(text, at):
            modified, at = _configure(text, start)
            procedures.append(modified)
        elif text.startswith(_SUBTRACT, at):
            procedures.append(Release("*"))
            at += len(_SUBTRACT)
        else:
            raise _Other
        at = _next(text, at)
        if at == len(text):
            return procedures


def _next(text: str, at: int) -> int:
    """Step over the comma before the next command, or over the end of the message."""
    if text[at : at + 1] == ",":
        return at + 1
    if text[at:] == "}}":
        return at + 2
    raise _Other


def _replies(text: str, at: int) -> list[Reply]:
    replies: list[Reply] = []
    while True:
        if start := _NAMED.match(text, at):
            streams: list[Stream] = []
            at = start.end()
            if start[2]:
                at = _streams(text, at, _REPLY_STREAM, streams)
                if text[at : at + 2] != "}}":
                    raise _Other
                at += 2
            replies.append(Reserved(start[1], streams))
        elif start := _SUBTRACTED.match(text, at):
            replies.append(Done(start[1]))
            at = start.end()
        else:
            raise _Other
        at = _next(text, at)
        if at == len(text):
            return replies


def _reserve(text: str, at: int) -> tuple[Reserve, int]:
    streams: list[Stream] = []
    first = _ADD_STREAM.match(text, at)
    at = _streams(text, at, _ADD_STREAM, streams)
    end = _ADD_END.match(text, at)
    if end is None or first is None:
        raise _Other
    _, _, realm, source, dscp = first.groups()
    heartbeat, inactivity, latch = end.groups()
    reserve = Reserve(realm, streams, int(heartbeat), _LATCHES[latch or "OFF"], source)
    if inactivity is not None:
        reserve.inactivity = int(inactivity)
    if dscp is not None:
        reserve.dscp = int(dscp, 16)
    return reserve, end.end()


def _configure(text: str, start: re.Match[str]) -> tuple[Configure, int]:
    if text[start.start()] != "M":
        raise _Other  # an Add that names its termination
    streams: list[Stream] = []
    if not start[2]:
        return Configure(start[1], streams), start.end()
    end = _MODIFY_END.match(text, _streams(text, start.end(), _MODIFY_STREAM, streams))
    if end is None:
        raise _Other
    return Configure(start[1], streams, _LATCHES[end[1]] if end[1] else None), end.end()


def _streams(text: str, at: int, pattern: re.Pattern[str], streams: list[Stream]) -> int:
    """Read stream descriptors into ``streams`` and return the place behind the last one."""
    control: tuple[str | None, ...] | None = None
    while True:
        head = pattern.match(text, at)
        if head is None:
            raise _Other
        number, mode, *rest = head.groups()
        if control is not None and control != tuple(rest):
            raise _Other  # LocalControl differs between the streams
        control = tuple(rest)
        stream = Stream(int(number))
        if mode:
            stream.mode = _MODES[mode]
        streams.append(stream)
        at = _side(text, head.end(), stream, named=True)
        if text.startswith(",R", at) and text[head.end()] == "L" and pattern is not _REPLY_STREAM:
            at = _side(text, at + 1, stream, named=False)
        if text[at] != "}":
            raise _Other
        at += 1
        if text[at : at + 1] != ",":
            break
        at += 1
    if len(streams) > 1 and len({stream.id for stream in streams}) < len(streams):
        raise _Other
    return at


def _side(text: str, at: int, stream: Stream, *, named: bool) -> int:
    """Read Local or Remote into ``stream``; return the place behind it, where one more character is.

    named: this side says what the stream is; a Remote after a Local does not.
    """
    match = _SIDE.match(text, at)
    if match is None or match.end() == len(text):
        raise _Other
    side, address, media, port, transport, formats, rtcp, mux, tag, suite, key, mki, length = match.groups()
    crypto = None if tag is None else crypto_of(tag, suite, key, mki, length)
    rtcp_port = None if rtcp is None else int(rtcp)
    if rtcp_port is not None and rtcp_port > 65535:
        raise _Other
    endpoint = None
    if port not in "$-" and address != "$":
        endpoint = Endpoint(address or "", int(port), rtcp_port)
        if endpoint.port > 65535 or (address is None and endpoint.port):
            raise _Other
    if side == "L":
        stream.local, stream.local_crypto = endpoint, crypto
    else:
        stream.remote, stream.remote_crypto = endpoint, crypto
    if named:
        stream.media, stream.transport, stream.formats = media, transport, formats
    if mux:
        stream.rtcp_mux = True
    return match.end()
