"""SIPp in the core: a far end that echoes, and a caller (configs/sipp), through real pcscf and agw."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lab.call import Call
from lab.media import Statistics
from lab.sockets import free_port
from lab.ue import UserAgent
from tests.support.edge import aor, network
from tests.support.programs import need
from tests.support.sipp import errors_of, sipp

pytestmark = pytest.mark.interop

CALLS = 100
#: Seconds between two calls: 10 calls a second.
APART = 0.1
PACKETS = 15


@pytest.fixture(autouse=True)
def _sipp() -> None:
    need("sipp")


def quick_timers(settings: dict[str, Any]) -> None:
    """Let transactions end soon after they are done: 64 * T1 is what keeps them (RFC 3261 17)."""
    settings["timers"] = {"t1": 0.05}


async def test_a_hundred_calls_to_a_far_end_that_echoes(tmp_path: Path):
    port = free_port("127.0.0.1")
    far_end = sipp("uas_echo.xml", port, tmp_path, "-m", CALLS)
    static = {"echo": f"sip:echo@127.0.0.1:{port}"}
    async with far_end, network(core={"static": static}, edit_pcscf=quick_timers) as net:
        await far_end.listening(port)
        alice = await net.ue("alice")

        async def call(number: int) -> tuple[Call, Statistics]:
            await asyncio.sleep(number * APART)
            one = await alice.call(aor("echo"), timeout=20)
            await one.media.exchange(PACKETS)
            return one, await one.hangup()

        done = await asyncio.gather(*map(call, range(CALLS)))

        for one, statistics in done:
            assert not statistics.problems(PACKETS)
            assert statistics.sent == statistics.exact == statistics.opaque == PACKETS
            assert statistics.rtcp_sent == 2
            assert statistics.rtcp_received == 0  # SIPp leaves RTCP alone
            assert not one.problems
        for line in net.core.witness.history().values():
            assert all(seen.all_plain for seen in line[0].values())
        assert await far_end.ended(15) == 0, errors_of(tmp_path)
        await net.nothing_left(transactions=True, within=20)
        assert await net.metric("pcscf", "pcscf_calls_total", outcome="answered") == CALLS
        assert await net.metric("agw", "agw_contexts_created_total") == CALLS
        assert await net.metric("agw", "agw_packets_total") == 2 * CALLS * PACKETS


async def test_calls_from_the_core(tmp_path: Path):
    calls = 20
    async with network(edit_pcscf=quick_timers) as net:
        bob = await net.ue("bob")
        core = net.core.target
        caller = sipp(
            "uac_core.xml", free_port("127.0.0.1"), tmp_path, "-s", "bob", "-key", "domain", "ims.example",
            "-d", 1000, "-r", 10, "-m", calls, f"{core.host}:{core.port}",
        )  # fmt: skip
        async with caller:
            for statistics in await asyncio.gather(*[take(bob) for _ in range(calls)]):
                assert not statistics.problems(PACKETS)
            assert await caller.ended(20) == 0, errors_of(tmp_path)
        await net.nothing_left(transactions=True, within=20)
        assert await net.metric("agw", "agw_packets_total") == 2 * calls * PACKETS


async def take(ue: UserAgent) -> Statistics:
    """Answer the next call, talk, wait until the other side has hung up."""
    call = await asyncio.wait_for(ue.incoming.get(), 20)
    call.ring()
    await call.accept()
    await call.media.exchange(PACKETS)
    await asyncio.wait_for(call.ended.wait(), 20)
    assert not call.problems
    return call.media.statistics()
