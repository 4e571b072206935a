"""SIPp as a trunk that does not register (access.static), through real pcscf and agw, over UDP and TCP."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lab.sockets import free_port
from tests.interop.test_sipp import PACKETS, quick_timers, take
from tests.support.edge import aor, network
from tests.support.programs import need
from tests.support.sipp import errors_of, sipp

pytestmark = pytest.mark.interop

CALLS = 5
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


@pytest.fixture(autouse=True)
def _sipp() -> None:
    need("sipp")


def with_trunk(port: int, transport: str) -> Any:
    def edit(settings: dict[str, Any]) -> None:
        quick_timers(settings)
        contact = f"sip:127.0.0.1:{port};transport={transport}"
        settings["access"]["static"] = [{"aor": aor("pbx"), "contact": contact}]

    return edit


@TRANSPORTS
async def test_calls_to_a_trunk(tmp_path: Path, transport: str):
    port = free_port("127.0.0.1")
    far_end = sipp("uas_echo.xml", port, tmp_path, "-t", f"{transport[0]}1", "-m", CALLS)
    async with far_end, network(edit_pcscf=with_trunk(port, transport)) as net:
        await far_end.listening(port, transport)
        net.core.static["pbx"] = f"sip:pbx@127.0.0.1:{net.edge.core.port}"
        alice = await net.ue("alice")
        for _ in range(CALLS):
            call = await alice.call(aor("pbx"), timeout=20)
            await call.media.exchange(PACKETS)
            statistics = await call.hangup()
            assert not statistics.problems(PACKETS)
            assert statistics.sent == statistics.exact == PACKETS
        assert await far_end.ended(15) == 0, errors_of(tmp_path)
        told = [event for event in net.edge.pcscf.events if event["event"] == "trunk"]
        assert [(event["aor"], event["route"].startswith("<sip:trunk-")) for event in told] == [
            (aor("pbx"), True)
        ]
        await net.nothing_left()


@TRANSPORTS
async def test_calls_from_a_trunk(tmp_path: Path, transport: str):
    port = free_port("127.0.0.1")
    async with network(edit_pcscf=with_trunk(port, transport)) as net:
        bob = await net.ue("bob")
        access = net.edge.access
        caller = sipp(
            "uac_core.xml", port, tmp_path, "-t", f"{transport[0]}1", "-s", "bob", "-key", "domain",
            "ims.example", "-d", 1000, "-r", 5, "-m", CALLS, f"{access.host}:{access.port}",
        )  # fmt: skip
        async with caller:
            for statistics in await asyncio.gather(*[take(bob) for _ in range(CALLS)]):
                assert not statistics.problems(PACKETS)
            assert await caller.ended(20) == 0, errors_of(tmp_path)
        await net.nothing_left()


async def test_another_port_is_no_trunk(tmp_path: Path):
    async with network(edit_pcscf=with_trunk(free_port("127.0.0.1"), "udp")) as net:
        access = net.edge.access
        stranger = sipp(
            "uac_core.xml", free_port("127.0.0.1"), tmp_path, "-s", "bob", "-key", "domain", "ims.example",
            "-m", 1, f"{access.host}:{access.port}",
        )  # fmt: skip
        async with stranger:
            assert await stranger.ended(20) == 1
        assert "SIP/2.0 403" in errors_of(tmp_path)
        assert await net.metric("pcscf", "pcscf_refusals_total", status="403") == 1
