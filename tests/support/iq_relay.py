"""A relay in the Iq connection between the real agw and the real pcscf: writes down, and can be cut."""

import asyncio
import contextlib
from typing import Any, Self

from iq.tpkt import TpktReader


class IqRelay:
    """Put it in with ``Edge(edit_agw=relay.between)``. ``gateway``, ``controller``: the messages of each.

    dead: nothing gets through any more, though the connections stay.
    """

    def __init__(self) -> None:
        self.gateway: list[bytes] = []
        self.controller: list[bytes] = []
        self.dead = False
        self._target = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def between(self, settings: dict[str, Any]) -> None:
        """Edit of agw.yaml: the gateway connects to the relay instead of its controller."""
        controller = settings["iq"]["controllers"][0]
        self._target, controller["port"] = controller["port"], self.port

    @property
    def messages(self) -> list[bytes]:
        return self.gateway + self.controller

    def to_gateway(self, data: bytes) -> None:
        """Say something in the controller's place."""
        self._to_gateway.write(data)

    def cut(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(far_writer)
        self._to_gateway = writer
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump(reader, far_writer, self.gateway))
            group.create_task(self._pump(far_reader, writer, self.controller))

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: list[bytes]
    ) -> None:
        frames = TpktReader()
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                said += frames.feed(data)
                if not self.dead:
                    writer.write(data)
        writer.transport.abort()
