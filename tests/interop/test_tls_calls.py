"""Calls with MSRP and BFCP whose TLS ends at the edge: real pcscf and agw, OpenSSL as the UE's media."""

import asyncio
import contextlib
import hashlib
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from iq.fingerprint import Fingerprint, read_fingerprint
from pcscf.sip.build import response_to
from pcscf.sip.message import Request, Response
from tests.support.certificates import Files, issue
from tests.support.edge import Network, aor, network
from tests.support.media_peer import LOOPBACK, free_port
from tests.support.node import Peer
from tests.support.programs import Program, need
from tests.support.tcp_media import End

pytestmark = pytest.mark.interop

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
SDP = ("Content-Type", "application/sdp")


def fingerprint(pem: str) -> Fingerprint:
    return Fingerprint("sha-256", hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest())


def of(pattern: str, message: Request | Response) -> str:
    """What ``pattern`` finds in the body."""
    found = re.search(pattern, message.body.decode(), re.MULTILINE)
    assert found is not None, message.body.decode()
    return found[1]


def sdp(port: int, *lines: str, version: int = 1) -> bytes:
    """lines: the m= line without its port, attributes."""
    media, *attributes = lines
    kind, _, rest = media.partition(" ")
    head = ("v=0", f"o=- 1 {version} IN IP4 {LOOPBACK}", "s=-", f"c=IN IP4 {LOOPBACK}", "t=0 0")
    return "".join(f"{line}\r\n" for line in (*head, f"m={kind} {port} {rest}", *attributes)).encode()


#: The paths of both ends, which compare whole URIs.
UE_PATH = f"msrps://{LOOPBACK}:9/a;tcp"


def far_path(far: End) -> str:
    return f"msrp://{LOOPBACK}:{far.endpoint.port}/b;tcp"


def msrp(what: str, to: str, sender: str) -> bytes:
    return f"MSRP d93kswow {what}\r\nTo-Path: {to}\r\nFrom-Path: {sender}\r\n-------d93kswow$\r\n".encode()


