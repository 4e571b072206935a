"""Executes Iq actions on contexts and terminations (TS 23.334 8.1 to 8.4, H.248.1 7.2, 8.2.2)."""

import itertools
from collections.abc import Mapping

from agw.control.checks import check_configure, check_reserve
from agw.control.media import Media
from agw.control.ports import Realm
from agw.control.termination import Context, End, EndedContext, Termination
from agw.dtls.api import DtlsEnds
from agw.engine.api import Counters, Engine, EngineError, PortId
from agw.security.api import NewIdentity
from agw.tcp.api import ByteRelay
from hosting.counters import Tally
from iq.errors import IqError
from iq.procedures import (
    ALL_CONTEXTS,
    Action,
    ActionReply,
    Audited,
    AuditRoot,
    AuditTerminations,
    Configure,
    Done,
    Latch,
    Procedure,
    Release,
    Reply,
    Reserve,
    Reserved,
    Stream,
)

MAX_TERMINATIONS = 2
"""Of one context: the access side and the core side."""
NULL_CONTEXT = 0
MAX_CONTEXT = 0xFFFFFFFD
"""Above are ``$`` and ``*``."""


class Contexts:
    """All contexts of this gateway. No clock and no sockets of its own: ``now`` is the loop's time.

    holders: whose a port is. draining: refuses new contexts with 503. ended: for the log; whoever reads them
    empties the list.
    """

    def __init__(
        self,
        engine: Engine,
        realms: Mapping[str, Realm],
        max_ports: int,
        tcp: ByteRelay | None = None,
        new_identity: NewIdentity | None = None,
        dtls: DtlsEnds | None = None,
    ) -> None:
        """max_ports: ports that may be open at a time, by the descriptors that this process may have.

        tcp: None refuses TCP media. new_identity: a certificate for a stream; None: no (D)TLS ends here.
        dtls: None: nothing passes where DTLS would end.
        """
        self.draining = False
        self.media = Media(engine, tcp, dtls, new_identity, max_ports)
        self.contexts: dict[int, Context] = {}
        self.terminations: dict[str, Termination] = {}
        self.holders: dict[PortId, Termination] = {}
        self.totals = {name: Counters() for name in realms}
        self.ended: list[EndedContext] = []
        self.refused = Tally()
        self.created = 0
        self.rekeyed = 0
        self._realms = realms
        self._suites = frozenset(engine.abilities.suites)
        self._numbers = itertools.count(1)
        self._last_context = 0

    def __len__(self) -> int:
        return len(self.contexts)

    @property
    def open_ports(self) -> int:
        return self.media.open_ports

    @property
    def max_ports(self) -> int:
        return self.media.max_ports

    @max_ports.setter
    def max_ports(self, most: int) -> None:
        self.media.max_ports = most

    def free_ports(self) -> dict[str, int]:
        """Ports that nobody has, by realm; of the IP version that has fewest."""
        return {name: min(len(one.pool) for one in realm.interfaces) for name, realm in self._realms.items()}

    def execute(self, action: Action, now: float) -> ActionReply:
        """Execute the procedures in order, up to the first that fails; never raises.

        What was done before a failure stays in force. A procedure that fails has done nothing, and a
        context in which nothing succeeded does not come into being.
        """
        reply = ActionReply(action.context, [])
        try:
            for procedure in action.procedures:
                reply.replies.append(self._one(procedure, action, reply, now))
        except IqError as error:
            reply.error = error
            self.refused[error.code] += 1
        failed = self.settle()
        if failed is not None and reply.error is None:
            reply.error = IqError(500, f"Internal failure: {failed}")
        return reply

    def release(self, context: Context, reason: str, now: float) -> None:
        """Release every termination of ``context``; ``settle`` is the caller's."""
        for termination in list(context.terminations):
            self.subtract(termination, reason, now)

    def subtract(self, termination: Termination, reason: str, now: float) -> None:
        """Release one termination; the context ends with its last one. reason: as in EndedContext.

        ``settle`` is the caller's."""
        for end in list(termination.ends.values()):
            self._close(termination, end, now)
        context = termination.context
        context.terminations.remove(termination)
        del self.terminations[termination.name]
        if not context.terminations:
            del self.contexts[context.id]
            self.ended.append(
                EndedContext(context.id, now - context.started, reason, context.emergency, context.closed)
            )

    def rekey(self, port: PortId) -> EngineError | None:
        """DTLS has other keys for ``port``; returns what ``settle`` does."""
        holder = self.holders.get(port)
        for end in holder.ends.values() if holder is not None else ():
            if holder is not None and end.port == port:
                self.media.touch(holder, end)
        return self.settle()

    def settle(self) -> EngineError | None:
        """Hand what has changed to the engine; returns what it could not do, all else is in effect then."""
        return self.media.settle()

    def _one(self, procedure: Procedure, action: Action, reply: ActionReply, now: float) -> Reply:
        match procedure:
            case Reserve():
                return self._reserve(procedure, action, reply, now)
            case Configure():
                return self._configure(procedure, self._context(reply.context), now)
            case Release():
                return self._release(procedure, reply.context, now)
            case AuditRoot():
                if action.context != NULL_CONTEXT:
                    raise IqError(421, "Unknown action or illegal combination: ROOT is in context 0")
                return Done("ROOT")
            case AuditTerminations():
                return self._audit(procedure, action.context)
        raise IqError(443, f"Unsupported command: {type(procedure).__name__}")

    def _context(self, number: int | None) -> Context:
        if number is None or number in (NULL_CONTEXT, ALL_CONTEXTS):
            raise IqError(421, "Unknown action or illegal combination: needs one context")
        context = self.contexts.get(number)
        if context is None:
            raise IqError(411, "Unknown ContextID")
        return context

    def _reserve(self, reserve: Reserve, action: Action, reply: ActionReply, now: float) -> Reserved:
        context = self._context(reply.context) if reply.context is not None else None
        if context is None and self.draining:
            raise IqError(503, "Service unavailable: going out of service")
        if context is not None and len(context.terminations) >= MAX_TERMINATIONS:
            raise IqError(434, "Too many terminations in context")
        realm = self._realms.get(reserve.realm)
        if realm is None:
            raise IqError(449, "Unsupported or unknown value: ipdc/realm")
        check_reserve(reserve, self._suites, self.media.new_identity is not None)
        streams = [stream for stream in reserve.streams if not _released(stream)]
        ends = self.media.open(realm, streams, reserve.source, reserve.dscp, now)
        if context is None:
            context = self._new_context(action, now)
            reply.context = context.id
        termination = Termination(
            f"ip/0/{reserve.realm}/{next(self._numbers)}",
            context,
            reserve.realm,
            reserve.heartbeat,
            now + reserve.heartbeat,
            reserve.latch is not Latch.OFF,
            reserve.source,
            reserve.inactivity,
            now,
            reserve.dscp,
        )
        context.terminations.append(termination)
        self.terminations[termination.name] = termination
        for end, stream in zip(ends, streams, strict=True):
            self._attach(termination, end, stream)
        replies = [end.reply(stream) for end, stream in zip(ends, streams, strict=True)]
        return Reserved(termination.name, replies)

    def _configure(self, configure: Configure, context: Context, now: float) -> Reserved:
        termination = self._termination(configure.termination, context)
        ends = termination.ends
        check_configure(configure, ends, self._suites, self.media.new_identity is not None)
        fresh = [s for s in configure.streams if s.id not in ends and not _released(s)]
        realm = self._realms[termination.realm]
        opened = self.media.open(realm, fresh, termination.source, termination.dscp, now)
        termination.deadline = now + termination.heartbeat
        termination.quiet_since = now
        if configure.source is not None:
            termination.source = configure.source
        if configure.latch is not None:
            termination.latching = configure.latch is not Latch.OFF
        for stream in configure.streams:
            end = ends.get(stream.id)
            if end is None:
                continue
            if _released(stream):
                self._close(termination, end, now)
            else:
                self.rekeyed += end.rekeyed_by(stream)
                end.update(stream, self.media.new_identity)
                self.media.start(end, stream)
        for end, stream in zip(opened, fresh, strict=True):
            self._attach(termination, end, stream)
        for end in ends.values():
            self.media.touch(termination, end)
            if configure.latch is Latch.RELATCH:
                self.media.relatch(end)
        asked = [s for s in configure.streams if s in fresh or (s.choose_fingerprint and s.id in ends)]
        return Reserved(termination.name, [ends[stream.id].reply(stream) for stream in asked])

    def _release(self, release: Release, number: int | None, now: float) -> Done:
        if number == ALL_CONTEXTS:
            if release.termination == "*":
                for context in list(self.contexts.values()):
                    self.release(context, "released", now)
                return Done("*")
            termination = self.terminations.get(release.termination)
            if termination is None:
                raise IqError(430, "Unknown TerminationID")
        else:
            context = self._context(number)
            if release.termination == "*":
                self.release(context, "released", now)
                return Done("*")
            termination = self._termination(release.termination, context)
        self.subtract(termination, "released", now)
        return Done(termination.name)

    def _audit(self, audit: AuditTerminations, number: int | None) -> Audited:
        """Terminations that match the pattern; contexts without one are left out."""
        contexts = self.contexts.values() if number == ALL_CONTEXTS else [self._context(number)]
        head, star, tail = audit.pattern.partition("*")
        found: dict[int, list[str]] = {}
        for context in contexts:
            names = [termination.name for termination in context.terminations]
            if audit.pattern != "*":
                names = [n for n in names if n.startswith(head) and n.endswith(tail) and (star or n == head)]
            if names:
                found[context.id] = names
        return Audited(found)

    def _termination(self, name: str, context: Context) -> Termination:
        termination = self.terminations.get(name)
        if termination is None:
            raise IqError(430, "Unknown TerminationID")
        if termination.context is not context:
            raise IqError(435, "TerminationID is not in specified context")
        return termination

    def _new_context(self, action: Action, now: float) -> Context:
        while True:
            self._last_context = self._last_context % MAX_CONTEXT + 1
            if self._last_context not in self.contexts:
                break
        self.created += 1
        context = Context(self._last_context, now, action.emergency)
        self.contexts[context.id] = context
        return context

    def _attach(self, termination: Termination, end: End, stream: Stream) -> None:
        termination.ends[end.id] = end
        self.holders[end.port] = termination
        other = termination.context.other(termination)
        if other is not None and end.id in other.ends:
            self.media.join(end, other.ends[end.id])
        self.media.touch(termination, end)
        self.media.start(end, stream)

    def _close(self, termination: Termination, end: End, now: float) -> None:
        self.holders.pop(end.port, None)
        counters = self.media.close(end, now)
        del termination.ends[end.id]
        self.totals[termination.realm].add(counters)
        closed = termination.context.closed
        if termination.name in closed:
            closed[termination.name].add(counters)
        else:
            closed[termination.name] = counters
        other = termination.context.other(termination)
        if other is not None and end.id in other.ends:
            self.media.touch(other, other.ends[end.id])


def _released(stream: Stream) -> bool:
    """An m= line with port 0 (RFC 3264 8.2)."""
    return stream.remote is not None and stream.remote.port == 0
