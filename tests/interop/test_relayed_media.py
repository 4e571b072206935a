"""Media that the gateway relays without keys of its own: plain, or protected from end to end."""

import pytest

from lab.descriptions import Protection, Terms
from tests.support.edge import Network, aor, network

pytestmark = pytest.mark.interop

PACKETS = 25


async def talk(net: Network, terms: Terms, decision: str) -> list[tuple[int, int]]:
    """Call the echo with such media, bit for bit; return what the core could read of each party, and not."""
    await net.echo("bob", terms=terms)
    caller = await net.ue("alice", terms=terms)
    call = await caller.call(aor("bob"), timeout=10)
    await call.media.exchange(PACKETS)
    await call.hold()
    await call.resume()
    heard = await call.hangup()
    assert (heard.exact, heard.bad, heard.undecryptable) == (PACKETS, 0, 0)
    assert not call.problems
    for side in ("originating", "terminating"):
        record = await net.edge.pcscf.wait_for(
            lambda event, side=side: event.get("event") == "call" and event["direction"] == side, 10
        )
        assert [line["decision"] for line in record["media"]] == [decision]
    await net.nothing_left()
    assert await net.metric("agw", "agw_drops_total") == 0
    (line,) = net.core.witness.history().values()
    return [(seen.plain, seen.opaque) for seen in line[0].values()]


async def test_plain_media_is_anchored() -> None:
    async with network() as net:
        assert await talk(net, Terms(Protection.NONE), "plain") == [(PACKETS, 0)] * 2


@pytest.mark.parametrize("suite", ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"])
async def test_end_to_end_sdes_passes_and_the_core_reads_nothing(suite: str) -> None:
    async with network(core={"end_to_end": True}) as net:
        assert await talk(net, Terms(Protection.E2E, (suite,)), "e2e") == [(0, PACKETS)] * 2
