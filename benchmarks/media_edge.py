"""A gateway under load: a real process, its contexts made and released through real Iq."""

import asyncio
import os
from dataclasses import dataclass

from benchmarks.edge import gateway_settings, start_gateway
from benchmarks.errors import BenchmarkFailed
from benchmarks.load import FAR, UE, Leg
from benchmarks.processes import Child, Group
from iq.controller import Controller, Gateway
from iq.procedures import (
    Action,
    ActionReply,
    Endpoint,
    Latch,
    Mode,
    Release,
    Reserve,
    Reserved,
    Stream,
)
from iq.suites import SUITES, Crypto, Key

AT_ONCE = 64
"""Actions that wait for their replies."""
_HEARTBEAT = 3600


@dataclass(frozen=True, slots=True)
class Made:
    """A stream at the gateway."""

    context: int
    leg: Leg


class MediaEdge:
    """``agw`` and its controller, which is this process."""

    def __init__(self, group: Group, name: str, engine: dict[str, object], host: int) -> None:
        """engine: as in agw.yaml; host: as in ``edge.realms``."""
        self._group = group
        self._name = name
        self._engine = engine
        self._host = host
        self._child: Child | None = None
        self._gateway: Gateway | None = None
        self._controller: Controller | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)

    @property
    def child(self) -> Child:
        assert self._child is not None
        return self._child

    async def start(self) -> None:
        up: asyncio.Future[Gateway] = asyncio.get_running_loop().create_future()
        self._controller = Controller(
            "pcscf.ims.example",
            "127.0.0.1",
            0,
            # It comes back after a stall, the same one.
            on_up=lambda gateway, _cold: None if up.done() else up.set_result(gateway),
            on_down=lambda _gateway, _reason: None,
            on_notify=lambda _gateway, context, _event: ActionReply(context, []),
        )
        await self._controller.start()
        settings = gateway_settings(self._controller.port, self._engine, self._host)
        self._child = await asyncio.to_thread(start_gateway, self._group, settings, self._name)
        async with asyncio.timeout(10):
            self._gateway = await up

    async def close(self) -> None:
        if self._child is not None:
            child, self._child = self._child, None
            await asyncio.to_thread(self._group.drop, child)
        if self._controller is not None:
            await self._controller.close()

    async def reserve(self, count: int, ports: tuple[int, int], suite: str | None) -> list[Made]:
        """Make contexts as answered calls have them. ports: where the UE and the core are."""
        return await asyncio.gather(*(self._reserve(ports, suite) for _ in range(count)))

    async def release(self, context: int) -> None:
        reply = await self.ask(Action(context, [Release()]))
        if reply.error is not None:
            raise BenchmarkFailed(f"the gateway did not release a call: {reply.error}")

    async def _reserve(self, ports: tuple[int, int], suite: str | None) -> Made:
        access = Stream(1, "audio", "RTP/SAVP" if suite else "RTP/AVP", "8", Mode.SEND_RECEIVE)
        access.remote = Endpoint(UE, ports[0])
        there = back = b""
        if suite is not None:
            there, back = os.urandom(SUITES[suite].octets), os.urandom(SUITES[suite].octets)
            access.remote_crypto, access.local_crypto = Crypto(suite, Key(there)), Crypto(suite, Key(back))
        core = Stream(1, "audio", "RTP/AVP", "8", Mode.SEND_RECEIVE, remote=Endpoint(FAR, ports[1]))
        wanted = Reserve("access", [access], _HEARTBEAT, Latch.LATCH, UE), Reserve("core", [core], _HEARTBEAT)
        made = await self.ask(Action(None, [*wanted]))
        ends = [one.streams[0].local for one in made.replies if isinstance(one, Reserved)]
        if (
            made.error is not None
            or made.context is None
            or len(ends) != 2
            or ends[0] is None
            or ends[1] is None
        ):
            raise BenchmarkFailed(f"the gateway refused a call: {made.error}")
        return Made(made.context, (ends[0].address, ends[0].port, ends[1].address, ends[1].port, there, back))

    async def ask(self, action: Action) -> ActionReply:
        """Have the gateway carry out one action."""
        assert self._gateway is not None
        reply: asyncio.Future[ActionReply] = asyncio.get_running_loop().create_future()
        async with self._turns:
            self._gateway.send(action, reply.set_result)
            return await asyncio.wait_for(reply, 20)
