"""The two engines side by side: the same datagrams, among them hostile ones, into one stream of each.

After every datagram both have to agree on what became of it: the reason that was counted, the octets that
left the other side. What leaves protected is decrypted by an independent libsrtp as well. More of it by hand:
EXAMPLES=20000 pytest tests/fuzz/test_engines_differ.py
"""

import asyncio
import contextlib
import os
import socket
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from agw.engine.api import DropReason, Engine, Leg, PortId, Transform
from iq.suites import SUITES, Crypto
from tests.support.engines import make
from tests.support.media_peer import Peer, Relay, arrived, crypto, plain, rtcp, rtp, until
from tests.support.srtp_reference import Reference

EXAMPLES = int(os.environ.get("EXAMPLES", "25"))
SSRCS = 4
"""Contexts of a key: few, so that random packets meet the limit."""
MKI = (0xC0FFEE, 3)
PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


@dataclass(frozen=True)
class Packet:
    """The next one of an SSRC, ``delta`` after the highest; harm: what an attacker or the network did."""

    from_ue: bool
    is_rtcp: bool
    ssrc: int
    delta: int
    harm: str = ""
    at: int = 0


@dataclass(frozen=True)
class Raw:
    """Octets that may be anything."""

    from_ue: bool
    rtcp_socket: bool
    data: bytes


@dataclass(frozen=True)
class Edit:
    """A re-negotiation: new keys, those of before it that are taken back, or mux and gates alone."""

    new_send: bool = False
    new_receive: bool = False
    back: bool = False
    mux: bool = False
    open_in: bool = True
    open_out: bool = True


#: In order, loss, reordering, replays, the edges of the window, jumps over the wrap of the sequence number.
deltas = st.sampled_from([1] * 8 + [2, 3, 0, -1, -2, -5, 120, -126, -127, -128, -129, 20000, 32768, 40000])
harms = st.sampled_from([""] * 6 + ["flip", "cut", "key", "plain", "roc", "header", "grown", "clear", "old"])
packets = st.builds(
    Packet, st.booleans(), st.sampled_from([False] * 4 + [True]), st.integers(1, SSRCS + 2), deltas, harms,
    st.integers(0, 200),
)  # fmt: skip
heads = st.sampled_from([b"", b"\x80", b"\x80\xc8", b"\x9f\x00", b"\x90\x08", b"\x00\x01", b"\x16\xfe\xfd"])
raws = st.builds(Raw, st.booleans(), st.booleans(), st.builds(bytes.__add__, heads, st.binary(max_size=60)))
rarely, mostly = st.sampled_from([False] * 5 + [True]), st.sampled_from([True] * 7 + [False])
edits = st.builds(Edit, rarely, rarely, rarely, st.booleans(), mostly, mostly)
kinds = st.sampled_from([packets] * 10 + [raws, edits])
scripts = st.lists(kinds.flatmap(lambda kind: kind), min_size=30, max_size=80)


