"""TLS on loopback: the peer is Python's ssl, and what it does wrong is done on purpose."""

import asyncio
import contextlib
import ssl
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hosting.tls import listening_context
from pcscf.sip.build import response_to
from pcscf.sip.message import parse
from pcscf.transport import stream
from pcscf.transport.tls import Tls
from tests.support.certificates import Files, issue
from tests.support.inbox import LOOPBACK, Inbox, listener
from tests.support.loopback import BOTH_VERSIONS
from tests.support.programs import until
from tests.support.sip import INVITE, request

OPTIONS = request("OPTIONS")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return issue(tmp_path_factory.mktemp("tls"), "edge")


@pytest.fixture
async def inbox(files: Files) -> AsyncIterator[Inbox]:
    box = Inbox(max_handshakes=20)
    await box.start(listener("tls"), listening_context(files.certificate, files.private_key))
    yield box
    await box.transports.close()


def trusting(files: Files, own: Files | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=files.ca)
    if own is not None:
        context.load_cert_chain(own.certificate, own.private_key)
    return context


@contextlib.asynccontextmanager
async def connection(
    box: Inbox, context: ssl.SSLContext | None, **options: Any
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(
        box.listener.host, box.listener.port, ssl=context, **options
    )
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()


async def read(reader: asyncio.StreamReader, count: int = -1) -> bytes:
    async with asyncio.timeout(5):
        return await (reader.read() if count < 0 else reader.readexactly(count))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("host", BOTH_VERSIONS)
async def test_messages_and_pongs_go_through(files: Files, version: ssl.TLSVersion, host: str) -> None:
    box = Inbox()
    await box.start(listener("tls", host), listening_context(files.certificate, files.private_key))
    context = trusting(files)
    context.minimum_version = context.maximum_version = version
    async with connection(box, context) as (reader, writer):
        wire = b"\r\n\r\n" + INVITE + OPTIONS.encode()
        for at in range(0, len(wire), 333):
            writer.write(wire[at : at + 333])
        (first, flow), (second, same) = await box.next(), await box.next()
        assert (first.encode(), second.encode()) == (INVITE, OPTIONS.encode())
        assert flow is same
        assert flow.remote == writer.get_extra_info("sockname")[:2]
        assert await read(reader, 2) == b"\r\n"
        large = response_to(OPTIONS, 200, headers=[("X", "y" * 60_000)]).encode()
        flow.send(large)
        assert await read(reader, len(large)) == large
    assert await box.next_closed() is flow
    assert box.counters == {"pings": 1, "tls_handshakes": 1}
    await box.transports.close()


async def test_a_name_that_nobody_has_is_served(inbox: Inbox, files: Files) -> None:
    context = trusting(files)
    context.check_hostname = False
    async with connection(inbox, context, server_hostname="phones.example") as (_, writer):
        writer.write(INVITE)
        await inbox.next()


async def test_a_message_in_the_flight_of_the_handshake(files: Files) -> None:
    """A TLS 1.3 client may send at once after its Finished."""
    edge = Tls(listening_context(files.certificate, files.private_key))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting(files).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    assert edge.receive(outgoing.read()) == b""
    incoming.write(edge.output())
    client.do_handshake()
    client.write(INVITE)
    assert edge.receive(outgoing.read()) == INVITE
    assert edge.up


async def test_plain_octets_into_tls(inbox: Inbox) -> None:
    async with connection(inbox, None) as (reader, writer):
        writer.write(INVITE)
        assert await read(reader) == b""
    await inbox.next_closed()
    assert inbox.counters == {"tls_handshakes_failed": 1}
    assert inbox.messages.empty()


async def test_old_tls_is_refused(inbox: Inbox, files: Files) -> None:
    context = trusting(files)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"):
        async with connection(inbox, context):
            pass
    await inbox.next_closed()
    assert inbox.counters["tls_handshakes_failed"] == 1


async def test_half_a_handshake_does_not_last(inbox: Inbox) -> None:
    async with connection(inbox, None) as (reader, writer):
        writer.write(b"\x16\x03\x01\x02\x00")
        await until_open(inbox, 1)
        await until_unfinished(inbox, 5)
        now = asyncio.get_running_loop().time()
        flow = only_flow(inbox)
        flow.check(now + stream.HANDSHAKE_TIMEOUT - 1)
        assert not flow.closed
        flow.check(now + stream.HANDSHAKE_TIMEOUT + 1)
        assert flow.closed
        with contextlib.suppress(ConnectionError):
            assert await read(reader) == b""
    await inbox.next_closed()
    assert inbox.counters == {"handshake_timeouts": 1}
    assert inbox.transports.unfinished_input == 0


async def test_handshakes_are_bounded_in_number(inbox: Inbox, files: Files) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(connection(inbox, None))
        await until_open(inbox, 2)
        with pytest.raises((OSError, ssl.SSLError)):
            async with connection(inbox, trusting(files)):
                pass
        assert inbox.counters == {"handshakes_refused": 1}
    await inbox.next_closed()
    await inbox.next_closed()
    for _ in range(3):  # those that are done do not count
        async with connection(inbox, trusting(files)) as (_, writer):
            writer.write(INVITE)
            await inbox.next()


async def test_one_source_does_not_keep_the_others_out(files: Files) -> None:
    box = Inbox(max_handshakes=2)
    await box.start(listener("tls"), listening_context(files.certificate, files.private_key))
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(connection(box, None))
        await until_open(box, 1)
        for own in ("127.0.0.2", "127.0.0.3", "127.0.0.4"):
            _, writer = await stack.enter_async_context(connection(box, None, local_addr=(own, 0)))
            writer.write(b"\x16\x03\x01")
        await until_refused(box, 2)
    await box.transports.close()


async def test_what_cannot_be_framed_is_answered_inside_of_tls(inbox: Inbox, files: Files) -> None:
    async with connection(inbox, trusting(files)) as (reader, writer):
        writer.write(OPTIONS.encode().replace(b"h: 0", b"h: 999999999"))
        answer = await read(reader)
        assert answer.startswith(b"SIP/2.0 513 ")
        assert parse(answer).all("via") == OPTIONS.all("via")
    await inbox.next_closed()
    assert inbox.counters["broken_streams"] == 1


async def test_a_broken_record_closes(inbox: Inbox, files: Files) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting(files).wrap_bio(incoming, outgoing, server_hostname="localhost")
    async with connection(inbox, None) as (reader, writer):
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        writer.write(outgoing.read())
        while True:
            async with asyncio.timeout(5):
                incoming.write(await reader.read(65_536))
            with contextlib.suppress(ssl.SSLWantReadError):
                client.do_handshake()
                break
        client.write(INVITE)
        client.write(OPTIONS.encode())
        sent = bytearray(outgoing.read())
        sent[-1] ^= 1
        writer.write(sent)
        message, _ = await inbox.next()
        assert message.encode() == INVITE
        await read(reader)
    await inbox.next_closed()
    assert inbox.counters == {"tls_handshakes": 1, "tls_errors": 1}
    assert inbox.messages.empty()


async def test_nobody_is_connected_to(inbox: Inbox, files: Files) -> None:
    with pytest.raises(ValueError, match="no connection is opened over tls"):
        inbox.transports.flow_to(inbox.listener, LOOPBACK, 5061)
    async with connection(inbox, trusting(files)) as (_, writer):
        writer.write(OPTIONS.encode())
        _, flow = await inbox.next()
        assert inbox.transports.flow_to(inbox.listener, *flow.remote) is flow
    await inbox.next_closed()
    flow.send(response_to(OPTIONS, 200).encode())
    assert inbox.counters["responses_lost"] == 1


async def test_new_certificates_leave_connections_alone(inbox: Inbox, files: Files, tmp_path: Path) -> None:
    other = issue(tmp_path, "other")
    async with connection(inbox, trusting(files)) as (reader, writer):
        writer.write(OPTIONS.encode())
        _, flow = await inbox.next()
        inbox.transports.renew(inbox.listener, listening_context(other.certificate, other.private_key))
        with pytest.raises(ssl.SSLCertVerificationError):
            async with connection(inbox, trusting(files)):
                pass
        async with connection(inbox, trusting(other)) as (_, second):
            second.write(OPTIONS.encode())
            await inbox.next()
        flow.send(b"SIP/2.0 200 OK\r\n\r\n")
        assert await read(reader, 18) == b"SIP/2.0 200 OK\r\n\r\n"


async def test_clients_prove_who_they_are_where_asked(files: Files, tmp_path: Path) -> None:
    phones, strangers = issue(tmp_path, "phones"), issue(tmp_path, "strangers")
    box = Inbox()
    context = listening_context(files.certificate, files.private_key, phones.ca)
    await box.start(listener("tls"), context)
    async with connection(box, trusting(files, phones)) as (_, writer):
        writer.write(INVITE)
        await box.next()
    await box.next_closed()
    for own in (None, strangers):
        # A TLS 1.3 client learns of it with the first octet that it reads.
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            async with connection(box, trusting(files, own)) as (reader, writer):
                writer.write(INVITE)
                assert await read(reader) == b""
        await box.next_closed()
    assert box.counters["tls_handshakes_failed"] == 2
    assert box.messages.empty()
    await box.transports.close()


async def test_a_peer_that_does_not_read_loses_its_connection(
    inbox: Inbox, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MAX_OUTPUT", 100_000)
    async with connection(inbox, trusting(files)) as (_, writer):
        writer.write(INVITE)
        _, flow = await inbox.next()
        writer.transport.pause_reading()
        for _ in range(200):
            flow.send(bytes(100_000))
        assert flow.closed
        assert await inbox.next_closed() is flow
    assert inbox.counters["output_overflows"] == 1


@pytest.mark.parametrize(("transport", "has"), [("tls", False), ("wss", False), ("tcp", True)])
async def test_tls_and_certificates_belong_together(files: Files, transport: str, has: bool) -> None:
    context = listening_context(files.certificate, files.private_key) if has else None
    with pytest.raises(ValueError, match=f"{transport} with"):
        await Inbox().start(listener(transport), context)


def only_flow(box: Inbox) -> stream.StreamFlow:
    (flow,) = box.transports._flows.values()
    return flow


async def until_open(box: Inbox, wanted: int) -> None:
    async def look() -> int:
        return box.transports.connections

    await until(look, lambda seen: seen == wanted)


async def until_unfinished(box: Inbox, octets: int) -> None:
    async def look() -> int:
        return box.transports.unfinished_input

    await until(look, lambda seen: seen == octets)


async def until_refused(box: Inbox, wanted: int) -> None:
    async def look() -> int:
        return box.counters.get("handshakes_refused", 0)

    await until(look, lambda seen: seen == wanted)
