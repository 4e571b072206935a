"""A gateway as its controller sees it: what it can do, whether it is there, and how to ask it."""

import asyncio

from iq.association import Association
from iq.errors import IqError
from iq.exchange import Done
from iq.h248.errors import NO_WILDCARD_MATCH, NOT_READY, TOO_LARGE, UNKNOWN_CONTEXT, UNKNOWN_TERMINATION
from iq.procedures import ALL_CONTEXTS, Action, ActionReply, Audited, AuditTerminations
from iq.suites import MANDATORY_MECHANISM, MANDATORY_SUITE

MAX_AUDIT_PAGES = 1111
"""Pages of one audit: all, those by the last digit, by the last two, and by the last three."""

#: Codes that answer a wildcard Release or audit where there is nothing.
NOTHING_THERE = frozenset({UNKNOWN_CONTEXT, UNKNOWN_TERMINATION, NO_WILDCARD_MATCH})


class Gateway:
    """An IMS-AGW as its controller sees it; the same object after it was lost and has come back.

    mid: as on the wire. suites: what its engine can do; mechanisms: what it can end; aware: protocols of
    media that it can be aware of. epoch: of the process that holds its contexts. up: it takes actions.
    draining: it has announced to go out of service: give it no new contexts.
    """

    def __init__(self, mid: str, loop: asyncio.AbstractEventLoop) -> None:
        self.mid = mid
        self.suites: frozenset[str] = frozenset({MANDATORY_SUITE})
        self.mechanisms: frozenset[str] = frozenset({MANDATORY_MECHANISM})
        self.aware: frozenset[str] = frozenset()
        self.epoch = ""
        self.up = False
        self.draining = False
        self.association: Association | None = None
        self._loop = loop

    def __repr__(self) -> str:
        return f"<Gateway {self.mid} {'up' if self.up else 'down'}>"

    def send(self, action: Action, done: Done) -> None:
        """Send ``action``; ``done`` gets its reply, exactly once and never before this returns.

        The error is 502 where it was not sent, 530 where no reply came: it may have been executed.
        """
        if self.up and self.association is not None:
            self.association.request(action, done)
        else:
            error = IqError(NOT_READY, "gateway is not registered")
            self._loop.call_soon(done, ActionReply(action.context, [], error))

    def audit(self, done: Done) -> None:
        """Ask for every termination; ``done`` gets one Audited, or the error. Large audits come in pages."""
        _Audit(self, done).ask()


class _Audit:
    """An audit of all terminations, by the last digits of their numbers where one reply is too small."""

    def __init__(self, gateway: Gateway, done: Done) -> None:
        self._gateway = gateway
        self._done = done
        self._patterns = ["*"]
        self._pages = 0
        self._found: dict[int, list[str]] = {}

    def ask(self) -> None:
        action = Action(ALL_CONTEXTS, [AuditTerminations(self._patterns[-1])])
        self._gateway.send(action, self._answer)

    def _answer(self, reply: ActionReply) -> None:
        pattern = self._patterns.pop()
        self._pages += 1
        if reply.error is not None and reply.error.code == TOO_LARGE and self._pages < MAX_AUDIT_PAGES:
            digits = pattern.removeprefix("ip/").removeprefix("*")
            self._patterns += [f"ip/*{digit}{digits}" for digit in range(10)]
        elif reply.error is not None and reply.error.code not in NOTHING_THERE:
            self._done(reply)
            return
        for audited in reply.replies:
            if isinstance(audited, Audited):
                for context, names in audited.contexts.items():
                    self._found.setdefault(context, []).extend(names)
        if self._patterns:
            self.ask()
        else:
            self._done(ActionReply(ALL_CONTEXTS, [Audited(self._found)]))
