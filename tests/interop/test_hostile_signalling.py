"""Broken SIP, SDP and H.248 against live processes: the right error or silence, and the next call works."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from iq.h248 import codec
from iq.tpkt import frame
from lab.errors import CallFailed
from lab.negotiation import Negotiation
from lab.sockets import open_socket
from lab.ue import UserAgent
from tests.support import iq_values
from tests.support.edge import Network, aor, network
from tests.support.iq_relay import IqRelay
from tests.support.programs import until

pytestmark = pytest.mark.interop

VECTORS = Path(__file__).parents[1] / "vectors"
#: RFC 4475: what the invalid messages of 3.1.2 and 3.3 get on a connection; None: silence or the end of it.
INVALID = {
    "badinv01": 400, "ncl": 400, "scalar02": 400, "quotbal": 400, "ltgtruri": 400, "lwsruri": 400,
    "lwsstart": 400, "escruri": 400, "regbadct": 400, "badvers": 505, "mismatch01": 400, "mismatch02": 400,
    "insuf": 400, "multi01": 400, "mcl01": 400, "unkscm": 416, "novelsc": 416, "clerr": None, "bigcode": None,
    "scalarlg": None,
}  # fmt: skip
SUITE = "AES_CM_128_HMAC_SHA1_80"


@contextlib.asynccontextmanager
async def living() -> AsyncIterator[tuple[Network, UserAgent]]:
    """A network that has to be able to carry a good call, and to let go of everything, when it is left."""
    async with network() as net:
        alice = await net.ue("alice")
        await net.echo("bob")
        yield net, alice
        await net.good_call(alice, "bob")
        await net.nothing_left()
        assert await net.metric("pcscf", "pcscf_iq_up") == 1


def vectors() -> dict[str, bytes]:
    files = [*VECTORS.glob("rfc4475/*"), *VECTORS.glob("rfc5118/*")]
    return {file.name.removesuffix(".dat"): file.read_bytes() for file in files}


def garbage() -> list[bytes]:
    chance = random.Random(4475)
    noise = [chance.randbytes(chance.randrange(1, 1400)) for _ in range(100)]
    sip = b"INVITE sip:bob@ims.example SIP/2.0\r\n"
    return [
        *noise,
        bytes(60_000),
        sip,
        sip + b"\r\n",
        sip * 800,
        sip + b"Via: " + b"x" * 50_000 + b"\r\n\r\n",
        sip + b"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\n" * 1200 + b"\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"\r\n" * 20_000,
    ]


async def test_datagrams_of_any_kind():
    async with living() as (net, _):
        with open_socket("127.0.0.1", 0) as sock:
            for target in (net.edge.access, net.edge.core):
                before = await received(net)
                everything = [*vectors().values(), *garbage()]
                for number, data in enumerate(everything):
                    sock.sendto(data, (target.host, target.port))
                    if number % 20 == 0:  # not more than its receive buffer holds
                        await options(net)
                await options(net)
                assert await received(net) > before


async def received(net: Network) -> float:
    return sum((await net.edge.metrics("pcscf")).values())


async def options(net: Network) -> None:
    """Ask the P-CSCF itself and wait for its 200: what came before is dealt with."""
    with open_socket("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        target = net.edge.access
        sock.sendto(request("OPTIONS", f"sip:{target.host}:{target.port}", port), (target.host, target.port))
        answer = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 65_535), 5)
        assert status_of(answer) == 200


def request(method: str, uri: str, port: int, *changes: str, version: str = "SIP/2.0") -> bytes:
    """A request of nobody in particular. changes: header lines; one of a name that is there replaces it."""
    number = random.randrange(10**9)
    lines = {
        "Via": f"SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK{number}",
        "Max-Forwards": "70",
        "From": f"<sip:mallory@ims.example>;tag={number}",
        "To": "<sip:bob@ims.example>",
        "Call-ID": f"{number}",
        "CSeq": f"1 {method}",
        "Contact": f"<sip:mallory@127.0.0.1:{port}>",
        "Content-Length": "0",
    }
    for change in changes:
        name, _, value = change.partition(": ")
        lines[name] = value
    head = [f"{method} {uri} {version}", *(f"{name}: {value}" for name, value in lines.items() if value)]
    return ("\r\n".join(head) + "\r\n\r\n").encode()


def status_of(data: bytes) -> int | None:
    words = data.split(b" ", 2)
    return int(words[1]) if words[0] == b"SIP/2.0" else None


@pytest.mark.parametrize("side", ["access", "core"])
async def test_wrong_requests_get_the_right_error(side: str):
    bob = "sip:bob@ims.example"
    wrong: dict[str, tuple[int, bytes]] = {}
    async with living() as (net, _):
        target = net.edge.access if side == "access" else net.edge.core
        stranger = 403 if side == "access" else 404
        with open_socket("127.0.0.1", 0) as sock:
            port = sock.getsockname()[1]
            wrong = {
                "no binding": (stranger, request("INVITE", bob, port)),
                "no dialog": (481, request("BYE", bob, port, "To: <sip:bob@ims.example>;tag=1")),
                "version": (505, request("INVITE", bob, port, version="SIP/7.0")),
                "scheme": (416, request("INVITE", "nobodyknows:bob", port)),
                "hops": (483, request("INVITE", bob, port, "Max-Forwards: 0")),
                "hops are a word": (400, request("INVITE", bob, port, "Max-Forwards: many")),
                "extension": (420, request("INVITE", bob, port, "Proxy-Require: no-such-thing")),
                "method": (400, request("INVITE", bob, port, "CSeq: 1 BYE")),
                "sequence": (400, request("INVITE", bob, port, "CSeq: 99999999999 INVITE")),
                "no Call-ID": (400, request("INVITE", bob, port, "Call-ID: ")),
                "no From": (400, request("INVITE", bob, port, "From: ")),
                "short body": (400, request("INVITE", bob, port, "Content-Length: 10")),
                "cancels nothing": (481, request("CANCEL", bob, port)),
                "strange method": (stranger, request("DANCE", bob, port)),
            }
            for name, (status, data) in wrong.items():
                sock.sendto(data, (target.host, target.port))
                answer = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 65_535), 5)
                assert (name, status_of(answer)) == (name, status)


async def test_torture_messages_on_connections():
    async with living() as (net, _):
        for name, data in vectors().items():
            statuses = await converse(net, data)
            if name in INVALID:
                wanted = INVALID[name]
                assert (name, statuses[:1]) == (name, [wanted] if wanted else [])
            assert all(status == 100 or 300 <= status <= 699 for status in statuses), (name, statuses)
        for data in garbage():
            await converse(net, data)


async def converse(net: Network, data: bytes) -> list[int]:
    """Send on a fresh connection, hang up, and return the statuses that came back."""
    reader, writer = await asyncio.open_connection(net.edge.access.host, net.edge.access.port)
    try:
        writer.write(data)
        with contextlib.suppress(OSError):
            await writer.drain()
            writer.write_eof()
            answers = await asyncio.wait_for(reader.read(), 10)
            return [
                int(line.split(b" ")[1]) for line in answers.split(b"\r\n") if line.startswith(b"SIP/2.0 ")
            ]
        return []
    finally:
        writer.transport.abort()


async def test_connections_that_are_opened_and_left():
    async with living() as (net, alice):
        whole = request("INVITE", "sip:bob@ims.example", 5060).replace(b"/UDP", b"/TCP")
        streams = []
        await net.good_call(alice, "bob")
        before = await net.metric("pcscf", "pcscf_connections")  # to the core: large requests go over TCP
        async with contextlib.AsyncExitStack() as stack:
            for number in range(60):
                reader, writer = await asyncio.open_connection(net.edge.access.host, net.edge.access.port)
                streams.append((reader, writer))  # what nobody has closes its connection
                stack.callback(writer.transport.abort)
                writer.write(whole[: number * 5])
            await until(lambda: net.metric("pcscf", "pcscf_connections"), lambda seen: seen == before + 60)
            await net.good_call(alice, "bob")
        await until(lambda: net.metric("pcscf", "pcscf_connections"), lambda seen: seen == before)


@pytest.mark.parametrize(
    ("length", "status"), [(10_000_000, 513), (99_999_999_999, 400)], ids=["large", "beyond counting"]
)
async def test_a_message_too_large_for_a_connection(length: int, status: int):
    async with living() as (net, _):
        data = request("INVITE", "sip:bob@ims.example", 5060, f"Content-Length: {length}")
        assert await converse(net, data.replace(b"/UDP", b"/TCP") + bytes(100_000)) == [status]


SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
SECURE = SDP + "m=audio 5004 RTP/SAVP 8\r\na=3ge2ae:requested\r\n"
KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
BROKEN = {
    "no SDP at all": "nonsense",
    "port": SDP + "m=audio 99999 RTP/SAVP 8\r\n",
    "m= line cut": SDP + "m=audio\r\n",
    "address": SDP.replace("127.0.0.1", "nowhere at all") + "m=audio 5004 RTP/SAVP 8\r\n",
    "no crypto": SECURE,
    "key too short": SECURE + f"a=crypto:1 {SUITE} inline:{KEY[:-4]}\r\n",
    "no key": SECURE + f"a=crypto:1 {SUITE} inline:\r\n",
    "key is no base64": SECURE + f"a=crypto:1 {SUITE} inline:{'!' * 40}\r\n",
    "tag": SECURE + f"a=crypto:x {SUITE} inline:{KEY}\r\n",
    "unknown suite": SECURE + f"a=crypto:1 ROT_13 inline:{KEY}\r\n",
    "crypto cut": SECURE + "a=crypto:1\r\n",
    "too many lines": SDP + "m=audio 5004 RTP/SAVP 8\r\n" * 400,
}


async def test_broken_descriptions(monkeypatch: pytest.MonkeyPatch):
    async with living() as (_, alice):
        statuses = {}
        for name, text in BROKEN.items():
            with monkeypatch.context() as patch:
                patch.setattr(Negotiation, "offer", lambda _self, text=text: text.encode())
                with pytest.raises(CallFailed) as failure:
                    await alice.call(aor("bob"), timeout=10)
            statuses[name] = failure.value.status
        assert {name: status for name, status in statuses.items() if status not in (400, 413, 488)} == {}


#: What a peer that never registered says on Iq -> what has to be in the answer; None: no answer.
BROKEN_IQ = {
    b"GET / HTTP/1.1\r\n\r\n": None,
    b"\x03\x00\x00\x04": None,
    b"\x03\x00\x00\x00": None,
    frame(b"nonsense"): b"ER=400",
    frame(b"\xff" * 5000): b"ER=400",
    frame(b"!/3 <a.b> " + b"T=1{" * 9000): b"ER=",
    frame(b"!/9 <a.b> T=1{C=-{AV=ROOT{AT{}}}}"): b"ER=406",
    frame(codec.encode_request("<mallory.example>", 7, iq_values.reserve())): b"ER=505",
}


async def test_broken_messages_on_iq():
    async with living() as (net, _):
        for data, wanted in BROKEN_IQ.items():
            answer = await ask_iq(iq_port(net), data)
            assert (wanted or b"") in answer, data[:60]
            assert bool(answer) == (wanted is not None), data[:60]
        await asyncio.gather(*[ask_iq(iq_port(net), data) for data in garbage()])


def iq_port(net: Network) -> int:
    settings = YAML(typ="safe").load(net.edge.directory / "pcscf.yaml")
    port: int = settings["iq"]["listen"]["port"]
    return port


async def ask_iq(port: int, data: bytes) -> bytes:
    """Send on a fresh connection to the controller, and return what comes until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        with contextlib.suppress(OSError):
            writer.write_eof()
            return await asyncio.wait_for(reader.read(), 10)
        return b""
    finally:
        writer.transport.abort()


async def test_a_controller_that_talks_nonsense():
    async with IqRelay() as relay, network(edit_agw=relay.between) as net:
        alice = await net.ue("alice")
        await net.echo("bob")
        relay.to_gateway(frame(b"nonsense"))
        relay.to_gateway(frame(b"!/3 <pcscf.ims.example> T=1{C=77{MF=ip/0/x/1}}"))
        call = await alice.call(aor("bob"), timeout=10)
        relay.to_gateway(b"no TPKT")  # nothing can follow on that connection: it is made anew
        await net.edge.pcscf.wait_for(lambda event: event.get("event") == "iq.down", 10)
        await call.media.exchange(5)
        assert not (await call.hangup()).problems(5)  # whatever Iq does meanwhile
        await until(lambda: net.metric("pcscf", "pcscf_iq_up"), bool)
        await net.good_call(alice, "bob")
        await net.nothing_left()
