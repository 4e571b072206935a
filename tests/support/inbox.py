"""Transports on loopback whose messages and closed flows arrive in queues."""

import asyncio
import ssl

from pcscf.flow import Flow, Listener, Side
from pcscf.sip.message import Request, Response
from pcscf.transport import Transports

LOOPBACK = "127.0.0.1"


def listener(transport: str, host: str = LOOPBACK) -> Listener:
    return Listener(Side.ACCESS, transport, host, 0, "access")


class Inbox:
    def __init__(self, **limits: int) -> None:
        self.messages: asyncio.Queue[tuple[Request | Response, Flow]] = asyncio.Queue()
        self.closed: asyncio.Queue[Flow] = asyncio.Queue()
        self.transports = Transports(
            lambda message, flow: self.messages.put_nowait((message, flow)),
            self.closed.put_nowait,
            **limits,
        )

    async def start(self, own: Listener, context: ssl.SSLContext | None = None) -> Listener:
        (self.listener,) = await self.transports.start([own], contexts=[context])
        return self.listener

    @property
    def counters(self) -> dict[str, int]:
        return self.transports.counters

    async def next(self) -> tuple[Request | Response, Flow]:
        async with asyncio.timeout(5):
            return await self.messages.get()

    async def next_closed(self) -> Flow:
        async with asyncio.timeout(5):
            return await self.closed.get()
