"""SIPp as the UEs, by the scenarios of configs/sipp, through pcscf and agw, with Kamailio as the core."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lab.sockets import free_port
from pcscf.config.media_security import MECHANISMS
from tests.interop.test_kamailio import kamailio
from tests.support.edge import DOMAIN, PASSWORD, Network, network
from tests.support.programs import need
from tests.support.sipp import SCENARIOS, errors_of, sipp

pytestmark = pytest.mark.interop

#: Seconds that a scenario with all its calls may take.
WITHIN = 25


@pytest.fixture(autouse=True)
def _sipp() -> None:
    need("sipp")


def test_the_readme_names_every_scenario() -> None:
    text = (SCENARIOS / "README.md").read_text(encoding="utf-8")
    for path in SCENARIOS.glob("*.xml"):
        assert f"`{path.name}`" in text or f"configs/sipp/{path.name} " in text


async def register(net: Network, user: str, directory: Path) -> int:
    """Register a UE by SIPp; return its port, which is its flow."""
    port = free_port("127.0.0.1")
    ue = sipp(
        "ue_register.xml", port, directory, "-s", user, "-ap", PASSWORD, "-key", "domain", DOMAIN, "-m", 1,
        f"127.0.0.1:{net.edge.access.port}",
    )  # fmt: skip
    async with ue:
        assert await ue.ended(WITHIN) == 0, errors_of(directory)
    return port


async def calls(
    net: Network, directory: Path, scenario: str, number: int, *more: str | int, within: float = WITHIN
) -> None:
    """Two UEs of their own register, one calls the other, and both of the scenario have to end well."""
    kind = scenario.removeprefix("ue_call").removesuffix(".xml")
    ports = {}
    for user in (f"alice{kind}", f"bob{kind}"):
        (directory / user).mkdir()
        ports[user] = await register(net, user, directory / user)
    (alice, calling), (bob, called) = ports.items()
    callee = sipp(f"ue_answer{kind}.xml", called, directory / bob, "-key", "user", bob, "-m", number, *more)
    async with callee:
        await callee.listening(called)
        caller = sipp(
            scenario, calling, directory / alice, "-s", bob, "-key", "user", alice, "-key", "domain", DOMAIN,
            "-d", 100, "-r", 10, "-m", number, *more, f"127.0.0.1:{net.edge.access.port}",
        )  # fmt: skip
        async with caller:
            wrong = f"{scenario}: {{}}{{}}"
            assert await caller.ended(within) == 0, wrong.format(
                errors_of(directory / alice), errors_of(directory / bob)
            )
            assert await callee.ended(WITHIN) == 0, wrong.format(errors_of(directory / bob), "")


def everything_announced(settings: dict[str, Any]) -> None:
    """The longest Security-Server, which has to come back whole."""
    settings["media_security"] = {"mechanisms": list(MECHANISMS), "strict_verify": True}


async def test_every_scenario(tmp_path: Path) -> None:
    """All at the same time, as their pauses take longer than their work."""
    edge: dict[str, Any] = {"edit_pcscf": everything_announced}
    async with kamailio(tmp_path, children=1) as (uri, _), network(next_hop=uri, **edge) as net:
        async with asyncio.TaskGroup() as group:
            for path in SCENARIOS.glob("ue_call*.xml"):
                group.create_task(calls(net, tmp_path, path.name, 3))
        await net.nothing_left()
        number = len(list(SCENARIOS.glob("ue_call*.xml")))
        assert number == 7
        assert await net.metric("pcscf", "pcscf_bindings") == 2 * number
        decided = await net.metric("pcscf", "pcscf_media_decisions_total", action="e2ae", media="audio")
        assert decided == 2 * 3 * number
        ended = {
            outcome: await net.metric("pcscf", "pcscf_calls_total", outcome=outcome)
            for outcome in ("answered", "failed", "released")
        }
        assert ended == {"answered": 2 * 3 * (number - 1), "failed": 2 * 3, "released": 0}


async def test_a_network_that_loses_every_tenth_datagram(tmp_path: Path) -> None:
    async with kamailio(tmp_path, children=1) as (uri, _), network(next_hop=uri) as net:
        # Repetitions take as long as 64*T1 (RFC 3261 17.1.1.2) where several in a row are lost.
        await calls(net, tmp_path, "ue_call.xml", 10, "-lost", 10, within=WITHIN + 32)
        await net.nothing_left()
        assert await net.metric("pcscf", "pcscf_calls_total", outcome="answered") == 2 * 10
