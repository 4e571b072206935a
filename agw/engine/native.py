"""The packet engine that production runs: threads of native code, driven from the loop's thread.

An adapter between ``agw.engine.api`` and ``agw.engine._native``, which native/py builds: values go across
flat, and nothing is decided here. Importing it fails where that was not built.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from agw.engine import _native
from agw.engine.api import (
    Abilities,
    Counters,
    Datagram,
    Engine,
    EngineError,
    Failure,
    Leg,
    PortId,
    PortState,
    Rollover,
    Transform,
)
from iq.procedures import Endpoint
from iq.suites import Crypto

_IMPOSSIBLE = (ValueError, OverflowError)
"""What the native module raises for an address, a key or a number that it cannot use."""


class NativeEngine:
    """An ``agw.engine.api.Engine`` whose packets never touch Python. Edits take effect with ``commit``."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        workers: int = 1,
        replay_window: int = 128,
        ssrcs: int = 64,
    ) -> None:
        """workers: threads; replay_window: packets; ssrcs: per key and direction. Raises OSError."""
        self.abilities = Abilities("native", _native.SUITES, replay_window, workers, rollover=True)
        self._loop = loop
        self._engine = _native.Engine(workers, replay_window, ssrcs)
        self._ports: set[PortId] = set()
        self._watched: int | None = None

    def __len__(self) -> int:
        """Ports that are open."""
        return len(self._ports)

    def open(self, address: str, port: int, dscp: int) -> PortId:
        number = PortId(self._engine.open(address, port, dscp))
        self._ports.add(number)
        return number

    def edit(self, port: PortId, leg: Leg) -> None:
        try:
            self._edit(port, leg)
        except _IMPOSSIBLE as error:
            self._edit(port, Leg())
            raise EngineError(str(error)) from None

    def _edit(self, port: PortId, leg: Leg) -> None:
        protected = leg.transform is Transform.SRTP
        remote = leg.remote
        self._engine.edit(
            port,
            leg.transform.value,
            _crypto(leg.send) if protected else None,
            _crypto(leg.receive) if protected else None,
            leg.may_send,
            leg.may_receive,
            None if remote is None else (remote.address, remote.port),
            None if remote is None else (remote.address, _rtcp_port(remote)),
            leg.latching,
            leg.source,
            leg.rtcp_mux,
            leg.hand_over,
            leg.rtcp_apart,
            _crypto(leg.rtcp_send) if protected else None,
            _crypto(leg.rtcp_receive) if protected else None,
        )

    def join(self, one: PortId, other: PortId) -> None:
        self._engine.join(one, other)

    def relatch(self, port: PortId) -> None:
        self._engine.relatch(port)

    def close(self, port: PortId) -> Counters:
        counters = self._engine.close(port)
        self._ports.discard(port)
        return Counters(*counters)

    def state(self, port: PortId) -> PortState:
        counters, source, rtcp_source, last_activity = self._engine.state(port)
        return PortState(Counters(*counters), source, rtcp_source, last_activity)

    def commit(self) -> None:
        self._engine.commit()

    def rollovers(self, port: PortId) -> list[Rollover]:
        return [Rollover(*met) for met in self._engine.rollovers(port)]

    def set_rollover(self, port: PortId, rollover: Rollover) -> None:
        try:
            self._engine.set_rollover(
                port, rollover.ssrc, rollover.sends, rollover.roc, rollover.sequence, rollover.srtcp
            )
        except _IMPOSSIBLE as error:
            raise EngineError(str(error)) from None

    def watch(self, ready: Callable[[], None]) -> None:
        self._watched = self._engine.events()
        self._loop.add_reader(self._watched, ready)

    def drain(self) -> list[Datagram]:
        return [
            Datagram(PortId(port), address, data, rtcp) for port, address, data, rtcp in self._engine.drain()
        ]

    def failures(self) -> list[Failure]:
        return [Failure(PortId(port), text) for port, text in self._engine.failures()]

    def send(self, datagrams: Iterable[Datagram]) -> None:
        for one in datagrams:
            with contextlib.suppress(*_IMPOSSIBLE):  # no IP address: lost, as whatever cannot be sent
                self._engine.send(one.port, one.address, one.data, one.rtcp)

    def break_at_next_packet(self, port: PortId) -> None:
        """Break down over the next packet of this port: for tests of what happens then."""
        self._engine.break_at_next_packet(port)

    def stop(self) -> None:
        if self._watched is not None:
            self._loop.remove_reader(self._watched)
            self._watched = None
        self._ports.clear()
        self._engine.stop()


def _crypto(crypto: Crypto | None) -> tuple[str, bytes, int] | None:
    if crypto is None:
        return None
    return crypto.suite, crypto.key.octets, 0 if crypto.mki is None else crypto.mki[1]


def _rtcp_port(remote: Endpoint) -> int:
    return remote.rtcp_port or (remote.port + 1) & 0xFFFF


def _conforms(engine: NativeEngine) -> Engine:
    return engine  # mypy proves it
