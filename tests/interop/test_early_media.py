"""Early media on real sockets: SRTP and RTP before, while and after the core authorizes them (RFC 5009)."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from lab import rtp
from lab.sdp import parse as parse_sdp
from lab.sockets import Address, open_pair
from lab.srtp import DEFAULT_SUITE, Protector, SdesKey, Unprotector
from pcscf.sip.build import response_to
from pcscf.sip.message import Request, Response
from tests.support.edge import Network, aor, network
from tests.support.ladder import sdp
from tests.support.node import LOOPBACK, Peer
from tests.support.programs import until

pytestmark = pytest.mark.interop

#: Packets of each try.
EACH = 5


class Media:
    """One end's RTP. ``to``: where it sends. protector: None sends in clear."""

    def __init__(self, sock: socket.socket, ssrc: int) -> None:
        self.socket = sock
        self.port: int = sock.getsockname()[1]
        self.to: Address = ("", 0)
        self.protector: Protector | None = None
        self._ssrc = ssrc
        self._number = 0

    def speak(self) -> list[bytes]:
        """Send some packets; return them in clear."""
        numbers = range(self._number, self._number + EACH)
        self._number += EACH
        packets = [rtp.build(self._ssrc, number, 160 * number) for number in numbers]
        for packet in packets:
            self.socket.sendto(packet if self.protector is None else self.protector.rtp(packet), self.to)
        return packets

    async def heard(self) -> list[bytes]:
        loop = asyncio.get_running_loop()
        return [await asyncio.wait_for(loop.sock_recv(self.socket, 2048), 10) for _ in range(EACH)]

    def nothing(self) -> None:
        with pytest.raises(BlockingIOError):
            self.socket.recv(2048)


