"""Rollover counters in and out of an engine (RFC 3711 3.3.1), where it has them."""

import pytest

from agw.engine.api import EngineError, Leg, Rollover, Transform
from tests.support import engines
from tests.support.media_peer import Relay, crypto, open_port, plain, rtcp, rtp
from tests.support.srtp_reference import Reference

CM = "AES_CM_128_HMAC_SHA1_80"
SSRC = 0x1234
KEYS = crypto(CM, 1), crypto(CM, 100)


@pytest.fixture
def kind() -> str:
    return "native"


@pytest.fixture
def counting(relay: Relay) -> Relay:
    """A call whose access leg is SRTP."""
    assert relay.engine.abilities.rollover
    protect(relay)
    return relay


def protect(relay: Relay, **changes: object) -> None:
    leg = Leg(Transform.SRTP, *KEYS, True, True, relay.ue.endpoint)
    for name, value in changes.items():
        setattr(leg, name, value)
    relay.edit(leg, plain(relay.far.endpoint))


def ue() -> Reference:
    return Reference(CM, KEYS[1].key.octets)


def gateway() -> Reference:
    return Reference(CM, KEYS[0].key.octets)


async def test_how_far_each_ssrc_has_come(counting: Relay) -> None:
    assert counting.engine.rollovers(counting.access) == []
    for seq, roc in ((65535, 0), (0, 1), (65534, 0)):
        counting.from_ue(ue().protect(rtp(seq), roc))
        assert await counting.far.receive() == rtp(seq)
    counting.from_far(rtp(7, ssrc=0x99))
    await counting.ue.receive()
    counting.ue.send_rtcp(ue().protect_rtcp(rtcp(), 41), counting.to_access_rtcp)
    await counting.far.receive_rtcp()
    met = sorted(counting.engine.rollovers(counting.access), key=lambda one: one.sends)
    assert met == [Rollover(SSRC, False, 1, 0, 41), Rollover(0x99, True, 0, 7, None)]
    assert counting.engine.rollovers(counting.core) == []


async def test_a_stream_that_another_gateway_began(counting: Relay) -> None:
    engine, port = counting.engine, counting.access
    engine.set_rollover(port, Rollover(SSRC, sends=False, roc=5, sequence=1000, srtcp=70))
    engine.set_rollover(port, Rollover(SSRC, sends=True, roc=9, sequence=65535, srtcp=80))
    counting.from_ue(ue().protect(rtp(1001), 5))
    assert await counting.far.receive() == rtp(1001)
    counting.from_ue(ue().protect(rtp(1002), 0))  # an end that starts over
    assert await counting.drops(2) == {"auth": 1}
    counting.from_far(rtp(1))
    assert gateway().unprotect(await counting.ue.receive(), 10) == rtp(1)
    counting.far.send_rtcp(rtcp(), counting.to_core_rtcp)
    report = await counting.ue.receive_rtcp()
    assert gateway().unprotect_rtcp(report) == rtcp()
    assert int.from_bytes(report[-14:-10], "big") & 0x7FFFFFFF == 81


async def test_a_rollover_counter_without_a_sequence_number(counting: Relay) -> None:
    """As it is signalled to one who joins late (RFC 4771, RFC 3711 8.1)."""
    counting.engine.set_rollover(counting.access, Rollover(SSRC, sends=False, roc=3))
    counting.from_ue(ue().protect(rtp(40000), 3))
    assert await counting.far.receive() == rtp(40000)
    assert counting.engine.rollovers(counting.access) == [Rollover(SSRC, False, 3, 40000)]


async def test_what_was_known_is_forgotten(counting: Relay) -> None:
    counting.from_ue(ue().protect(rtp(9), 0))
    await counting.far.receive()
    counting.engine.set_rollover(counting.access, Rollover(SSRC, sends=False, roc=0, sequence=3))
    counting.from_ue(ue().protect(rtp(9), 0))
    assert await counting.far.receive() == rtp(9)


async def test_every_ssrc_counts(counting: Relay) -> None:
    for ssrc in range(64):
        counting.engine.set_rollover(counting.access, Rollover(ssrc, sends=False, roc=1))
    with pytest.raises(EngineError, match="SSRC"):
        counting.engine.set_rollover(counting.access, Rollover(64, sends=False, roc=1))
    counting.engine.set_rollover(counting.access, Rollover(63, sends=False, roc=2))
    counting.engine.set_rollover(counting.access, Rollover(64, sends=True, roc=1))


async def test_without_a_key_there_is_nothing_to_count(counting: Relay) -> None:
    protect(counting, receive=None)
    with pytest.raises(EngineError, match="no key"):
        counting.engine.set_rollover(counting.access, Rollover(SSRC, sends=False, roc=1))
    with pytest.raises(EngineError, match="no key"):
        counting.engine.set_rollover(counting.core, Rollover(SSRC, sends=True, roc=1))


async def test_an_engine_without_them_says_so() -> None:
    engine = engines.make("portable")
    assert not engine.abilities.rollover
    port, _ = open_port(engine)
    with pytest.raises(EngineError):
        engine.rollovers(port)
    with pytest.raises(EngineError):
        engine.set_rollover(port, Rollover(SSRC, sends=True, roc=1))
    engine.stop()
