"""Both ends of Iq on loopback, with small times, and a raw peer that can misbehave."""

import asyncio
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from ssl import SSLContext

from iq.controller import Controller, Gateway
from iq.gateway import GatewayLink
from iq.procedures import (
    Action,
    ActionReply,
    Audited,
    AuditTerminations,
    Configure,
    Done,
    Endpoint,
    Notification,
    Release,
    Reply,
    Reserve,
    Reserved,
    Stream,
)
from iq.times import Times
from iq.tpkt import TpktReader, frame

#: A hundredth of the real ones, but for the times that must not run out by accident.
TIMES = Times(
    audit=0.05,
    silence=0.3,
    reply=5.0,
    connect=5.0,
    register=5.0,
    retry_first=0.01,
    retry_most=0.02,
    tick=0.01,
)
#: For tests in which no time is to run out.
PATIENT = replace(TIMES, audit=60.0, silence=60.0)


class Ports:
    """An IMS-AGW that hands out numbers: enough contexts and terminations to see what was executed."""

    def __init__(self) -> None:
        self.contexts: dict[int, list[str]] = {}
        self.executed: list[Action] = []
        self._number = 0

    def execute(self, action: Action) -> ActionReply:
        self.executed.append(action)
        context = action.context
        if context is None:
            self._number += 1
            context = self._number
            self.contexts[context] = []
        return ActionReply(context, [self._one(context, procedure) for procedure in action.procedures])

    def _one(self, context: int, procedure: object) -> Reply:
        match procedure:
            case Reserve(realm, streams):
                self._number += 1
                name = f"ip/0/{realm}/{self._number}"
                self.contexts[context].append(name)
                local = Endpoint("127.0.0.1", 20000 + self._number)
                return Reserved(
                    name, [Stream(s.id, s.media, s.transport, s.formats, local=local) for s in streams]
                )
            case Configure(termination):
                return Reserved(termination)
            case Release():
                if context == 0xFFFFFFFF:
                    self.contexts.clear()
                self.contexts.pop(context, None)
                return Done("*")
            case AuditTerminations():
                return Audited({number: list(names) for number, names in self.contexts.items()})
        raise AssertionError(procedure)


class Alg:
    """A controller and what it was told. ``answer`` answers notifications, where it is set."""

    def __init__(self, port: int, times: Times, ssl: SSLContext | None) -> None:
        self.ups: asyncio.Queue[tuple[Gateway, bool]] = asyncio.Queue()
        self.downs: asyncio.Queue[tuple[Gateway, str]] = asyncio.Queue()
        self.draining: list[Gateway] = []
        self.notifications: list[tuple[int, Notification]] = []
        self.answer: Callable[[int, Notification], ActionReply] | None = None
        self.controller = Controller(
            "pcscf.ims.example",
            "127.0.0.1",
            port,
            ssl=ssl,
            on_up=lambda gateway, cold: self.ups.put_nowait((gateway, cold)),
            on_down=lambda gateway, reason: self.downs.put_nowait((gateway, reason)),
            on_draining=self.draining.append,
            on_notify=self.notified,
            times=times,
        )

    def notified(self, _: Gateway, context: int, procedure: Notification) -> ActionReply:
        self.notifications.append((context, procedure))
        if self.answer is not None:
            return self.answer(context, procedure)
        return ActionReply(context, [Done(procedure.termination)])

    async def up(self) -> tuple[Gateway, bool]:
        async with asyncio.timeout(5):
            return await self.ups.get()

    async def down(self) -> tuple[Gateway, str]:
        async with asyncio.timeout(5):
            return await self.downs.get()


class Ends(AsyncExitStack):
    """Starts ends and closes them all."""

    async def alg(self, port: int = 0, times: Times = PATIENT, ssl: SSLContext | None = None) -> Alg:
        alg = Alg(port, times, ssl)
        await alg.controller.start()
        self.push_async_callback(alg.controller.close)
        return alg

    def agw(
        self, *ports: int, times: Times = PATIENT, ssl: SSLContext | None = None, epoch: str = "ab12"
    ) -> tuple[GatewayLink, Ports]:
        executor = Ports()
        link = GatewayLink(
            "agw.ims.example",
            [("127.0.0.1", port) for port in ports],
            ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"],
            epoch,
            executor.execute,
            ssl,
            mechanisms=["sdes-srtp", "msrp-tls"],
            aware=["msrp"],
            times=times,
        )
        link.start()
        self.push_async_callback(link.close)
        return link, executor

    async def raw(self, port: int) -> "Raw":
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        raw = Raw(reader, writer)
        self.push_async_callback(raw.close)
        return raw

    async def listener(self) -> tuple[int, "asyncio.Queue[Raw]"]:
        """Listen as a controller that a test plays by hand."""
        accepted: asyncio.Queue[Raw] = asyncio.Queue()
        server = await asyncio.start_server(
            lambda reader, writer: accepted.put_nowait(Raw(reader, writer)), "127.0.0.1", 0
        )

        async def close() -> None:
            server.close()
            while not accepted.empty():
                await accepted.get_nowait().close()

        self.push_async_callback(close)
        return server.sockets[0].getsockname()[1], accepted


class Raw:
    """A peer that says what the test writes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._frames = TpktReader()
        self._read: list[bytes] = []

    def send(self, text: str) -> None:
        self.writer.write(frame(text.encode()))

    async def receive(self) -> str:
        """Return the next message; "" when the peer has closed."""
        async with asyncio.timeout(5):
            while not self._read:
                try:
                    data = await self.reader.read(65536)
                except ConnectionResetError:
                    data = b""
                if not data:
                    return ""
                self._read += self._frames.feed(data)
        return self._read.pop(0).decode()

    async def ask(self, text: str) -> str:
        self.send(text)
        return await self.receive()

    async def close(self) -> None:
        self.writer.transport.abort()
        await asyncio.sleep(0)


async def send(gateway: Gateway, action: Action) -> ActionReply:
    """Send ``action`` and wait for the reply."""
    return await replied(lambda done: gateway.send(action, done))


async def replied(ask: Callable[[Callable[[ActionReply], None]], None]) -> ActionReply:
    """Wait for what a call with ``done`` gets."""
    answered: asyncio.Queue[ActionReply] = asyncio.Queue()
    ask(answered.put_nowait)
    assert answered.empty(), "done was called before the call returned"
    async with asyncio.timeout(5):
        reply = await answered.get()
    assert answered.empty(), "done was called twice"
    return reply


REGISTER = '!/1 <agw.ims.example> T=1{C=-{SC=ROOT{SV{MT=RS,V=2,RE="901 Cold Boot",X-epoch="ab12"}}}}'


async def registered(ends: Ends, port: int) -> Raw:
    """Return a raw gateway that has registered and been wiped."""
    raw = await ends.raw(port)
    assert "P=1{C=-{SC=ROOT{SV{V=2}}}}" in await raw.ask(REGISTER)
    number = transaction_of(await raw.receive(), "C=*{W-S=*{AT{}}}")
    raw.send(f"!/2 <agw.ims.example> P={number}{{C=*{{S=*}}}}")
    return raw


def transaction_of(text: str, body: str = "") -> int:
    """Return the transaction id of a request, which must contain ``body``."""
    match = re.search(r"\nT=(\d+)\{", text)
    assert match is not None, text
    assert body in text, text
    return int(match[1])
