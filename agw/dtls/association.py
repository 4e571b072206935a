"""One DTLS association: a session, the address of its peer, and the time that it takes."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from agw.dtls.srtp import keys
from agw.engine.api import Address
from agw.security.api import Security
from agw.security.events import Closed, Data, Established, Event, Failed
from agw.security.profiles import Profile
from agw.security.session import HANDSHAKE_SECONDS, Handshakes, Session, State
from hosting.counters import Tally
from iq.procedures import Change, SecurityCause
from iq.suites import Crypto

ROOM_SECONDS = 0.5
"""Until a client asks again whether one more handshake may go on."""
MAX_HELLOS = 50
"""That one port looks at within a second, before a cookie came back: what a flood of them costs."""
_HANDSHAKE = 22


class Common:
    """What all associations share. srtp, plain: with and without use_srtp. handshakes: how many may go on.

    seconds: for a handshake. tally: why datagrams did not go on. done: how handshakes ended, "ok" or the
    name of a cause.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        srtp: Profile,
        plain: Profile,
        handshakes: Handshakes,
        seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        self.loop = loop
        self.srtp = srtp
        self.plain = plain
        self.handshakes = handshakes
        self.seconds = seconds
        self.tally = Tally()
        self.done = Tally()


class Owner(Protocol):
    """The side of a stream that an association belongs to."""

    def emit(self, association: "Association", to: Address, datagrams: list[bytes]) -> None: ...

    def established(self, association: "Association") -> None: ...

    def received(self, association: "Association", data: bytes) -> None: ...

    def lost(self, association: "Association", change: Change, cause: SecurityCause, detail: str) -> None: ...

    def vouches(self, source: Address, rtcp: bool) -> bool:
        """Does signalling say that the peer is there? Else anybody may have sent it."""

    def woken(self) -> None:
        """A timer did something; else the owner had called."""


class Association:
    """rtcp: of the port for RTCP. target: where a client's handshake goes, None: not known.

    address: the peer's, None before it has returned a cookie. keys: what the gateway protects with and what
    the peer does, None before. over: it failed or ended.
    """

    def __init__(self, common: Common, owner: Owner, security: Security, *, rtcp: bool, srtp: bool) -> None:
        self.security = security
        self.rtcp = rtcp
        self.target: Address | None = None
        self.address: Address | None = None
        self.keys: tuple[Crypto, Crypto] | None = None
        self.over = False
        self._common = common
        self._owner = owner
        self._srtp = srtp
        self._stood = False
        self._hellos = 0
        self._second = 0.0
        self._session: Session | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def up(self) -> bool:
        return self._session is not None and self._session.state is State.UP

    def begin(self) -> None:
        """A client starts as soon as it knows where to, and there is room for one more handshake."""
        if not self.security.client or self.target is None or self._session is not None or self.over:
            return
        if self._full():
            self._wait(self._common.loop.time() + ROOM_SECONDS, self._begin_late)
            return
        self.address = self.target
        session = self._make()
        self._follow(session, session.start(self._common.loop.time()))

    def aim(self, target: Address | None) -> None:
        """Where the peer is said to be. An association that stands follows its packets instead."""
        self.target = target
        if self.security.client and not self.up:
            self.address = target
        self.begin()

    def receive(self, data: bytes, source: Address) -> None:
        """Take one datagram of DTLS that came from where the peer may be."""
        session = self._admit(data, source)
        if session is None:
            return
        listening = session.state is State.LISTENING
        events = session.receive(data, self._common.loop.time(), repr(source).encode())
        if listening and session.state is State.LISTENING:
            self._owner.emit(self, source, session.datagrams())  # a cookie; nothing is kept of who gets it
            return
        if listening or any(isinstance(event, Data) for event in events):
            self.address = source
        self._follow(session, events)

    def send(self, data: bytes) -> bool:
        """Encrypt ``data`` for the peer. False: there is nobody to send it to."""
        session = self._session
        if session is None or session.state is not State.UP:
            return False
        self._follow(session, session.send(data))
        return True

    def close(self) -> None:
        """Forget the session; the peer hears of it where there was one."""
        session, self._session = self._session, None
        self.over = True
        self.keys = None
        self._rest()
        if session is not None:
            session.close()
            self._emit(session)

    def _full(self) -> bool:
        return self._common.handshakes.going >= self._common.handshakes.most

    def _flooded(self) -> bool:
        """Count one more hello: are there too many?"""
        now = self._common.loop.time()
        if now >= self._second:
            self._second, self._hellos = now + 1.0, 0
        self._hellos += 1
        return self._hellos > MAX_HELLOS

    def _admit(self, data: bytes, source: Address) -> Session | None:
        """The session that takes the datagram; None: it is dropped, and counted."""
        session, tally = self._session, self._common.tally
        state = session.state if session is not None else None
        if self.over or (state is None and self.security.client):
            tally["unexpected"] += 1
        elif state is State.HANDSHAKE and source != self.address:
            tally["source"] += 1
        elif state is not None and state is not State.LISTENING:
            return session
        elif data[0] != _HANDSHAKE:
            tally["unexpected"] += 1
        elif self._full() or self._flooded():
            tally["overload"] += 1  # a client sends its hello again
        elif session is not None:
            return session
        else:
            made = self._make()
            made.start(self._common.loop.time())
            return made
        return None

    def _make(self) -> Session:
        common = self._common
        self._session = Session(
            common.srtp if self._srtp else common.plain,
            self.security.identity,
            self.security.expected,
            client=self.security.client,
            handshakes=common.handshakes,
            seconds=common.seconds,
        )
        return self._session

    def _follow(self, session: Session, events: list[Event]) -> None:
        """Send what there is to be sent, then tell what happened."""
        self._emit(session)
        due = session.due
        self._rest()
        if due is not None:
            self._wait(due, self._tick)
        for event in events:
            match event:
                case Established():
                    self._established(session)
                case Data(octets):
                    self._owner.received(self, octets)
                case Closed():
                    self._lose(Change.RELEASED, SecurityCause.CLOSED, "close_notify")
                case Failed(cause, detail):
                    self._lose(Change.RELEASED if self._stood else Change.FAILED, cause, detail)
            if self._session is not session:
                return

    def _established(self, session: Session) -> None:
        if self._srtp:
            self.keys = keys(session, self.security.client)
            if self.keys is None:
                self._lose(Change.FAILED, SecurityCause.PROTOCOL, "no profile of use_srtp in common")
                return
        self._stood = True
        self._common.done["ok"] += 1
        self._owner.established(self)

    def _lose(self, change: Change, cause: SecurityCause, detail: str) -> None:
        if change is Change.FAILED:
            self._common.done[cause.name.lower()] += 1
            if self._stranger():
                self.close()
                self.over, self.address = False, None  # the peer itself is still to come
                return
        self.close()
        self._owner.lost(self, change, cause, detail)

    def _stranger(self) -> bool:
        """Did somebody fail at our server who need not be the peer?"""
        known = self.address is not None and self._owner.vouches(self.address, self.rtcp)
        return not self.security.client and not known

    def _emit(self, session: Session) -> None:
        found = session.datagrams()
        if found and self.address is not None:
            self._owner.emit(self, self.address, found)

    def _tick(self) -> None:
        session = self._session
        if session is not None:
            self._follow(session, session.tick(self._common.loop.time()))
            self._owner.woken()

    def _begin_late(self) -> None:
        self.begin()
        self._owner.woken()

    def _wait(self, until: float, then: Callable[[], None]) -> None:
        self._rest()
        self._timer = self._common.loop.call_at(until, then)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
