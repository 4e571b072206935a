"""One call with media of every kind between a UE, whose TLS and DTLS are OpenSSL's, and a far end in the
clear: what each says of them in SDP, and what they send."""

from base64 import b64decode, b64encode
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from pcscf.sdp.model import Media
from tests.support.bfcp import FLOOR_EXCHANGE
from tests.support.certificates import Files
from tests.support.media_call import Agreed, where
from tests.support.media_peer import LOOPBACK, Peer, crypto, free_port, rtp
from tests.support.msrp_ends import Strict, converse
from tests.support.openssl import DTLS, Openssl, client, fingerprint, server
from tests.support.srtp_reference import Reference
from tests.support.tcp_media import End
from tests.support.udptl import Receiver, datagrams, page

CM = "AES_CM_128_HMAC_SHA1_80"
REQUEST = "a=3ge2ae:requested"


@dataclass
class AllMedia:
    """of_ue: it offers. Then it connects, and begins TLS and DTLS; else it waits for BFCP and T.38."""

    files: Files
    of_ue: bool
    stack: AsyncExitStack
    phone: Peer = field(default_factory=Peer)
    camera: Peer = field(default_factory=Peer)
    far_phone: Peer = field(default_factory=Peer)
    far_camera: Peer = field(default_factory=Peer)
    far_fax: Peer = field(default_factory=Peer)
    far_message: End = field(default_factory=End)
    far_floor: End = field(default_factory=End)

    def __post_init__(self) -> None:
        for end in (self.phone, self.camera, self.far_phone, self.far_camera, self.far_fax):
            self.stack.callback(end.close)
        for other in (self.far_message, self.far_floor):
            self.stack.callback(other.close)
        self.floor_port, self.fax_port = free_port(), free_port()
        self.setup = "active" if self.of_ue else "passive"
        self.message_path = f"msrps://{LOOPBACK}:9/ue;tcp"
        self.far_path = f"msrp://{LOOPBACK}:{self.far_message.endpoint.port}/far;tcp"

    def of_the_ue(self, *kinds: str, refused: str = "") -> list[str]:
        """The m-sections of the UE. Video is plain where it offers: what is offered to it is protected."""
        announced = f"a=fingerprint:{fingerprint(self.files.certificate).text}\n{REQUEST}"
        key, other = (b64encode(crypto(CM, fill).key.octets).decode() for fill in (1, 2))
        crypto_line = f"a=crypto:1 {CM} inline:{{}}\n{REQUEST}"
        video = ["RTP/AVP 96"] if self.of_ue else ["RTP/SAVP 96", crypto_line.format(other)]
        said = {
            "audio": (self.phone.endpoint.port, "RTP/SAVP 8", crypto_line.format(key)),
            "message": (9, "TCP/TLS/MSRP *", f"a=path:{self.message_path}", "a=setup:active", announced),
            "video": (self.camera.endpoint.port, *video),
            "application": (self.floor_port, "TCP/TLS/BFCP *", f"a=setup:{self.setup}", announced),
            "image": (self.fax_port, "UDP/TLS/UDPTL t38", f"a=setup:{self.setup}", announced),
        }
        return [_section(kind, *said[kind], refused=kind == refused) for kind in kinds]

    def of_the_far_end(self, *kinds: str, refused: str = "") -> list[str]:
        message, floor = self.far_message.endpoint.port, self.far_floor.endpoint.port
        setup = "passive" if self.of_ue else "active"
        said = {
            "audio": (self.far_phone.endpoint.port, "RTP/AVP 8"),
            "message": (message, "TCP/MSRP *", f"a=path:{self.far_path}", "a=setup:passive"),
            "video": (self.far_camera.endpoint.port, "RTP/AVP 96"),
            "application": (floor, "TCP/BFCP *", f"a=setup:{setup}"),
            "image": (self.far_fax.endpoint.port, "udptl t38"),
        }
        return [_section(kind, *said[kind], refused=kind == refused) for kind in kinds]

    def learn(self, agreed: Agreed) -> None:
        """What each was told of the gateway, by kind."""
        to_ue, to_far = (agreed.caller, agreed.callee) if self.of_ue else (agreed.callee, agreed.caller)
        self.to_ue = {one.media: one for one in to_ue}
        self.to_far = {one.media: one for one in to_far}

    async def audio(self) -> None:
        await self._speech("audio", self.phone, self.far_phone, 1)

    async def video(self) -> None:
        await self._speech("video", self.camera, self.far_camera, 2)

    async def _speech(self, kind: str, ue: Peer, far: Peer, fill: int) -> None:
        """RTP each way, under SDES on the UE's side where that was agreed."""
        to_ue, to_far = self.to_ue[kind], self.to_far[kind]
        mine = its = None
        if (said := to_ue.first("crypto")) is not None:
            mine = Reference(CM, crypto(CM, fill).key.octets)
            its = Reference(CM, b64decode(said.partition("inline:")[2]))
        for number in range(5):
            ue.send(mine.protect(rtp(number)) if mine else rtp(number), where(to_ue))
            assert await far.receive() == rtp(number)
            far.send(rtp(number), where(to_far))
            came = await ue.receive()
            assert (its.unprotect(came) if its else came) == rtp(number)

    async def message(self) -> None:
        ue = await self._client(self.to_ue["message"], "-quiet")
        await self.far_message.accept()
        one = Strict(ue, self.message_path, self.to_ue["message"].first("path") or "")
        other = Strict(self.far_message, self.far_path, self.to_far["message"].first("path") or "")
        await converse(one, other)
        await converse(other, one)

    async def application(self) -> None:
        if self.of_ue:
            ue = await self._client(self.to_ue["application"], "-quiet")
            await self.far_floor.accept()
        else:
            ue = await self.stack.enter_async_context(server(self.floor_port, self.files, "-quiet"))
            await self.far_floor.connect(where(self.to_far["application"]))
        for asked, answered in FLOOR_EXCHANGE:
            ue.write(asked.encode())
            assert await self.far_floor.receive(len(asked.encode())) == asked.encode()
            await self.far_floor.send(answered.encode())
            assert await ue.receive(len(answered.encode())) == answered.encode()

    async def image(self) -> None:
        """A page each way. The UE has to be up already where it waits."""
        ue = await self._client(self.to_ue["image"], "-quiet", DTLS, "-bind", f"{LOOPBACK}:{self.fax_port}")
        here, there = Receiver(), Receiver()
        for packet in datagrams(page()):
            ue.write(packet)
            there.take(await self.far_fax.receive())
            self.far_fax.send(packet, where(self.to_far["image"]))
            here.take(await ue.receive(len(packet)))
        assert here.page == there.page == page()

    async def _client(self, to: Media, *options: str) -> Openssl:
        return await self.stack.enter_async_context(client(where(to), self.files, *options))


def _section(kind: str, port: int, what: str, *lines: str, refused: bool) -> str:
    return f"m={kind} 0 {what}" if refused else "\n".join([f"m={kind} {port} {what}", *lines])
