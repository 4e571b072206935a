"""The runner on a real loop, and with real sockets."""

import asyncio

import pytest

from pcscf.flow import Flow, Listener, Side
from pcscf.sip.build import request_in_dialog, response_to
from pcscf.sip.message import Request, Response, parse
from pcscf.transaction.layer import ClientTransaction, ServerTransaction, TransactionLayer
from pcscf.transaction.runner import Runner
from pcscf.transport import Transports
from tests.support.sip import ACCESS, CORE_TCP, RecordedFlow, request


class Events:
    """A user that writes down what it is told, and answers each request with 200 where it is told to."""

    def __init__(self, *, answers: bool = False) -> None:
        self.queue: asyncio.Queue[tuple[object, ...]] = asyncio.Queue()
        self.answers = answers
        self.runner: Runner

    def on_request(self, server: ServerTransaction) -> None:
        if self.answers:
            self.runner.respond(server, response_to(server.request, 200, to_tag="b1"))
        self.queue.put_nowait(("request", server))

    def on_cancel(self, server: ServerTransaction) -> None:
        self.queue.put_nowait(("cancel", server))

    def on_ack(self, ack: Request, flow: Flow) -> None:
        self.queue.put_nowait(("ack", ack))

    def on_response(self, client: ClientTransaction, response: Response) -> None:
        self.queue.put_nowait(("response", client, response.status))

    def on_failed(self, client: ClientTransaction, reason: str) -> None:
        self.queue.put_nowait(("failed", client, reason))

    async def next(self) -> tuple[object, ...]:
        async with asyncio.timeout(5):
            return await self.queue.get()


def make(user: Events, t1: float = 0.5) -> Runner:
    user.runner = Runner(TransactionLayer(t1=t1), user, tick=0.005)
    return user.runner


async def test_timers_run_while_there_are_any() -> None:
    user, flow = Events(), RecordedFlow()
    runner = make(user, t1=0.005)
    client = runner.request(request("OPTIONS"), flow)
    assert len(flow.sent) == 1
    assert await user.next() == ("failed", client, "timeout")
    assert len(flow.sent) > 3
    assert runner.layer.idle
    await asyncio.sleep(0)
    assert runner._timer is None
    runner.close()


async def test_failures_are_never_told_inside_the_call() -> None:
    user, flow = Events(), RecordedFlow(CORE_TCP)
    runner = make(user)
    flow.closed = True
    client = runner.request(request("OPTIONS"), flow)
    assert user.queue.empty()
    assert await user.next() == ("failed", client, "transport")
    runner.close()


async def test_every_event_reaches_its_method() -> None:
    user, flow = Events(), RecordedFlow(ACCESS)
    runner = make(user)
    runner.receive(request(), flow)
    kind, server = await user.next()
    assert kind == "request"
    runner.receive(request("CANCEL"), flow)
    assert await user.next() == ("cancel", server)
    assert isinstance(server, ServerTransaction)
    runner.respond(server, response_to(request(), 200, to_tag="b1"))
    runner.receive(request("ACK", branch="z9hG4bK9", to_tag="b1"), flow)
    assert (await user.next())[0] == "ack"
    invite = request(branch="z9hG4bKc")
    client = runner.request(invite, flow, "mine")
    runner.cancel(client)
    runner.receive(parse(response_to(invite, 180, to_tag="b1").encode()), flow)
    assert await user.next() == ("response", client, 180)
    assert [data.split(b" ")[0] for data in flow.sent] == [b"SIP/2.0", b"SIP/2.0", b"INVITE", b"CANCEL"]
    runner.close()
    runner.receive(request("OPTIONS", branch="z9hG4bKd"), flow)
    assert user.queue.empty()


async def test_a_runner_needs_its_user() -> None:
    runner = Runner(TransactionLayer())
    with pytest.raises(RuntimeError):
        runner.receive(request("OPTIONS"), RecordedFlow())
    runner.user = user = Events()
    runner.receive(request("OPTIONS", branch="z9hG4bK2"), RecordedFlow())
    assert (await user.next())[0] == "request"
    runner.close()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_over_sockets(transport: str) -> None:
    ends = []
    for answers in (False, True):
        user = Events(answers=answers)
        runner = make(user)
        transports = Transports(runner.receive, runner.flow_closed)
        (listener,) = await transports.start([Listener(Side.CORE, transport, "127.0.0.1", 0, "core")])
        ends.append((user, runner, transports, listener))
    (alice, runner, transports, listener), (bob, _, _, far) = ends
    flow = transports.flow_to(listener, far.host, far.port)
    sent_by = listener.hostport
    client = runner.request(request(sent_by=sent_by), flow)
    assert await alice.next() == ("response", client, 200)
    dialog = {"target": "sip:b@h", "local": "<sip:a@h>;tag=a1", "remote": "<sip:b@h>;tag=b1", "call_id": "c"}
    via = f"SIP/2.0/{transport.upper()} {sent_by};branch=z9hG4bK"
    flow.send(request_in_dialog("ACK", cseq=1, via=f"{via}ack;rport", **dialog).encode())
    bye = runner.request(request_in_dialog("BYE", cseq=2, via=f"{via}bye;rport", **dialog), flow)
    assert await alice.next() == ("response", bye, 200)
    assert [(await bob.next())[0] for _ in range(3)] == ["request", "ack", "request"]
    for _, end, sockets, _ in ends:
        end.close()
        await sockets.close()


async def test_a_connection_that_goes_fails_what_waits_on_it() -> None:
    user = Events()
    runner = make(user)
    transports = Transports(runner.receive, runner.flow_closed)
    (listener,) = await transports.start([Listener(Side.CORE, "tcp", "127.0.0.1", 0, "core")])

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    flow = transports.flow_to(listener, *server.sockets[0].getsockname())
    client = runner.request(request("OPTIONS"), flow)
    assert await user.next() == ("failed", client, "transport")
    server.close()
    runner.close()
    await transports.close()
