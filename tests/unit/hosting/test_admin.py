"""hosting.admin: health, metrics, and requests that are none."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from hosting.admin import Admin
from hosting.daemon import StartError
from hosting.metrics import gauge


class Process:
    def __init__(self) -> None:
        self.state: dict[str, Any] = {"status": "ok"}
        self.value = 1.0

    def health(self) -> dict[str, Any]:
        return self.state

    def collect(self) -> Iterator[Metric]:
        yield gauge("x_calls", "Calls.", self.value)


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
async def url(process: Process) -> AsyncIterator[str]:
    admin = Admin("127.0.0.1", 0, process.health, process.collect)
    port = await admin.start()
    yield f"http://127.0.0.1:{port}"
    await admin.close()
    await admin.close()


async def get(url: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, response.headers["Content-Type"], await response.text()


async def test_health_follows_the_process(url: str, process: Process) -> None:
    assert await get(f"{url}/healthz") == (200, "application/json; charset=utf-8", '{"status": "ok"}\n')
    process.state = {"status": "no gateway", "raw": b"octets"}
    status, _, body = await get(f"{url}/healthz")
    assert (status, body) == (503, '{"status": "no gateway", "raw": "<6 bytes>"}\n')


async def test_metrics_are_read_at_each_scrape(url: str, process: Process) -> None:
    for value in (1.0, 7.0):
        process.value = value
        status, kind, body = await get(f"{url}/metrics")
        assert (status, kind.split(";")[0]) == (200, "text/plain")
        (family,) = text_string_to_metric_families(body)
        assert (family.name, family.samples[0].value) == ("x_calls", value)


async def test_nothing_else_is_there(url: str) -> None:
    assert (await get(f"{url}/"))[0] == 404
    async with aiohttp.ClientSession() as session, session.post(f"{url}/metrics") as response:
        assert response.status == 405


@pytest.mark.parametrize(
    "request_line",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /%ff%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
)
async def test_nonsense_is_refused_and_the_server_goes_on(url: str, request_line: bytes) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request_line)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert (await get(f"{url}/healthz"))[0] == 200


async def test_a_port_that_is_taken(url: str, process: Process) -> None:
    port = int(url.rpartition(":")[2])
    with pytest.raises(StartError, match=rf"^admin: .*{port}.* address already in use$"):
        await Admin("127.0.0.1", port, process.health, process.collect).start()


async def test_a_handler_that_breaks_is_no_health(url: str, process: Process) -> None:
    process.state = {"status": Unprintable()}
    assert (await get(f"{url}/healthz"))[0] == 500


class Unprintable:
    def __str__(self) -> str:
        raise ValueError("no")
