"""Audio, messages, video, floor control and faxes in one call through real pcscf and agw, and what tshark
reads of them: TLS and DTLS on the access side, MSRP, BFCP and T.38 in the core."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.all_media import AllMedia
from tests.support.bfcp import CONFERENCE, FLOOR, FLOOR_EXCHANGE, USER
from tests.support.capture import EXPERT_WARNING, Capture
from tests.support.certificates import issue
from tests.support.media_call import calling, where
from tests.support.msrp_ends import BODY
from tests.support.openssl import client
from tests.support.programs import need
from tests.support.udptl import datagrams, page

pytestmark = pytest.mark.interop

KINDS = ("audio", "message", "video", "application")


@pytest.fixture(autouse=True)
def _peers() -> None:
    need("openssl")


@pytest.mark.parametrize(
    ("of_ue", "refused"),
    [(True, ""), *((True, kind) for kind in KINDS), (False, ""), (False, "message")],
    ids=lambda value: {True: "the UE calls", False: "the UE is called", "": "none"}.get(value, value),
)
async def test_one_of_them_is_refused_and_the_others_flow(tmp_path: Path, of_ue: bool, refused: str) -> None:
    async with calling() as line, AsyncExitStack() as stack:
        media = AllMedia(issue(tmp_path, "ue"), of_ue, stack)
        said = media.of_the_ue(*KINDS, refused="" if of_ue else refused)
        mine = line.ue.describe(*said)
        its = line.core.describe(*media.of_the_far_end(*KINDS, refused=refused if of_ue else ""))
        agreed = await (line.call(mine, its) if of_ue else line.call(its, mine, of_ue=False))
        media.learn(agreed)
        flowing = [kind for kind in KINDS if kind != refused]
        assert [one.media for one in agreed.caller if not one.port] == [
            kind for kind in KINDS if kind == refused
        ]
        offered = said if of_ue else media.of_the_far_end(*KINDS)
        assert [one.proto for one in agreed.caller] == [text.split()[2] for text in offered]
        assert await line.net.metric("agw", "agw_ports") == 2 * len(flowing)
        for kind in flowing:
            await getattr(media, kind)()
        await line.hang_up(of_ue=of_ue)
        assert not await line.net.metric("agw", "agw_drops_total")


def grave(severities: str) -> list[str]:
    return [one for one in severities.split(",") if one and int(one) >= EXPERT_WARNING]


async def test_all_end_where_the_security_of_one_fails(tmp_path: Path) -> None:
    """The voice was heard until then; somebody else connected for the messages."""
    async with calling() as line, AsyncExitStack() as stack:
        media = AllMedia(issue(tmp_path, "ue"), True, stack)
        mine = line.ue.describe(*media.of_the_ue("audio", "message"))
        its = line.core.describe(*media.of_the_far_end("audio", "message"))
        media.learn(await line.call(mine, its))
        await media.audio()
        await stack.enter_async_context(client(where(media.to_ue["message"]), issue(tmp_path, "other")))
        assert await line.hung_up() == ['SIP;cause=500;text="media security failure"'] * 2
        assert media.far_message.sock is None
        assert await line.net.metric("agw", "agw_tcp_events_total", event="tls_failed") == 1


async def test_tshark_reads_them_in_the_core_and_not_at_the_ue(tmp_path: Path) -> None:
    need("tshark", "dumpcap", root=True)
    ranges: list[str] = []

    def note_ports(settings: dict[str, Any]) -> None:
        ranges.extend("tcp portrange {}-{}".format(*realm["ports"]) for realm in settings["realms"].values())

    async with calling(edit_agw=note_ports) as line, AsyncExitStack() as stack:
        media = AllMedia(issue(tmp_path, "ue"), True, stack)
        kinds = ("message", "application", "image")
        mine = line.ue.describe(*media.of_the_ue(*kinds))
        its = line.core.describe(*media.of_the_far_end(*kinds))
        async with Capture(tmp_path, " or ".join(["udp", *ranges])) as wire:
            media.learn(await line.call(mine, its))
            for kind in kinds:
                await getattr(media, kind)()
            await wire.finish()
        await line.hang_up()
    await access_is_secured(wire, media)
    await core_is_msrp(wire, media.far_message.endpoint.port)
    await core_is_bfcp(wire, media.far_floor.endpoint.port)
    await core_is_t38(wire, media.far_fax.endpoint.port)


async def access_is_secured(wire: Capture, media: AllMedia) -> None:
    """Handshakes and application data, and nothing that is neither."""
    for kind, over, under, hidden in (
        ("message", "tcp", "tls", ["tls.record.opaque_type"]),
        ("application", "tcp", "tls", ["tls.record.opaque_type"]),
        ("image", "udp", "dtls", []),
    ):
        port = media.to_ue[kind].port
        length = "tcp.len > 0" if over == "tcp" else "udp.length > 8"
        fields = ["frame.protocols", f"{over}.payload", f"{under}.record.content_type", *hidden]
        as_records = (f"{over}.port=={port},{under}",)
        rows = await wire.read(f"{over}.port == {port} and {length}", *fields, decode_as=as_records)
        types: set[str] = set()
        for protocols, octets, *found in rows:
            assert under in protocols.split(":"), protocols
            assert b"MSRP ".hex() not in octets
            types.update(",".join(found).split(","))
        assert {"22", "23"} <= types - {""} <= {"20", "21", "22", "23"}


async def core_is_msrp(wire: Capture, port: int) -> None:
    """A message in three chunks each way. (Binary bodies are to tshark what it cannot decode: a warning.)"""
    rows = await wire.read(
        f"tcp.port == {port} and msrp", "msrp.method", "msrp.status.code", "msrp.messageid",
        "msrp.byte.range", "msrp.to.path", "_ws.malformed", decode_as=(f"tcp.port=={port},msrp",),
    )  # fmt: skip
    assert not [row for row in rows if row[5]]
    sent = [row for row in rows if row[0] == "SEND"]
    total = len(BODY)
    ranges = [f"1-1000/{total}", f"1001-5000/{total}", f"5001-{total}/{total}"]
    assert [row[3] for row in sent] == ranges * 2
    assert len({row[2] for row in sent}) == 2
    assert all(row[4].startswith("msrp://") for row in rows), "msrps: is for the UE's side alone"
    assert [row[1] for row in rows if row[1]] == ["200"] * 6


async def core_is_bfcp(wire: Capture, port: int) -> None:
    rows = await wire.read(
        f"tcp.port == {port} and bfcp", "bfcp.primitive", "bfcp.conference_id", "bfcp.user_id",
        "bfcp.floor_id", "bfcp.transaction_id", "bfcp.request_status", "_ws.malformed", "_ws.expert.severity",
        decode_as=(f"tcp.port=={port},bfcp",),
    )  # fmt: skip
    assert not [row for row in rows if row[6] or grave(row[7])]
    assert [int(row[0]) for row in rows] == [one.primitive for pair in FLOOR_EXCHANGE for one in pair]
    assert {(int(row[1]), int(row[2])) for row in rows} == {(CONFERENCE, USER)}
    assert [int(row[4]) for row in rows] == [one.transaction for pair in FLOOR_EXCHANGE for one in pair]
    assert [row[3] for row in rows if row[3]] == [str(FLOOR)]
    assert [row[5] for row in rows if row[5]] == ["3", "6"]


async def core_is_t38(wire: Capture, port: int) -> None:
    rows = await wire.read(
        f"udp.port == {port}", "frame.protocols", "udp.dstport", "t38.seq_number", "udp.payload",
        "t38.t30_indicator", "t38.t30_data", "_ws.malformed", decode_as=(f"udp.port=={port},t38",),
    )  # fmt: skip
    wanted = [packet.hex() for packet in datagrams(page())]
    for there in (True, False):
        found = [row for row in rows if (row[1] == str(port)) is there]
        assert all("t38" in row[0].split(":") and not row[6] for row in found)
        assert [row[3] for row in found] == wanted
        assert [int(row[2]) for row in found] == list(range(len(wanted)))
        assert sum(bool(row[4]) for row in found), "indicators of T.30"
        assert sum(bool(row[5]) for row in found), "data of T.30"
