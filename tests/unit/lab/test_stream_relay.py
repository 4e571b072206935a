"""The core's witness between two ends of a TCP connection."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from lab import bfcp, sdp
from lab.bfcp import Message, Primitive
from lab.relay import Party
from lab.stream_relay import StreamRelay

HELLO = Message(Primitive.HELLO, 1, 1, 1).encode()
RECORD = b"\x17\x03\x03\x00\x02ab"


@contextlib.contextmanager
def relaying(remote: int | None) -> Iterator[StreamRelay]:
    """A relay whose callee waits at ``remote``; its caller has only said that it connects."""
    relay = StreamRelay(bfcp.Reader, "127.0.0.1", asyncio.get_running_loop())
    with contextlib.closing(relay):
        relay.remote(Party.CALLER, sdp.MediaLine("application", "TCP/BFCP", 9, "127.0.0.1"))
        if remote is not None:
            relay.remote(Party.CALLEE, sdp.MediaLine("application", "TCP/BFCP", remote, "127.0.0.1"))
        yield relay


@pytest.mark.parametrize(("octets", "plain"), [(HELLO, True), (RECORD, False)], ids=["BFCP", "TLS"])
async def test_what_passes_is_seen(octets: bytes, plain: bool) -> None:
    got: asyncio.Queue[bytes] = asyncio.Queue()

    async def callee(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.readexactly(len(octets))
        writer.write(said * 2)
        got.put_nowait(await reader.read())
        writer.close()

    async with await asyncio.start_server(callee, "127.0.0.1", 0) as server:
        with relaying(server.sockets[0].getsockname()[1]) as relay:
            reader, writer = await asyncio.open_connection(*relay.facing(Party.CALLER))
            writer.write(octets)
            assert await reader.readexactly(2 * len(octets)) == octets * 2
            writer.write_eof()
            assert await asyncio.wait_for(got.get(), 5) == b""
            assert await reader.read() == b""
            writer.close()
            seen = relay.observed()
            counts = {party: (one.plain, one.opaque) for party, one in seen.items()}
            assert counts == {
                Party.CALLER: (1, 0) if plain else (0, 1),
                Party.CALLEE: (2, 0) if plain else (0, 2),
            }
            assert all(one.all_plain is plain for one in seen.values())


@pytest.mark.parametrize("known", [True, False])
async def test_nobody_waits_on_the_other_side(known: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with relaying(port if known else None) as relay:
        reader, writer = await asyncio.open_connection(*relay.facing(Party.CALLER))
        assert await reader.read() == b""
        writer.close()
        seen = relay.observed()[Party.CALLER]
        assert (seen.foreign, seen.plain) == (1, 0)
