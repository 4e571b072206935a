"""The P-CSCF in memory: its real parts, flows that keep what is sent, a UE and a core that answer."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from benchmarks.errors import BenchmarkFailed
from iq.procedures import Action, ActionReply
from pcscf.admin.counters import Counters
from pcscf.alg.session import MediaPolicy
from pcscf.edge import Edge
from pcscf.entropy import Entropy
from pcscf.flow import Flow, Listener, Side
from pcscf.overload import Overload
from pcscf.proxy.calls import CallSettings
from pcscf.proxy.charging import Charging
from pcscf.proxy.core import Proxy, ProxySettings
from pcscf.proxy.originating import HeaderSettings
from pcscf.registration.registrar import Registrar, RegistrarSettings
from pcscf.sip.message import Request, Response, parse
from pcscf.transaction.layer import TransactionLayer
from pcscf.transport.transports import Transports

ACCESS = Listener(Side.ACCESS, "udp", "127.0.0.1", 5060, "access", confidential=True)
CORE = Listener(Side.CORE, "udp", "127.0.0.1", 5070, "core")
CORE_TCP = Listener(Side.CORE, "tcp", "127.0.0.1", 5070, "core")
MECHANISMS = ("sdes-srtp",)

_OFFER = """v=0
o=ue 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 40000 RTP/SAVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd
a=3ge2ae:requested
"""
_ANSWER = """v=0
o=core 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.4
t=0 0
m=audio 41000 RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
"""
_VIA = "Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-{number}-{cseq}{method}"
_UE = "sip:ue@127.0.0.1:5080"


class MemoryFlow:
    """Keeps what is sent on it."""

    closed = False

    def __init__(self, listener: Listener, remote: tuple[str, int]) -> None:
        self.listener = listener
        self.remote = remote
        self.key: tuple[object, ...] = (listener.side, *remote)
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def take(self) -> bytes:
        """Return the last message. Raises BenchmarkFailed if there is none."""
        if not self.sent:
            raise BenchmarkFailed(f"nothing was sent to the {self.listener.side} side")
        data = self.sent[-1]
        self.sent.clear()
        return data


class _Transports:
    on_message: Callable[[Request | Response, Flow], None]
    on_closed: Callable[[Flow], None]

    def __init__(self, core: MemoryFlow) -> None:
        self._core = core

    def behind(self, _now: float) -> float:
        return 0.0

    def flow_to(self, _listener: Listener, _host: str, _port: int) -> MemoryFlow:
        return self._core


class _Gateway:
    """Keeps one action until it is answered."""

    mid = "<agw.ims.example>"
    suites = frozenset({"AES_CM_128_HMAC_SHA1_80"})
    mechanisms = frozenset({"sdes-srtp"})
    aware = frozenset[str]()

    def __init__(self) -> None:
        self.asked: list[tuple[Action, Callable[[ActionReply], None]]] = []

    def send(self, action: Action, done: Callable[[ActionReply], None]) -> None:
        self.asked.append((action, done))


class MemoryEdge:
    """``call(n)`` takes a whole call through; ``seconds`` is the time spent inside the P-CSCF so far.

    answer: what the gateway replies to an action. Of the last call: received and sent are the messages,
    actions what was asked of the gateway, with the replies.
    """

    def __init__(self, answer: Callable[[Action], ActionReply]) -> None:
        self._answer = answer
        self.seconds = 0.0
        self.received: list[bytes] = []
        self.sent: list[bytes] = []
        self.actions: list[tuple[Action, ActionReply]] = []
        self.ue = MemoryFlow(ACCESS, ("127.0.0.1", 5080))
        self.core = MemoryFlow(CORE, ("127.0.0.1", 5090))
        self._transports = _Transports(self.core)
        self._gateway = _Gateway()
        transports = cast("Transports", self._transports)
        counters, entropy, listeners = Counters(), Entropy(), [ACCESS, CORE, CORE_TCP]
        charging = Charging(CORE.host, "ims.example")
        registrar = Registrar(RegistrarSettings(CORE, "ims.example", entropy(32), MECHANISMS))
        settings = ProxySettings(
            CallSettings(MediaPolicy()), HeaderSettings(charging, MECHANISMS, False), "sip:127.0.0.1:5090"
        )
        self.layer = TransactionLayer()
        self._edge = Edge(
            Proxy(settings, listeners, registrar, counters, entropy),
            self.layer,
            transports,
            listeners,
            counters,
            entropy,
            Overload(60.0),
            udp_limit=65_000,
        )
        self._edge.on_gateway_up(self._gateway, True)
        self._register()

    async def close(self) -> None:
        await self._edge.close()

    def call(self, number: int) -> None:
        """INVITE, 180, 200, ACK, BYE, 200."""
        self.received.clear()
        self.sent.clear()
        self.actions.clear()
        self._to_edge(self._request("INVITE", "sip:bob@ims.example", number, 1, _INVITE, _OFFER), self.ue)
        self._gateway_answers()
        invite = self.core.take()
        self.sent += [*self.ue.sent, invite]
        self._to_edge(self._response(invite, "180 Ringing"), self.core)
        self._to_edge(self._response(invite, "200 OK", _ANSWER), self.core)
        self._gateway_answers()
        self.sent += self.ue.sent[1:]
        ok = parse(self.ue.take())
        route = "".join(f"Route: {value}\n" for value in reversed(ok.values("record-route")))
        route += f"To: {ok.get('to')}\n"
        self._to_edge(self._request("ACK", "sip:bob@127.0.0.1:5090", number, 1, route), self.ue)
        self.sent.append(self.core.take())
        self._to_edge(self._request("BYE", "sip:bob@127.0.0.1:5090", number, 2, route), self.ue)
        bye = self.core.take()
        self._to_edge(self._response(bye, "200 OK"), self.core)
        self._gateway_answers()
        self.sent += [bye, self.ue.take()]

    def _register(self) -> None:
        self._to_edge(self._request("REGISTER", "sip:ims.example", 0, 1, _REGISTER), self.ue)
        service = (
            "\nContact: <sip:ue@127.0.0.1:5080>;expires=600000\nService-Route: <sip:orig@127.0.0.1:5090;lr>"
        )
        asserted = "\nP-Associated-URI: <sip:ue@ims.example>"
        self._to_edge(self._response(self.core.take(), "200 OK" + service + asserted), self.core)
        self.ue.take()
        self.seconds = 0.0

    def _to_edge(self, data: bytes, flow: MemoryFlow) -> None:
        self.received.append(data)
        started = time.perf_counter()
        self._transports.on_message(parse(data), flow)
        self.seconds += time.perf_counter() - started

    def _gateway_answers(self) -> None:
        for action, done in self._gateway.asked:
            reply = self._answer(action)
            self.actions.append((action, reply))
            started = time.perf_counter()
            done(reply)
            self.seconds += time.perf_counter() - started
        self._gateway.asked.clear()

    def _request(self, method: str, uri: str, number: int, cseq: int, headers: str, body: str = "") -> bytes:
        to = "" if "\nTo:" in f"\n{headers}" else "To: <sip:bob@ims.example>\n"
        head = (
            f"{method} {uri} SIP/2.0\n{_VIA.format(number=number, cseq=cseq, method=method)}\n"
            f"From: <sip:ue@ims.example>;tag=u{number}\n{to}Call-ID: c{number}@127.0.0.1\n"
            f"CSeq: {cseq} {method}\nMax-Forwards: 70\n{headers}"
        )
        return _message(head, body)

    def _response(self, request: bytes, status: str, body: str = "") -> bytes:
        asked = parse(request)
        lines = [raw for key, raw in asked.fields if key in _ECHOED]
        tagged = [f"{raw};tag=s1" if raw.startswith("To:") and ";tag" not in raw else raw for raw in lines]
        content = "Content-Type: application/sdp\n" if body else ""
        head = f"SIP/2.0 {status}\n" + "\n".join(tagged) + "\nContact: <sip:bob@127.0.0.1:5090>\n" + content
        return _message(head, body)


_ECHOED = frozenset({"via", "record-route", "from", "to", "call-id", "cseq"})
_INVITE = f"""Contact: <{_UE}>
P-Preferred-Identity: <sip:ue@ims.example>
Security-Verify: sdes-srtp;mediasec
Require: mediasec
Proxy-Require: mediasec
P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=0010100010000001
Supported: 100rel,timer,precondition
Allow: INVITE,ACK,CANCEL,BYE,PRACK,UPDATE
Content-Type: application/sdp
"""
_REGISTER = f"""To: <sip:ue@ims.example>
Contact: <{_UE}>
Expires: 600000
Require: mediasec
Proxy-Require: mediasec
Security-Client: sdes-srtp;mediasec
"""


def _message(head: str, body: str) -> bytes:
    content = body.replace("\n", "\r\n").encode()
    return f"{head}Content-Length: {len(content)}\n\n".replace("\n", "\r\n").encode() + content


async def settled(edge: MemoryEdge) -> None:
    """Let the loop run what it was given."""
    await asyncio.sleep(0.06)
    if not edge.layer.idle:
        await asyncio.sleep(0)
