"""The core's witness of media over TCP: a connection on each side, and what it could read of what passed."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from lab import sdp
from lab.certified import DISCARD
from lab.relay import Observed, Party, Relay
from lab.sockets import Address
from lab.view import Reader, View

_PIECE = 1 << 16


class StreamRelay(Relay):
    """Waits on an address that faces each party; who connects is joined to the other one, once."""

    def __init__(self, reader: Callable[[], Reader], address: str, loop: asyncio.AbstractEventLoop) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._address = address
        self._loop = loop
        self._sockets: dict[Party, socket.socket] = {}
        self._remotes: dict[Party, Address] = {}
        self._views = {party: View(reader()) for party in Party}
        self._unwanted = dict.fromkeys(Party, 0)
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []
        for party in Party:
            listening = socket.create_server((address, 0), family=family)
            listening.setblocking(False)
            self._sockets[party] = listening
            self._tasks.append(loop.create_task(self._wait(party), name=f"witness.{party}"))

    def facing(self, party: Party) -> Address:
        return self._address, self._sockets[party].getsockname()[1]

    def remote(self, party: Party, line: sdp.MediaLine) -> None:
        if line.port not in (0, DISCARD):
            self._remotes[party] = line.rtp

    def observed(self) -> dict[Party, Observed]:
        return {
            party: Observed(plain=view.plain, opaque=view.opaque, foreign=self._unwanted[party])
            for party, view in self._views.items()
        }

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.close()
        for listening in self._sockets.values():
            listening.close()

    async def _wait(self, party: Party) -> None:
        accepted, _ = await self._loop.sock_accept(self._sockets[party])
        near = await asyncio.open_connection(sock=accepted)
        self._writers.append(near[1])
        try:
            far = await asyncio.open_connection(*self._remotes[party.other])
        except (OSError, KeyError):
            self._unwanted[party] += 1
            near[1].close()
            return
        self._writers.append(far[1])
        await asyncio.gather(
            self._pass(near[0], far[1], self._views[party]),
            self._pass(far[0], near[1], self._views[party.other]),
        )

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, view: View) -> None:
        """Hand on what one side sends, as far as the other one takes it, to its end."""
        with contextlib.suppress(OSError):
            while octets := await reader.read(_PIECE):
                view.feed(octets)
                writer.write(octets)
                await writer.drain()
            writer.write_eof()
