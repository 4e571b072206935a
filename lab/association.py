"""A DTLS association on the running loop: what ``lab.dtls`` has to send, and the time that it takes."""

import asyncio
from collections.abc import Callable

from lab.dtls import DtlsEnd, State

#: Seconds that a handshake may take.
PATIENCE = 10.0


class Association:
    """emit: sends a datagram to the peer; take: gets what records of the peer carry; stands: called when the
    handshake is done, before anything is taken. ``close`` when done.
    """

    def __init__(
        self,
        end: DtlsEnd,
        emit: Callable[[bytes], object],
        take: Callable[[bytes], None],
        stands: Callable[[], None],
    ) -> None:
        self._end = end
        self._stands = stands
        self._emit = emit
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._settled = asyncio.Event()
        end.start(self._loop.time())
        self._flush()

    async def up(self, wait: float = PATIENCE) -> str:
        """Wait for the handshake; return why there is no association, "" where there is one."""
        try:
            await asyncio.wait_for(self._settled.wait(), wait)
        except TimeoutError:
            return f"no DTLS handshake within {wait:g} s"
        return "" if self._end.state is State.UP else f"DTLS: {self._end.reason}"

    def receive(self, datagram: bytes) -> None:
        payloads = self._end.receive(datagram, self._loop.time())
        self._flush()
        for payload in payloads:
            self._take(payload)

    def send(self, payload: bytes) -> None:
        self._end.send(payload)
        self._flush()

    def close(self) -> None:
        self._end.close()
        self._flush()

    def _flush(self) -> None:
        for datagram in self._end.datagrams():
            self._emit(datagram)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._end.due is not None:
            self._timer = self._loop.call_at(self._end.due, self._tick)
        if self._end.state in (State.UP, State.OVER) and not self._settled.is_set():
            self._settled.set()
            if self._end.state is State.UP:
                self._stands()

    def _tick(self) -> None:
        self._end.tick(self._loop.time())
        self._flush()
