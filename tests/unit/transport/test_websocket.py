"""SIP over WebSocket on loopback: the peer is the library's own client, or octets that none would send."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol

from hosting.tls import listening_context
from pcscf.sip.build import response_to
from pcscf.transport import stream, websocket
from tests.support.certificates import issue
from tests.support.inbox import Inbox, listener
from tests.support.loopback import BOTH_VERSIONS
from tests.support.sip import INVITE, request

OPTIONS = request("OPTIONS").encode()
SIP = Subprotocol("sip")
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: edge\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: sip\r\n\r\n"
)


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    box = Inbox()
    await box.start(listener("ws"))
    yield box
    await box.transports.close()


def client(box: Inbox, protocols: list[Subprotocol] | None = None) -> connect:
    return connect(
        f"ws://{box.listener.hostport}/",
        subprotocols=[SIP] if protocols is None else protocols,
        compression=None,
    )


@contextlib.asynccontextmanager
async def octets(
    box: Inbox, *, upgraded: bool = True
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Yield a connection, behind the upgrade unless told otherwise, to write what one likes."""
    reader, writer = await asyncio.open_connection(box.listener.host, box.listener.port)
    try:
        if upgraded:
            writer.write(UPGRADE)
            async with asyncio.timeout(5):
                answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 101 ")
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def rest(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        return await reader.read()


def frame(opcode: Opcode, data: bytes, *, fin: bool = True, mask: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=mask)


async def told(peer: ClientConnection) -> str | bytes:
    async with asyncio.timeout(5):
        return await peer.recv()


async def closed(peer: ClientConnection) -> int | None:
    """Wait until the edge has closed, and return the code."""
    with contextlib.suppress(ConnectionClosed):
        await told(peer)
    return peer.close_code


async def test_text_and_binary_both_ways(inbox: Inbox) -> None:
    async with client(inbox) as peer:
        assert peer.subprotocol == "sip"
        await peer.send(INVITE.decode())
        message, flow = await inbox.next()
        assert message.encode() == INVITE
        assert flow.remote == peer.local_address
        await peer.send(OPTIONS)
        second, same = await inbox.next()
        assert (second.encode(), same) == (OPTIONS, flow)
        text = "SIP/2.0 200 OK\r\nSubject: Grüße\r\n\r\n"
        flow.send(text.encode())
        assert await told(peer) == text
        flow.send(b"SIP/2.0 200 OK\r\nSubject: \xff\r\n\r\n")
        assert await told(peer) == b"SIP/2.0 200 OK\r\nSubject: \xff\r\n\r\n"
    assert await inbox.next_closed() is flow
    assert peer.close_code == 1000
    assert inbox.counters == {"websocket_upgrades": 1}


@pytest.mark.parametrize("host", BOTH_VERSIONS)
async def test_secure_websocket(tmp_path: Path, host: str) -> None:
    files = issue(tmp_path, "edge")
    box = Inbox()
    own = await box.start(listener("wss", host), listening_context(files.certificate, files.private_key))
    trust = ssl.create_default_context(cafile=files.ca)
    async with connect(f"wss://{own.hostport}/", subprotocols=[SIP], ssl=trust) as peer:
        await peer.send(INVITE.decode())
        _, flow = await box.next()
        large = response_to(request("OPTIONS"), 200, headers=[("X", "y" * 60_000)]).encode()
        flow.send(large)
        assert await told(peer) == large.decode()
    await box.next_closed()
    assert box.counters == {"tls_handshakes": 1, "websocket_upgrades": 1}
    await box.transports.close()


async def test_keep_alives(inbox: Inbox) -> None:
    async with client(inbox) as peer:
        async with asyncio.timeout(5):
            await (await peer.ping(b"here"))
        await peer.send("\r\n\r\n")
        assert await told(peer) == "\r\n"
        await peer.send("\r\n")
        await peer.send(OPTIONS)
        await inbox.next()
    assert inbox.counters["pings"] == 3


async def test_fragments_make_one_message(inbox: Inbox) -> None:
    async with client(inbox) as peer:
        await peer.send([INVITE[:100].decode(), INVITE[100:101].decode(), INVITE[101:].decode()])
        message, _ = await inbox.next()
        assert message.encode() == INVITE


async def test_without_content_length(inbox: Inbox) -> None:
    """RFC 7118 does without; the next hop may be a stream, which does not."""
    body = INVITE.partition(b"\r\n\r\n")[2]
    async with client(inbox) as peer:
        await peer.send(INVITE.replace(b"Content-Length: 128\r\n", b""))
        message, _ = await inbox.next()
        assert message.body == body
        assert message.get("content-length") == str(len(body))


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param((b"Sec-WebSocket-Protocol: sip\r\n", b""), 400, id="no subprotocol"),
        pytest.param((b"Protocol: sip", b"Protocol: chat, msrp"), 400, id="other subprotocols"),
        pytest.param((b"Upgrade: websocket\r\n", b""), 426, id="no upgrade"),
        pytest.param((b"GET", b"POST"), 405, id="other method"),
        pytest.param((b"Version: 13", b"Version: 8"), 400, id="old version"),
        pytest.param((b"Host: edge", b"X: " + b"y" * 8192), 431, id="long line"),
        pytest.param((b"Host: edge", b"\r\n".join(b"X: " + b"y" * 4000 for _ in range(5))), 431, id="long"),
        pytest.param((b"GET / ", b"GET /" + b"y" * 9000 + b" "), 414, id="long path"),
    ],
)
async def test_upgrades_that_are_refused(inbox: Inbox, change: tuple[bytes, bytes], status: int) -> None:
    async with octets(inbox, upgraded=False) as (reader, writer):
        writer.write(UPGRADE.replace(*change))
        assert (await rest(reader)).startswith(f"HTTP/1.1 {status} ".encode())
    await inbox.next_closed()
    assert inbox.counters == {"websocket_upgrades_refused": 1}


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(INVITE, id="SIP"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\n\r\n", id="TLS"),
        pytest.param(UPGRADE + frame(Opcode.PING, b"early"), id="frames before the answer"),
        pytest.param(UPGRADE.replace(b"Host", b"Content-Length: 9\r\nHost"), id="a body"),
    ],
)
async def test_what_is_no_websocket_client(inbox: Inbox, sent: bytes) -> None:
    async with octets(inbox, upgraded=False) as (reader, writer):
        writer.write(sent)
        assert b"101" not in await rest(reader)
    await inbox.next_closed()
    assert inbox.counters == {"websocket_upgrades_refused": 1}
    assert inbox.messages.empty()


