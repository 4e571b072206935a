"""Takes SIP over TCP from a UE of the lab to an edge that speaks TLS or WebSocket, and back as it is."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from lab.address import Target, hostport
from pcscf.sip.framing import StreamReader


@dataclass(frozen=True, slots=True)
class Secure:
    """An edge's listener; ``trust`` is the CA of its certificate, None for WS."""

    transport: str
    host: str
    port: int
    trust: Path | None

    @property
    def context(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self.trust) if self.trust is not None else None


@contextlib.asynccontextmanager
async def tunnel(to: Secure) -> AsyncIterator[Target]:
    """Yield where a UE finds the tunnel's near end. Each connection to it is one connection to the edge."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        run = _over_tls if to.transport == "tls" else _over_websocket
        try:
            await run(to, reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, to.host, 0)
    async with server:
        yield Target("tcp", to.host, server.sockets[0].getsockname()[1])


async def _over_tls(to: Secure, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    far_reader, far_writer = await asyncio.open_connection(to.host, to.port, ssl=to.context)
    try:
        await _first(_copy(reader, far_writer), _copy(far_reader, writer))
    finally:
        far_writer.transport.abort()


async def _over_websocket(to: Secure, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    uri = f"{to.transport}://{hostport(to.host, to.port)}/"
    async with connect(uri, subprotocols=[Subprotocol("sip")], ssl=to.context) as far:
        await _first(_up(reader, far), _down(far, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)


async def _up(reader: asyncio.StreamReader, far: ClientConnection) -> None:
    framing = StreamReader()
    while data := await reader.read(65_536):
        for message in framing.feed(data):
            await far.send(message.encode().decode())


async def _down(far: ClientConnection, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for message in far:
            writer.write(message.encode() if isinstance(message, str) else message)


async def _first(*ways: Any) -> None:
    """Run both ways until one ends."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
