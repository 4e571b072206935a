"""One side of a TCP stream: its port, its connection, and what the table says of them."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable

from agw.engine.api import Counters, PortId, PortState
from agw.security.api import Security
from agw.security.session import Session
from agw.security.turns import Turns
from agw.tcp.api import Report, TcpLeg
from agw.tcp.connection import Connection
from agw.tcp.door import Door
from agw.tcp.msrp import Malformed, Rewriter
from agw.tcp.secured import Secured
from agw.tcp.states import Effect, Event, State, step
from hosting.counters import Tally
from iq.procedures import Change, SecurityCause, Setup

_OUTSIDE = frozenset({State.IDLE, State.OVER})
_CONNECTS = frozenset({State.CONNECTING, State.SECURING})


class Common:
    """What all sides share.

    tally: what connections met, by name. due: when the establishment of a stream has to be done, in loop
    time, by the side that was opened first. deaf: listeners that rest until the next tick, because the
    process has no descriptor left. securing: where TLS is being set up; session makes what does it, turns:
    which its steps take. reports, ready: see ByteRelay.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        establish: float,
        session: Callable[[Security], Session],
    ) -> None:
        self.loop = loop
        self.session = session
        self.turns = Turns(loop.call_soon)
        self.securing: dict[PortId, Secured] = {}
        self.tally = Tally()
        self.due: dict[PortId, float] = {}
        self.deaf: list[Side] = []
        self.reports: list[Report] = []
        self.ready: Callable[[], None] | None = None
        self._establish = establish

    def report(self, report: Report) -> None:
        if not self.reports and self.ready is not None:
            self.loop.call_soon(self.ready)  # not from within the caller's own edit
        self.reports.append(report)

    def moved(self, sides: "list[Side]") -> None:
        """The sides of a stream are in other states: does the time for its establishment run?"""
        anchor = max(side.id for side in sides)
        states = {side.state for side in sides}
        known = len(sides) > 1 and states.isdisjoint(_OUTSIDE) and states != {State.UP}
        if known or not states.isdisjoint(_CONNECTS):
            self.due.setdefault(anchor, self.loop.time() + self._establish)
        else:
            self.due.pop(anchor, None)


