"""The whole gateway on loopback for tests: its configuration, and a controller that it connects to."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from agw.app import Process
from agw.config import Config
from hosting.config import load
from hosting.daemon import Stopping
from iq.controller import Controller, Gateway
from iq.procedures import (
    Action,
    ActionReply,
    Done,
    Endpoint,
    Latch,
    Mode,
    Notification,
    Release,
    Reserve,
    Stream,
)
from tests.support import engines
from tests.support.media_peer import LOOPBACK, Peer, crypto, free_port, until

CM = "AES_CM_128_HMAC_SHA1_80"
SEND, RECEIVE = crypto(CM, 1), crypto(CM, 100)


def write(path: Path, iq_port: int, *, limits: dict[str, float] | None = None, **engine: object) -> Path:
    first, second = free_port(), free_port()
    text = {
        "node": {"name": "agw.test"},
        "iq": {"controllers": [{"address": LOOPBACK, "port": iq_port}]},
        "realms": {
            "access": {"ports": [min(first, 65300), min(first, 65300) + 200]},
            "core": {"address": "127.0.0.2", "ports": [min(second, 65300), min(second, 65300) + 200]},
        },
        "engine": engine or {"kind": "portable"},
        "admin": {"port": 0},
        "drain": 5,
        "limits": limits or {},
    }
    path.write_text(json.dumps(text))  # which is YAML too
    return path


def accept(context: int, procedure: Notification) -> ActionReply:
    return ActionReply(context, [Done(procedure.termination)])


class Palg:
    """The controller's side: what it is told, and actions as futures. answer: what a notification gets.

    process: the gateway, where ``controlled`` made it.
    """

    process: Process

    def __init__(self) -> None:
        self.told: list[tuple[int, Notification]] = []
        self.answer: Callable[[int, Notification], ActionReply] = accept
        self.up: asyncio.Queue[Gateway] = asyncio.Queue()
        self.down = asyncio.Event()
        self.controller = Controller(
            "<palg.test>",
            LOOPBACK,
            0,
            on_up=lambda gateway, _cold: self.up.put_nowait(gateway),
            on_down=lambda _gateway, _reason: self.down.set(),
            on_notify=self.on_notify,
        )

    def on_notify(self, _gateway: Gateway, context: int, procedure: Notification) -> ActionReply:
        self.told.append((context, procedure))
        return self.answer(context, procedure)

    async def gateway(self) -> Gateway:
        async with asyncio.timeout(5):
            return await self.up.get()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the gateway's samples with these labels."""
        return sum(
            sample.value
            for family in self.process._collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    async def act(self, gateway: Gateway, action: Action) -> ActionReply:
        answered = asyncio.get_running_loop().create_future()
        gateway.send(action, answered.set_result)
        async with asyncio.timeout(5):
            return await answered


@contextlib.asynccontextmanager
async def controlled(
    directory: Path, kind: str = "portable", limits: dict[str, float] | None = None
) -> AsyncIterator[Palg]:
    """A controller with a gateway. kind: of engine. What a test leaves there is released at the end, and then
    nothing may be left in the gateway."""
    if kind == "native":
        engines.require_native()
    palg = Palg()
    await palg.controller.start()
    path = write(directory / "agw.yaml", palg.controller.port, limits=limits, kind=kind)
    process = Process(load(path, Config))
    await process.start(Stopping())
    try:
        palg.process = process
        gateway = await palg.gateway()
        palg.up.put_nowait(gateway)
        yield palg
        for context in list(process._contexts.contexts):
            assert (await palg.act(gateway, Action(context, [Release()]))).error is None
        await until(lambda: not any(left(process).values()))
    finally:
        await process.close()
        await palg.controller.close()


def left(process: Process) -> dict[str, int]:
    """What a gateway has that belongs to calls, by name; all 0 without any."""
    return {
        "contexts": len(process._contexts),
        "ports": process._contexts.open_ports,
        "ports of TCP": len(process._tcp),
        "connections": process._tcp.connections(),
        "timers of TCP": len(process._tcp._common.due),
        "sessions of TLS without a connection": len(process._tcp._common.securing),
        "ports of DTLS": len(process._dtls),
        "handshakes": process._handshakes.going,
    }


def call(ue: Peer, far: Peer) -> Action:
    access = Stream(1, "audio", "RTP/SAVP", "0", Mode.SEND_RECEIVE, None, ue.endpoint, SEND, RECEIVE)
    core = Stream(1, "audio", "RTP/AVP", "0", Mode.SEND_RECEIVE, None, far.endpoint)
    return Action(
        None,
        [Reserve("access", [access], 300, Latch.LATCH, LOOPBACK), Reserve("core", [core], 300)],
    )


def local(reply: ActionReply, index: int) -> tuple[str, int]:
    endpoint: Endpoint = reply.replies[index].streams[0].local
    return endpoint.address, endpoint.port
