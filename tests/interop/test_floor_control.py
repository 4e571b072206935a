"""Floor control in calls through real pcscf and agw: BFCP under TLS on the UE's side, plain in the core.
OpenSSL is the UE's TLS; what it and the core's end say to each other is a whole exchange about a floor."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pcscf.sdp.model import Media
from tests.support.bfcp import FLOOR_EXCHANGE, Message
from tests.support.certificates import Files, issue
from tests.support.media_call import Calling, calling, where
from tests.support.media_peer import free_port
from tests.support.openssl import Openssl, client, fingerprint, server
from tests.support.programs import need
from tests.support.tcp_media import End

pytestmark = pytest.mark.interop


@pytest.fixture
async def line() -> AsyncIterator[Calling]:
    need("openssl")
    async with calling() as made:
        yield made


def of_ue(port: int, setup: str, files: Files, connection: str = "new") -> str:
    announced = f"a=fingerprint:{fingerprint(files.certificate).text}"
    return (
        f"m=application {port} TCP/TLS/BFCP *\na=floorctrl:c-only\na=setup:{setup}\n"
        f"a=connection:{connection}\na=confid:4660\na=userid:7\na=3ge2ae:requested\n{announced}"
    )


def of_core(far: End, setup: str, connection: str = "new") -> str:
    port = far.endpoint.port if setup == "passive" else 9
    return (
        f"m=application {port} TCP/BFCP *\na=floorctrl:s-only\na=setup:{setup}\na=connection:{connection}\n"
        "a=confid:4660\na=userid:7\na=floorid:1"
    )


async def exchange(ue: Openssl, far: End) -> None:
    """The UE is the floor participant, the core's end the server; each reads what the other wrote."""
    for asked, answered in FLOOR_EXCHANGE:
        ue.write(asked.encode())
        assert Message.decode(await far.receive(len(asked.encode()))) == asked
        await far.send(answered.encode())
        assert Message.decode(await ue.receive(len(answered.encode()))) == answered


def proto(media: list[Media]) -> str:
    [one] = media
    return one.proto


async def test_a_ue_that_calls(line: Calling, tmp_path: Path) -> None:
    """It connects and, having offered, is the client of TLS (RFC 4583)."""
    files = issue(tmp_path, "ue")
    with contextlib.closing(End()) as far:
        offer = line.ue.describe(of_ue(9, "active", files))
        agreed = await line.call(offer, line.core.describe(of_core(far, "passive")))
        assert (proto(agreed.callee), proto(agreed.caller)) == ("TCP/BFCP", "TCP/TLS/BFCP")
        async with client(where(agreed.caller[0]), files, "-quiet") as ue:
            await far.accept()
            await exchange(ue, far)
        await line.hang_up()


async def test_a_ue_that_is_called(line: Calling, tmp_path: Path) -> None:
    """It waits and, having answered, is the server of TLS."""
    files, port = issue(tmp_path, "ue"), free_port()
    with contextlib.closing(End()) as far:
        async with server(port, files, "-quiet") as ue:
            offer = line.core.describe(of_core(far, "active"))
            answer = line.ue.describe(of_ue(port, "passive", files))
            agreed = await line.call(offer, answer, of_ue=False)
            assert (proto(agreed.callee), proto(agreed.caller)) == ("TCP/TLS/BFCP", "TCP/BFCP")
            await far.connect(where(agreed.caller[0]))
            await exchange(ue, far)
            await line.hang_up(of_ue=False)


async def test_a_connection_that_is_kept_and_one_that_is_replaced(line: Calling, tmp_path: Path) -> None:
    """A re-INVITE says which (RFC 4145 5): the old connection serves until the new one is up."""
    files = issue(tmp_path, "ue")
    with contextlib.closing(End()) as far:
        offer = line.ue.describe(of_ue(9, "active", files))
        first = await line.call(offer, line.core.describe(of_core(far, "passive")))
        async with client(where(first.caller[0]), files, "-quiet") as ue:
            await far.accept()
            await exchange(ue, far)
            offer = line.ue.describe(of_ue(9, "active", files, "existing"))
            kept = await line.reoffer(offer, line.core.describe(of_core(far, "passive", "existing")))
            assert where(kept.caller[0]) == where(first.caller[0])
            await exchange(ue, far)
            offer = line.ue.describe(of_ue(9, "active", files))
            renewed = await line.reoffer(offer, line.core.describe(of_core(far, "passive")))
            old = far.connection
            async with client(where(renewed.caller[0]), files, "-quiet") as other:
                await far.accept()
                await exchange(other, far)
                assert await ue.ended() == 0
                with contextlib.closing(old):
                    assert old.recv(1) == b""
        await line.hang_up()


async def test_the_call_ends_where_the_ue_is_somebody_else(line: Calling, tmp_path: Path) -> None:
    files, others = issue(tmp_path, "ue"), issue(tmp_path, "other")
    with contextlib.closing(End()) as far:
        offer = line.ue.describe(of_ue(9, "active", files))
        agreed = await line.call(offer, line.core.describe(of_core(far, "passive")))
        async with client(where(agreed.caller[0]), others, "-quiet"):
            assert await line.hung_up() == ['SIP;cause=500;text="media security failure"'] * 2
        assert far.sock is None
        told = await line.net.edge.agw.wait_for(lambda one: one["event"] == "media security failed", 10)
        assert told["cause"] == "fingerprint mismatch"
        assert await line.net.metric("pcscf", "pcscf_media_events_total", event="security_failed") == 1
