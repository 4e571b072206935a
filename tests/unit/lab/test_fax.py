"""A page between two of the lab's terminals over loopback, plain and under DTLS, with losses."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from lab import fax, sdp
from lab.descriptions import Protection, Terms
from lab.errors import BadDescription
from lab.fax import Fax
from lab.identity import Identity

FAST = 0.002
PLAIN, SECURE = Protection.NONE, Protection.E2E


@contextlib.contextmanager
def pair(one: Terms, other: Terms | None = None) -> Iterator[tuple[Fax, Fax]]:
    """Two ends that have not spoken; ``one`` is going to offer."""
    made = Fax(one, "127.0.0.1", "a", False), Fax(other or one, "127.0.0.1", "b", False)
    try:
        yield made
    finally:
        for end in made:
            end.close()


def connect(a: Fax, b: Fax) -> sdp.Description:
    """Carry offer and answer; return the offer."""
    offer = a.offer()
    a.take_answer(b.answer(offer))
    return sdp.parse(offer)


async def exchange(a: Fax, b: Fax, blocks: int = 10) -> list[fax.Statistics]:
    await asyncio.gather(*(end.exchange(blocks, interval=FAST, grace=0) for end in (a, b)))
    return [a.statistics(), b.statistics()]


@pytest.mark.parametrize("protection", [PLAIN, SECURE])
async def test_a_page(protection: Protection) -> None:
    with pair(Terms(protection)) as (a, b):
        [line] = connect(a, b).media
        assert (line.kind, line.proto) == ("image", "udptl" if protection is PLAIN else "UDP/TLS/UDPTL")
        assert line.value("t38faxudpec") == "t38UDPRedundancy"
        sent, taken = await exchange(a, b)
        assert [seen.problems(10) for seen in (sent, taken)] == [[], []]
        assert (sent.sends, taken.sends) == (True, False)
        assert sent.exact == taken.exact == 10
        assert (taken.recovered, taken.lost) == (0, 0)
        assert a.problems == b.problems == []
        if protection is SECURE:
            assert taken.suite == "DTLS"
            assert (taken.clear, sent.clear) == (0, 0)
            assert taken.opaque == taken.received > 10
            assert all(check.passed for seen in (sent, taken) for check in seen.checks("x", 10))
            assert a.keys
        else:
            assert taken.suite is None
            assert taken.clear == taken.received > 10


@pytest.mark.parametrize("setup", ["active", "passive"])
async def test_either_end_is_the_client(setup: str) -> None:
    with pair(Terms(SECURE, setup=setup)) as (a, b):
        connect(a, b)
        assert [seen.problems(3) for seen in await exchange(a, b, 3)] == [[], []]


@pytest.mark.parametrize("loss", [10, 50, 75])
async def test_redundancy_of_three_recovers_up_to_three_of_four(loss: int) -> None:
    with pair(Terms(SECURE, loss=loss)) as (a, b):
        connect(a, b)
        seen = await exchange(a, b, 20)
        assert [one.problems(20) for one in seen] == [[], []]
        for one in seen:
            assert one.withheld == pytest.approx((one.sent + one.withheld) * loss / 100, abs=1)
            assert one.recovered
            assert one.lost == 0


async def test_more_loss_than_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fax, "T2", 0.1)
    with pair(Terms(PLAIN, loss=90)) as (a, b):
        connect(a, b)
        sent, taken = await exchange(a, b)
        assert any("was not confirmed" in text for text in sent.problems(10))
        assert any("was not received" in text for text in taken.problems(10))
        assert any("nothing heard" in text for text in a.problems + b.problems)


async def test_another_certificate_carries_no_page() -> None:
    with pair(Terms(SECURE)) as (a, b):
        offer = a.offer()
        answer = (
            b.answer(offer)
            .decode()
            .replace(
                b.descriptions.identity.fingerprint if b.descriptions.identity else "", Identity().fingerprint
            )
        )
        a.take_answer(answer.encode())
        sent, taken = await exchange(a, b)
        assert (sent.received, taken.received) == (0, 0)
        assert all(any("DTLS" in text for text in end.problems) for end in (a, b))


async def test_a_further_offer_keeps_the_association() -> None:
    with pair(Terms(SECURE)) as (a, b):
        connect(a, b)
        talk = asyncio.gather(*(end.exchange(10, interval=FAST, grace=0) for end in (a, b)))
        await asyncio.sleep(0)
        before = a._secured.end
        connect(b, a)
        assert a._secured.end is before
        await talk
        assert [end.statistics().problems(10) for end in (a, b)] == [[], []]


async def test_clear_datagrams_on_a_protected_leg_are_not_taken() -> None:
    with pair(Terms(SECURE)) as (a, b), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        connect(a, b)
        stranger.sendto(b"\x00\x00\x01\x02\x00\x00", a.local)
        b._socket.sendto(b"\x00\x00\x01\x02\x00\x00", a.local)
        b._socket.sendto(b"\x00\x00\xff", a.local)
        sent, _ = await exchange(a, b)
        assert (sent.clear, sent.foreign) == (1, 1)
        assert any("in clear" in text for text in sent.problems(10))
        assert not all(check.passed for check in sent.checks("a", 10))


async def test_noise_on_a_plain_leg_is_counted() -> None:
    with pair(Terms(PLAIN)) as (a, b):
        connect(a, b)
        b._socket.sendto(b"\x17\xfe\xfd" + bytes(40), a.local)
        b._socket.sendto(b"\x00\x00\x01\x7e\x00\x00", a.local)
        sent, _ = await exchange(a, b)
        assert sent.opaque == 2
        assert any("no UDPTL" in text for text in sent.problems(10))


def test_what_the_witness_calls_readable() -> None:
    assert fax.readable(bytes.fromhex("0005 06 c001800000ff 00 01 06 c00180000061"))
    assert not fax.readable(bytes.fromhex("0005 01 7e 00 00"))
    assert not fax.readable(bytes.fromhex("17fefd0001000000000001001800010000") + bytes(24))


async def test_plain_where_protection_was_asked_for_is_refused() -> None:
    with pair(Terms(SECURE), Terms(PLAIN)) as (a, b):
        with pytest.raises(BadDescription):
            b.answer(a.offer())
        with pytest.raises(BadDescription):
            a.answer(b.offer())