async def test_an_upgrade_that_never_ends(inbox: Inbox) -> None:
    async with octets(inbox, upgraded=False) as (reader, writer):
        while not (reader.at_eof() or inbox.counters):
            writer.write(b"X" * 1000 + b"\r\n")
            await asyncio.sleep(0)
        await rest(reader)
    assert inbox.counters == {"websocket_upgrades_refused": 1}


async def test_a_slow_upgrade(inbox: Inbox) -> None:
    async with octets(inbox) as (_, up), octets(inbox, upgraded=False) as (reader, writer):
        up.write(frame(Opcode.TEXT, OPTIONS))
        _, flow = await inbox.next()
        writer.write(UPGRADE[:30])
        later = asyncio.get_running_loop().time() + stream.HANDSHAKE_TIMEOUT + 1
        slow = [one for one in inbox.transports._flows.values() if one is not flow]
        for one in slow:
            one.check(later)
        assert [one.closed for one in slow] == [True]
        with contextlib.suppress(ConnectionError):
            assert await rest(reader) == b""
    assert inbox.counters["handshake_timeouts"] == 1
    assert not flow.closed or inbox.messages.empty()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(frame(Opcode.TEXT, OPTIONS, mask=False), 1002, id="unmasked"),
        pytest.param(b"\x83\x80\x00\x00\x00\x00", 1002, id="unknown opcode"),
        pytest.param(b"\xc1\x80\x00\x00\x00\x00", 1002, id="compressed"),
        pytest.param(frame(Opcode.CONT, b"x"), 1002, id="rest of nothing"),
        pytest.param(b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + bytes(126), 1002, id="long ping"),
        pytest.param(b"\x82\xff" + (2**62).to_bytes(8) + bytes(4), 1009, id="an exabyte"),
        pytest.param(
            frame(Opcode.TEXT, b"x" * 200_000, fin=False) + frame(Opcode.CONT, b"x" * 200_000),
            1009,
            id="long",
        ),
        pytest.param(
            frame(Opcode.TEXT, b"", fin=False) + frame(Opcode.CONT, b"", fin=False) * 2000, 1009, id="endless"
        ),
        pytest.param(frame(Opcode.TEXT, b"hello"), 1007, id="no SIP"),
        pytest.param(frame(Opcode.TEXT, INVITE + b"\xff"), 1007, id="text that is none"),
        pytest.param(frame(Opcode.PING, b"") * 200, 1008, id="a flood of pings"),
        pytest.param(frame(Opcode.PONG, b"") * 200, 1008, id="a flood of pongs"),
        pytest.param(frame(Opcode.TEXT, b"\r\n\r\n") * 200, 1008, id="a flood of line ends"),
        pytest.param(frame(Opcode.TEXT, b"") * 200, 1008, id="a flood of nothing"),
    ],
)
async def test_hostile_frames_close_the_connection(inbox: Inbox, sent: bytes, code: int) -> None:
    async with octets(inbox) as (reader, writer):
        writer.write(frame(Opcode.TEXT, OPTIONS) + sent)
        await inbox.next()
        answer = await rest(reader)
        close = answer[answer.rindex(b"\x88") :]
        assert int.from_bytes(close[2:4]) == code
    await inbox.next_closed()
    assert inbox.counters["broken_streams"] == 1
    assert inbox.messages.empty()
    assert inbox.transports.connections == 0


