"""The whole gateway on loopback for tests: its configuration, and a controller that it connects to."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from iq.controller import Controller, Gateway
from iq.procedures import (
    Action,
    ActionReply,
    Done,
    Endpoint,
    Latch,
    Mode,
    Notification,
    Reserve,
    Stream,
)
from tests.support.media_peer import LOOPBACK, Peer, crypto, free_port

CM = "AES_CM_128_HMAC_SHA1_80"
SEND, RECEIVE = crypto(CM, 1), crypto(CM, 100)


def write(path: Path, iq_port: int, **engine: object) -> Path:
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
    }
    path.write_text(json.dumps(text))  # which is YAML too
    return path


def accept(context: int, procedure: Notification) -> ActionReply:
    return ActionReply(context, [Done(procedure.termination)])


class Palg:
    """The controller's side: what it is told, and actions as futures. answer: what a notification gets."""

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

    async def act(self, gateway: Gateway, action: Action) -> ActionReply:
        answered = asyncio.get_running_loop().create_future()
        gateway.send(action, answered.set_result)
        async with asyncio.timeout(5):
            return await answered


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