@dataclass
class Stream:
    """Both ends of what is said to both engines: keys, and how far each SSRC has come."""

    suite: str
    mki: tuple[int, int] | None
    send: Crypto = field(init=False)
    receive: Crypto = field(init=False)
    former: tuple[Crypto, Crypto] = field(init=False)
    generation: int = 0
    listeners: dict[bytes, Session] = field(default_factory=dict)
    highest: dict[tuple[bool, bool, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.send, self.receive = crypto(self.suite, 1), crypto(self.suite, 100, self.mki)
        self.former = self.send, self.receive

    @property
    def listener(self) -> Session:
        """A libsrtp that has heard everything under the present key."""
        key = self.send.key.octets
        if key not in self.listeners:
            policy = Policy(key, Policy.SSRC_ANY_INBOUND, srtp_profile=PROFILES[self.suite])
            policy.window_size = 1024
            self.listeners[key] = Session(policy)
        return self.listeners[key]

    def renew(self, edit: Edit) -> None:
        self.generation += 1
        (send, receive), (former_send, former_receive) = (self.send, self.receive), self.former
        if edit.back:
            self.send, self.receive = former_send, former_receive
        elif edit.new_send:
            self.send = crypto(self.suite, 2 + self.generation)
        if edit.new_receive and not edit.back:
            self.receive = crypto(self.suite, 102 + self.generation, self.mki)
        self.former = (
            send if self.send != send else former_send,
            receive if self.receive != receive else former_receive,
        )

    def legs(self, edit: Edit, relay: Relay) -> tuple[Leg, Leg]:
        gate = edit.open_out, edit.open_in
        ue = Leg(Transform.SRTP, self.send, self.receive, *gate, relay.ue.endpoint, True, None, edit.mux)
        return ue, plain(relay.far.endpoint)

    def octets(self, packet: Packet) -> bytes:
        """The packet as it comes to the engine."""
        line = (packet.from_ue, packet.is_rtcp, packet.ssrc)
        highest = self.highest.get(line, 0)
        index = max(highest + packet.delta, 0)
        self.highest[line] = max(highest, index)
        roc, seq = index >> 16, index & 0xFFFF
        clear = rtcp(packet.ssrc) if packet.is_rtcp else rtp(seq, b"media %d" % index, packet.ssrc)
        if packet.harm == "header":
            clear = bytes([clear[0] | 0x10 | packet.at & 15]) + clear[1:]
        if not packet.from_ue or packet.harm == "plain":
            return clear[: len(clear) - packet.at] if packet.harm == "cut" else clear
        key = {"key": crypto(self.suite, 77), "old": self.former[1]}.get(packet.harm, self.receive)
        return _hurt(self._protect(key, clear, packet, index, roc), packet)

    def _protect(self, key: Crypto, clear: bytes, packet: Packet, index: int, roc: int) -> bytes:
        ue = Reference(self.suite, key.key.octets)
        mki = self.mki[0].to_bytes(self.mki[1], "big") if self.mki is not None else b""
        if packet.is_rtcp:
            return ue.protect_rtcp(clear, index & 0x7FFFFFFF, mki)
        if packet.harm == "header":  # what it claims is not there: nothing could be encrypted
            return clear + bytes(SUITES[self.suite].rtp_tag + len(mki))
        return ue.protect(clear, roc + (packet.harm == "roc"), mki)


def _hurt(data: bytes, packet: Packet) -> bytes:
    at = packet.at % len(data)
    match packet.harm:
        case "flip":
            return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        case "cut":
            return data[:at]
        case "grown":
            return data + bytes(at)
        case "clear" if packet.is_rtcp:  # says that it is not encrypted
            return data.replace(b"\x80\x00", b"\x00\x00")
    return data


Step = Packet | Raw | Edit
Outcome = tuple[list[int], list[bytes], list[bytes], list[bytes], list[bytes]]


class Side:
    """One engine with one stream, and what came of the last datagram."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.relay = Relay(engine)

    def edit(self, stream: Stream, edit: Edit) -> None:
        self.relay.edit(*stream.legs(edit, self.relay))

    async def take(self, from_ue: bool, on_rtcp: bool, data: bytes) -> Outcome:
        relay = self.relay
        peer: Peer = relay.ue if from_ue else relay.far
        rtp_port, rtcp_port = (
            (relay.to_access, relay.to_access_rtcp) if from_ue else (relay.to_core, relay.to_core_rtcp)
        )
        port = relay.access if from_ue else relay.core
        wanted, before = self._seen + 1, self._counts(port)
        (peer.rtcp if on_rtcp else peer.rtp).sendto(data, rtcp_port if on_rtcp else rtp_port)
        await until(lambda: self._seen >= wanted)
        counts = [now - then for now, then in zip(self._counts(port), before, strict=True)]
        return counts, *(_all(sock) for sock in (relay.ue.rtp, relay.ue.rtcp, relay.far.rtp, relay.far.rtcp))

    def _counts(self, port: PortId) -> list[int]:
        counters = self.engine.state(port).counters
        return [counters.packets, counters.octets, counters.rtcp, *counters.drops]

    @property
    def _seen(self) -> int:
        ports = self.relay.access, self.relay.core
        return sum(arrived(self.engine.state(port).counters) for port in ports)

    def close(self) -> None:
        self.relay.close()
        self.engine.stop()


def _all(sock: socket.socket) -> list[bytes]:
    """What has arrived: an engine counts a datagram after it has sent it on."""
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found.append(sock.recv(4096))
    return found


async def play(suite: str, mki: tuple[int, int] | None, script: list[Step]) -> None:
    stream = Stream(suite, mki)
    sides = [Side(make(name, ssrcs=SSRCS)) for name in ("native", "portable")]
    now = Edit()
    try:
        for side in sides:
            side.edit(stream, now)
        for step in script:
            if isinstance(step, Edit):
                now = step
                stream.renew(step)
                for side in sides:
                    side.edit(stream, step)
                continue
            await _compare(sides, stream, step, now.mux)
    finally:
        for side in sides:
            side.close()


async def _compare(sides: list[Side], stream: Stream, step: Packet | Raw, mux: bool) -> None:
    if isinstance(step, Raw):
        data, on_rtcp = step.data, step.rtcp_socket
    else:
        data, on_rtcp = stream.octets(step), step.is_rtcp and not (mux and step.from_ue)
    native, portable = [await side.take(step.from_ue, on_rtcp, data) for side in sides]
    assert native == portable, f"native {_told(native)}, portable {_told(portable)}, for {data.hex()}"
    listener = stream.listener
    for packet in [*native[1], *native[2]]:
        assert (listener.unprotect_rtcp if native[0][2] else listener.unprotect)(packet) == data


def _told(outcome: Outcome) -> str:
    counts, *sent = outcome
    reasons = {DropReason(index).name: count for index, count in enumerate(counts[3:]) if count}
    return f"{counts[:3]} {reasons} {[[packet.hex() for packet in one] for one in sent]}"


@pytest.mark.parametrize("mki", [None, MKI], ids=["no MKI", "MKI"])
@pytest.mark.parametrize("suite", PROFILES)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.reuse, Phase.generate],  # no shrinking: over real sockets it takes minutes
)
@given(script=scripts)
def test_engines_do_the_same(suite: str, mki: tuple[int, int] | None, script: list[Step]) -> None:
    asyncio.run(play(suite, mki, script))
