"""A UE that asks for media plane security: registers with mediasec, places and takes calls.

async with UserAgent("sip:alice@ims.example", "secret", "127.0.0.1:5060") as ue:
    await ue.register()
    call = await ue.call("sip:bob@ims.example")
    statistics = await call.media.exchange(packets=50)
    await call.hangup()
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Self

from hosting.tasks import TaskSet
from hosting.tls import connecting_context
from lab.address import Target, parse_target, target_of
from lab.audio import AUDIO
from lab.call import Call
from lab.descriptions import Protection, Terms
from lab.dialog import Dialog
from lab.errors import CallFailed, LabError, RegistrationFailed
from lab.exchange import Invitation, Reply
from lab.kind import Kind
from lab.registration import Registration
from lab.stack import SipStack
from lab.trace import Trace
from pcscf.flow import Flow, Side
from pcscf.sip.build import response_to
from pcscf.sip.headers import tag_of
from pcscf.sip.message import Request, Response, key_of
from pcscf.transaction.layer import ClientTransaction, ServerTransaction
from pcscf.transport.identity import Peer

#: Calls of one UE at once, and tries of one REGISTER (401, 494, stale nonce).
MAX_CALLS = 100
MAX_ATTEMPTS = 4
_UNTRUSTED = "TLS handshake failed: is its certificate trusted, and for this name?"

Answer = Callable[[Call], Awaitable[None]]


class UserAgent:
    """One UE: an identity, a socket, a registration, calls.

    proxy: the P-CSCF, "[udp:|tcp:|tls:]HOST[:PORT]". trust: who it has to be over TLS; None: who the CAs of
    this system know by its address. kind: of the media in its calls; terms: what this has to be. mechanisms:
    announced in REGISTER; None: the kind's where the terms ask for e2ae, else nothing. answer: runs for each
    incoming call as a task; without it calls wait in ``incoming``. echo: media goes back instead of being
    generated.
    """

    def __init__(
        self,
        aor: str,
        password: str,
        proxy: str | Target,
        *,
        trust: Peer | None = None,
        kind: Kind = AUDIO,
        terms: Terms | None = None,
        mechanisms: tuple[str, ...] | None = None,
        answer: Answer | None = None,
        echo: bool = False,
        address: str = "127.0.0.1",
        port: int = 0,
        trace: Trace | None = None,
    ) -> None:
        self.aor = aor
        self.user = aor.partition(":")[2].partition("@")[0]
        self.kind = kind
        self.terms = terms or Terms()
        self.echo = echo
        self.address = address
        self.proxy = parse_target(proxy) if isinstance(proxy, str) else proxy
        self.incoming: asyncio.Queue[Call] = asyncio.Queue(MAX_CALLS)
        self.calls: dict[tuple[str, str], Call] = {}
        self.stack = SipStack(self.user, Side.ACCESS, self, trace)
        self._port = port
        self._trust = trust
        self._answer = answer
        self._tasks = TaskSet(f"ue.{self.user}")
        if mechanisms is None:
            mechanisms = (kind.mechanism,) if self.terms.protection is Protection.E2AE else ()
        self.registration = Registration(aor, password, "", mechanisms)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Open the SIP socket. Over TLS the connection is opened when there is something to send."""
        if self.proxy.transport == "tls":
            peer = self._trust or Peer(connecting_context(None), self.proxy.host)
            listener = await self.stack.start_client(self.address, self._port, self.proxy, peer)
        else:
            listener = await self.stack.start(self.proxy.transport, self.address, self._port)
        suffix = "" if self.proxy.transport == "udp" else f";transport={self.proxy.transport}"
        self.contact = f"sip:{self.user}@{listener.hostport}{suffix}"
        self.registration.contact = self.contact

    async def close(self) -> None:
        """Hang up and deregister without waiting long, then close the sockets."""
        for call in list(self.calls.values()):
            call.end("closed")
        await self._tasks.close()
        await self.stack.close()

    async def register(self, expires: int = 3600) -> Registration:
        """Register, refresh, or deregister with ``expires`` 0. Raises RegistrationFailed."""
        for _ in range(MAX_ATTEMPTS):
            reply = Reply()
            request = self.registration.request(expires, self.via())
            reply.client = self.stack.request(request, self.stack.flow(self.proxy), reply)
            response = await reply.final
            if not self.registration.absorb(response):
                break
        if response.status != 200:
            failed = response.status == 503 and self.stack.untrusted
            raise RegistrationFailed(response.status, _UNTRUSTED if failed else response.reason)
        return self.registration

    async def deregister(self) -> None:
        """Remove the binding. Raises RegistrationFailed."""
        await self.register(0)

    def keep_registered(self) -> None:
        """Refresh the registration at half its time until the UE closes."""
        self._tasks.spawn(self._refresh(), "registration")

    def place(self, uri: str) -> Call:
        """Send an INVITE and return at once: ``call.answered`` waits, ``call.cancel`` gives up."""
        if len(self.calls) >= MAX_CALLS:
            raise CallFailed(486, "too many calls")
        call = Call(self, uri)
        self.calls[call.call_id, call.tag] = call
        call.invite()
        return call

    async def call(self, uri: str, *, timeout: float = 60.0) -> Call:  # noqa: ASYNC109 -- it cancels the call
        """Place a call and wait until it is answered. Raises CallFailed."""
        return await self.place(uri).answered(timeout)

    # -- for Call

    def via(self) -> str:
        """Return a Via value with a fresh branch."""
        listener = self.stack.listener
        branch = f"z9hG4bK{secrets.token_hex(10)}"
        return f"SIP/2.0/{listener.transport.upper()} {listener.hostport};branch={branch};rport"

    def send_initial(self, call: Call, body: bytes, invitation: Invitation) -> None:
        """Send the first INVITE of a call by the P-CSCF and the Service-Route (TS 24.229 5.1.2A.1)."""
        registration = self.registration
        lines = [("Via", self.via()), ("Max-Forwards", "70"), ("Route", f"<{self.proxy.uri}>")]
        lines += [("Route", value) for value in registration.service_route]
        lines += [
            ("From", f"<{self.aor}>;tag={call.tag}"),
            ("To", f"<{call.uri}>"),
            ("Call-ID", call.call_id),
            ("CSeq", "1 INVITE"),
            ("Contact", f"<{self.contact}>"),
            ("P-Preferred-Identity", f"<{self.aor}>"),
            ("Allow", "INVITE, ACK, CANCEL, BYE, UPDATE, OPTIONS"),
            *(registration.verify() if registration.security_server else ()),
            ("Content-Type", "application/sdp"),
            ("Content-Length", str(len(body))),
        ]
        fields = [(key_of(name), f"{name}: {value}") for name, value in lines]
        request = Request("INVITE", call.uri, fields, body)
        invitation.client = self.stack.request(request, self.stack.flow(self.proxy), invitation)

    def send_in_dialog(self, dialog: Dialog, method: str, reply: Reply, body: bytes = b"") -> None:
        """Send a request inside a dialog along its route set."""
        headers = [("Contact", f"<{self.contact}>")] if method in ("INVITE", "UPDATE") else []
        request = dialog.request(method, self.via(), headers, body)
        reply.client = self.stack.request(request, self._hop(dialog), reply)

    def send_ack(self, dialog: Dialog, ack: Request) -> Flow:
        """Send the ACK of a 2xx; it belongs to no transaction."""
        flow = self._hop(dialog)
        flow.send(ack.encode())
        return flow

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work of a call beside others until the UE closes."""
        self._tasks.spawn(work, "call")

    def forget(self, call: Call) -> None:
        self.calls.pop((call.call_id, call.tag), None)

    # -- what the transaction layer reports

    def on_request(self, server: ServerTransaction) -> None:
        request = server.request
        tag = tag_of(request.get("to"))
        if tag is not None:
            if call := self.calls.get((request.get("call-id") or "", tag)):
                call.on_request(server)
            else:
                self.stack.respond(server, response_to(request, 481))
        elif request.method == "INVITE":
            self._invited(server)
        else:
            status = 200 if request.method in ("OPTIONS", "MESSAGE", "NOTIFY") else 501
            self.stack.respond(server, response_to(request, status, to_tag=secrets.token_hex(4)))

    def on_cancel(self, server: ServerTransaction) -> None:
        if isinstance(server.context, Call):
            server.context.on_cancel()

    def on_ack(self, request: Request, _flow: Flow) -> None:
        call = self.calls.get((request.get("call-id") or "", tag_of(request.get("to")) or ""))
        if call is not None:
            call.on_ack(request)

    def on_response(self, client: ClientTransaction, response: Response) -> None:
        if isinstance(client.context, Reply):
            client.context.on_response(response)

    def on_failed(self, client: ClientTransaction, reason: str) -> None:
        if isinstance(client.context, Reply):
            client.context.on_failed(client, reason)

    def _invited(self, server: ServerTransaction) -> None:
        if len(self.calls) >= MAX_CALLS:
            self.stack.respond(server, response_to(server.request, 486, to_tag=secrets.token_hex(4)))
            return
        call = Call(self, server.request.uri, server)
        server.context = call
        self.calls[call.call_id, call.tag] = call
        if self._answer is not None:
            self._tasks.spawn(self._take(self._answer, call), "call")
        else:
            self.incoming.put_nowait(call)

    async def _take(self, answer: Answer, call: Call) -> None:
        try:
            await answer(call)
        except CallFailed as error:
            call.problems.append(str(error))
            call.end(str(error))

    async def _refresh(self) -> None:
        while self.registration.registered:
            await asyncio.sleep(self.registration.expires / 2)
            await self.register(self.registration.expires)

    def _hop(self, dialog: Dialog) -> Flow:
        """Return the way along the route set; the proxy where that leads nowhere, which is a problem."""
        try:
            return self.stack.flow(target_of(dialog.next_hop))
        except LabError as error:
            for call in self.calls.values():
                if call.dialog is dialog:
                    call.problems.append(f"Record-Route: {error}")
            return self.stack.flow(self.proxy)