async def test_random_octets(inbox: Inbox) -> None:
    for _ in range(20):
        async with octets(inbox) as (reader, writer):
            writer.write(os.urandom(3000))
            writer.write_eof()
            await rest(reader)
        await inbox.next_closed()
    assert inbox.messages.empty()


async def test_octet_by_octet(inbox: Inbox) -> None:
    async with octets(inbox) as (_, writer):
        for octet in frame(Opcode.TEXT, OPTIONS):
            writer.write(bytes([octet]))
            await asyncio.sleep(0)
        message, _flow = await inbox.next()
        assert message.encode() == OPTIONS


async def test_half_a_message_does_not_last(inbox: Inbox) -> None:
    async with octets(inbox) as (reader, writer):
        writer.write(frame(Opcode.TEXT, OPTIONS) + frame(Opcode.TEXT, INVITE[:50], fin=False))
        _, flow = await inbox.next()
        assert isinstance(flow, stream.StreamFlow)
        assert flow.unfinished == 50
        now = asyncio.get_running_loop().time()
        flow.check(now + stream.MESSAGE_TIMEOUT - 1)
        assert not flow.closed
        flow.check(now + stream.MESSAGE_TIMEOUT + 1)
        assert flow.closed
        with contextlib.suppress(ConnectionError):
            await rest(reader)
    assert inbox.counters["connection_timeouts"] == 1


async def test_a_peer_that_closes_after_a_request(inbox: Inbox) -> None:
    """The answer comes when the WebSocket is closing already: it is lost, and nothing breaks."""
    inbox.transports.on_message = lambda message, flow: flow.send(OPTIONS)
    async with octets(inbox) as (reader, writer):
        writer.write(frame(Opcode.TEXT, OPTIONS) + frame(Opcode.CLOSE, (1000).to_bytes(2)))
        assert await rest(reader) == b"\x88\x02\x03\xe8"
    await inbox.next_closed()
    assert inbox.counters == {"websocket_upgrades": 1, "sent_on_closed": 1}


async def test_leaving_says_goodbye(inbox: Inbox) -> None:
    async with client(inbox) as peer:
        await peer.send(OPTIONS)
        await inbox.next()
        await inbox.transports.close()
        assert await closed(peer) == 1001


async def test_a_browser_without_the_subprotocol_is_told(inbox: Inbox) -> None:
    with pytest.raises(InvalidStatus, match="400"):
        async with client(inbox, []):
            pass


def test_frames_are_logged_nowhere() -> None:
    """SDES keys are in them."""
    assert websocket._SILENT.disabled
