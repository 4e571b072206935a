"""What time does to contexts: heartbeats, silence, and a controller that does not come back. One tick
sweeps deadlines; there is no timer per termination."""

from agw.control.contexts import Contexts
from agw.control.termination import Termination
from iq.errors import IqError
from iq.procedures import Heartbeat, MediaInactivity, Mode

CONTROL_GRACE = 300.0
"""Seconds that media goes on without a controller; then every context is released."""
MAX_DUE = 500
"""Notifications of one tick; the rest wait for the next. A network that fails silences all calls at once."""
UNKNOWN_THERE = frozenset({411, 430, 435})
"""Answers to a heartbeat by which the controller says that it does not know the termination."""

Notification = tuple[int, Heartbeat | MediaInactivity]


class Supervision:
    """Deadlines of the terminations in ``contexts``, in the loop's time."""

    def __init__(self, contexts: Contexts, grace: float = CONTROL_GRACE) -> None:
        """grace: seconds, see CONTROL_GRACE."""
        self._contexts = contexts
        self._grace = grace
        self._lost_at: float | None = None

    def tick(self, now: float, controlled: bool) -> list[Notification]:
        """What to notify, with its context. controlled: is there a controller now."""
        if controlled:
            self._lost_at = None
        elif self._lost_at is None:
            self._lost_at = now
        elif now - self._lost_at >= self._grace:
            for context in list(self._contexts.contexts.values()):
                self._contexts.release(context, "control-lost", now)
            self._contexts.settle()
        due: list[Notification] = []
        for termination in self._contexts.terminations.values():
            if len(due) >= MAX_DUE:
                break
            if termination.deadline <= now:
                termination.deadline = now + termination.heartbeat
                due.append((termination.context.id, Heartbeat(termination.name)))
            if termination.inactivity is not None and self._silent(termination, now):
                due.append((termination.context.id, MediaInactivity(termination.name)))
        return due

    def answered(self, context: int, heartbeat: Heartbeat, error: IqError | None, now: float) -> bool:
        """The controller's answer to a heartbeat. True: it does not know it, and it was released here."""
        termination = self._contexts.terminations.get(heartbeat.termination)
        if error is None or error.code not in UNKNOWN_THERE:
            return False
        if termination is None or termination.context.id != context:
            return False  # released meanwhile
        self._contexts.subtract(termination, "heartbeat", now)
        self._contexts.settle()
        return True

    def _silent(self, termination: Termination, now: float) -> bool:
        """Has nothing valid arrived at any stream that should receive for that long? Told once each time.

        A peer that is held sends nothing, and is not lost; nor is one with nothing to say over TCP."""
        if termination.inactivity is None or now - termination.quiet_since < termination.inactivity:
            return False
        latest, watched = termination.quiet_since, False
        for end in termination.ends.values():
            if not end.tcp and end.mode in (Mode.SEND_RECEIVE, Mode.RECEIVE_ONLY):
                watched = True
                heard = self._contexts.media.state(end).last_activity
                if heard is not None and heard > latest:
                    latest = heard
        silent = watched and now - latest >= termination.inactivity
        termination.quiet_since = latest if watched and not silent else now
        return silent
