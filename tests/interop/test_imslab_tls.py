"""What the lab's UEs say under TLS, as Wireshark's dissectors read it: in the core it is MSRP and BFCP."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lab.bfcp import Primitive
from lab.kinds import KINDS
from lab.message import FILE_SIZE, TEXT_SIZE
from lab.msrp import CHUNK
from lab.relay import Party
from tests.support.capture import EXPERT_WARNING, Capture
from tests.support.edge import network
from tests.support.programs import need

pytestmark = pytest.mark.interop

UNITS = 3


@pytest.fixture(autouse=True)
def _peers() -> None:
    need("tshark", "dumpcap", root=True)


async def call(directory: Path, media: str) -> tuple[Capture, set[int], set[int]]:
    """A call of two UEs of this kind; return what was captured, and the gateway's and the core's ports."""
    ranges: list[str] = []

    def note(settings: dict[str, Any]) -> None:
        ranges.extend("tcp portrange {}-{}".format(*realm["ports"]) for realm in settings["realms"].values())

    async with network(edit_agw=note) as net:
        alice, bob = [await net.ue(user, kind=KINDS[media]) for user in ("alice", "bob")]
        async with Capture(directory, " or ".join(["udp", *ranges])) as wire:
            placed = alice.place(bob.aor)
            taken = await bob.incoming.get()
            await asyncio.gather(taken.accept(), placed.answered())
            for seen in await asyncio.gather(*(one.media.exchange(UNITS) for one in (placed, taken))):
                assert seen.problems(UNITS) == []
            access = {one.media.certified.peering.remote[1] for one in (placed, taken)}
            [relay] = net.core.witness._calls[placed.call_id].values()
            core = {relay.facing(party)[1] for party in Party}
            await placed.hangup()
            await wire.finish()
    return wire, access, core


def of(ports: set[int]) -> str:
    return " or ".join(f"tcp.port == {port}" for port in ports)


async def access_is_tls(wire: Capture, ports: set[int]) -> None:
    """Handshakes and application data, and nothing that is neither."""
    rows = await wire.read(
        f"({of(ports)}) and tcp.len > 0 and not tcp.analysis.retransmission",
        "frame.protocols", "tcp.segment_data", "tcp.payload", "tls.record.content_type",
        "tls.record.opaque_type", decode_as=tuple(f"tcp.port=={port},tls" for port in ports),
    )  # fmt: skip
    types: set[str] = set()
    for protocols, piece, octets, *found in rows:
        assert piece or "tls" in protocols.split(":"), protocols
        assert b"MSRP ".hex() not in octets
        types.update(",".join(found).split(","))
    assert {"22", "23"} <= types - {""} <= {"20", "21", "22", "23"}


async def test_messages(tmp_path: Path) -> None:
    wire, access, core = await call(tmp_path, "msrp")
    await access_is_tls(wire, access)
    rows = await wire.read(
        f"({of(core)}) and msrp", "msrp.method", "msrp.status.code", "msrp.byte.range",
        "_ws.malformed", decode_as=tuple(f"tcp.port=={port},msrp" for port in core),
    )  # fmt: skip
    # Of several messages in a segment it reads the first, and takes the octets of a file for lines of text.
    assert not [row for row in rows if row[3] and f"/{FILE_SIZE}" not in row[2]]
    methods, codes, ranges = ({one for row in rows for one in row[at].split(",")} - {""} for at in range(3))
    assert {"SEND"} <= methods <= {"SEND", "REPORT"}
    assert codes == {"200"}
    assert {"1-0/0", f"1-{CHUNK}/{TEXT_SIZE}"} <= ranges


async def test_floor_control(tmp_path: Path) -> None:
    wire, access, core = await call(tmp_path, "bfcp")
    await access_is_tls(wire, access)
    rows = await wire.read(
        f"({of(core)}) and bfcp", "tcp.stream", "bfcp.primitive", "bfcp.floor_id",
        "bfcp.request_status", "_ws.malformed", "_ws.expert.severity",
        decode_as=tuple(f"tcp.port=={port},bfcp" for port in core),
    )  # fmt: skip
    assert not [row for row in rows if row[4]]
    assert all(int(one) < EXPERT_WARNING for row in rows for one in row[5].split(",") if one)
    for stream in {row[0] for row in rows}:
        mine = [row for row in rows if row[0] == stream]
        grant = [Primitive.FLOOR_REQUEST, Primitive.FLOOR_REQUEST_STATUS]
        release = [Primitive.FLOOR_RELEASE, Primitive.FLOOR_REQUEST_STATUS]
        rounds = [Primitive.HELLO, Primitive.HELLO_ACK, *(grant + release) * UNITS]
        assert [int(row[1]) for row in mine] == rounds
        assert [row[3] for row in mine if row[3]] == ["3", "6"] * UNITS
    assert rows
