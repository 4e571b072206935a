"""TCP on loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from pcscf.flow import Flow, Listener, Side
from pcscf.sip.build import response_to
from pcscf.sip.message import Request, Response, parse
from pcscf.transport import Transports, stream
from tests.support.loopback import BOTH_VERSIONS
from tests.support.programs import until
from tests.support.sip import INVITE, request

LOOPBACK = Listener(Side.ACCESS, "tcp", "127.0.0.1", 0, "access")
OPTIONS = request("OPTIONS")


class Inbox:
    """Transports whose messages and closed flows arrive in queues."""

    def __init__(self, **limits: int) -> None:
        self.messages: asyncio.Queue[tuple[Request | Response, Flow]] = asyncio.Queue()
        self.closed: asyncio.Queue[Flow] = asyncio.Queue()
        self.transports = Transports(
            lambda message, flow: self.messages.put_nowait((message, flow)),
            self.closed.put_nowait,
            **limits,
        )

    async def start(self, listener: Listener = LOOPBACK) -> Listener:
        (self.listener,) = await self.transports.start([listener])
        return self.listener

    async def next(self) -> tuple[Request | Response, Flow]:
        async with asyncio.timeout(5):
            return await self.messages.get()

    async def next_closed(self) -> Flow:
        async with asyncio.timeout(5):
            return await self.closed.get()


@contextlib.asynccontextmanager
async def connection(
    listener: Listener, source: str | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    local = (source, 0) if source else None
    reader, writer = await asyncio.open_connection(listener.host, listener.port, local_addr=local)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def read(reader: asyncio.StreamReader, count: int = -1) -> bytes:
    async with asyncio.timeout(5):
        return await (reader.read() if count < 0 else reader.readexactly(count))


@pytest.fixture
async def inbox():
    box = Inbox()
    await box.start()
    yield box
    await box.transports.close()


@pytest.fixture
async def far():
    box = Inbox()
    await box.start()
    yield box
    await box.transports.close()


async def test_framing_across_segments_and_the_pong(inbox: Inbox) -> None:
    async with connection(inbox.listener) as (reader, writer):
        wire = b"\r\n\r\n" + INVITE + OPTIONS.encode()
        for at in range(0, len(wire), 333):
            writer.write(wire[at : at + 333])
            await writer.drain()
        (first, flow), (second, same) = await inbox.next(), await inbox.next()
        assert (first.encode(), second.encode()) == (INVITE, OPTIONS.encode())
        assert flow is same
        assert flow.remote == writer.get_extra_info("sockname")
        assert flow.listener is inbox.listener
        assert await read(reader, 2) == b"\r\n"
        flow.send(response_to(OPTIONS, 200).encode())
        assert (await read(reader, 14)) == b"SIP/2.0 200 OK"
    assert await inbox.next_closed() is flow
    assert flow.closed


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        pytest.param(OPTIONS.encode().replace(b"Content-Length: 0\r\n", b""), b"400", id="no Content-Length"),
        pytest.param(OPTIONS.encode().replace(b"h: 0", b"h: 999999999"), b"513", id="too large"),
        pytest.param(OPTIONS.encode()[:-2] + b"Subject: " + b"x" * 70_000, b"513", id="endless head"),
    ],
)
async def test_what_cannot_be_framed_is_answered_and_closed(inbox: Inbox, bad: bytes, status: bytes) -> None:
    async with connection(inbox.listener) as (reader, writer):
        writer.write(INVITE + bad + INVITE)
        answer = await read(reader)
        response = parse(answer)
        assert answer.startswith(b"SIP/2.0 " + status)
        assert response.all("via") == OPTIONS.all("via")
        _, flow = await inbox.next()
        assert await inbox.next_closed() is flow
        assert inbox.messages.empty()


async def test_a_refusal_is_read_by_a_peer_that_is_still_sending(inbox: Inbox) -> None:
    """Closing with input unread would reset the connection, and the answer would be lost with it."""
    async with connection(inbox.listener) as (reader, writer):
        writer.write(OPTIONS.encode().replace(b"h: 0", b"h: 999999999"))
        for _ in range(64):
            writer.write(bytes(65_536))
            await writer.drain()
        assert (await read(reader)).startswith(b"SIP/2.0 513 ")
    await inbox.next_closed()


async def test_no_sip_closes_without_a_word(inbox: Inbox) -> None:
    async with connection(inbox.listener) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await read(reader) == b""
    await inbox.next_closed()
    assert inbox.transports.counters == {"broken_streams": 1}


async def test_a_connection_is_opened_once_and_carries_what_waited(inbox: Inbox, far: Inbox) -> None:
    flow = inbox.transports.flow_to(inbox.listener, "127.0.0.1", far.listener.port)
    assert inbox.transports.flow_to(inbox.listener, "127.0.0.1", far.listener.port) is flow
    flow.send(INVITE)
    flow.send(OPTIONS.encode())
    (first, back), (second, _) = await far.next(), await far.next()
    assert (first.encode(), second.encode()) == (INVITE, OPTIONS.encode())
    back.send(response_to(OPTIONS, 200).encode())
    response, on = await inbox.next()
    assert isinstance(response, Response)
    assert on is flow
    assert far.transports.flow_to(far.listener, *back.remote) is back


async def test_a_lost_connection_is_told_once_and_replaced(inbox: Inbox, far: Inbox) -> None:
    flow = inbox.transports.flow_to(inbox.listener, "127.0.0.1", far.listener.port)
    flow.send(INVITE)
    _, back = await far.next()
    assert isinstance(back, stream.StreamFlow)
    back.abort()
    assert await inbox.next_closed() is flow
    assert await far.next_closed() is back
    again = inbox.transports.flow_to(inbox.listener, "127.0.0.1", far.listener.port)
    assert again.key != flow.key
    again.send(INVITE)
    await far.next()
    flow.send(INVITE)
    assert inbox.transports.counters["sent_on_closed"] == 1
    assert inbox.closed.empty()
    assert far.closed.empty()


@pytest.mark.parametrize("host", BOTH_VERSIONS)
async def test_both_ip_versions_both_ways(host: str) -> None:
    one, other = Inbox(), Inbox()
    for box in (one, other):
        await box.start(Listener(Side.ACCESS, "tcp", host, 0, "access"))
    there = one.transports.flow_to(one.listener, host, other.listener.port)
    there.send(INVITE)
    message, back = await other.next()
    assert (message.encode(), back.remote[0]) == (INVITE, host)
    back.send(OPTIONS.encode())
    _, flow = await one.next()
    assert flow is there
    await one.transports.close()
    await other.transports.close()


async def test_a_connection_that_cannot_be_opened_is_told(inbox: Inbox) -> None:
    gone = Inbox()
    port = (await gone.start()).port
    await gone.transports.close()
    flow = inbox.transports.flow_to(inbox.listener, "127.0.0.1", port)
    assert not flow.closed
    flow.send(INVITE)
    assert await inbox.next_closed() is flow
    assert flow.closed
    assert inbox.transports.counters["connect_errors"] == 1


async def test_a_response_finds_another_connection(inbox: Inbox, far: Inbox) -> None:  # RFC 3261 18.2.2
    message = request("OPTIONS", sent_by=f"phone.invalid:{far.listener.port}")
    async with connection(inbox.listener) as (_, writer):
        writer.write(message.encode())
        got, flow = await inbox.next()
    await inbox.next_closed()
    assert isinstance(got, Request)
    response = response_to(got, 200)
    response.replace_first("Via", f"{response.first('via')};received=127.0.0.1")
    flow.send(response.encode())
    arrived, _ = await far.next()
    assert arrived.encode() == response.encode()
    response.replace_first("Via", "SIP/2.0/TCP phone.invalid;branch=z9hG4bK1")
    flow.send(response.encode())
    assert inbox.transports.counters["responses_lost"] == 1


async def test_a_peer_that_does_not_read_loses_its_connection(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MAX_OUTPUT", 100_000)
    async with connection(inbox.listener) as (_, writer):
        writer.write(INVITE)
        _, flow = await inbox.next()
        writer.transport.pause_reading()
        for _ in range(200):
            flow.send(bytes(100_000))
        assert flow.closed
        assert await inbox.next_closed() is flow
    assert inbox.transports.counters["output_overflows"] == 1


async def test_what_waits_for_a_connection_is_bounded(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_OUTPUT", 1000)
    flow = inbox.transports.flow_to(inbox.listener, "127.0.0.1", 9)
    flow.send(bytes(2000))
    assert flow.closed
    assert inbox.closed.empty()
    assert await inbox.next_closed() is flow


async def test_unfinished_messages_of_all_connections_are_bounded() -> None:
    """A source that leaves messages half-sent loses the oldest of them; another source loses nothing."""
    half = request("MESSAGE", body=bytes(60_000)).encode()[:-1]
    inbox = Inbox(max_unfinished_input=3 * len(half) + 100)
    await inbox.start()
    async with contextlib.AsyncExitStack() as stack:
        writers = []
        for source, together in [("127.0.0.2", 1), *[("127.0.0.1", 2), ("127.0.0.1", 3)] * 3]:
            _, writer = await stack.enter_async_context(connection(inbox.listener, source))
            writers.append(writer)
            writer.write(half)
            await reaches(inbox, together * len(half))
        gone = [await inbox.next_closed() for _ in range(4)]
        assert [flow.remote for flow in gone] == [own.get_extra_info("sockname") for own in writers[1:5]]
        assert inbox.transports.counters == {"input_overflows": 4}
        for writer in (writers[0], writers[6]):
            writer.write(bytes(1))
            message, _ = await inbox.next()
            assert message.body == bytes(60_000)
        await reaches(inbox, len(half))
    await inbox.next_closed()
    assert inbox.transports.unfinished_input == 0
    await inbox.transports.close()


async def reaches(inbox: Inbox, octets: int) -> None:
    async def look() -> int:
        return inbox.transports.unfinished_input

    await until(look, lambda seen: seen == octets)


async def test_what_all_peers_together_do_not_read_is_bounded() -> None:
    inbox = Inbox(max_unsent_output=2_000_000)
    await inbox.start()
    async with contextlib.AsyncExitStack() as stack:
        flows = []
        for _ in range(3):
            reader, writer = await stack.enter_async_context(connection(inbox.listener))
            writer.write(INVITE)
            _, flow = await inbox.next()
            assert isinstance(flow, stream.StreamFlow)
            writer.transport.pause_reading()
            while flow.unsent < 700_000:
                flow.send(bytes(100_000))
            flows.append(flow)
        assert [flow.closed for flow in flows] == [True, False, False]
        assert await inbox.next_closed() is flows[0]
        assert inbox.transports.counters == {"output_overflows": 1}
        assert 1_400_000 <= inbox.transports.unsent_output <= 1_750_000
        writer.transport.resume_reading()
        while flows[2].unsent:
            await read(reader, 10_000)
        assert inbox.transports.unsent_output == flows[1].unsent
    await inbox.transports.close()


@pytest.mark.parametrize("limit", ["max_connections", "max_connections_per_source"])
async def test_too_many_connections(limit: str) -> None:
    inbox = Inbox(**{limit: 1})
    await inbox.start()
    async with connection(inbox.listener) as (_, writer):
        writer.write(INVITE)
        await inbox.next()
        async with connection(inbox.listener) as (reader, _):
            with contextlib.suppress(ConnectionError):
                assert await read(reader) == b""
        refused = inbox.transports.flow_to(inbox.listener, "127.0.0.1", 9)
        assert await inbox.next_closed() is refused
        assert inbox.transports.counters == {"connections_refused": 2}
        assert inbox.transports.connections == 1
    await inbox.next_closed()
    assert inbox.transports.connections == 0
    await inbox.transports.close()


@pytest.mark.parametrize(
    ("sent", "after", "closes"),
    [
        pytest.param(b"\r\n\r\n", 33, True, id="pings alone"),
        pytest.param(OPTIONS.encode() + INVITE[:50], 33, True, id="half a message"),
        pytest.param(OPTIONS.encode(), 33, False, id="a phone that is silent"),
        pytest.param(OPTIONS.encode(), 7300, True, id="too silent"),
    ],
)
async def test_connections_that_keep_us_waiting(
    inbox: Inbox, sent: bytes, after: float, closes: bool
) -> None:
    async with connection(inbox.listener) as (reader, writer):
        writer.write(sent)
        if sent.startswith(b"OPTIONS"):
            _, flow = await inbox.next()
        else:
            await read(reader, 2)
            flow = inbox.transports.flow_to(inbox.listener, *writer.get_extra_info("sockname"))
        assert isinstance(flow, stream.StreamFlow)
        flow.check(asyncio.get_running_loop().time() + after)
        assert flow.closed == closes


async def test_close_closes_everything_and_says_nothing(far: Inbox) -> None:
    box = Inbox()
    await box.start()
    flow = box.transports.flow_to(box.listener, "127.0.0.1", far.listener.port)
    flow.send(INVITE)
    await far.next()
    opening = box.transports.flow_to(box.listener, "127.0.0.1", box.listener.port)
    await box.transports.close()
    assert flow.closed
    assert opening.closed
    assert box.closed.empty()
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncio.open_connection("127.0.0.1", box.listener.port)
