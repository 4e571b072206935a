"""Floods, and connections that are kept and not used: others are served meanwhile, in bounded memory."""

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from hosting.descriptors import raise_descriptor_limit
from lab.errors import RegistrationFailed
from lab.ue import UserAgent
from tests.interop.test_hostile_signalling import request, status_of
from tests.support.edge import PASSWORD, Network, aor, network
from tests.support.programs import until

pytestmark = pytest.mark.interop

#: Another address of this host: another source than the UEs of the tests.
STRANGER = "127.0.0.2"
LIMITS = {
    "requests_per_second_per_source": 100,
    "request_burst_per_source": 100,
    "registrations_per_second_per_source": 10,
    "registration_burst_per_source": 10,
    "max_connections_per_source": 40,
}
#: Octets by which the process may grow meanwhile: caches fill, and its allocator keeps what it had once.
GROWTH = 16 * 1024 * 1024
_numbers = count(1)


@contextlib.asynccontextmanager
async def served(growth: int = GROWTH, **limits: int) -> AsyncIterator[tuple[Network, UserAgent]]:
    """A network whose UEs are served before and after, and that has let go of everything at the end.

    growth: octets of memory that the P-CSCF may take beyond what it has after its first call.
    """

    def limited(settings: dict[str, Any]) -> None:
        settings["limits"] = LIMITS | limits

    async with network(edit_pcscf=limited) as net:
        alice = await net.ue("alice")
        await net.echo("bob")
        await net.good_call(alice, "bob")
        before = resident(net)
        yield net, alice
        assert resident(net) < before + growth
        await net.good_call(alice, "bob")
        await net.nothing_left()


