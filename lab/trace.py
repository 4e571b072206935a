"""What was said on each leg, for the ladder: messages as they came and went, without their secrets."""

import time
from collections import deque
from dataclasses import dataclass

from lab import sdp
from lab.errors import BadDescription
from pcscf.errors import BadMessage
from pcscf.sip.message import Message, Request, parse

#: Events kept.
MAX_EVENTS = 20_000


@dataclass(slots=True)
class Event:
    """One message at one node. at: monotonic seconds; label: method or status; sdp: summary without keys.

    security: the lists of media plane security that it carries (RFC 3329).
    """

    at: float
    node: str
    sent: bool
    request: bool
    label: str
    method: str
    call_id: str
    from_tag: str
    sdp: str = ""
    security: str = ""
    repeated: bool = False


class Trace:
    """Events of any number of nodes in the order in which they happened."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._before: set[tuple[str | bool, ...]] = set()

    def record(self, node: str, sent: bool, message: Message | bytes) -> None:
        """Add one message; bytes that are no message (keep-alives) are left out."""
        if isinstance(message, bytes):
            try:
                message = parse(message)
            except BadMessage:
                return
        request = isinstance(message, Request)
        cseq, call_id = message.get("cseq") or "", message.get("call-id") or ""
        identity = (node, sent, message.start_line(), message.get("via") or "", cseq, call_id)
        event = Event(
            at=time.monotonic(),
            node=node,
            sent=sent,
            request=request,
            label=message.start_line().split(" ")[0 if request else 1],
            method=cseq.partition(" ")[2].strip(),
            call_id=call_id,
            from_tag=(message.get("from") or "").partition(";tag=")[2].partition(";")[0],
            sdp=_summary(message),
            security=_security(message),
            repeated=identity in self._before,
        )
        self._before.add(identity)
        if len(self._before) > MAX_EVENTS:
            self._before.clear()
        self.events.append(event)


def _security(message: Message) -> str:
    return "; ".join(
        f"{name} {', '.join(value.partition(';')[0][:20] for value in values)}"
        for name in ("Security-Client", "Security-Verify", "Security-Server")
        if (values := message.values(name.lower()))
    )


def _summary(message: Message) -> str:
    if not message.body or "sdp" not in (message.get("content-type") or "").lower():
        return ""
    try:
        return sdp.parse(message.body).summary()
    except BadDescription as error:
        return f"({error})"
