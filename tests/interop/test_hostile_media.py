"""Hostile packets into a live call through real processes: dropped, counted by reason, heard by nobody."""

import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from ruamel.yaml import YAML

from lab import rtcp, rtp
from lab.call import Call
from lab.relay import Party
from lab.sockets import Address, open_socket
from lab.srtp import DEFAULT_SUITE, Protector, SdesKey
from tests.support.attacker import Attacker
from tests.support.edge import Network, aor, network
from tests.support.programs import need, udp_ports, until

pytestmark = pytest.mark.interop

PACKETS = 20
#: Packets of each kind of attack.
EACH = 5
#: How far in front of the stream forged sequence numbers are.
AHEAD = 200
STUN = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)
DTLS = b"\x16\xfe\xfd" + bytes(10) + bytes(50)


@dataclass
class Attack:
    """A call that lives, and somebody who reads along. ue, gateway: both ends of the caller's access leg."""

    net: Network
    call: Call
    attacker: Attacker
    stranger: socket.socket
    ue: Address
    gateway: Address
    key: SdesKey
    recorded: list[bytes] = field(default_factory=list)
    expected: Counter[tuple[str, str]] = field(default_factory=Counter)

    async def speak(self) -> None:
        """A good exchange: every packet comes back bit-exact, and nothing else."""
        statistics = await self.call.media.exchange(PACKETS)
        assert not statistics.problems(statistics.sent)
        assert statistics.received == statistics.sent
        self.recorded = [data for _, target, data in self.attacker.heard if target == self.gateway]

    def forged(self, number: int, key: SdesKey) -> bytes:
        """A packet of the UE's stream that it has not sent yet."""
        stamp = int.from_bytes(self.recorded[-1][4:8])
        return Protector(key).rtp(rtp.build(self.call.media.ssrc, self.highest + AHEAD + number, stamp))

    @property
    def highest(self) -> int:
        """The last sequence number of the UE."""
        return int.from_bytes(self.recorded[-1][2:4])

    async def spoof(self, reason: str, make: Callable[[int], bytes], *, control: bool = False) -> None:
        """Send under the address of the UE; each has to be dropped for ``reason``."""
        source, target = (next_to(self.ue), next_to(self.gateway)) if control else (self.ue, self.gateway)
        for number in range(EACH):
            self.attacker.send(make(number), source, target)
        await self.dropped("access", reason, EACH)

    async def from_elsewhere(
        self, reason: str, make: Callable[[int], bytes], target: Address, realm: str
    ) -> None:
        """Send from an address of the attacker's own."""
        for number in range(EACH):
            self.stranger.sendto(make(number), target)
        await self.dropped(realm, reason, EACH)

    async def dropped(self, realm: str, reason: str, count: int) -> None:
        """Wait until the gateway has counted these drops too, and nothing besides."""
        self.expected[realm, reason] += count

        async def drops() -> dict[tuple[str, str], float]:
            samples = await self.net.edge.metrics("agw")
            labels = [
                (dict(key), value) for (name, key), value in samples.items() if name == "agw_drops_total"
            ]
            return {(found["realm"], found["reason"]): value for found, value in labels}

        assert await until(drops, lambda seen: sum(seen.values()) >= self.expected.total()) == self.expected


def next_to(address: Address) -> Address:
    return address[0], address[1] + 1


@contextlib.asynccontextmanager
async def attack() -> AsyncIterator[Attack]:
    need(root=True)
    async with network() as net:
        alice = await net.ue("alice")
        await net.echo("bob")
        call = await alice.call(aor("bob"), timeout=10)
        agreed = call.media.negotiation.agreed
        assert agreed is not None
        assert agreed.send is not None
        stranger = net.stack.enter_context(contextlib.closing(open_socket("127.0.0.1", 0)))
        async with Attacker(agreed.remote, next_to(agreed.remote)) as attacker:
            one = Attack(net, call, attacker, stranger, call.media.local, agreed.remote, agreed.send)
            await one.speak()
            yield one
            await one.speak()
            with pytest.raises(BlockingIOError):
                stranger.recv(2048)  # the latch has not moved
            sent = call.media.statistics().sent
            await call.hangup()
            (line,) = net.core.witness.observed(call.call_id)
            for party in Party:
                assert (line[party].plain, line[party].opaque, line[party].foreign) == (sent, 0, 0)
            assert not await net.metric("pcscf", "pcscf_refusals_total")
            await net.nothing_left()


async def test_packets_that_were_heard_before():
    async with attack() as one:
        await one.spoof("replay", lambda number: one.recorded[-1 - number])
        await one.from_elsewhere("replay", lambda number: one.recorded[-1 - number], one.gateway, "access")
        reports = [data for _, target, data in one.attacker.heard if target == next_to(one.gateway)]
        await one.spoof("replay", lambda _: reports[-1], control=True)


async def test_packets_that_were_tampered_with():
    async with attack() as one:

        def turned(number: int) -> bytes:
            data = bytearray(one.forged(number, one.key))
            data[20 + number] ^= 1
            return bytes(data)

        await one.spoof("auth", turned)
        await one.spoof("auth", lambda number: one.forged(EACH + number, one.key)[: -1 - number])
        await one.spoof("short", lambda number: one.recorded[-1][: 8 + number])
        await one.spoof("short", lambda number: one.recorded[-1][: 12 + number])


async def test_packets_under_another_key_or_none():
    wrong = SdesKey.generate(DEFAULT_SUITE)
    async with attack() as one:
        await one.spoof("auth", lambda number: one.forged(number, wrong))
        await one.from_elsewhere("auth", lambda number: one.forged(number, wrong), one.gateway, "access")
        stamp = 160 * (one.highest + AHEAD)
        await one.spoof(
            "auth", lambda number: rtp.build(one.call.media.ssrc, one.highest + AHEAD + number, stamp)
        )
        await one.spoof("auth", lambda number: rtp.build(0xBAD0_0000 + number, number, stamp))
        bye = bytes([0x81, 203, 0, 1]) + one.call.media.ssrc.to_bytes(4)
        await one.spoof("auth", lambda _: rtcp.report(1, {}, now=0) + bye, control=True)


async def test_datagrams_that_are_no_media():
    async with attack() as one:
        await one.spoof("stun", lambda _: STUN)
        await one.spoof("dtls", lambda _: DTLS)
        await one.spoof("not_media", lambda number: bytes([0xC0 + number]) + bytes(40))
        await one.spoof("too_large", lambda number: bytes([0x80, 8]) + bytes(4000 + number))
        await one.spoof("short", lambda number: b"\x80\x08\x00"[: number % 3 + 1])


async def test_strangers_on_the_core_side():
    async with attack() as one:
        first, last = YAML(typ="safe").load(one.net.edge.directory / "agw.yaml")["realms"]["core"]["ports"]
        ports = [port for port in udp_ports(one.net.edge.agw.pid) if first <= port <= last and not port % 2]
        assert len(ports) == 2  # the call is two sessions: alice's and bob's
        for port in ports:
            await one.from_elsewhere(
                "source", lambda number: rtp.build(7, number, 160 * number), ("127.0.0.1", port), "core"
            )
