"""All ports whose DTLS ends here, between the engine that hands over and who asks for keys."""

import asyncio
import hmac
import secrets
from collections import deque
from collections.abc import Callable

from agw.dtls.api import DtlsEnds, DtlsLeg, Keys, Passed, Report
from agw.dtls.association import Common
from agw.dtls.side import Side
from agw.dtls.srtp import use_srtp
from agw.engine.api import Address, Counters, Datagram, Engine, PortId
from agw.security.profiles import Profile, dtls
from agw.security.session import HANDSHAKE_SECONDS, Handshakes
from hosting.counters import Tally

BATCH = 2
"""Datagrams for each turn of the loop: one of a handshake takes a third of a millisecond, and neither
signalling nor the media of the portable engine waits for more."""
MAX_WAITING = 1024
"""Datagrams that wait for their turn; more are dropped and counted."""


class Dtls:
    """An ``agw.dtls.api.DtlsEnds`` over a packet engine."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        engine: Engine,
        srtp: Profile,
        plain: Profile,
        handshakes: Handshakes,
        *,
        seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        """srtp, plain: profiles of DTLS with and without use_srtp; seconds: for a handshake."""
        self._common = Common(loop, srtp, plain, handshakes, seconds)
        self._loop = loop
        self._engine = engine
        self._sides: dict[PortId, Side] = {}
        self._far: dict[PortId, Side] = {}
        self._protected: dict[PortId, Passed] = {}
        self._waiting: deque[Datagram] = deque()
        self._working = False
        self._keyed: Callable[[PortId], None] = _nobody
        self._reported: Callable[[Report], None] = _nobody

    def __len__(self) -> int:
        """Ports whose DTLS ends here."""
        return len(self._sides)

    @property
    def tally(self) -> Tally:
        """Datagrams that did not go on, by reason."""
        return self._common.tally

    @property
    def handshakes(self) -> Tally:
        """How they ended: "ok", or a cause."""
        return self._common.done

    def watch(self, keyed: Callable[[PortId], None], reported: Callable[[Report], None]) -> None:
        self._keyed, self._reported = keyed, reported

    def edit(self, port: PortId, leg: DtlsLeg) -> None:
        side = self._sides.get(port)
        if side is None:
            side = self._sides[port] = Side(self._common, port, leg, self._settle, self._latched)
        self._leave_far(side)
        if leg.far is not None:
            self._far[leg.far] = side
            self._protected.setdefault(leg.far, Passed(Counters()))
        side.edit(leg)
        self._loop.call_soon(self._settle, side)  # once the engine hands over what the answer is

    def restart(self, port: PortId) -> None:
        if (side := self._sides.get(port)) is not None:
            side.restart()
            self._loop.call_soon(self._settle, side)

    def keys(self, port: PortId) -> Keys:
        side = self._sides.get(port)
        return side.keys() if side is not None else Keys()

    def passed(self, port: PortId) -> Passed | None:
        side = self._sides.get(port)
        return side.passed if side is not None else self._protected.get(port)

    def close(self, port: PortId) -> Passed | None:
        side = self._sides.pop(port, None)
        if side is None:
            return self._protected.pop(port, None)
        self._leave_far(side)
        side.close()
        self._send(side)
        return side.passed

    def take(self, datagrams: list[Datagram]) -> None:
        room = MAX_WAITING - len(self._waiting)
        self._waiting.extend(datagrams[:room])
        if len(datagrams) > room:
            self._common.tally["overload"] += len(datagrams) - room
        if self._waiting and not self._working:
            self._work()

    def _work(self) -> None:
        waiting = self._waiting
        try:
            for _ in range(min(BATCH, len(waiting))):
                self._one(waiting.popleft())
        finally:
            self._working = bool(waiting)
            if waiting:
                self._loop.call_soon(self._work)

    def _one(self, datagram: Datagram) -> None:
        if (side := self._sides.get(datagram.port)) is not None:
            side.receive(datagram)
        elif (side := self._far.get(datagram.port)) is not None:
            self._protect(side, datagram)
        else:
            self._common.tally["unexpected"] += 1  # the port was closed meanwhile
            return
        self._settle(side)

    def _protect(self, side: Side, datagram: Datagram) -> None:
        passed = self._protected.get(datagram.port)
        if side.protect(datagram.data) and passed is not None:
            passed.counters.packets += 1
            passed.counters.octets += len(datagram.data)

    def _latched(self, port: PortId) -> Address | None:
        return self._engine.state(port).source

    def _settle(self, side: Side) -> None:
        if self._sides.get(side.port) is not side:
            return  # closed meanwhile
        if side.rekeyed:  # before the peer hears that it may send
            side.rekeyed = False
            self._keyed(side.port)
        self._send(side)
        told, side.told = side.told, []
        for report in told:
            self._reported(report)

    def _send(self, side: Side) -> None:
        if side.out:
            out, side.out = side.out, []
            self._engine.send(out)

    def _leave_far(self, side: Side) -> None:
        if side.leg.far is not None and self._far.get(side.leg.far) is side:
            del self._far[side.leg.far]


def make_dtls(
    loop: asyncio.AbstractEventLoop,
    engine: Engine,
    handshakes: Handshakes,
    seconds: float = HANDSHAKE_SECONDS,
) -> Dtls:
    """With the profiles of this gateway, and a secret for its cookies. handshakes: of the whole process."""
    secret = secrets.token_bytes(32)

    def cookie(source: bytes) -> bytes:
        return hmac.digest(secret, source, "sha256")

    srtp = dtls(cookie, use_srtp(engine.abilities.suites))
    return Dtls(loop, engine, srtp, dtls(cookie), handshakes, seconds=seconds)


def _nobody(_told: object) -> None:
    """Nobody watches."""


def _conforms(ends: Dtls) -> DtlsEnds:
    return ends  # mypy proves it
