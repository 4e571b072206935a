"""Two baresips call each other: both behind the edge over UDP, TCP and TLS, or one plain in the core."""

import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.address import Target
from lab.sockets import free_port
from tests.interop.test_kamailio import kamailio
from tests.support.audio import PROTECTED_SPEECH, SPEECH, audible
from tests.support.baresip import Baresip, baresip, free_pair, plain_far_end
from tests.support.capture import Capture
from tests.support.certificates import issue
from tests.support.edge import PASSWORD, Network, aor, network
from tests.support.programs import need, until

pytestmark = pytest.mark.interop

#: A second of speech.
PACKETS = 50
#: As many looks take longer than ten packets of speech.
LOOKS = 10


@pytest.fixture(autouse=True)
def _peers() -> None:
    need("baresip", "dumpcap", "tshark", root=True)


class Access:
    """The edge's only listener, of one transport. ``assume``: mechanisms that its phones count as having."""

    def __init__(self, directory: Path, transport: str, assume: list[str]) -> None:
        self._target = Target(transport, "127.0.0.1", free_port("127.0.0.1"))
        self._files = issue(directory, "edge") if transport == "tls" else None
        self._assume = assume
        self._directory = directory

    def edit(self, settings: dict[str, Any]) -> None:
        transport, address, port = self._target
        point = {"transport": transport, "address": address, "port": port, "assume": self._assume}
        if self._files is None:
            point["confidential"] = True  # nobody reads loopback
        else:
            point["certificate"] = str(self._files.certificate)
            point["private_key"] = str(self._files.private_key)
        settings["access"]["listen"] = [point]

    def phone(self, user: str) -> AbstractAsyncContextManager[Baresip]:
        trust = self._files.ca if self._files is not None else None
        return baresip(self._directory, aor(user), PASSWORD, self._target, trust=trust)


@dataclass(slots=True)
class Pair:
    """``wire``: their media, and SIP on the core side of the edge. ``phones``: those behind the edge."""

    net: Network
    alice: Baresip
    bob: Baresip
    phones: list[Baresip]
    wire: Capture

    async def media_flows(self) -> None:
        """Wait until ``PACKETS`` more have come from each phone and from each far end of theirs."""
        for realm in ("access", "core"):
            await self.packets_from(realm, len(self.phones) * PACKETS)

    async def packets_from(self, realm: str, more: int) -> None:
        before = await self._packets(realm)

        async def look() -> float:
            return await self._packets(realm)

        await until(look, lambda packets: packets >= before + more, 20.0)

    async def silence(self) -> None:
        """Wait until nothing comes from the phones any more: ``LOOKS`` times the same count, one by one."""
        seen: list[float] = []

        async def look() -> int:
            seen.append(await self._packets("access"))
            return seen[-LOOKS:].count(seen[-1])

        await until(look, lambda same: same == LOOKS)

    async def _packets(self, realm: str) -> float:
        return await self.net.metric("agw", "agw_packets_total", realm=realm)

    async def establish(self) -> None:
        """Let Alice call Bob; wait until each has media that it can open."""
        await self.alice.command("dial", aor("bob"))
        for phone in (self.alice, self.bob):
            await phone.event("CALL_ESTABLISHED")
            await phone.program.line("incoming rtp for 'audio' established")
        await self.media_flows()

    async def end(self) -> None:
        """Let Bob hang up; wait until nothing is left of the call, and all of it is in the capture."""
        await self.bob.command("hangup")
        await self.alice.event("CALL_CLOSED")
        for phone in (self.alice, self.bob):
            await phone.program.line(r"^errors: +0 +0$")
        await self.net.nothing_left()
        await self.wire.finish()

    def near(self) -> list[str]:
        """Return every SDP that the phones behind the edge have sent and got."""
        found: list[str] = []
        for phone in self.phones:
            text = phone.program.text.replace("\r", "")
            found += re.findall(r"^v=0\n(?:[a-z]=.*\n)+", text, re.MULTILINE)
        return found

    async def far(self) -> list[tuple[int, str]]:
        """Return the frame number and the m= line with its attributes of each SDP on the edge's core side."""
        port = self.net.edge.core.port
        rules = tuple(f"{carrier}.port=={port},sip" for carrier in ("udp", "tcp"))
        passes = f"sip and sdp and (udp.port=={port} or tcp.port=={port})"
        fields = ("frame.number", "sdp.media", "sdp.media_attr")
        rows = await self.wire.read(passes, *fields, decode_as=rules)
        return [(int(number), f"m={media}\n{attributes}") for number, media, attributes in rows]

    async def speech(
        self, descriptions: list[str], after: int = 0, before: int | None = None
    ) -> dict[tuple[str, str], list[bytes]]:
        """Return the payloads of 20 ms of speech between the ports of these SDPs, by source and destination.

        after, before: frame numbers.
        """
        ports = {port for text in descriptions for port in re.findall(r"m=audio (\d+)", text)}
        passes = " or ".join(f"udp.port=={port}" for port in ports)
        passes = f"({passes}) and frame.number > {after}"
        if before is not None:
            passes += f" and frame.number < {before}"
        found: dict[tuple[str, str], list[bytes]] = defaultdict(list)
        fields = ("udp.srcport", "udp.dstport", "udp.payload")
        for source, target, octets in await self.wire.read(passes, *fields):
            payload = bytes.fromhex(octets)[12:]
            if {source, target} <= ports and len(payload) in (SPEECH, PROTECTED_SPEECH):
                found[source, target].append(payload)
        return found


