"""The relay of TCP media on the loop: ports by number, and what time does to them."""

import asyncio
import itertools
from collections.abc import Callable

from agw.engine.api import Counters, PortId, PortState
from agw.security.api import Security
from agw.security.session import Session
from agw.tcp.api import ESTABLISH_SECONDS, ByteRelay, Report, TcpLeg
from agw.tcp.side import Common, Side
from agw.tcp.states import State
from hosting.counters import Tally


class TcpRelay:
    """An ``agw.tcp.api.ByteRelay``: non-blocking sockets on the loop's own thread, and no task for any."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        session: Callable[[Security], Session],
        *,
        establish: float = ESTABLISH_SECONDS,
    ) -> None:
        """session: makes what ends TLS. establish: seconds, see ESTABLISH_SECONDS."""
        self._common = Common(loop, establish, session)
        self._establish = establish
        self._sides: dict[PortId, Side] = {}
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        """Ports that are open."""
        return len(self._sides)

    @property
    def tally(self) -> Tally:
        """What connections met, by name."""
        return self._common.tally

    def connections(self) -> int:
        """Connections that stand."""
        return sum(side.state is State.UP for side in self._sides.values())

    def open(self, address: str, port: int, dscp: int) -> PortId:
        number = PortId(-next(self._numbers))
        self._sides[number] = Side(self._common, number, address, port, dscp)
        return number

    def edit(self, port: PortId, leg: TcpLeg) -> None:
        self._sides[port].edit(leg)

    def start(self, port: PortId, connect: bool) -> None:
        self._sides[port].start(connect)

    def join(self, one: PortId, other: PortId) -> None:
        a, b = self._sides[one], self._sides[other]
        a.peer, b.peer = b, a

    def close(self, port: PortId) -> Counters:
        self._common.due.pop(port, None)
        return self._sides.pop(port).close()

    def state(self, port: PortId) -> PortState:
        return self._sides[port].snapshot()

    def watch(self, ready: Callable[[], None]) -> None:
        self._common.ready = ready

    def reports(self) -> list[Report]:
        reports, self._common.reports = self._common.reports, []
        return reports

    def tick(self, now: float) -> None:
        """End what is not established in time; now: loop time."""
        deaf, self._common.deaf = self._common.deaf, []
        for side in deaf:
            side.listen_again()
        for secured in list(self._common.securing.values()):
            secured.tick(now)
        late = [port for port, due in self._common.due.items() if due <= now]
        for port in late:
            # Who is READY only waits for the other side.
            missing = [side for side in self._sides[port].both() if side.state is not State.UP]
            missing.sort(key=lambda side: side.state is State.READY)
            self._common.tally["late"] += 1
            missing[0].failed(f"no connection within {self._establish:g} s")

    def stop(self) -> None:
        for port in list(self._sides):
            self.close(port)


def _conforms(relay: TcpRelay) -> ByteRelay:
    return relay  # mypy proves it
