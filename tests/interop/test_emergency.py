"""Emergency calls through real pcscf and agw; SIPp plays E-CSCF and emergency centre, with RTP."""

from pathlib import Path
from typing import Any

import pytest

from lab.sockets import free_port
from lab.ue import UserAgent
from tests.support.edge import PASSWORD, PLAIN, aor, network
from tests.support.programs import need, until
from tests.support.sipp import errors_of, sipp

pytestmark = pytest.mark.interop

PACKETS = 25


def with_ecscf(port: int) -> Any:
    def edit(settings: dict[str, Any]) -> None:
        settings["core"]["emergency"] = f"sip:127.0.0.1:{port}"
        settings["core"]["emergency_numbers"] = ["112"]

    return edit


async def test_calls_for_help(tmp_path: Path):
    need("sipp")
    port = free_port("127.0.0.1")
    center = sipp("uas_echo.xml", port, tmp_path, "-t", "u1", "-m", 3)
    async with center, network(edit_pcscf=with_ecscf(port)) as net:
        await center.listening(port, "udp")
        alice = await net.ue("alice")
        stranger = UserAgent(aor("nobody"), PASSWORD, net.edge.access, terms=PLAIN)
        async with stranger:
            for caller, uri in (
                (alice, "urn:service:sos.fire"),
                (alice, f"sip:112@{net.core.domain}"),
                (stranger, "urn:service:sos"),
            ):
                call = await caller.call(uri, timeout=20)
                await call.media.exchange(PACKETS)
                statistics = await call.hangup()
                assert not statistics.problems(PACKETS)
                assert not call.problems
        assert await center.ended(15) == 0, errors_of(tmp_path)
        await net.nothing_left()

        async def flagged() -> list[Any]:
            gone = [event for event in net.edge.agw.events if event["event"] == "context released"]
            return [event.get("emergency") for event in gone]

        assert await until(flagged, lambda seen: len(seen) == 3) == [True, True, True]
        ended = [event for event in net.edge.pcscf.events if event["event"] == "call"]
        decided = [event["media"][0]["decision"] for event in ended]
        assert decided == ["e2ae", "e2ae", "plain"]
