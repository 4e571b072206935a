"""Session timers at a proxy (RFC 4028 8): the interval that passes, and the session that nobody refreshes."""

import re
from dataclasses import dataclass

from pcscf.errors import SipRefusal
from pcscf.proxy.branch import Branch, Call, Dialog, SessionAsked
from pcscf.proxy.dialogs import callee_tag, to_tag
from pcscf.sip.message import Message, Request, Response
from pcscf.transaction.timers import TimerQueues

#: Seconds: the shortest interval that anybody may ask for (RFC 4028 5).
MIN_INTERVAL = 90
#: Requests that refresh a session.
REFRESHING = frozenset({"INVITE", "UPDATE"})
#: delta-seconds and the parameters behind it.
_INTERVAL = re.compile(r"([0-9]{1,10})[ \t]*(;.*)?", re.DOTALL)


@dataclass(slots=True)
class Expiry:
    """What a running session timer is about."""

    call: Call
    dialog: Dialog


class SessionTimers:
    """Watches over the intervals that the ends agree on; timers: of the calls, where they run."""

    __slots__ = ("_timers",)

    def __init__(self, timers: TimerQueues) -> None:
        self._timers = timers

    def agreed(self, call: Call, branch: Branch, response: Response, now: float) -> None:
        """A 2xx to a request that refreshes the session goes out: its interval runs from now (8.2).

        A 2xx without one ends the supervision of before.
        """
        if branch.session is None:
            return
        interval = agree(response, branch.session)
        first = branch.initial
        tag = to_tag(response) if first else callee_tag(call, branch.request, branch.to.other)
        dialog = call.dialogs.get(tag)
        if dialog is None:
            return
        self.stop(dialog)
        if interval:
            dialog.session = self._timers.start(interval, Expiry(call, dialog), now)

    def stop(self, dialog: Dialog) -> None:
        if dialog.session is not None:
            self._timers.stop(dialog.session)
            dialog.session = None


def ask(request: Request, longest: int) -> SessionAsked:
    """Fit the interval of a request that refreshes its session, in place (8.1); return what it then asks for.

    Above ``longest`` seconds it is lowered, never below Min-SE. A sender that supports timers and names none
    gets one. Raises SipRefusal: 400 for no interval, 422 for one that is too small.
    """
    timed = any(tag.lower() == "timer" for tag in request.values("supported"))
    written = request.get("session-expires")
    shortest = max(MIN_INTERVAL, _seconds(request.get("min-se")) or 0)
    if written is None:
        if not timed:
            return SessionAsked(0, timed=False)
        interval = max(longest, shortest)
        request.append("Session-Expires", str(interval))
        return SessionAsked(interval, timed=True)
    asked = _seconds(written)
    if asked is None:
        raise SipRefusal("Session-Expires is no number of seconds")
    interval = asked
    if asked < MIN_INTERVAL:
        if timed:
            raise SipRefusal(
                "Session-Expires is too small", status=422, headers=(("Min-SE", str(MIN_INTERVAL)),)
            )
        # Its sender would not understand a 422.
        interval = shortest
        request.set("Min-SE", str(shortest))
    elif asked > longest:
        interval = min(asked, max(longest, shortest))
    if interval != asked:
        request.set("Session-Expires", f"{interval}{_parameters(written)}")
    return SessionAsked(interval, timed=timed)


def agree(response: Response, asked: SessionAsked) -> int:
    """Return the interval of a 2xx in seconds, 0 for none.

    Where the callee knows no timers and the caller does, the caller is told to refresh (8.2).
    """
    written = response.get("session-expires")
    if written is not None:
        seconds = _seconds(written)
        return 0 if seconds is None else max(seconds, MIN_INTERVAL)
    if not (asked.timed and asked.interval):
        return 0
    response.append("Session-Expires", f"{asked.interval};refresher=uac")
    _require_timer(response)
    return asked.interval


def _require_timer(message: Message) -> None:
    tags = message.values("require")
    if not any(tag.lower() == "timer" for tag in tags):
        message.replace_values("Require", [*tags, "timer"])


def _seconds(value: str | None) -> int | None:
    found = _INTERVAL.fullmatch(value.strip()) if value is not None else None
    return int(found[1]) if found else None


def _parameters(value: str) -> str:
    found = _INTERVAL.fullmatch(value.strip())
    return (found[2] or "") if found else ""
