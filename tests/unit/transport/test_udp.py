"""UDP on loopback."""

import asyncio
import socket
import tracemalloc

import pytest

from pcscf.flow import Flow, Listener, Side
from pcscf.sip.build import response_to
from pcscf.sip.message import Request, Response, parse
from pcscf.transport import Transports
from pcscf.transport.udp import BATCH
from tests.support.sip import request

LOOPBACK = Listener(Side.ACCESS, "udp", "127.0.0.1", 0, "access")


class Peer:
    """A plain UDP socket."""

    def __init__(self, family: int = socket.AF_INET) -> None:
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        self.address: tuple[str, int] = self.sock.getsockname()[:2]

    def send(self, data: bytes, to: Listener) -> None:
        self.sock.sendto(data, (to.host, to.port))

    async def receive(self) -> bytes:
        async with asyncio.timeout(5):
            return await asyncio.get_running_loop().sock_recv(self.sock, 65535)


class Inbox:
    """Transports whose messages arrive in a queue."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[Request | Response, Flow]] = asyncio.Queue()
        self.closed: asyncio.Queue[Flow] = asyncio.Queue()
        self.transports = Transports(
            lambda message, flow: self.queue.put_nowait((message, flow)), self.closed.put_nowait
        )

    async def next(self) -> tuple[Request | Response, Flow]:
        async with asyncio.timeout(5):
            return await self.queue.get()


@pytest.fixture
async def inbox():
    box = Inbox()
    yield box
    await box.transports.close()


@pytest.fixture
def peer():
    end = Peer()
    yield end
    end.sock.close()


async def test_flows_of_a_peer_are_equal(inbox: Inbox, peer: Peer) -> None:
    (listener,) = await inbox.transports.start([LOOPBACK])
    assert listener.port != 0
    for _ in range(2):
        peer.send(request("OPTIONS").encode(), listener)
    (first, flow), (_, again) = await inbox.next(), await inbox.next()
    assert first.encode() == request("OPTIONS").encode()
    assert (flow.listener, flow.remote, flow.closed) == (listener, peer.address, False)
    to_peer = inbox.transports.flow_to(listener, *peer.address)
    assert flow.key == again.key == to_peer.key
    assert inbox.transports.flow_to(listener, "127.0.0.1", 9).key != flow.key
    flow.send(b"hello")
    assert await peer.receive() == b"hello"


async def test_a_datagram_takes_no_more_memory_than_it_has_octets(inbox: Inbox, peer: Peer) -> None:
    """Not even for a moment: 64 kB for each, of which a few hundred octets stay, tear the heap to pieces."""
    (listener,) = await inbox.transports.start([LOOPBACK])
    tracemalloc.start()
    try:
        peer.send(request("OPTIONS").encode(), listener)
        await inbox.next()
        assert tracemalloc.get_traced_memory()[1] < 32_000
    finally:
        tracemalloc.stop()


async def test_response_goes_to_the_source_with_rport(inbox: Inbox, peer: Peer) -> None:  # RFC 3581
    (listener,) = await inbox.transports.start([LOOPBACK])
    peer.send(request("OPTIONS", sent_by="127.0.0.1:9").encode(), listener)
    message, flow = await inbox.next()
    assert isinstance(message, Request)
    flow.send(response_to(message, 200).encode())
    assert (await peer.receive()).startswith(b"SIP/2.0 200 OK")


async def test_response_goes_to_the_port_of_sent_by_without_rport(inbox: Inbox, peer: Peer) -> None:
    (listener,) = await inbox.transports.start([LOOPBACK])
    other = Peer()
    try:
        message = request("OPTIONS", sent_by=f"phone.invalid:{other.address[1]}")
        message.set("Via", (message.get("via") or "").replace(";rport", ""))
        peer.send(message.encode(), listener)
        got, flow = await inbox.next()
        assert isinstance(got, Request)
        assert flow.remote == peer.address
        flow.send(response_to(got, 200).encode())
        assert (await other.receive()).startswith(b"SIP/2.0 200 OK")
        flow.send(request("BYE").encode())
        assert (await peer.receive()).startswith(b"BYE ")
    finally:
        other.sock.close()


async def test_keep_alives_and_junk_are_counted_and_nothing_else(inbox: Inbox, peer: Peer) -> None:
    (listener,) = await inbox.transports.start([LOOPBACK])
    for junk in (b"\r\n\r\n", b"\x00", b"", b"nonsense", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 60000):
        peer.send(junk, listener)
    peer.send(request("OPTIONS").encode(), listener)
    await inbox.next()
    assert inbox.transports.counters == {"keep_alives": 3, "bad_messages": 3}
    peer.sock.settimeout(0)
    with pytest.raises(BlockingIOError):
        peer.sock.recv(1)


async def test_stun_keep_alives_are_answered(inbox: Inbox, peer: Peer) -> None:  # RFC 5626 4.4.2
    (listener,) = await inbox.transports.start([LOOPBACK])
    peer.send(bytes.fromhex("000100002112a442b7e7a701bc34d686fa87dfae"), listener)
    answer = await peer.receive()
    assert answer[:2] == b"\x01\x01"
    assert int.from_bytes(answer[26:28]) ^ 0x2112 == peer.address[1]
    assert inbox.transports.counters == {"stun_keep_alives": 1}


async def test_icmp_errors_do_not_end_the_listener(inbox: Inbox, peer: Peer) -> None:
    (listener,) = await inbox.transports.start([LOOPBACK])
    gone = Peer()
    gone.sock.close()
    flow = inbox.transports.flow_to(listener, *gone.address)
    for _ in range(3):
        flow.send(b"anybody there?")
    peer.send(request("OPTIONS").encode(), listener)
    assert (await inbox.next())[1].remote == peer.address


async def test_what_the_kernel_refuses_is_counted(inbox: Inbox) -> None:
    (listener,) = await inbox.transports.start([LOOPBACK])
    inbox.transports.flow_to(listener, "127.0.0.1", 9).send(bytes(70_000))
    assert inbox.transports.counters == {"send_errors": 1}


@pytest.mark.parametrize(("host", "port"), [("a.example", 5060), ("127.0.0.1", 0), ("127.0.0.1", 65536)])
async def test_flows_lead_to_numeric_addresses_alone(inbox: Inbox, host: str, port: int) -> None:
    for listener in await inbox.transports.start(
        [LOOPBACK, Listener(Side.CORE, "tcp", "127.0.0.1", 0, "core")]
    ):
        with pytest.raises(ValueError, match=r"port|address"):
            inbox.transports.flow_to(listener, host, port)


async def test_ipv6(inbox: Inbox) -> None:
    try:
        peer = Peer(socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 on loopback")
    try:
        (listener,) = await inbox.transports.start([Listener(Side.ACCESS, "udp", "::1", 0, "access")])
        peer.send(request("OPTIONS").encode(), listener)
        message, flow = await inbox.next()
        assert isinstance(message, Request)
        assert flow.remote == peer.address
        assert inbox.transports.flow_to(listener, "[::1]", peer.address[1]).key == flow.key
        flow.send(response_to(message, 200).encode())
        assert isinstance(parse(await peer.receive()), Response)
    finally:
        peer.sock.close()


async def test_binds_elsewhere_than_it_says(inbox: Inbox, peer: Peer) -> None:
    told = Listener(Side.ACCESS, "udp", "192.0.2.1", 0, "access")
    (listener,) = await inbox.transports.start([told], ["127.0.0.1"])
    assert listener.host == "192.0.2.1"
    peer.sock.sendto(request("OPTIONS").encode(), ("127.0.0.1", listener.port))
    assert (await inbox.next())[1].listener is listener


async def test_a_failed_start_leaves_nothing_open(peer: Peer) -> None:
    box = Inbox()
    taken = Listener(Side.CORE, "udp", *peer.address, "core")
    with pytest.raises(OSError, match="in use"):
        await box.transports.start([LOOPBACK, taken])
    with pytest.raises(ValueError, match="wss"):
        await Transports().start([Listener(Side.ACCESS, "wss", "127.0.0.1", 0, "access")])


async def test_a_start_that_fails_can_be_closed() -> None:
    first, second = Transports(), Transports()
    (bound,) = await first.start([LOOPBACK])
    with pytest.raises(OSError, match="in use"):
        await second.start([LOOPBACK, bound])
    await second.close()
    await first.close()


async def test_a_flood_is_read_in_batches(inbox: Inbox, peer: Peer) -> None:
    """Other sockets and the timers get their turn between two, and it is seen that more waits."""
    (listener,) = await inbox.transports.start([LOOPBACK])
    now = asyncio.get_running_loop().time()
    assert inbox.transports.behind(now) == 0
    for _ in range(BATCH + 36):  # nothing is read before the test waits
        peer.send(request("OPTIONS").encode(), listener)
    await inbox.next()
    assert inbox.queue.qsize() == BATCH - 1
    assert inbox.transports.behind(now + 60) > 50
    for _ in range(BATCH + 35):
        await inbox.next()
    await asyncio.sleep(0)
    assert inbox.transports.behind(now + 60) == 0


async def test_an_empty_datagram_hides_no_backlog(inbox: Inbox, peer: Peer) -> None:
    (listener,) = await inbox.transports.start([LOOPBACK])
    now = asyncio.get_running_loop().time()
    for data in (request("OPTIONS").encode(), b"", *[request("OPTIONS").encode()] * BATCH):
        peer.send(data, listener)
    await inbox.next()
    assert inbox.queue.qsize() == BATCH - 2
    assert inbox.transports.behind(now + 60) > 50


async def test_a_batch_that_was_enough_is_no_backlog(inbox: Inbox, peer: Peer) -> None:
    (listener,) = await inbox.transports.start([LOOPBACK])
    for _ in range(BATCH):
        peer.send(request("OPTIONS").encode(), listener)
    await inbox.next()
    assert inbox.queue.qsize() == BATCH - 1
    assert inbox.transports.behind(asyncio.get_running_loop().time() + 60) == 0