@asynccontextmanager
async def both_behind_the_edge(
    directory: Path, transport: str, assume: list[str], next_hop: str | None = None
) -> AsyncIterator[Pair]:
    access = Access(directory, transport, assume)
    async with AsyncExitStack() as stack:
        core = {"relay": False, "end_to_end": not assume}
        net = await stack.enter_async_context(network(core=core, next_hop=next_hop, edit_pcscf=access.edit))
        wire = await stack.enter_async_context(Capture(directory, f"udp or tcp port {net.edge.core.port}"))
        phones = [await stack.enter_async_context(access.phone(user)) for user in ("alice", "bob")]
        for phone in phones:
            await phone.registered()
        yield Pair(net, *phones, phones, wire)


@asynccontextmanager
async def bob_in_the_core(directory: Path, transport: str, assume: list[str]) -> AsyncIterator[Pair]:
    access, port = Access(directory, transport, assume), free_pair()
    async with AsyncExitStack() as stack:
        core = {"relay": False, "static": {"bob": f"sip:bob@127.0.0.1:{port}"}}
        net = await stack.enter_async_context(network(core=core, edit_pcscf=access.edit))
        wire = await stack.enter_async_context(Capture(directory, f"udp or tcp port {net.edge.core.port}"))
        bob = await stack.enter_async_context(plain_far_end(directory, aor("bob"), port))
        alice = await stack.enter_async_context(access.phone("alice"))
        await alice.registered()
        yield Pair(net, alice, bob, [alice], wire)


Where = Callable[[Path, str, list[str]], AbstractAsyncContextManager[Pair]]
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])


@TRANSPORTS
async def test_protected_to_the_edge(tmp_path: Path, transport: str) -> None:
    """Each leg with keys of its own, and in the core plain RTP that anybody can hear."""
    async with both_behind_the_edge(tmp_path, transport, ["sdes-srtp"]) as pair:
        await protected_to_the_edge(pair)


async def test_protected_to_the_edge_of_kamailio(tmp_path: Path) -> None:
    async with (
        kamailio(tmp_path) as (uri, _),
        both_behind_the_edge(tmp_path, "tls", ["sdes-srtp"], uri) as pair,
    ):
        await protected_to_the_edge(pair)


