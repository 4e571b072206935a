"""A session at the gateway with real packets: procedures of Iq in, media of a UE and of the core."""

import os
from dataclasses import dataclass, field

from agw.control.contexts import Contexts
from agw.control.ports import Interface, PortPool, Realm
from agw.engine.api import Counters, Engine
from iq.procedures import (
    Action,
    ActionReply,
    Configure,
    Latch,
    Mode,
    Procedure,
    Release,
    Reserve,
    Reserved,
    Stream,
)
from tests.support.media_peer import LOOPBACK, Peer, crypto, dealt_with
from tests.support.protected_call import CM
from tests.support.srtp_reference import Reference

ACCESS, CORE = "access", "core"


def _realm(name: str) -> Realm:
    """Any ports that are free."""
    return Realm(name, [Interface(name, LOOPBACK, LOOPBACK, 0, PortPool(10_000, 60_000, os.urandom))])


@dataclass
class MediaLine:
    """One stream of the session: its peers, the keys of both directions, where the peers send to.

    ue: protects as the UE does; gateway: checks what the UE gets.
    """

    id: int
    ue_peer: Peer = field(default_factory=Peer)
    far_peer: Peer = field(default_factory=Peer)
    suite: str = CM
    to_access: tuple[str, int] = ("", 0)
    to_core: tuple[str, int] = ("", 0)

    def __post_init__(self) -> None:
        self.send, self.receive = crypto(self.suite, self.id), crypto(self.suite, 100 + self.id)
        self.gateway = Reference(self.suite, self.send.key.octets)
        self.ue = Reference(self.suite, self.receive.key.octets)

    def on(self, side: str, mode: Mode | None, *, answered: bool = True, **changes: object) -> Stream:
        """The stream as Iq has it on one side. answered: the core's address is known."""
        stream = Stream(self.id, "audio", "RTP/SAVP", "0", mode, None, self.ue_peer.endpoint)
        if side == CORE:
            stream.transport = "RTP/AVP"
            stream.remote = self.far_peer.endpoint if answered else None
        else:
            stream.local_crypto, stream.remote_crypto = self.send, self.receive
        for name, value in changes.items():
            setattr(stream, name, value)
        return stream

    def from_ue(self, packet: bytes, roc: int = 0, ue: Reference | None = None) -> None:
        self.ue_peer.send((ue or self.ue).protect(packet, roc), self.to_access)

    def from_far(self, packet: bytes) -> None:
        self.far_peer.send(packet, self.to_core)

    async def carry(self, packet: bytes, roc: int = 0, ue: Reference | None = None) -> None:
        """One packet each way arrives."""
        self.from_ue(packet, roc, ue)
        assert await self.far_peer.receive() == packet
        self.from_far(packet)
        assert self.gateway.unprotect(await self.ue_peer.receive(), roc) == packet

    def close(self) -> None:
        self.ue_peer.close()
        self.far_peer.close()


class Session:
    """The two terminations of one context, over any engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.contexts = Contexts(engine, {name: _realm(name) for name in (ACCESS, CORE)}, 100)
        self.lines: list[MediaLine] = []
        self.context: int | None = None
        self.names: dict[str, str] = {}

    def line(self, suite: str = CM) -> MediaLine:
        self.lines.append(MediaLine(len(self.lines) + 1, suite=suite))
        return self.lines[-1]

    def act(self, *procedures: Procedure) -> ActionReply:
        reply = self.contexts.execute(Action(self.context, list(procedures)), now=0.0)
        assert reply.error is None
        self.context = reply.context
        return reply

    def offer(self, access: list[Stream], core: list[Stream]) -> None:
        """Reserve both sides, the UE's first."""
        reply = self.act(
            Reserve(ACCESS, access, 300, Latch.LATCH, LOOPBACK), Reserve(CORE, core, 300, Latch.OFF)
        )
        self._learn(reply)

    def reopen(self, *sides: list[Stream]) -> None:
        """Add streams to both terminations: those of the UE's side, then of the core's."""
        self._learn(
            self.act(
                *(Configure(self.names[side], new) for side, new in zip((ACCESS, CORE), sides, strict=True))
            )
        )

    def _learn(self, reply: ActionReply) -> None:
        """What the gateway chose."""
        for side, reserved in zip((ACCESS, CORE), reply.replies, strict=True):
            assert isinstance(reserved, Reserved)
            self.names[side] = reserved.termination
            for stream in reserved.streams:
                assert stream.local is not None
                where = stream.local.address, stream.local.port
                line = next(line for line in self.lines if line.id == stream.id)
                if side == ACCESS:
                    line.to_access = where
                else:
                    line.to_core = where

    def configure(self, **streams: list[Stream]) -> None:
        """access=..., core=...: what a Modify of each says."""
        self.act(*(Configure(self.names[side], changed) for side, changed in streams.items()))

    def established(self, suite: str = CM) -> MediaLine:
        """One stream with an open gate."""
        line = self.line(suite)
        self.offer([line.on(ACCESS, Mode.SEND_RECEIVE)], [line.on(CORE, Mode.SEND_RECEIVE)])
        return line

    async def drops(self, side: str, line: MediaLine, count: int) -> dict[str, int]:
        """At the port of one side, after it has dealt with ``count`` datagrams."""
        port = self.contexts.terminations[self.names[side]].ends[line.id].port
        counters: Counters = await dealt_with(self.engine, port, count)
        return counters.dropped()

    def close(self) -> None:
        if self.context in self.contexts.contexts:
            self.act(Release())
        for line in self.lines:
            line.close()