class Side:
    """One port and its connection. peer: the other side of the stream."""

    def __init__(self, common: Common, number: PortId, address: str, port: int, dscp: int) -> None:
        """Raises OSError."""
        self.id = number
        self.peer: Side | None = None
        self.state = State.IDLE
        self.leg = TcpLeg()
        self.connection: Connection | Secured | None = None
        self.counters = Counters()
        self._common = common
        self._door = Door(common.loop, self, (address, port, dscp), common.turns)
        self._role: Setup | None = None
        self._security: Security | None = None
        self._rewriter: Rewriter | None = None
        self._insecure: SecurityCause | None = None
        self._far: tuple[str, int] | None = None
        self._asked = False
        self._ended_first = False
        self._last_activity: float | None = None

    def edit(self, leg: TcpLeg) -> None:
        """Replace the leg; what does not fit it begins anew."""
        self.leg = leg
        if self.state not in (State.IDLE, State.OVER) and not self._fits():
            if self.peer is not None and self.state is self.peer.state is State.UP:
                self.peer.feed(Event.RENEW)
            self.feed(Event.RENEW)
        if self._rewriter is not None and leg.rewriting is not None:
            self._rewriter.change(leg.rewriting)
        for side in self.both():
            side.begin()
            side.flow()

    def start(self, connect: bool) -> None:
        """After an end: anew on both sides. connect: now, if it is for this side to connect; also in the
        place of a connection that stands."""
        states = [side.state for side in self.both()]
        if State.OVER in states or (connect and states == [State.UP, State.UP]):
            for side in self.both():
                side.feed(Event.RENEW)
            for side in self.both():
                side.begin()
        if connect:
            self._asked = True
            self.feed(Event.START)

    def begin(self) -> None:
        """Go on from IDLE as soon as the leg says how."""
        leg = self.leg
        if self.state is not State.IDLE or leg.setup is None:
            return
        if leg.security is not None and not leg.security.expected:
            return
        self._security = leg.security
        if leg.setup is Setup.PASSIVE and (leg.latching or leg.remote is not None):
            self.feed(Event.AWAIT)
        elif leg.setup is Setup.ACTIVE and leg.remote is not None:
            self.feed(Event.PREPARE)

    def feed(self, event: Event, cause: str = "") -> None:
        """Take one event; cause: of an end or a failure."""
        self.state, effects = step(self.state, event)
        for effect in effects:
            self._carry_out(effect, cause)
        if effects:
            self._common.moved(self.both())

    def both(self) -> "list[Side]":
        """The sides of the stream, this one first."""
        return [self] if self.peer is None else [self, self.peer]

    def flow(self) -> None:
        """Read while both are up, the gates are open, and the other side takes it."""
        peer, connection = self.peer, self.connection
        if connection is None:
            return
        out = peer.connection if peer is not None else None
        if peer is None or out is None or not self.state is peer.state is State.UP:
            connection.read(False)
        else:
            connection.read(self.leg.may_receive and peer.leg.may_send and not out.waiting)

    def close(self) -> Counters:
        """Close everything, that of the other side too, which is unjoined."""
        peer, self.peer = self.peer, None
        self._drop(abort=False)
        self.state = State.OVER
        if peer is not None:
            peer.peer = None
            peer.feed(Event.RENEW)
        return self.counters

    def snapshot(self) -> PortState:
        return PortState(self.counters, self._far, None, self._last_activity)

    def listen_again(self) -> None:
        """There may be descriptors again."""
        if self._role is Setup.PASSIVE and self.state in (State.WAITING, State.UP):
            self._door.listen()

    # House of the door

    def admits(self, address: tuple[str, int]) -> bool:
        """Only who is expected, and one connection at a time."""
        if self.state is not State.WAITING:
            self._common.tally["busy"] += 1
        elif not self._expects(address[0]):
            self._common.tally["source"] += 1
        else:
            return True
        return False

    def arrived(self, sock: socket.socket, address: tuple[str, int]) -> None:
        self._far = address
        rewriting = self.leg.rewriting
        self._rewriter = Rewriter(rewriting) if rewriting is not None else None
        if self._security is None:
            self.connection = Connection(self._common.loop, sock, self)
            self.feed(Event.OPENED)
            return
        session = self._common.session(self._security)
        secured = self.connection = Secured(self._common.loop, sock, self, session, self._common.turns)
        self._common.securing[self.id] = secured
        self.feed(Event.ARRIVED)
        secured.start()

    def failed(self, cause: str) -> None:
        self.feed(Event.FAILED, cause)

    def exhausted(self) -> None:
        self._common.tally["no_descriptor"] += 1
        self._common.deaf.append(self)

    # Owner of the connection

    def established(self) -> None:
        self._common.tally["tls"] += 1
        del self._common.securing[self.id]
        self.feed(Event.OPENED)

    def insecure(self, cause: SecurityCause, detail: str) -> None:
        self._common.tally["tls_failed"] += 1
        self._insecure = cause
        self.feed(Event.FAILED if self.state is State.SECURING else Event.ENDED, detail)

    def truncated(self) -> None:
        self._common.tally["tls_truncated"] += 1

    def received(self, data: bytes) -> None:
        peer = self.peer
        if peer is None or peer.connection is None or self.connection is None:
            return
        self.counters.octets += len(data)
        self._last_activity = self._common.loop.time()
        if self._rewriter is not None:
            try:
                data = self._rewriter.feed(data)
            except Malformed as error:
                self._common.tally["msrp_malformed"] += 1
                self.feed(Event.ENDED, f"malformed MSRP: {error}")
                return
            self._count_foreign(self._rewriter)
        peer.connection.write(data)
        if peer.connection.waiting:
            self.connection.read(False)

    def _count_foreign(self, rewriter: Rewriter) -> None:
        if rewriter.foreign:
            self._common.tally["msrp_foreign"] += rewriter.foreign
            rewriter.foreign = 0

    def finished_reading(self) -> None:
        peer = self.peer
        if peer is None or peer.connection is None:
            return
        self._ended_first = not peer.connection.ended
        peer.connection.finish()
        self._look_for_the_end()

    def drained(self) -> None:
        if self.peer is not None:
            self.peer.flow()
        self._look_for_the_end()

    def broken(self, cause: str) -> None:
        self._common.tally["broken"] += 1
        self.feed(Event.ENDED, cause)

    def _look_for_the_end(self) -> None:
        peer = self.peer
        if peer is None or not all(
            side.connection is not None and side.connection.over for side in (self, peer)
        ):
            return
        self._common.tally["closed"] += 1
        (self if self._ended_first else peer).feed(Event.ENDED, "closed")

    def _fits(self) -> bool:
        """Does what was begun agree with the leg?"""
        leg = self.leg
        if leg.setup is not self._role or leg.security != self._security:
            return False
        if self.connection is not None and (leg.rewriting is None) is not (self._rewriter is None):
            return False
        if self._role is Setup.PASSIVE:
            waits = leg.latching or leg.remote is not None
            return waits if self._far is None else self._expects(self._far[0])
        if leg.remote is None:
            return False
        return self._far is None or self._far == (leg.remote.address, leg.remote.port)

    def _expects(self, address: str) -> bool:
        """May the peer be at ``address``?"""
        leg = self.leg
        wanted = leg.source if leg.latching else leg.remote.address if leg.remote is not None else ""
        if wanted is None:
            return True
        return wanted != "" and _within(address, wanted)

    def _carry_out(self, effect: Effect, cause: str) -> None:
        match effect:
            case Effect.RESERVE:
                self._door.reserve()
            case Effect.LISTEN:
                self._role = Setup.PASSIVE
                self._door.listen()
            case Effect.TRY:
                self._role = Setup.ACTIVE
                if self._asked or (self.peer is not None and self.peer.state is State.UP):
                    self.feed(Event.START)
            case Effect.CONNECT:
                self._connect()
            case Effect.TELL_UP:
                self._tell_up()
            case Effect.TELL_STOP:
                if self.peer is not None:
                    self.peer.feed(Event.STOP)
            case Effect.REPORT_FAILED:
                self._common.tally["failed"] += 1
                self._report(Change.FAILED, cause)
            case Effect.REPORT_RELEASED:
                self._report(Change.RELEASED, cause)
            case Effect.CLOSE | Effect.ABORT:
                self._drop(abort=effect is Effect.ABORT)

    def _report(self, change: Change, cause: str) -> None:
        insecure, self._insecure = self._insecure, None
        self._common.report(Report(self.id, change, cause, insecure))

    def _tell_up(self) -> None:
        peer = self.peer
        if peer is None:
            return
        if peer.state is not State.UP:
            peer.feed(Event.START)
            return
        self._common.tally["established"] += 1
        for side in (self, peer):
            side.flow()

    def _connect(self) -> None:
        self._asked = False
        leg = self.leg
        if leg.remote is None:
            return
        if leg.source is not None and not _within(leg.remote.address, leg.source):
            # As with plain media over UDP: nothing is sent to where the peer could not send from.
            self.failed("Remote is outside of gm/sam")
            return
        self._far = leg.remote.address, leg.remote.port
        self._door.connect(self._far)

    def _drop(self, abort: bool) -> None:
        self._door.close()
        self._common.securing.pop(self.id, None)
        if self.connection is not None:
            if abort:
                self.connection.abort()
            else:
                self.connection.close()
        self.connection = self._far = None
        self._asked = self._ended_first = False


def _within(address: str, prefix: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(prefix, strict=False)