def resident(net: Network) -> int:
    """Return the memory of the P-CSCF in octets."""
    status = Path(f"/proc/{net.edge.pcscf.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


@contextlib.contextmanager
def stranger() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind((STRANGER, 0))
        yield sock


async def answers(sock: socket.socket, wanted: int) -> list[bytes]:
    """Return so many responses."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20):
        return [await loop.sock_recv(sock, 65_535) for _ in range(wanted)]


@pytest.mark.parametrize(
    ("method", "reason", "least"),
    [("REGISTER", "rate of registrations", 10), ("MESSAGE", "rate of requests", 100)],
)
async def test_a_source_that_sends_too_much(method: str, reason: str, least: int) -> None:
    async with served() as (net, alice):
        with stranger() as sock:
            target = (net.edge.access.host, net.edge.access.port)
            port = sock.getsockname()[1]
            statuses: Counter[int | None] = Counter()
            async with asyncio.TaskGroup() as group:
                calls = group.create_task(good_calls(net, alice))
                while statuses.total() < 1000 or not calls.done():
                    for _ in range(40):
                        uri = "sip:ims.example" if method == "REGISTER" else "sip:bob@ims.example"
                        sock.sendto(request(method, uri, port, f"Via: {via(port)}"), target)
                    got = await answers(sock, 40)
                    statuses.update(status_of(data) for data in got)
                    refused = [data for data in got if status_of(data) == 503]
                    assert all(b"\r\nRetry-After: 1\r\n" in data for data in refused)
        assert statuses[503] > 500
        assert statuses.total() - statuses[503] >= least
        assert await net.metric("pcscf", "pcscf_refusals_total", reason=reason) > 50
        assert await net.metric("pcscf", "pcscf_refusals_total", status="503") == statuses[503]
        assert await net.metric("pcscf", "pcscf_bindings") == 3


async def good_calls(net: Network, alice: UserAgent) -> None:
    """Three calls over UDP, and one of a UE that comes over a connection of its own."""
    for _ in range(3):
        await net.good_call(alice, "bob")
    over_tcp = UserAgent(aor("alice"), PASSWORD, net.edge.access._replace(transport="tcp"))
    await net.stack.enter_async_context(over_tcp)
    await over_tcp.register()
    await net.good_call(over_tcp, "bob")


def via(port: int) -> str:
    number = next(_numbers)
    return f"SIP/2.0/UDP {STRANGER}:{port};rport;branch=z9hG4bK-flood-{number}"


#: What a connection says and leaves it at: nothing, the beginning of a request, a head as large as may be.
HEAD = request("OPTIONS", "sip:ims.example", 5060).replace(b"/UDP", b"/TCP")[:-4]
LEFT = {"nothing": b"", "slowly": HEAD[:30], "large heads": HEAD + b"\r\nSubject: " + b"x" * 64_000}


@pytest.mark.parametrize("said", LEFT.values(), ids=LEFT)
async def test_a_source_that_opens_connections_and_leaves_them(said: bytes) -> None:
    async with served() as (net, alice):
        before = await net.metric("pcscf", "pcscf_connections")
        target = (net.edge.access.host, net.edge.access.port)
        async with contextlib.AsyncExitStack() as stack:
            streams = []  # what nobody has closes its connection
            for _ in range(60):
                streams.append(await asyncio.open_connection(*target, local_addr=(STRANGER, 0)))
                stack.callback(streams[-1][1].transport.abort)
                streams[-1][1].write(said)
            await until(
                lambda: net.metric("pcscf", "pcscf_transport_events_total", event="connections_refused"),
                lambda refused: refused == 20,
            )
            assert await net.metric("pcscf", "pcscf_connections") == before + 40
            await good_calls(net, alice)
        await until(lambda: net.metric("pcscf", "pcscf_connections"), lambda seen: seen <= before + 1)


async def test_unfinished_messages_of_many_sources_share_one_bound() -> None:
    """Without it they would take 60 MB here, and 6 GB of 20,000 connections."""
    bound = 2 * 1024 * 1024
    length = b"Content-Length: 250000"
    said = HEAD.replace(b"Content-Length: 0", length) + b"\r\n\r\n" + bytes(249_000)
    async with served(max_unfinished_input=bound) as (net, alice):
        target = (net.edge.access.host, net.edge.access.port)
        async with contextlib.AsyncExitStack() as stack:
            streams = []  # what nobody has closes its connection
            for number in range(240):
                source = (f"127.0.1.{1 + number % 30}", 0)
                streams.append(await asyncio.open_connection(*target, local_addr=source))
                stack.callback(streams[-1][1].transport.abort)
                streams[-1][1].write(said)
            overflows = await until(
                lambda: net.metric("pcscf", "pcscf_transport_events_total", event="input_overflows"),
                lambda seen: seen >= 240 - bound // 249_000,
            )
            assert overflows < 240  # those that are left have room
            assert 0 < await net.metric("pcscf", "pcscf_unfinished_input_octets") <= bound
            await good_calls(net, alice)
        await until(lambda: net.metric("pcscf", "pcscf_unfinished_input_octets"), lambda seen: seen == 0)


async def test_ten_thousand_idle_connections() -> None:
    wanted = min(10_000, raise_descriptor_limit() - 1000)
    async with served(growth=wanted * 4096, max_connections_per_source=1000) as (net, alice):
        before = await net.metric("pcscf", "pcscf_connections")
        target = (net.edge.access.host, net.edge.access.port)
        with contextlib.ExitStack() as stack:

            def fill() -> None:
                for number in range(wanted):
                    source = (f"127.0.1.{1 + number // 1000}", 0)
                    stack.enter_context(socket.create_connection(target, source_address=source))

            await asyncio.to_thread(fill)
            await until(
                lambda: net.metric("pcscf", "pcscf_connections"), lambda seen: seen == before + wanted
            )
            await good_calls(net, alice)
        await until(lambda: net.metric("pcscf", "pcscf_connections"), lambda seen: seen <= before + 1)


async def test_a_source_that_registers_too_many_contacts() -> None:
    async with served(max_bindings_per_source=2, registration_burst_per_source=100) as (net, alice):
        third = UserAgent(aor("alice"), PASSWORD, net.edge.access._replace(transport="tcp"))
        await net.stack.enter_async_context(third)
        with pytest.raises(RegistrationFailed) as refused:
            await third.register()
        assert refused.value.status == 503
        reason = "too many bindings of one source"
        assert await net.metric("pcscf", "pcscf_refusals_total", reason=reason) == 1
        await alice.register()  # who is registered stays so,
        await alice.deregister()
        await third.register()  # and makes room
        await third.deregister()
        await alice.register()


async def test_a_head_above_the_limit_is_refused_and_ends_its_connection() -> None:
    async with served() as (net, alice):
        target = (net.edge.access.host, net.edge.access.port)
        reader, writer = await asyncio.open_connection(*target, local_addr=(STRANGER, 0))
        writer.write(HEAD)
        with contextlib.suppress(ConnectionError):
            for _ in range(200):  # all of it is read, and most of it thrown away
                writer.write(b"\r\nSubject: " + b"x" * 8000)
                await writer.drain()
        await good_calls(net, alice)
        assert status_of(await asyncio.wait_for(reader.read(), 10)) == 513
        writer.transport.abort()
        assert await net.metric("pcscf", "pcscf_transport_events_total", event="broken_streams") == 1


async def test_too_many_header_fields_are_refused() -> None:
    async with served() as (net, _):
        target = (net.edge.access.host, net.edge.access.port)
        with stranger() as sock:
            port = sock.getsockname()[1]
            lines = [f"X-{number}: y" for number in range(300)]
            sock.sendto(request("MESSAGE", "sip:bob@ims.example", port, f"Via: {via(port)}", *lines), target)
            (answer,) = await answers(sock, 1)
        assert answer.startswith(b"SIP/2.0 400 ")
        assert await net.metric("pcscf", "pcscf_transaction_events_total", event="refused_400") == 1
