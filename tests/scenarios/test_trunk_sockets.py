"""Trunks on real sockets: what is sent to one goes to its address, opened when it is needed."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from lab.sockets import free_port
from pcscf.flow import Listener, StaticFlow
from pcscf.registration.trunks import Trunk, Trunks
from pcscf.sip.build import response_to
from pcscf.sip.message import Request, Response, parse
from tests.support.node import LOOPBACK, Node, Peer

PBX = "sip:pbx@home.example"


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    made = Node()
    await made.start()
    yield made
    await made.close()


def trunk(node: Node, listener: Listener, port: int) -> None:
    flow = StaticFlow(listener, (LOOPBACK, port), node.transports.flow_to)
    node.registrar.trunks = Trunks(
        [Trunk(PBX, f"sip:{LOOPBACK}:{port}", frozenset(), flow)], node.listeners[1], node.registrar.network
    )


def ask(node: Node) -> None:
    """The core sends the trunk a MESSAGE."""
    lines = [
        f"MESSAGE {PBX} SIP/2.0",
        f"Via: SIP/2.0/UDP {LOOPBACK}:{node.core.port};branch=z9hG4bKc1;rport",
        "From: <sip:carol@other.example>;tag=c",
        f"To: <{PBX}>",
        "Call-ID: c1",
        "CSeq: 1 MESSAGE",
        "Content-Length: 0",
    ]
    node.core.send("\r\n".join([*lines, "", ""]).encode(), node.listeners[1].port)


async def answered(node: Node) -> Response:
    response = await node.core.read()
    assert isinstance(response, Response)
    return response


async def test_over_udp(node: Node) -> None:
    pbx = Peer()
    trunk(node, node.listeners[0], pbx.port)
    ask(node)
    came = await pbx.read()
    assert isinstance(came, Request)
    assert came.uri == f"sip:{LOOPBACK}:{pbx.port}"
    pbx.send(response_to(came, 200, to_tag="p"), node.listeners[0].port)
    assert (await answered(node)).status == 200
    pbx.socket.close()


async def test_over_tcp(node: Node) -> None:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = parse(await reader.readuntil(b"\r\n\r\n"))
        assert isinstance(request, Request)
        writer.write(response_to(request, 200, to_tag="p").encode())
        await reader.read()  # until the edge closes
        writer.close()
        ended.set()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    async with server:
        trunk(node, node.listeners[3], server.sockets[0].getsockname()[1])
        ask(node)
        assert (await answered(node)).status == 200
        await node.close()
        await asyncio.wait_for(ended.wait(), 10)


async def test_a_trunk_that_refuses_connections(node: Node) -> None:
    trunk(node, node.listeners[3], free_port(LOOPBACK))
    ask(node)
    assert (await answered(node)).status == 430
