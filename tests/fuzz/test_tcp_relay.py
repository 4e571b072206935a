"""Random lives of a TCP stream: legs, commands, peers that come, talk, break off. Nothing is left open."""

import asyncio
import contextlib
import socket

from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from agw.security.api import Security
from agw.tcp.api import TcpLeg
from agw.tcp.msrp import Rewriting
from agw.tcp.relay import TcpRelay
from agw.tcp.states import State
from iq.procedures import Endpoint, Setup
from tests.support.media_peer import LOOPBACK, open_descriptors
from tests.support.tcp_media import ELSEWHERE, Call, End, make_relay
from tests.support.tls_ends import ITS, MINE, NOBODY, Peer, sha256

SIDES = ["access", "core"]
SECURITY = [
    Security(MINE, sha256(ITS)),
    Security(MINE, sha256(ITS), client=True),
    Security(MINE, (NOBODY,)),
    Security(MINE),
]
legs = st.fixed_dictionaries(
    {
        "setup": st.none() | st.sampled_from(Setup),
        "may_send": st.booleans(),
        "may_receive": st.booleans(),
        "remote": st.sampled_from(["peer", "none", "nobody", "elsewhere"]),
        "latching": st.booleans(),
        "source": st.sampled_from([None, LOOPBACK, "192.0.2.0/24"]),
        "security": st.sampled_from([None, None, *SECURITY]),
        "rewriting": st.sampled_from([None, Rewriting("msrp://a/s;tcp", "msrp://b/s;tcp", "msrp://c/s;tcp")]),
    }
)
steps = st.tuples(
    st.sampled_from(SIDES),
    st.one_of(
        st.tuples(st.just("edit"), legs),
        st.tuples(st.just("start"), st.booleans()),
        st.tuples(st.just("connect"), st.sampled_from([LOOPBACK, LOOPBACK, ELSEWHERE])),
        st.tuples(
            st.sampled_from(["send", "flood", "finish", "close", "reset", "accept", "turns", "tls", "say"]),
            st.none(),
        ),
        st.tuples(st.just("tick"), st.sampled_from([0.0, 29.0, 31.0])),
    ),
)


def _leg(setup: Setup, security: Security | None = None) -> tuple[str, object]:
    leg = {"setup": setup, "may_send": True, "may_receive": True, "latching": False, "source": None}
    return "edit", {**leg, "remote": "peer", "security": security}


#: The UE connects, and with that the gateway to the far end.
UP = [
    ("access", _leg(Setup.PASSIVE)),
    ("core", _leg(Setup.ACTIVE)),
    ("access", ("connect", LOOPBACK)),
    ("core", ("turns", None)),
    ("core", ("accept", None)),
]


#: The same with TLS on the access side, as far as the handshake goes by itself.
SECURED = [
    ("access", _leg(Setup.PASSIVE, SECURITY[0])),
    ("core", _leg(Setup.ACTIVE)),
    ("access", ("connect", LOOPBACK)),
    *[step for _ in range(3) for step in (("access", ("tls", None)), ("access", ("turns", None)))],
    ("core", ("accept", None)),
]


class Life:
    """A call and everything that its peers have opened."""

    def __init__(self, relay: TcpRelay) -> None:
        self.call = Call(relay)
        self.sockets: list[socket.socket] = []
        self.tls: dict[End, Peer] = {}

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
                    self.tls.pop(end, None)
                    self._keep(end)
            case "turns", _:
                await _turns(20)
            case "tls" | "say", _:
                if end.sock is not None:
                    self._talk(end, say=action == "say")
            case _:
                if end.sock is not None:
                    with contextlib.suppress(OSError):
                        _do(end.sock, action)
        await _turns(3)

    def _talk(self, end: End, *, say: bool) -> None:
        """Go on with TLS, as its client; say: data, where there is a session."""
        peer = self.tls.setdefault(end, Peer.make(SSL.TLS_METHOD))
        assert end.sock is not None
        with contextlib.suppress(OSError, SSL.Error):
            peer.connection.bio_write(end.sock.recv(1 << 20))
        with contextlib.suppress(OSError, SSL.Error):
            peer.handshake()
            if say:
                peer.connection.sendall(bytes(100_000))
        with contextlib.suppress(OSError):
            end.sock.send(peer.output())

    def _remote(self, end: End, leg: dict[str, object]) -> Endpoint | None:
        nobody = Endpoint(LOOPBACK, 9), Endpoint(ELSEWHERE, end.endpoint.port)
        return {"peer": end.endpoint, "none": None, "nobody": nobody[0], "elsewhere": nobody[1]}[
            str(leg["remote"])
        ]

    async def _connect(self, to: tuple[str, int], end: End, source: str) -> None:
        end.sock = socket.socket()
        self.tls.pop(end, None)
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
            sock.send(b"MSRP abcd SEND\r\nTo-Path: msrp://a/s;tcp\r\nFrom-Path: b\r\n-------abcd$\r\nMSRP ")
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
                assert (one.connection is not None) is (one.state in (State.UP, State.SECURING))
                assert (port in relay._common.securing) is (one.state is State.SECURING)
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
    assert relay._common.session.__self__._handshakes.going == 0
    assert open_descriptors() == before


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=30))
def test_random_lives(sequence: list[tuple[str, tuple[str, object]]]) -> None:
    asyncio.run(_live(sequence))


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=25))
def test_random_lives_of_connections_that_stand(sequence: list[tuple[str, tuple[str, object]]]) -> None:
    asyncio.run(_live([*UP, *sequence]))


@settings(max_examples=100, deadline=None)
@given(st.lists(steps, max_size=25))
def test_random_lives_of_connections_under_tls(sequence: list[tuple[str, tuple[str, object]]]) -> None:
    asyncio.run(_live([*SECURED, *sequence]))