@dataclass
class Ringing:
    """A call of a UE that is not answered: ``invite`` as it came to the core."""

    net: Network
    ue: Peer
    core: Peer
    phone: Media
    far: Media
    invite: Request
    key: SdesKey
    dropped: int = 0

    async def provisional(self, status: int, body: bytes = b"", **headers: str) -> Response:
        """The core rings; as it came to the UE."""
        self._respond(status, body, headers)
        return await expect_response(self.ue, status)

    def _respond(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        lines = [(name.replace("_", "-"), value) for name, value in headers.items()]
        lines.append(("Contact", f"<sip:{LOOPBACK}:{self.core.port}>"))
        if body:
            lines.append(("Content-Type", "application/sdp"))
        answer = response_to(self.invite, status, to_tag="far", headers=lines, body=body)
        answer.fields[1:1] = [field for field in self.invite.fields if field[0] == "record-route"]
        self.core.send(answer, self.net.edge.core.port)

    def learn(self, description: bytes) -> Unprotector:
        """Take the answer's address and key; return what reads the gateway's SRTP."""
        line = parse_sdp(description).first("audio")
        assert line is not None
        self.phone.to, self.phone.protector = line.rtp, Protector(self.key)
        (crypto,) = line.crypto
        return Unprotector(SdesKey.parse(crypto))

    async def gated(self, end: Media, realm: str) -> None:
        """What ``end`` sends is dropped at the gate, and nobody hears it."""
        end.speak()
        self.dropped += EACH

        async def drops() -> float:
            return await self.net.metric("agw", "agw_drops_total", reason="gate")

        assert await until(drops, lambda seen: seen >= self.dropped) == self.dropped
        assert await self.net.metric("agw", "agw_drops_total", reason="gate", realm=realm) >= EACH
        self.phone.nothing()
        self.far.nothing()

    async def answer(self, body: bytes) -> Response:
        """The core answers; as it came to the UE."""
        self._respond(200, body, {})
        return await expect_response(self.ue, 200)

    async def hang_up(self, ok: Response) -> None:
        """The UE acknowledges the answer and hangs up."""
        routes = [f"Route: {route}" for route in ok.values("record-route")[::-1]]
        uri, to = f"sip:{LOOPBACK}:{self.core.port}", ok.get("to") or ""
        for method, number in (("ACK", 1), ("BYE", 2)):
            self.ue.send(_request(method, uri, number, to, self.ue.port, *routes), self.net.edge.access.port)
            came = await expect_request(self.core, method)
        self.core.send(response_to(came, 200), self.net.edge.core.port)
        await expect_response(self.ue, 200)
        await self.net.nothing_left()


def _request(method: str, uri: str, number: int, to: str, port: int, *more: str, body: bytes = b"") -> bytes:
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {LOOPBACK}:{port};branch=z9hG4bK-{method}",
        "Max-Forwards: 70",
        f"From: <{aor('pbx')}>;tag=near",
        f"To: {to}",
        f"Call-ID: early@{LOOPBACK}",
        f"CSeq: {number} {method}",
        f"Contact: <sip:pbx@{LOOPBACK}:{port}>",
        *more,
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def expect_request(peer: Peer, method: str) -> Request:
    """Return the next request of that method; what is retransmitted before it does not count."""
    while True:
        message = await peer.read()
        if isinstance(message, Request) and message.method == method:
            return message


async def expect_response(peer: Peer, status: int) -> Response:
    while True:
        message = await peer.read()
        if isinstance(message, Response) and message.status == status:
            return message


@contextlib.asynccontextmanager
async def ring(default: str) -> AsyncIterator[Ringing]:
    """A trunk with SDES calls; ``default``: what flows where the core says nothing."""
    ue, core = Peer(), Peer()

    def edit(settings: dict[str, Any]) -> None:
        contact = f"sip:{LOOPBACK}:{ue.port};transport=udp"
        settings["access"]["static"] = [{"aor": aor("pbx"), "contact": contact, "mechanisms": ["sdes-srtp"]}]
        settings["media_security"] = {"early_media": default}

    with contextlib.ExitStack() as stack:
        for peer in (ue, core):
            stack.callback(peer.socket.close)
        ends = []
        for ssrc in (0xCA11, 0xFA12):
            pair = open_pair(LOOPBACK)
            for sock in pair:
                stack.callback(sock.close)
            ends.append(Media(pair[0], ssrc))
        phone, far = ends
        async with network(next_hop=f"sip:{LOOPBACK}:{core.port}", edit_pcscf=edit) as net:
            key = SdesKey.generate(DEFAULT_SUITE)
            media = f"m=audio {phone.port} RTP/SAVP 8\na=crypto:{key.crypto()}\na=3ge2ae:requested"
            kind, to = "Content-Type: application/sdp", f"<{aor('far')}>"
            offer = _request("INVITE", aor("far"), 1, to, ue.port, kind, body=sdp(media, LOOPBACK))
            ue.send(offer, net.edge.access.port)
            invite = await expect_request(core, "INVITE")
            line = parse_sdp(invite.body).first("audio")
            assert line is not None
            far.to = line.rtp
            yield Ringing(net, ue, core, phone, far, invite, key)


@pytest.mark.parametrize("said", ["by default", "by the core"])
async def test_media_flows_as_far_as_it_is_authorized(said: str) -> None:
    """Closed, then to the caller alone, then answered: both ways."""
    async with ring("inactive" if said == "by default" else "sendrecv") as call:
        asked = call.invite.values("p-early-media")
        assert asked == (["supported"] if said == "by default" else [])
        body = sdp(f"m=audio {call.far.port} RTP/AVP 8", LOOPBACK)
        headers = {} if said == "by default" else {"P_Early_Media": "inactive"}
        reader = call.learn((await call.provisional(183, body, **headers)).body)
        await call.gated(call.far, "core")
        await call.gated(call.phone, "access")
        await call.provisional(180, P_Early_Media="sendonly")
        ringback = call.far.speak()
        assert [reader.rtp(packet) for packet in await call.phone.heard()] == ringback
        await call.gated(call.phone, "access")
        ok = await call.answer(body)
        speech = call.phone.speak()
        assert await call.far.heard() == speech
        speech = call.far.speak()
        assert [reader.rtp(packet) for packet in await call.phone.heard()] == speech
        await call.hang_up(ok)
