"""Changed messages of every kind into an edge on real sockets: nothing raises, nothing is left of them."""

import asyncio
import contextlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosting.tasks import TaskSet
from pcscf.sip.build import response_to
from pcscf.sip.message import Request, parse
from pcscf.transaction import interpreter
from tests.fuzz.test_hostile_calls import changes, mutated
from tests.support.ladder import plain
from tests.support.node import LOOPBACK, Node, Peer
from tests.support.programs import until

METHODS = (
    "INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "PRACK", "SUBSCRIBE", "NOTIFY", "PUBLISH",
    "INFO", "REFER", "MESSAGE", "UPDATE", "DANCE",
)  # fmt: skip
#: Seconds that a transaction lives here.
SHORT = 0.01

kinds = st.tuples(st.sampled_from([*METHODS, "200", "180", "503", ""]), st.booleans(), st.booleans())
Changed = list[tuple[tuple[str, bool, bool], list[tuple[str, int, bytes]]]]
messages = st.lists(st.tuples(kinds, changes), min_size=1, max_size=12)
cuts = st.lists(st.integers(1, 300), max_size=6)


def valid(method: str, number: int, *, dialog: bool, body: bool) -> bytes:
    """Return a message that means something: a request, a response ("200"), or a keep-alive ("")."""
    if not method:
        return b"\r\n\r\n" if body else bytes.fromhex("000100002112a442") + bytes(12)
    sdp = plain() if body else b""
    named = method if not method.isdigit() else "INVITE"
    tag = ";tag=t" if dialog else ""
    lines = [
        f"{named} sip:carol@other.example SIP/2.0",
        f"Via: SIP/2.0/UDP {LOOPBACK}:5060;branch=z9hG4bK-{number};rport",
        "Max-Forwards: 70",
        "From: <sip:alice@home.example>;tag=a",
        f"To: <sip:carol@other.example>{tag}",
        f"Call-ID: {number // 3}@home.example",
        f"CSeq: {number} {named}",
        "Contact: <sip:alice@127.0.0.1:5060>;expires=60",
        "Supported: path, sec-agree",
        "Security-Client: sdes-srtp;mediasec",
        *(["Content-Type: application/sdp"] if sdp else []),
        f"Content-Length: {len(sdp)}",
    ]
    request = parse("\r\n".join([*lines, "", ""]).encode() + sdp)
    assert isinstance(request, Request)
    return response_to(request, int(method), to_tag="t").encode() if method.isdigit() else request.encode()


class Attacked(Node):
    """A node whose core answers everything, and whose loop's errors are kept."""

    def __init__(self) -> None:
        super().__init__(t1=SHORT / 64)
        self.errors: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.errors.append(context))

    async def answers(self) -> None:
        while True:
            request = await self.core.read()
            if isinstance(request, Request) and request.method != "ACK":
                contact = [("Contact", f"{request.get('contact')};expires=60")]
                status = 200 if request.method == "REGISTER" else 404
                self.core.send(
                    response_to(request, status, to_tag="c", headers=contact), self.listeners[1].port
                )

    async def alive(self) -> None:
        """It answers OPTIONS, so that what came before is dealt with."""
        end = Peer()
        try:
            own = self.listeners[0]
            options = valid("OPTIONS", 1_000_000 + end.port, dialog=False, body=False)
            options = options.replace(b"sip:carol@other.example SIP", f"sip:{own.hostport} SIP".encode())
            end.send(options, own.port)
            answer = await end.read()
            assert answer.start_line().startswith("SIP/2.0 200")
        finally:
            end.socket.close()

    async def let_go(self) -> None:
        await until(self._left, lambda left: left == (0, 0))
        assert self.errors == []

    async def _left(self) -> tuple[int, int]:
        return len(self.layer), self.transports.connections


@contextlib.asynccontextmanager
async def attacked():
    node = Attacked()
    await node.start()
    tasks = TaskSet("core")
    tasks.spawn(node.answers(), "core")
    try:
        await node.alive()
        yield node
        await node.alive()
        await node.let_go()
    finally:
        await tasks.close()
        await node.close()


@pytest.fixture(autouse=True)
def short_timers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("T2", "T4", "MIN_TIMER_D", "TRYING_AFTER"):
        monkeypatch.setattr(interpreter, name, SHORT)


hostile = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@hostile
@given(messages, st.booleans())
def test_datagrams(sent: Changed, core: bool) -> None:
    async def attack() -> None:
        async with attacked() as node:
            for number, ((method, dialog, body), how) in enumerate(sent):
                data = valid(method, number, dialog=dialog, body=body)
                if number % 2:  # the valid ones beside them lead deeper
                    node.ue.send(data, node.listeners[0].port)
                node.ue.send(mutated(data, how), node.listeners[1 if core else 0].port)

    asyncio.run(attack())


@hostile
@given(messages, cuts, st.booleans())
def test_streams(sent: Changed, lengths: list[int], core: bool) -> None:
    async def attack() -> None:
        async with attacked() as node:
            data = b""
            for number, ((method, dialog, body), how) in enumerate(sent):
                one = valid(method, number, dialog=dialog, body=body).replace(b"/UDP", b"/TCP")
                data += (one if number % 2 else b"") + mutated(one, how)
            _, writer = await asyncio.open_connection(LOOPBACK, node.listeners[2 if core else 3].port)
            with contextlib.suppress(ConnectionError):
                for length in [*lengths, len(data)]:
                    writer.write(data[:length])
                    data = data[length:]
                    await writer.drain()
            await node.alive()
            writer.transport.abort()

    asyncio.run(attack())
