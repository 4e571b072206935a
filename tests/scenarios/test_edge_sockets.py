"""The shell of the proxy core on real sockets: what only the loop, the sockets and the resolver can show."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import structlog

from pcscf.sip.build import request_in_dialog, response_to
from pcscf.sip.headers import NameAddr
from pcscf.sip.message import Request, parse
from pcscf.transport.resolver import Resolver
from tests.support.dns_server import dns_server
from tests.support.node import LOOPBACK, Node, Peer
from tests.support.programs import until


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    made = Node()
    await made.start()
    yield made
    await made.close()


async def test_a_large_request_falls_back_to_udp(node: Node) -> None:
    await node.register()
    node.ask("MESSAGE", "sip:carol@other.example", body=b"x" * 2000)
    came = await node.core.read()  # nobody listens on TCP there
    assert came.body == b"x" * 2000
    assert came.values("via")[0].startswith("SIP/2.0/UDP ")
    assert len(came.values("via")) == 2
    node.core.send(response_to(came, 200, to_tag="c"), node.listeners[1].port)
    await node.status(200)


async def test_a_large_request_goes_over_tcp(node: Node) -> None:
    await node.register()
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(2000)
        request = parse(head + body)
        await arrived.put(head)
        writer.write(response_to(request, 200, to_tag="c").encode())
        await reader.read()  # until the edge closes
        writer.close()
        ended.set()

    server = await asyncio.start_server(serve, LOOPBACK, node.core.port)
    async with server:
        node.ask("MESSAGE", "sip:carol@other.example", body=b"x" * 2000)
        head = await asyncio.wait_for(arrived.get(), 10)
        assert b"\r\nVia: SIP/2.0/TCP " in head
        await node.status(200)
        await node.close()
        await asyncio.wait_for(ended.wait(), 10)


async def test_a_registration_that_the_core_ends() -> None:
    """Our own SUBSCRIBE goes out, and its NOTIFY comes in, over sockets like any request."""
    node = Node()
    await node.start(reg_event=True)
    await node.register()
    asked = await node.core.read()
    assert asked.start_line() == "SUBSCRIBE sip:alice@home.example SIP/2.0"
    scscf = ("Contact", f"<sip:scscf@{LOOPBACK}:{node.core.port}>")
    own = node.listeners[1].port
    node.core.send(response_to(asked, 200, to_tag="s", headers=[scscf, ("Expires", "1200")]), own)
    body = (
        b'<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="0" state="full">'
        b'<registration aor="sip:alice@home.example" id="a" state="terminated"/></reginfo>'
    )
    notify = request_in_dialog(
        "NOTIFY",
        target=NameAddr.parse(asked.values("contact")[0]).uri,
        local=f"{asked.get('to')};tag=s",
        remote=asked.get("from") or "",
        call_id=asked.get("call-id") or "",
        cseq=1,
        via=f"SIP/2.0/UDP {LOOPBACK}:{node.core.port};branch=z9hG4bKn1",
        headers=[scscf, ("Event", "reg"), ("Subscription-State", "active;expires=1200")],
        body=body,
        content_type="application/reginfo+xml",
    )
    node.core.send(notify, own)
    assert [(await node.core.read()).start_line() for _ in range(2)] == [
        "SIP/2.0 200 OK",
        f"SUBSCRIBE sip:scscf@{LOOPBACK}:{node.core.port} SIP/2.0",
    ]
    node.ask("MESSAGE", "sip:carol@other.example")
    await node.status(403)
    await node.close()


async def test_a_name_that_leads_nowhere() -> None:
    node = Node()
    await node.start("sip:nobody.invalid")
    node.ask("REGISTER", "sip:home.example")
    await node.status(504)
    await node.close()


async def test_a_uri_that_leads_nowhere() -> None:
    node = Node()
    await node.start("tel:+123")
    node.ask("REGISTER", "sip:home.example")
    await node.status(504)
    await node.close()


async def test_nobody_is_registered(node: Node) -> None:
    node.ask("MESSAGE", "sip:carol@other.example")
    await node.status(403)
    assert node.counters.refusals["not registered", 403] == 1


async def test_the_next_of_dns_is_tried() -> None:
    """SRV names a place without TCP and without anybody, one that refuses, and one that answers."""
    node, second = Node(), Peer()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as nobody:
        nobody.bind((LOOPBACK, 0))
        zone = f"""
_sip._tcp.home.example. 60 SRV 1 0 {nobody.getsockname()[1]} a.home.example.
_sip._udp.home.example. 60 SRV 1 0 {node.core.port} a.home.example.
_sip._udp.home.example. 60 SRV 2 0 {second.port} a.home.example.
a.home.example. 60 A {LOOPBACK}
home.example. 60 NAPTR 1 1 "s" "SIP+D2T" "" _sip._tcp.home.example.
home.example. 60 NAPTR 2 1 "s" "SIP+D2U" "" _sip._udp.home.example.
"""
        async with dns_server(zone) as server:
            await node.start("sip:home.example", Resolver([LOOPBACK], server.port))
            node.ask("REGISTER", "sip:home.example")
            first = await node.core.read()
            assert isinstance(first, Request)
            node.core.send(response_to(first, 503, to_tag="x"), node.listeners[1].port)
            again = await second.read()
            assert isinstance(again, Request)
            assert again.get("path") == first.get("path")
            assert again.first("via") != first.first("via")
            second.send(response_to(again, 401, to_tag="y"), node.listeners[1].port)
            await node.status(401)
            asked = len(server.questions)
            node.ask("REGISTER", "sip:home.example")
            third = await node.core.read()  # a 503 without Retry-After is about one request
            node.core.send(response_to(third, 403, to_tag="z"), node.listeners[1].port)
            await node.status(403)
            assert len(server.questions) == asked
            assert node.transports.counters["next_hops_failed"] == 2
        second.socket.close()
        await node.close()


async def test_an_overload(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """From when input waits until it does not: what is new gets 503, and the log says it once."""

    async def overloaded() -> bool:
        return node.overload.on

    await node.register()
    with structlog.testing.capture_logs() as log:
        with monkeypatch.context() as late:
            late.setattr(node.transports, "behind", lambda _: 5.0)
            await until(overloaded, bool)
            for _ in range(2):
                node.ask("MESSAGE", "sip:carol@other.example")
                assert (await node.status(503)).get("retry-after") in ("2", "3")
        await until(overloaded, lambda on: not on)
    told = [line for line in log if line["event"].startswith("overload")]
    assert [line["event"] for line in told] == ["overload", "overload over"]
    assert told[0]["lag"] == 5.0
    assert told[1]["refused"] == 2
    assert node.counters.refusals["overload", 503] == 2
    node.ask("MESSAGE", "sip:carol@other.example")
    node.core.send(response_to(await node.core.read(), 202, to_tag="c"), node.listeners[1].port)
    await node.status(202)
