"""Random lives of a TCP stream: legs, commands, peers that come, talk, break off. Nothing is left open."""

import asyncio
import contextlib
import socket

from hypothesis import given, settings
from hypothesis import strategies as st

from agw.tcp.api import TcpLeg
from agw.tcp.relay import TcpRelay
from agw.tcp.states import State
from iq.procedures import Endpoint, Setup
from tests.support.media_peer import LOOPBACK, open_descriptors
from tests.support.tcp_media import ELSEWHERE, Call, End, make_relay

SIDES = ["access", "core"]
legs = st.fixed_dictionaries(
    {
        "setup": st.none() | st.sampled_from(Setup),
        "may_send": st.booleans(),
        "may_receive": st.booleans(),
        "remote": st.sampled_from(["peer", "none", "nobody", "elsewhere"]),
        "latching": st.booleans(),
        "source": st.sampled_from([None, LOOPBACK, "192.0.2.0/24"]),
    }
)
steps = st.tuples(
    st.sampled_from(SIDES),
    st.one_of(
        st.tuples(st.just("edit"), legs),
        st.tuples(st.just("start"), st.booleans()),
        st.tuples(st.just("connect"), st.sampled_from([LOOPBACK, LOOPBACK, ELSEWHERE])),
        st.tuples(
            st.sampled_from(["send", "flood", "finish", "close", "reset", "accept", "turns"]), st.none()
        ),
        st.tuples(st.just("tick"), st.sampled_from([0.0, 29.0, 31.0])),
    ),
)


def _leg(setup: Setup) -> tuple[str, object]:
    leg = {"setup": setup, "may_send": True, "may_receive": True, "latching": False, "source": None}
    return "edit", {**leg, "remote": "peer"}


#: The UE connects, and with that the gateway to the far end.
UP = [
    ("access", _leg(Setup.PASSIVE)),
    ("core", _leg(Setup.ACTIVE)),
    ("access", ("connect", LOOPBACK)),
    ("core", ("turns", None)),
    ("core", ("accept", None)),
]


class Life:
    """A call and everything that its peers have opened."""

    def __init__(self, relay: TcpRelay) -> None:
        self.call = Call(relay)
        self.sockets: list[socket.socket] = []

    async def take(self, side: str, action: str, value: object) -> None:
        end = self.call.ue if side == "access" else self.call.far
        port = self.call.access if side == "access" else self.call.core
        relay = self.call.relay
        match action, value:
            case "edit", dict():
                relay.edit(port, TcpLeg(**{**value, "remote": self._remote(end, value)}))
            case "start", bool():
                relay.start(port, value)
            case "tick", float():
                relay.tick(asyncio.get_running_loop().time() + value)
            case "connect", str():
                await self._connect(
                    self.call.to_access if side == "access" else self.call.to_core, end, value
                )
            case "accept", _:
                with contextlib.suppress(BlockingIOError):
                    end.sock, _ = end.listener.accept()
                    self._keep(end)
            case "turns", _:
                await _turns(20)
            case _:
                if end.sock is not None:
                    with contextlib.suppress(OSError):
                        _do(end.sock, action)
        await _turns(3)

    def _remote(self, end: End, leg: dict[str, object]) -> Endpoint | None:
        nobody = Endpoint(LOOPBACK, 9), Endpoint(ELSEWHERE, end.endpoint.port)
        return {"peer": end.endpoint, "none": None, "nobody": nobody[0], "elsewhere": nobody[1]}[
            str(leg["remote"])
        ]

    async def _connect(self, to: tuple[str, int], end: End, source: str) -> None:
        end.sock = socket.socket()
        self._keep(end)
        end.sock.bind((source, 0))
        end.sock.connect_ex(to)

    def _keep(self, end: End) -> None:
        assert end.sock is not None
        end.sock.setblocking(False)
        self.sockets.append(end.sock)

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()
        self.call.close()


def _do(sock: socket.socket, action: str) -> None:
    match action:
        case "send":
            sock.send(b"octets")
        case "flood":
            sock.send(bytes(1 << 20))
        case "finish":
            sock.shutdown(socket.SHUT_WR)
        case "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            sock.close()
        case _:
            sock.close()


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def _live(sequence: list[tuple[str, tuple[str, object]]]) -> None:
    escaped: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: escaped.append(context))
    before = open_descriptors()
    relay = make_relay()
    life = Life(relay)
    try:
        for side, (action, value) in sequence:
            await life.take(side, action, value)
            for port in (life.call.access, life.call.core):
                one = relay._sides[port]
                assert (one.connection is not None) is (one.state is State.UP)
        for report in life.call.told:
            assert report.port in (life.call.access, life.call.core)
            assert report.cause
        relay.close(life.call.access)
        await _turns(3)
        assert relay.connections() == 0
        relay.close(life.call.core)
    finally:
        relay.stop()
        life.close()
    await _turns(3)
    assert escaped == []
    assert relay._common.due == {}
    assert open_descriptors() == before


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=30))
def test_random_lives(sequence: list[tuple[str, tuple[str, object]]]) -> None:
    asyncio.run(_live(sequence))


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=25))
def test_random_lives_of_connections_that_stand(sequence: list[tuple[str, tuple[str, object]]]) -> None:
    asyncio.run(_live([*UP, *sequence]))
