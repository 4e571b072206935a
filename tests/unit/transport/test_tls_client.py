"""Connections that we open over TLS: to who proves its name, and to nobody else. The peer is Python's ssl."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hosting.tls import connecting_context, listening_context
from lab.sockets import free_port
from pcscf.flow import Listener
from pcscf.sip.build import response_to
from pcscf.sip.message import Request, parse
from pcscf.transport.identity import Peer
from pcscf.transport.stream import HANDSHAKE_TIMEOUT, StreamFlow
from tests.support.certificates import Files, issue
from tests.support.inbox import LOOPBACK, Inbox, listener
from tests.support.loopback import BOTH_VERSIONS
from tests.support.sip import request

OPTIONS = request("OPTIONS")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return issue(tmp_path_factory.mktemp("tls"), "peer")


@dataclass
class Server:
    """A peer that answers each request with 200. ``connections``: so many came as far as a handshake."""

    port: int = 0
    connections: int = 0
    heard: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                data = await reader.readuntil(b"\r\n\r\n")
                self.heard.append(data)
                asked = parse(data)
                assert isinstance(asked, Request)
                writer.write(response_to(asked, 200, to_tag="x").encode())
        writer.transport.abort()


@contextlib.asynccontextmanager
async def server(context: ssl.SSLContext | None, host: str = LOOPBACK) -> AsyncIterator[Server]:
    peer = Server()
    listening = await asyncio.start_server(peer.serve, host, 0, ssl=context)
    peer.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield peer


@contextlib.asynccontextmanager
async def client(files: Files, host: str = LOOPBACK, **limits: int) -> AsyncIterator[tuple[Inbox, Listener]]:
    box = Inbox(**limits)
    own = await box.start(listener("tls", host), listening_context(files.certificate, files.private_key))
    yield box, own
    await box.transports.close()


def serving(files: Files) -> ssl.SSLContext:
    return listening_context(files.certificate, files.private_key)


@pytest.mark.parametrize("host", BOTH_VERSIONS)
@pytest.mark.parametrize("name", ["localhost", "host"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_requests_share_one_connection(
    files: Files, host: str, name: str, version: ssl.TLSVersion
) -> None:
    context = connecting_context(files.ca)
    context.minimum_version = context.maximum_version = version
    async with server(serving(files), host) as peer, client(files, host) as (box, own):
        box.transports.trust(own, (host, peer.port), Peer(context, host if name == "host" else name))
        flow = box.transports.flow_to(own, host, peer.port)
        flow.send(OPTIONS.encode())  # waits for the handshake
        answer, came_on = await box.next()
        assert answer.start_line() == "SIP/2.0 200 OK"
        assert came_on is flow
        assert box.transports.flow_to(own, host, peer.port) is flow
        flow.send(OPTIONS.encode())
        await box.next()
        assert peer.heard == [OPTIONS.encode()] * 2
        assert peer.connections == 1
        assert box.counters == {"tls_handshakes": 1}


async def test_a_certificate_of_ours_for_who_asks(files: Files, tmp_path: Path) -> None:
    own_files = issue(tmp_path, "edge")
    demanding = listening_context(files.certificate, files.private_key, own_files.ca)
    context = connecting_context(files.ca, own_files.certificate, own_files.private_key)
    async with server(demanding) as peer, client(own_files) as (box, own):
        box.transports.trust(own, (LOOPBACK, peer.port), Peer(context, LOOPBACK))
        box.transports.flow_to(own, LOOPBACK, peer.port).send(OPTIONS.encode())
        answer, _ = await box.next()
        assert answer.start_line() == "SIP/2.0 200 OK"


@pytest.mark.parametrize("wrong", ["name", "ca"])
async def test_nothing_is_said_to_who_is_not_the_peer(files: Files, tmp_path: Path, wrong: str) -> None:
    ca = issue(tmp_path, "other").ca if wrong == "ca" else files.ca
    name = "pbx.example" if wrong == "name" else LOOPBACK
    async with server(serving(files)) as peer, client(files) as (box, own):
        box.transports.trust(own, (LOOPBACK, peer.port), Peer(connecting_context(ca), name))
        flow = box.transports.flow_to(own, LOOPBACK, peer.port)
        flow.send(OPTIONS.encode())
        assert await box.next_closed() is flow
        assert not peer.heard
        assert box.counters["tls_handshakes_failed"] == 1
        assert "tls_handshakes" not in box.counters


@pytest.mark.parametrize("answer", [b"SIP/2.0 400 Bad Request\r\n\r\n", b""])
async def test_a_peer_without_tls(files: Files, answer: bytes) -> None:
    """It gets no more than the handshake, and is given up when it answers, or when that takes too long."""
    got = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.set_result(await reader.read(65_536))
        writer.write(answer)
        await reader.read()
        writer.transport.abort()

    listening = await asyncio.start_server(serve, LOOPBACK, 0)
    async with listening, client(files) as (box, own):
        port = listening.sockets[0].getsockname()[1]
        box.transports.trust(own, (LOOPBACK, port), Peer(connecting_context(files.ca), LOOPBACK))
        flow = box.transports.flow_to(own, LOOPBACK, port)
        assert isinstance(flow, StreamFlow)
        flow.send(OPTIONS.encode())
        assert b"OPTIONS" not in await got
        if not answer:
            flow.check(asyncio.get_running_loop().time() + HANDSHAKE_TIMEOUT + 1)
        assert await box.next_closed() is flow
        assert box.counters == {"tls_handshakes_failed" if answer else "handshake_timeouts": 1}


async def test_handshakes_of_others_do_not_keep_us_from_a_peer(files: Files) -> None:
    """The limit is for connections that come; those that we open neither need room there nor make any."""
    async with server(serving(files)) as peer, client(files, max_handshakes=1) as (box, own):
        _, waiting = await asyncio.open_connection(LOOPBACK, own.port)
        reader, refused = await asyncio.open_connection(LOOPBACK, own.port)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        box.transports.trust(own, (LOOPBACK, peer.port), Peer(connecting_context(files.ca), LOOPBACK))
        box.transports.flow_to(own, LOOPBACK, peer.port).send(OPTIONS.encode())
        answer, _ = await box.next()
        assert answer.start_line() == "SIP/2.0 200 OK"
        assert box.transports._handshakes == {LOOPBACK: 1}
        refused.transport.abort()
        waiting.transport.abort()
        assert (await box.next_closed()).remote[1] != peer.port
        assert not box.transports._handshakes


async def test_peers_that_nobody_named_are_not_connected_to(files: Files) -> None:
    async with server(serving(files)) as peer, client(files) as (box, own):
        box.transports.trust(own, (LOOPBACK, peer.port), Peer(connecting_context(files.ca), LOOPBACK))
        with pytest.raises(ValueError, match="no connection is opened over tls"):
            box.transports.flow_to(own, LOOPBACK, peer.port + 1)


async def test_a_connection_from_the_peer_proves_nothing(files: Files) -> None:
    """Who connects from the peer's address and port gets nothing of what is for the peer."""
    port = free_port(LOOPBACK)
    async with client(files) as (box, own):
        box.transports.trust(own, (LOOPBACK, port), Peer(connecting_context(files.ca), LOOPBACK))
        context = ssl.create_default_context(cafile=files.ca)
        _, writer = await asyncio.open_connection(
            LOOPBACK, own.port, ssl=context, local_addr=(LOOPBACK, port)
        )
        try:
            writer.write(OPTIONS.encode())
            _, came_on = await box.next()
            assert came_on.remote == (LOOPBACK, port)
            flow = box.transports.flow_to(own, LOOPBACK, port)
            flow.send(OPTIONS.encode())
            assert await box.next_closed() is flow  # nobody listens there
            assert not came_on.closed
        finally:
            writer.transport.abort()
