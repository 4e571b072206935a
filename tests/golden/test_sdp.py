"""Whole calls, SDP in and SDP out, octet by octet. Each file is a script: what comes, what goes out."""

from base64 import b64decode
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

import pytest

from iq.procedures import Configure, Mode, Reserve
from pcscf.alg.session import MediaPolicy, MediaSession
from pcscf.flow import Side
from tests.support.media import Gateway, Random, answer, offer, profile

SCRIPTS = Path(__file__).parent / "sdp"


@dataclass
class Call:
    """ids: of the o= lines in the order in which they go out. key: ours. ports: the gateway's."""

    ids: list[int]
    key: str = ""
    ports: tuple[list[int], list[int]] = field(default_factory=lambda: ([20000], [40000]))


CALLS = {
    "sdes_originating": Call([9001, 7001], "AKwkktwtytx6Wyn2v3DTCn0gfL4cuTobuTE6+M3s"),
    "hold": Call([9001, 7001], "AKwkktwtytx6Wyn2v3DTCn0gfL4cuTobuTE6+M3s"),
    "sdes_terminating": Call(
        [7003, 9003], "RfTXcW1SeLhqJDh173p+EtddVlwGinPMy1MAEbQJ", ports=([20010], [40010])
    ),
    "sdes_end_to_end": Call([9008, 7008], ports=([20060], [40060])),
    "kms_end_to_end": Call([9008, 7008], ports=([20060], [40060])),
    # TCP media is not anchored yet: where TLS for MSRP is terminated the core is offered TCP/MSRP with a port
    # of the gateway. Here the line is refused towards both sides; the UE's answer is the same.
    "mixed": Call(
        [9009, 7009], "BnoM8ut8NF9zKCPPb2zVrD6rJvib+PIWljwzEXF4", ports=([20070, 20074], [40070, 40074])
    ),
}


def read(name: str) -> list[tuple[str, bytes]]:
    blocks = (SCRIPTS / f"{name}.txt").read_text().split("== ")[1:]
    pairs = (block.partition("\n") for block in blocks)
    return [(title, text.replace("\n", "\r\n").encode()) for title, _, text in pairs]


def play(name: str) -> tuple[MediaSession, Gateway]:
    """Run a script through a session; compare every description that goes out."""
    call = CALLS[name]
    access, core = call.ports
    gateway = Gateway({"access": chain(access, count(29000)), "core": chain(core, count(39000))})
    random = Random(call.ids, [b64decode(call.key)] if call.key else [])
    session = MediaSession(MediaPolicy(), profile("sdes-srtp", "msrp-tls"), random)
    steps = read(name)
    for (title, text), (goes, expected) in zip(steps[::2], steps[1::2], strict=True):
        kind, _, side = title.partition(" from ")
        out = (offer if kind == "offer" else answer)(session, gateway, text, Side(side))
        assert goes == f"to {Side(side).other}"
        assert out.decode() == expected.decode()
    return session, gateway


@pytest.mark.parametrize("name", CALLS)
def test_script(name: str) -> None:
    play(name)


def test_every_script_is_played() -> None:
    assert {path.stem for path in SCRIPTS.iterdir()} == set(CALLS)


def test_originating_gives_both_keys_with_the_ues_mki() -> None:
    _, gateway = play("sdes_originating")
    reserve, configure = gateway.actions
    access, core = reserve.procedures
    assert isinstance(access, Reserve)
    assert isinstance(core, Reserve)
    stream = access.streams[0]
    assert stream.remote_crypto is not None
    assert stream.local_crypto is not None
    assert (stream.remote_crypto.mki, stream.remote_crypto.tag) == ((1, 1), 2)
    assert stream.local_crypto.mki is None
    assert (stream.transport, core.streams[0].transport) == ("RTP/SAVP", "RTP/AVP")
    assert (access.latch.value, access.source, core.source) == ("LATCH", "192.0.2.10", None)
    assert [p.termination for p in configure.procedures if isinstance(p, Configure)] == ["ip/0/core/2"]


def test_hold_changes_the_gates_alone() -> None:
    _, gateway = play("hold")
    assert len(gateway.actions) == 3
    changes = [
        (p.termination, p.streams[0]) for p in gateway.actions[2].procedures if isinstance(p, Configure)
    ]
    assert [(t, s.mode) for t, s in changes] == [
        ("ip/0/access/1", Mode.RECEIVE_ONLY),
        ("ip/0/core/2", Mode.SEND_ONLY),
    ]
    assert all(s.remote is None and s.local_crypto is None and s.remote_crypto is None for _, s in changes)


def test_forged_indication_is_counted() -> None:
    session, _ = play("sdes_terminating")
    assert session.forged == 1


def test_end_to_end_is_relayed_without_keys() -> None:
    _, gateway = play("sdes_end_to_end")
    streams = [s for p in gateway.actions[0].procedures if isinstance(p, Reserve) for s in p.streams]
    assert {(s.transport, s.local_crypto, s.remote_crypto) for s in streams} == {("RTP/SAVP", None, None)}
