"""The shell of a P-CSCF on real sockets in the test's own loop, with a UE and a core at its sides."""

import asyncio
import socket

from pcscf.admin.counters import Counters
from pcscf.admission import Admission
from pcscf.alg.session import MediaPolicy
from pcscf.edge import Edge
from pcscf.entropy import Entropy
from pcscf.flow import Listener, Side
from pcscf.overload import Overload
from pcscf.proxy.calls import CallSettings
from pcscf.proxy.charging import Charging
from pcscf.proxy.core import Proxy, ProxySettings
from pcscf.proxy.originating import HeaderSettings
from pcscf.ratelimit import RateLimit
from pcscf.registration.registrar import Registrar, RegistrarSettings
from pcscf.sip.build import response_to
from pcscf.sip.message import Request, Response, parse
from pcscf.transaction.layer import TransactionLayer
from pcscf.transport.resolver import Resolver
from pcscf.transport.transports import Transports

LOOPBACK = "127.0.0.1"


class Peer:
    """A UDP socket that speaks SIP."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((LOOPBACK, 0))
        self.port: int = self.socket.getsockname()[1]

    async def read(self) -> Request | Response:
        data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 65_535), 10)
        return parse(data)

    def send(self, message: Request | Response | bytes, port: int) -> None:
        data = message if isinstance(message, bytes) else message.encode()
        self.socket.sendto(data, (LOOPBACK, port))


class Node:
    """An edge with a UE and a core at its sides.

    listeners, as bound: access over UDP, core over UDP and TCP, access over TCP. t1: in seconds.
    """

    def __init__(self, t1: float = 0.5) -> None:
        self.ue, self.core = Peer(), Peer()
        self.counters = Counters()
        self.overload = Overload(0.4)
        rate = RateLimit(1000, 1000)
        admission = Admission(rate, rate, self.overload, self.counters.refusals)
        self.layer = TransactionLayer(t1=t1, admit=admission.check)
        self.numbers = 0
        self.closed = False

    async def start(
        self, next_hop: str | None = None, resolver: Resolver | None = None, *, reg_event: bool = False
    ) -> None:
        self.transports = Transports()
        self.listeners = await self.transports.start(
            [
                Listener(Side.ACCESS, "udp", LOOPBACK, 0, "access"),
                Listener(Side.CORE, "udp", LOOPBACK, 0, "core"),
                Listener(Side.CORE, "tcp", LOOPBACK, 0, "core"),
                Listener(Side.ACCESS, "tcp", LOOPBACK, 0, "access"),
            ]
        )
        entropy = Entropy()
        self.registrar = Registrar(RegistrarSettings(self.listeners[1], "visited.example", b"s" * 32))
        settings = ProxySettings(
            CallSettings(MediaPolicy()),
            HeaderSettings(Charging(LOOPBACK, "visited.example")),
            next_hop or f"sip:{LOOPBACK}:{self.core.port}",
            reg_event=reg_event,
        )
        proxy = Proxy(settings, self.listeners, self.registrar, self.counters, entropy)
        self.edge = Edge(
            proxy,
            self.layer,
            self.transports,
            self.listeners,
            self.counters,
            entropy,
            self.overload,
            udp_limit=1300,
            resolver=resolver,
        )

    async def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        await self.edge.close()
        await self.transports.close()
        self.ue.socket.close()
        self.core.socket.close()

    def ask(self, method: str, to: str, *extra: str, body: bytes = b"") -> None:
        self.numbers += 1
        lines = [
            f"{method} {to} SIP/2.0",
            f"Via: SIP/2.0/UDP {LOOPBACK}:{self.ue.port};branch=z9hG4bK{self.numbers};rport",
            "From: <sip:alice@home.example>;tag=a",
            f"To: <{'sip:alice@home.example' if method == 'REGISTER' else to}>",
            f"Call-ID: {self.numbers}@home.example",
            f"CSeq: 1 {method}",
            f"Contact: <sip:alice@{LOOPBACK}:{self.ue.port}>",
            *extra,
            f"Content-Length: {len(body)}",
        ]
        self.ue.send("\r\n".join([*lines, "", ""]).encode() + body, self.listeners[0].port)

    async def register(self) -> None:
        self.ask("REGISTER", "sip:home.example")
        asked = await self.core.read()
        assert isinstance(asked, Request)
        headers = [("Contact", f"{asked.get('contact')};expires=600")]
        self.core.send(response_to(asked, 200, to_tag="r", headers=headers), self.listeners[1].port)
        await self.status(200)

    async def status(self, expected: int) -> Response:
        response = await self.ue.read()
        assert isinstance(response, Response)
        assert response.status == expected
        return response
