"""The core's witness tells plain media from protected media."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from lab import sdp
from lab.descriptions import Protection, Terms
from lab.errors import BadDescription
from lab.fax import Fax
from lab.media import MediaEnd
from lab.relay import Observed, Party
from lab.srtp import SdesKey
from lab.witness import MediaWitness

FAST = 0.001


@contextlib.contextmanager
def stage() -> Iterator[tuple[MediaWitness, MediaEnd, MediaEnd]]:
    witness, a, b = MediaWitness(), MediaEnd(), MediaEnd()
    try:
        yield witness, a, b
    finally:
        witness.close()
        a.close()
        b.close()


def describe(witness: MediaWitness, party: Party, end: MediaEnd) -> tuple[str, int]:
    body = sdp.build(sdp.Description([sdp.MediaLine(port=end.local[1])]), end.local[0])
    return sdp.parse(witness.describe("call", party, body)).media[0].rtp


@pytest.mark.parametrize("suite", [None, "AEAD_AES_128_GCM"])
async def test_relays_and_tells_plain_from_opaque(suite: str | None) -> None:
    with stage() as (witness, a, b):
        for_callee = describe(witness, Party.CALLER, a)
        for_caller = describe(witness, Party.CALLEE, b)
        keys = (SdesKey.generate(suite), SdesKey.generate(suite)) if suite else (None, None)
        a.connect(for_caller, keys[0], keys[1])
        b.connect(for_callee, keys[1], keys[0])
        seen = await asyncio.gather(a.exchange(10, interval=FAST), b.exchange(10, interval=FAST))
        assert [s.problems(10) for s in seen] == [[], []]
        witness.release("call")
        assert len(witness) == 0
        (line,) = witness.observed("call")
        for party in Party:
            counts = line[party]
            assert (counts.plain, counts.opaque) == ((0, 10) if suite else (10, 0))
            assert counts.all_plain is (suite is None)
            assert counts.rtcp_plain + counts.rtcp_opaque >= 1


@pytest.mark.parametrize("protection", [Protection.NONE, Protection.E2E])
async def test_a_fax_is_readable_only_in_the_clear(protection: Protection) -> None:
    witness = MediaWitness()
    a, b = (Fax(Terms(protection), "127.0.0.1", user, False) for user in "ab")
    try:
        answer = b.answer(witness.describe("call", Party.CALLER, a.offer()))
        a.take_answer(witness.describe("call", Party.CALLEE, answer))
        seen = await asyncio.gather(*(end.exchange(3, interval=FAST) for end in (a, b)))
        assert [one.problems(3) for one in seen] == [[], []]
    finally:
        for end in (witness, a, b):
            end.close()
    (line,) = witness.observed("call")
    for party in Party:
        assert line[party].all_plain is (protection is Protection.NONE)
        assert bool(line[party].opaque) is (protection is Protection.E2E)


async def test_foreign_packets_are_not_relayed_and_hold_stops_media() -> None:
    with stage() as (witness, a, b):
        for_callee = describe(witness, Party.CALLER, a)
        describe(witness, Party.CALLEE, b)
        a.connect(for_callee)  # a's packets arrive on the side that faces b
        await a.send(2, interval=FAST)
        b.connect(for_callee)
        held = sdp.build(sdp.Description([sdp.MediaLine(port=a.local[1])]), "0.0.0.0")
        witness.describe("call", Party.CALLER, held)
        await b.send(2, interval=FAST)
        await a.arrived(1, timeout=0.05)
        callee = witness.observed("call")[0][Party.CALLEE]
        assert (callee.foreign, callee.plain) == (4, 2)
        assert a.statistics().received == 0


async def test_other_media_and_rejected_lines_pass() -> None:
    with stage() as (witness, a, _):
        lines = [sdp.MediaLine(kind="application", proto="UDP/DTLS/SCTP", port=9), sdp.MediaLine(port=0)]
        body = sdp.build(sdp.Description([*lines, sdp.MediaLine(port=a.local[1])]), "127.0.0.1")
        other, refused, audio = sdp.parse(witness.describe("call", Party.CALLER, body)).media
        assert (other.port, refused.port) == (9, 0)
        assert audio.port != a.local[1]
        with pytest.raises(BadDescription):
            witness.describe("other", Party.CALLER, b"nonsense")
        assert witness.observed("unknown") == []
        assert Observed().all_plain is False