async def protected_to_the_edge(pair: Pair) -> None:
    await pair.establish()
    await pair.end()
    assert await decided(pair.net) == {"e2ae": 2}
    near, far = pair.near(), [text for _, text in await pair.far()]
    for text in near:
        assert "RTP/SAVP" in text
        assert "crypto:" in text
    for text in far:
        assert "RTP/AVP" in text
        assert "crypto:" not in text
    # Offer and answer of either phone: nothing that one of them wrote was given to the other.
    assert len({key for text in near for key in re.findall("inline:(.*)", text)}) == 4
    await media_is(pair, near, PROTECTED_SPEECH, 4)
    await media_is(pair, far, SPEECH, 2)


@TRANSPORTS
async def test_protected_end_to_end(tmp_path: Path, transport: str) -> None:
    """The phones' keys and packets pass as they are; nothing in between opens them."""
    async with both_behind_the_edge(tmp_path, transport, []) as pair:
        await pair.establish()
        await pair.end()
        assert await decided(pair.net) == {"e2e": 2}
        near, far = pair.near(), [text for _, text in await pair.far()]
        for text in (*near, *far):
            assert "RTP/SAVP" in text
            assert "crypto:" in text
        assert len({key for text in near for key in re.findall("inline:(.*)", text)}) == 2
        sent = await media_is(pair, near, PROTECTED_SPEECH, 4)
        assert await media_is(pair, far, PROTECTED_SPEECH, 2) <= sent


async def decided(net: Network) -> dict[str, float]:
    """Return how often each handling was chosen for a stream."""
    found = Counter[str]()
    for (metric, labels), value in (await net.edge.metrics("pcscf")).items():
        if metric == "pcscf_media_decisions_total" and value:
            found[dict(labels)["action"]] += int(value)
    return found


async def media_is(pair: Pair, descriptions: list[str], length: int, streams: int) -> set[bytes]:
    """Return all speech of a side: so many streams of payloads of this length, audible where plain."""
    found = await pair.speech(descriptions)
    assert len(found) == streams
    for payloads in found.values():
        assert len(payloads) > PACKETS
        assert {len(octets) for octets in payloads} == {length}
        assert audible(payloads) == (length == SPEECH)
    return set().union(*found.values())


@pytest.mark.parametrize(
    ("where", "transport", "holder"),
    [
        (both_behind_the_edge, "tls", "alice"),
        (bob_in_the_core, "udp", "alice"),
        (bob_in_the_core, "tcp", "bob"),
    ],
)
async def test_hold_and_resume(tmp_path: Path, where: Where, transport: str, holder: str) -> None:
    """Neither sends on hold (baresip's holder is mute); then both again, protected as before."""
    async with where(tmp_path, transport, ["sdes-srtp"]) as pair:
        await pair.establish()
        phone, held = (pair.alice, pair.bob) if holder == "alice" else (pair.bob, pair.alice)
        await phone.command("hold")
        await held.program.line("got re-INVITE")
        await pair.silence()
        await phone.command("resume")
        await pair.media_flows()
        await pair.end()
        assert await decided(pair.net) == {"e2ae": len(pair.phones)}
        near, numbered = pair.near(), await pair.far()
        far = [text for _, text in numbered]
        directions = [re.findall("sendrecv|sendonly|recvonly", text)[0] for text in far]
        assert list(dict.fromkeys(directions)) == ["sendrecv", "sendonly", "recvonly"]
        assert directions[-1] == "sendrecv"
        answered = max(number for number, text in numbered if "recvonly" in text)
        resumed = min(number for number, text in numbered if number > answered)
        assert sum(map(len, (await pair.speech(far, answered, resumed)).values())) <= 2  # was under way
        again = await pair.speech(far, after=max(number for number, _ in numbered))
        assert [len(payloads) > PACKETS // 2 for payloads in again.values()] == [True, True]
        await media_is(pair, near, PROTECTED_SPEECH, 2 * len(pair.phones))
        await media_is(pair, far, SPEECH, 2)