@dataclass
class Line:
    """The SIP of a UE and of the core, each a UDP socket, around a running edge."""

    net: Network
    ue: Peer
    core: Peer

    def invite(self, peer: Peer, port: int, body: bytes, *extra: str) -> None:
        lines = [
            f"INVITE {aor('far' if peer is self.ue else 'pbx')} SIP/2.0",
            f"Via: SIP/2.0/UDP {LOOPBACK}:{peer.port};branch=z9hG4bKfirst;rport",
            "Max-Forwards: 70",
            f"From: <{aor('pbx' if peer is self.ue else 'far')}>;tag=a",
            f"To: <{aor('far' if peer is self.ue else 'pbx')}>",
            "Call-ID: tls@ims.example",
            "CSeq: 1 INVITE",
            f"Contact: <sip:one@{LOOPBACK}:{peer.port}>",
            *extra,
            "Content-Type: application/sdp",
            f"Content-Length: {len(body)}",
        ]
        peer.send("\r\n".join([*lines, "", ""]).encode() + body, port)

    async def asked(self, peer: Peer, method: str) -> Request:
        """The next request of ``method``; retransmissions of others are read over."""
        while True:
            message = await peer.read()
            if isinstance(message, Request) and message.method == method:
                return message

    async def answered(self, peer: Peer) -> Response:
        """The 200 to an INVITE."""
        while True:
            message = await peer.read()
            if isinstance(message, Response) and message.status >= 200:
                assert message.status == 200, message.encode()
                return message

    def accept(self, peer: Peer, port: int, invite: Request, body: bytes) -> None:
        headers = [("Contact", f"<sip:other@{LOOPBACK}:{peer.port}>"), SDP]
        headers += [("Record-Route", value) for value in invite.values("record-route")]
        peer.send(response_to(invite, 200, to_tag="b", headers=headers, body=body), port)

    def within(
        self, peer: Peer, port: int, method: str, ok: Response, number: int, body: bytes = b""
    ) -> None:
        """A request of the caller in the dialog."""
        contact = str(ok.get("contact")).partition("<")[2].partition(">")[0]
        routes = list(reversed(ok.values("record-route")))
        lines = [
            f"{method} {contact} SIP/2.0",
            f"Via: SIP/2.0/UDP {LOOPBACK}:{peer.port};branch=z9hG4bK{method}{number};rport",
            "Max-Forwards: 70",
            f"From: {ok.get('from')}",
            f"To: {ok.get('to')}",
            "Call-ID: tls@ims.example",
            f"CSeq: {number} {method}",
            *[f"Route: {route}" for route in routes],
            f"Contact: <sip:one@{LOOPBACK}:{peer.port}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        peer.send("\r\n".join([*lines, "", ""]).encode() + body, port)

    async def hang_up(self, ok: Response, *, of_ue: bool = True, number: int = 2) -> None:
        """The caller does, which is the UE or the core."""
        ends = [(self.ue, self.net.edge.access.port), (self.core, self.net.edge.core.port)]
        (caller, port), (callee, other) = ends if of_ue else ends[::-1]
        self.within(caller, port, "BYE", ok, number)
        callee.send(response_to(await self.asked(callee, "BYE"), 200), other)
        await self.answered(caller)
        await self.net.nothing_left()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    need("openssl")
    ue, core = Peer(), Peer()

    def edit(settings: dict[str, Any]) -> None:
        contact = f"sip:{LOOPBACK}:{ue.port};transport=udp"
        known: dict[str, Any] = {
            "aor": aor("pbx"),
            "contact": contact,
            "mechanisms": ["msrp-tls", "bfcp-tls"],
        }
        settings["access"]["static"] = [known]
        settings["media_security"] = {"mechanisms": ["sdes-srtp", *known["mechanisms"]]}

    with contextlib.closing(ue.socket), contextlib.closing(core.socket):
        async with network(next_hop=f"sip:{LOOPBACK}:{core.port}", edit_pcscf=edit) as net:
            yield Line(net, ue, core)


async def client(to: tuple[str, int], files: Files) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        "openssl", "s_client", "-connect", f"{to[0]}:{to[1]}", "-showcerts", "-cert", files.certificate,
        "-key", files.private_key,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


def offered(files: Files, connection: str = "new", version: int = 1) -> bytes:
    """MSRP of a UE that connects."""
    announced = fingerprint(files.certificate.read_text()).text
    return sdp(
        9, "message TCP/TLS/MSRP *", "a=accept-types:*", f"a=path:{UE_PATH}", "a=setup:active",
        f"a=connection:{connection}", f"a=fingerprint:{announced}", "a=3ge2ae:requested", version=version,
    )  # fmt: skip


def answered_by(far: End, connection: str = "new", version: int = 1) -> bytes:
    """The core waits."""
    lines = "a=accept-types:*", f"a=path:{far_path(far)}", "a=setup:passive", f"a=connection:{connection}"
    return sdp(far.endpoint.port, "message TCP/MSRP *", *lines, version=version)


async def originate(line: Line, far: End, files: Files) -> tuple[Response, tuple[str, int], str]:
    """The UE offers MSRP. The 200, where the gateway is, and the path that the far end has of the UE."""
    at = line.net.edge
    line.invite(line.ue, at.access.port, offered(files))
    came = await line.asked(line.core, "INVITE")
    assert of("^m=message [0-9]+ (TCP/MSRP) ", came)
    assert not re.search("fingerprint|3ge2ae|msrps", came.body.decode())
    line.accept(line.core, at.core.port, came, answered_by(far))
    ok = await line.answered(line.ue)
    line.within(line.ue, at.access.port, "ACK", ok, 1)
    await line.asked(line.core, "ACK")
    assert "a=setup:passive" in ok.body.decode()
    to = LOOPBACK, int(of("^m=message ([0-9]+) TCP/TLS/MSRP ", ok))
    return ok, to, of("^a=path:(.*)\r$", came)


async def again(
    line: Line, far: End, files: Files, first: Response, connection: str, number: int
) -> Response:
    """The UE offers in the session once more."""
    at = line.net.edge
    line.within(line.ue, at.access.port, "INVITE", first, number, offered(files, connection, number))
    came = await line.asked(line.core, "INVITE")
    line.accept(line.core, at.core.port, came, answered_by(far, connection, number))
    ok = await line.answered(line.ue)
    line.within(line.ue, at.access.port, "ACK", first, number)
    await line.asked(line.core, "ACK")
    return ok


async def test_messages_of_a_ue(line: Line, tmp_path: Path) -> None:
    files = issue(tmp_path, "ue")
    with contextlib.closing(End()) as far:
        ok, to, of_ue = await originate(line, far, files)
        ue = await client(to, files)
        assert ue.stdin is not None
        known_as = of("^a=path:(.*)\r$", ok)
        ue.stdin.write(msrp("SEND", known_as, UE_PATH))
        await far.accept()
        came = msrp("SEND", far_path(far), of_ue)
        assert await far.receive(len(came)) == came
        await far.send(msrp("200 OK", of_ue, far_path(far)))
        far.finish()
        async with asyncio.timeout(20):
            said = (await ue.communicate())[0].decode()
        assert msrp("200 OK", UE_PATH, known_as).decode() in said
        [certificate] = _PEM.findall(said)
        assert fingerprint(certificate) == read_fingerprint(of("^a=fingerprint:(.*)\r$", ok))
        await line.hang_up(ok)
        record = await line.net.edge.pcscf.wait_for(lambda event: event.get("event") == "call", 10)
        assert [one["decision"] for one in record["media"]] == ["e2ae"]


async def test_an_offer_in_the_session_keeps_tls_or_renews_it(line: Line, tmp_path: Path) -> None:
    """Another certificate of the UE, on a=connection:new, is a new stream, and so is the gateway's."""
    files, others = issue(tmp_path, "ue"), issue(tmp_path, "other")
    with contextlib.closing(End()) as far:
        first, to, of_ue = await originate(line, far, files)
        ue = await client(to, files)
        await far.accept()
        second = await again(line, far, files, first, "existing", 2)
        assert ue.stdin is not None
        ue.stdin.write(msrp("SEND", of("^a=path:(.*)\r$", second), UE_PATH))
        wanted = msrp("SEND", far_path(far), of_ue)
        assert await far.receive(len(wanted)) == wanted
        third = await again(line, far, others, first, "new", 3)
        certificates = [of("^a=fingerprint:(.*)\r$", one) for one in (first, second, third)]
        assert certificates[0] == certificates[1] != certificates[2]
        async with asyncio.timeout(20):
            await ue.communicate()
        assert await far.end() == ""
        far.connection.close()
        ue = await client((to[0], int(of("^m=message ([0-9]+) ", third))), others)
        assert ue.stdin is not None
        await far.accept()
        ue.stdin.write(msrp("SEND", of("^a=path:(.*)\r$", third), UE_PATH))
        head = b"MSRP d93kswow SEND\r\nTo-Path: " + far_path(far).encode() + b"\r\n"
        assert await far.receive(len(head)) == head
        far.finish()
        async with asyncio.timeout(20):
            await ue.communicate()
        await line.hang_up(first, number=4)


async def test_a_ue_with_another_certificate_is_hung_up(line: Line, tmp_path: Path) -> None:
    announced, shown = issue(tmp_path, "announced"), issue(tmp_path, "shown")
    with contextlib.closing(End()) as far:
        _, to, _ = await originate(line, far, announced)
        ue = await client(to, shown)
        for peer, port in ((line.ue, line.net.edge.access.port), (line.core, line.net.edge.core.port)):
            bye = await line.asked(peer, "BYE")
            assert bye.get("reason") == 'SIP;cause=500;text="media security failure"'
            peer.send(response_to(bye, 200), port)
        async with asyncio.timeout(20):
            await ue.communicate(b"nothing of this passes\n")
        assert far.sock is None
        told = await line.net.edge.agw.wait_for(lambda one: one["event"] == "media security failed", 10)
        assert told["cause"] == "fingerprint mismatch"
        await line.net.nothing_left()


async def test_floor_control_to_a_ue(line: Line, tmp_path: Path) -> None:
    """The UE answers: it waits for TCP, and is the server of TLS."""
    files = issue(tmp_path, "ue")
    ports = line.net.edge
    known = await ports.pcscf.wait_for(lambda event: event["event"] == "trunk", 10)
    with contextlib.closing(End()) as far:
        offer = sdp(9, "application TCP/BFCP *", "a=floorctrl:s-only", "a=setup:active", "a=connection:new")
        line.invite(line.core, ports.core.port, offer, f"Route: {known['route']}")
        came = await line.asked(line.ue, "INVITE")
        assert of("^m=application [0-9]+ (TCP/TLS/BFCP) ", came)
        assert "a=3ge2ae:applied" in came.body.decode()
        read_fingerprint(of("^a=fingerprint:(.*)\r$", came))
        at = free_port()
        server = Program(
            "openssl", "s_server", "-accept", f"{LOOPBACK}:{at}", "-cert", files.certificate,
            "-key", files.private_key, "-Verify", "1", "-rev", "-naccept", "1", directory=tmp_path,
        )  # fmt: skip
        async with server:
            await server.listening(at, "tcp")
            announced = f"a=fingerprint:{fingerprint(files.certificate.read_text()).text}"
            answer = sdp(
                at,
                "application TCP/TLS/BFCP *",
                "a=floorctrl:c-only",
                "a=setup:passive",
                "a=connection:new",
                announced,
            )
            line.accept(line.ue, ports.access.port, came, answer)
            ok = await line.answered(line.core)
            assert "fingerprint" not in ok.body.decode()
            line.within(line.core, ports.core.port, "ACK", ok, 1)
            await line.asked(line.ue, "ACK")
            to = int(of("^m=application ([0-9]+) TCP/BFCP ", ok))
            await far.connect((LOOPBACK, to))
            await far.send(b"a floor request\n")
            assert await far.receive(16) == b"tseuqer roolf a\n"
        await line.hang_up(ok, of_ue=False)
