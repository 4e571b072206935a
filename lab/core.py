"""A small IMS core: registrar and record-routing proxy, I-CSCF and S-CSCF in one, and witness of the media.

async with CoreNetwork("ims.example", {"alice": "secret"}) as core:
    ... the P-CSCF's next hop is core.uri ...
    assert not core.violations
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from typing import Self

from lab.address import Target
from lab.errors import BadDescription, LabError
from lab.inspection import violations
from lab.passage import Passage, Route, Router
from lab.registrar import Registrar
from lab.relay import Party
from lab.stack import SipStack
from lab.trace import Trace
from lab.witness import MediaWitness
from pcscf.errors import SipRefusal
from pcscf.flow import Flow, Listener, Side
from pcscf.sip.build import response_to
from pcscf.sip.headers import tag_of
from pcscf.sip.message import Message, Request, Response
from pcscf.transaction.layer import ClientTransaction, ServerTransaction

#: Violations kept, dialogs remembered.
MAX_VIOLATIONS = 1000
MAX_DIALOGS = 10_000


class CoreNetwork:
    """users: user part -> password; static: user part -> SIP URI of a far end that does not register.

    behind_edge: everything comes through a P-CSCF and is judged (``violations``); False lets UEs register and
    call directly. end_to_end: SDES between the UEs may pass. relay: stand in the media path as its witness.
    tamper: may edit each message before it leaves, to play a misbehaving core.
    """

    def __init__(
        self,
        domain: str,
        users: Mapping[str, str],
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        static: Mapping[str, str] | None = None,
        behind_edge: bool = True,
        end_to_end: bool = False,
        relay: bool = True,
        tamper: Callable[[Message], None] | None = None,
        trace: Trace | None = None,
    ) -> None:
        self.domain = domain
        self.address = address
        self.violations: deque[str] = deque(maxlen=MAX_VIOLATIONS)
        self.stack = SipStack("core", Side.CORE, self, trace)
        self._users = users
        self.static = dict(static or {})
        self._port = port
        self._behind_edge = behind_edge
        self._end_to_end = end_to_end
        self._relay = relay
        self._tamper = tamper
        self._callers: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Listen on UDP and TCP, on one port. Raises OSError."""
        listener = await self.stack.start(("udp", "tcp"), self.address, self._port)
        self.target = Target("udp", self.address, listener.port)
        self.uri = f"sip:{listener.hostport}"
        self.witness = MediaWitness(self.address)
        self.registrar = Registrar(
            self.domain, self._users, f"<sip:orig@{listener.hostport};lr>", self._behind_edge
        )
        self._router = Router(self.registrar, self.stack.is_own, self.static)

    async def close(self) -> None:
        self.witness.close()
        await self.stack.close()

    # -- what the transaction layer reports

    def on_request(self, server: ServerTransaction) -> None:
        request = server.request
        self._inspect(request)
        now = asyncio.get_running_loop().time()
        if request.method == "REGISTER":
            response = self.registrar.register(request, now)
            self.violations.extend(self.registrar.violations)
            self.registrar.violations.clear()
            self._respond(server, response)
            return
        try:
            routes, originating = self._router.arrive(request)
            self._admit(request, originating)
            self._forward(server, self._router.route(request, routes, now))
        except SipRefusal as refusal:
            self._respond(server, self._refusal(request, refusal.status, refusal.phrase))
        except BadDescription:
            self._respond(server, self._refusal(request, 488))
        except LabError:
            self._respond(server, self._refusal(request, 503))

    def on_cancel(self, server: ServerTransaction) -> None:
        if isinstance(server.context, Passage) and server.context.client is not None:
            self.stack.cancel(server.context.client)

    def on_ack(self, request: Request, flow: Flow) -> None:
        self._inspect(request)
        try:
            routes, _ = self._router.arrive(request)
            route = self._router.route(request, routes, asyncio.get_running_loop().time())
            ack = self._prepare(request, route, flow.listener.transport)
            self.stack.flow(route.target).send(ack.encode())
        except (SipRefusal, LabError):
            return

    def on_response(self, client: ClientTransaction, response: Response) -> None:
        passage = client.context
        if not isinstance(passage, Passage) or response.status == 100:
            return
        self._inspect(response)
        response = response.copy()
        response.pop_value("via")
        try:
            self._describe(response, passage.call_id, passage.sender.other)
        except LabError:
            response = self._refusal(passage.server.request, 502)
        self._finish(passage, response.status)
        if self._tamper is not None:
            self._tamper(response)
        self.stack.respond(passage.server, response)

    def on_failed(self, client: ClientTransaction, reason: str) -> None:
        passage = client.context
        if isinstance(passage, Passage):
            status = 408 if reason == "timeout" else 503
            self._finish(passage, status)
            self._respond(passage.server, self._refusal(passage.server.request, status))

    # -- forwarding

    def _admit(self, request: Request, originating: bool) -> None:
        if originating and self._behind_edge and "p-asserted-identity" not in request:
            self.violations.append(f"{request.method} without P-Asserted-Identity")
            raise SipRefusal("no P-Asserted-Identity", status=403, phrase="Forbidden")

    def _forward(self, server: ServerTransaction, route: Route) -> None:
        request = server.request
        sender = self._sender(request)
        call_id = request.get("call-id") or ""
        passage = Passage(server, request.method, call_id, sender, initial=tag_of(request.get("to")) is None)
        server.context = passage
        outgoing = self._prepare(request, route, server.flow.listener.transport)
        flow = self.stack.flow(route.target)
        passage.client = self.stack.request(outgoing, flow, passage)

    def _prepare(self, request: Request, route: Route, arrived: str) -> Request:
        """Return the request as it goes on (RFC 3261 16.6). Raises SipRefusal 483."""
        hops = request.get("max-forwards") or "70"
        if not hops.isdigit() or int(hops) == 0:
            raise SipRefusal("too many hops", status=483, phrase="Too Many Hops")
        outgoing = request.copy()
        outgoing.uri = route.uri
        outgoing.replace_values("Route", route.route)
        outgoing.set("Max-Forwards", str(int(hops) - 1))
        listener = self.stack.listening(route.target.transport)
        via = (
            f"SIP/2.0/{listener.transport.upper()} {listener.hostport};branch=z9hG4bK{secrets.token_hex(10)}"
        )
        outgoing.prepend("Via", via)
        if request.method in ("INVITE", "SUBSCRIBE") and tag_of(request.get("to")) is None:
            self._record_route(outgoing, arrived, listener)
        if route.called is not None:
            outgoing.set("P-Called-Party-ID", f"<{route.called}>")
        self._describe(outgoing, request.get("call-id") or "", self._sender(request))
        if self._tamper is not None:
            self._tamper(outgoing)
        return outgoing

    def _record_route(self, request: Request, arrived: str, out: Listener) -> None:
        """Name the transport of each side to UEs (RFC 5658); a P-CSCF has both, and chooses by size."""
        if self._behind_edge:
            request.prepend("Record-Route", f"<sip:{out.hostport};lr>")
            return
        for transport in dict.fromkeys((arrived, out.transport)):
            own = self.stack.listening(transport)
            request.prepend("Record-Route", f"<sip:{own.hostport};transport={transport};lr>")

    def _describe(self, message: Message, call_id: str, sender: Party) -> None:
        """Put the witness into the media path of a message with SDP."""
        if self._relay and message.body and "application/sdp" in (message.get("content-type") or "").lower():
            message.set_body(self.witness.describe(call_id, sender, message.body))

    def _sender(self, request: Request) -> Party:
        """Return who wrote a request: the caller of its dialog is the one that sent the first one."""
        call_id, tag = request.get("call-id") or "", tag_of(request.get("from")) or ""
        while len(self._callers) >= MAX_DIALOGS:
            del self._callers[next(iter(self._callers))]
        return Party.CALLER if self._callers.setdefault(call_id, tag) == tag else Party.CALLEE

    def _finish(self, passage: Passage, status: int) -> None:
        """Let go of a dialog that ended or never began."""
        failed = passage.method == "INVITE" and passage.initial and status >= 300
        if failed or (passage.method == "BYE" and status >= 200):
            self.witness.release(passage.call_id)
            self._callers.pop(passage.call_id, None)

    def _inspect(self, message: Message) -> None:
        if self._behind_edge:
            self.violations.extend(violations(message, end_to_end=self._end_to_end))

    def _refusal(self, request: Request, status: int, phrase: str | None = None) -> Response:
        return response_to(request, status, phrase or None, to_tag=secrets.token_hex(4))

    def _respond(self, server: ServerTransaction, response: Response) -> None:
        self.stack.respond(server, response)
