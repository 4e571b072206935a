"""Re-offers on real sockets: the media goes on, or changes its suite, its kind of protection and its keys."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from lab import rtp
from lab.sdp import parse as parse_sdp
from lab.sockets import Address, open_pair
from lab.srtp import DEFAULT_SUITE, Protector, SdesKey, Unprotector
from pcscf.sip.build import response_to
from pcscf.sip.message import Message, Request, Response
from tests.support.edge import Network, aor, network
from tests.support.ladder import sdp
from tests.support.node import LOOPBACK, Peer
from tests.support.programs import until

pytestmark = pytest.mark.interop

M = TypeVar("M", bound=Message)

GCM = "AEAD_AES_128_GCM"
#: Packets of each try.
EACH = 5


@dataclass
class Voice:
    """One end's RTP. to: where it sends. protector, reader: None in clear."""

    socket: socket.socket
    ssrc: int
    to: Address = ("", 0)
    protector: Protector | None = None
    reader: Unprotector | None = None
    number: int = 0

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def speak(self) -> list[bytes]:
        """Send some packets; return them in clear."""
        numbers = range(self.number, self.number + EACH)
        self.number += EACH
        packets = [rtp.build(self.ssrc, number, 160 * number) for number in numbers]
        for packet in packets:
            self.socket.sendto(self.protector.rtp(packet) if self.protector else packet, self.to)
        return packets

    async def hears(self, packets: list[bytes]) -> None:
        for packet in packets:
            heard = await read(self.socket)
            assert (self.reader.rtp(heard) if self.reader else heard) == packet


async def read(sock: socket.socket) -> bytes:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 2048), 10)


@dataclass
class Talk:
    """A call of a trunk that writes its own SIP. phone, far: the voices of the UE and of the core's end."""

    net: Network
    ue: Peer
    core: Peer
    phone: Voice
    far: Voice
    to: str = f"<{aor('far')}>"
    routes: list[str] = field(default_factory=list)
    number: int = 0

    async def offer(self, key: SdesKey | None) -> None:
        """INVITE or re-INVITE with this key, answered and acknowledged; both ends take what they learn."""
        media = f"m=audio {self.phone.port} RTP/AVP 8"
        if key is not None:
            media = f"m=audio {self.phone.port} RTP/SAVP 8\na=crypto:{key.crypto()}\na=3ge2ae:requested"
        self.number += 1
        self.send("INVITE", sdp(media, LOOPBACK, version=self.number))
        invite = await self.expect(self.core, Request, "INVITE")
        self.core.send(self.answer(invite), self.net.edge.core.port)
        ok = await self.expect(self.ue, Response, "200")
        self.to, self.routes = ok.get("to") or "", self.routes or ok.values("record-route")[::-1]
        self.send("ACK")
        await self.expect(self.core, Request, "ACK")
        for voice, description in ((self.far, invite.body), (self.phone, ok.body)):
            line = parse_sdp(description).first("audio")
            assert line is not None
            voice.to = line.rtp
            voice.reader = Unprotector(SdesKey.parse(line.crypto[0])) if line.crypto else None
        assert self.far.reader is None
        self.phone.protector = Protector(key) if key is not None else None

    def answer(self, invite: Request) -> Response:
        body = sdp(f"m=audio {self.far.port} RTP/AVP 8", LOOPBACK, number=555)
        lines = [("Contact", f"<sip:{LOOPBACK}:{self.core.port}>"), ("Content-Type", "application/sdp")]
        answer = response_to(invite, 200, to_tag="far", headers=lines, body=body)
        answer.fields[1:1] = [one for one in invite.fields if one[0] == "record-route"]
        return answer

    def send(self, method: str, body: bytes = b"") -> None:
        uri = f"sip:{LOOPBACK}:{self.core.port}" if self.routes else aor("far")
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {LOOPBACK}:{self.ue.port};branch=z9hG4bK-{method}-{self.number}",
            "Max-Forwards: 70",
            *(f"Route: {route}" for route in self.routes),
            f"From: <{aor('pbx')}>;tag=near",
            f"To: {self.to}",
            f"Call-ID: changed@{LOOPBACK}",
            f"CSeq: {self.number} {method}",
            f"Contact: <sip:pbx@{LOOPBACK}:{self.ue.port}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self.ue.send("\r\n".join([*lines, "", ""]).encode() + body, self.net.edge.access.port)

    async def expect(self, peer: Peer, kind: type[M], start: str) -> M:
        """Return the next message that begins so; what is retransmitted before it does not count."""
        while True:
            message = await peer.read()
            line = message.start_line().removeprefix("SIP/2.0 ")
            if isinstance(message, kind) and line.startswith(start):
                return message

    async def both_ways(self) -> None:
        for speaker, listener in ((self.phone, self.far), (self.far, self.phone)):
            await listener.hears(speaker.speak())

    async def hang_up(self) -> None:
        self.number += 1
        self.send("BYE")
        self.core.send(
            response_to(await self.expect(self.core, Request, "BYE"), 200), self.net.edge.core.port
        )
        await self.expect(self.ue, Response, "200")
        await self.net.nothing_left()


@contextlib.asynccontextmanager
async def talk(**policy: bool) -> AsyncIterator[Talk]:
    ue, core = Peer(), Peer()

    def edit(settings: dict[str, Any]) -> None:
        contact = f"sip:{LOOPBACK}:{ue.port};transport=udp"
        settings["access"]["static"] = [{"aor": aor("pbx"), "contact": contact, "mechanisms": ["sdes-srtp"]}]
        settings["media_security"] = policy

    with contextlib.ExitStack() as stack:
        for peer in (ue, core):
            stack.callback(peer.socket.close)
        voices = []
        for ssrc in (0xCA11, 0xFA12):
            pair = open_pair(LOOPBACK)
            for sock in pair:
                stack.callback(sock.close)
            voices.append(Voice(pair[0], ssrc))
        async with network(next_hop=f"sip:{LOOPBACK}:{core.port}", edit_pcscf=edit) as net:
            phone, far = voices
            yield Talk(net, ue, core, phone, far)


async def test_media_goes_on_through_another_suite_and_back() -> None:
    async with talk() as call:
        key = SdesKey.generate(DEFAULT_SUITE)
        await call.offer(key)
        await call.both_ways()
        first = call.phone.to, call.far.to
        await call.offer(SdesKey.generate(GCM))
        assert call.phone.to != first[0]
        assert call.far.to != first[1]
        await call.both_ways()
        await call.offer(SdesKey.generate(DEFAULT_SUITE))
        await call.both_ways()
        await call.hang_up()


async def test_plain_becomes_protected_and_plain_again_where_that_is_allowed() -> None:
    async with talk(downgrade=True) as call:
        await call.offer(None)
        await call.both_ways()
        await call.offer(SdesKey.generate(DEFAULT_SUITE))
        await call.both_ways()
        # What is not protected any more is dropped, be it from the same address.
        protector, call.phone.protector = call.phone.protector, None
        call.phone.speak()

        async def drops() -> float:
            return await call.net.metric("agw", "agw_drops_total", reason="auth")

        assert await until(drops, lambda seen: seen >= EACH) == EACH
        call.phone.protector = protector
        await call.offer(None)
        await call.both_ways()
        await call.hang_up()
