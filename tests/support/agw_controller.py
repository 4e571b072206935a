"""A controller for tests of ``agw.control``: actions in, replies out, over an engine without packets."""

from agw.engine.api import Transform
from iq.procedures import Action, ActionReply, Endpoint, Latch, Mode, Procedure, Reserve, Stream
from tests.support.fake_engine import FakeEngine, gateway
from tests.support.media_peer import crypto

CM = "AES_CM_128_HMAC_SHA1_80"
UE, FAR = Endpoint("203.0.113.20", 5004), Endpoint("192.0.2.40", 30000)
SEND, RECEIVE = crypto(CM, 1), crypto(CM, 100)


def access(**changes: object) -> Reserve:
    stream = Stream(1, "audio", "RTP/SAVP", "0", Mode.SEND_RECEIVE, None, UE, SEND, RECEIVE)
    return _changed(Reserve("access", [stream], 300, Latch.LATCH, "203.0.113.20"), changes)


def core(**changes: object) -> Reserve:
    stream = Stream(1, "audio", "RTP/AVP", "0", Mode.SEND_RECEIVE, None, FAR)
    return _changed(Reserve("core", [stream], 300), changes)


def _changed(reserve: Reserve, changes: dict[str, object]) -> Reserve:
    """Changes of the Reserve itself, or of its one stream."""
    for name, value in changes.items():
        setattr(reserve if hasattr(reserve, name) else reserve.streams[0], name, value)
    return reserve


class Controller:
    """Sends actions and keeps the time."""

    def __init__(self, pairs: int = 8, max_ports: int = 1000) -> None:
        self.contexts, self.engine = gateway(pairs, max_ports)
        self.now = 1000.0

    def act(self, context: int | None, *procedures: Procedure) -> ActionReply:
        reply = self.contexts.execute(Action(context, list(procedures)), self.now)
        assert self.contexts.open_ports == len(self.engine.ports) + len(self.engine.tcp.ports)
        return reply

    def call(self) -> tuple[int, str, str]:
        """An e2ae call: its context and both terminations."""
        reply = self.act(None, access(), core())
        assert reply.error is None
        assert reply.context is not None
        one, other = reply.replies
        return reply.context, one.termination, other.termination

    def error(self, context: int | None, *procedures: Procedure) -> int:
        """The code; what was not reached has no reply, and nothing was left open by what failed."""
        ports = set(self.engine.ports)
        reply = self.act(context, *procedures)
        assert reply.error is not None
        if not reply.replies:
            assert set(self.engine.ports) == ports
        return reply.error.code


def legs(engine: FakeEngine) -> list[Transform]:
    return [engine.legs[port].transform for port in sorted(engine.ports)]
