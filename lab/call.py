"""One call of a UserAgent: its dialog, and when its media makes offers and answers."""

import asyncio
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lab.dialog import Dialog
from lab.errors import BadDescription, CallFailed
from lab.exchange import Invitation, Reply
from lab.kind import Statistics
from pcscf.flow import Flow
from pcscf.sip.build import response_to
from pcscf.sip.headers import cseq_of, tag_of
from pcscf.sip.message import Request, Response
from pcscf.transaction.layer import ClientTransaction, ServerTransaction

if TYPE_CHECKING:
    from lab.ue import UserAgent

T1 = 0.5
T2 = 4.0
#: Seconds that a callee waits for ACK: 64 * T1 (RFC 3261 13.3.1.4).
ACK_WAIT = 64 * T1
#: Seconds that BYE and re-INVITE may take in the lab.
REPLY_WAIT = 35.0


class Call:
    """Made by ``UserAgent.place`` or handed out by ``UserAgent.incoming``.

    media: of the kind that its agent speaks, connected once offer and answer are done; provisional: the 1xx
    that came (but 100), ``ringing`` is set with the first; problems: rules that the other side broke; ended:
    set when the dialog is over, for whatever reason.
    """

    def __init__(self, agent: "UserAgent", uri: str, server: ServerTransaction | None = None) -> None:
        self.agent = agent
        self.uri = uri
        self.tag = secrets.token_hex(6)
        self.media = agent.kind.open(agent.terms, agent.address, agent.user, agent.echo)
        self.provisional: list[int] = []
        self.ringing = asyncio.Event()
        self.established = asyncio.Event()
        self.ended = asyncio.Event()
        self._acked = asyncio.Event()
        self.reason = ""
        self.dialog: Dialog | None = None
        self.call_id = secrets.token_hex(12)
        self._server = server
        self._invitation: Invitation | None = None
        self._answer: bytes = b""
        self._early: dict[str, bytes] = {}
        if server is not None:
            self.call_id = server.request.get("call-id") or ""
            self.dialog = Dialog.of_callee(server.request, self.tag)

    @property
    def problems(self) -> list[str]:
        return self.media.problems

    @property
    def keys(self) -> set[str]:
        return self.media.keys

    # -- placing a call

    def invite(self) -> None:
        """Send the INVITE; ``answered`` waits for what comes of it."""
        self._invitation = Invitation(self)
        self.agent.send_initial(self, self.media.offer(), self._invitation)

    async def answered(self, timeout: float = 60.0) -> "Call":  # noqa: ASYNC109 -- it cancels the call
        """Wait for the final response, send ACK, connect the media. Raises CallFailed."""
        assert self._invitation is not None
        try:
            response = await asyncio.wait_for(self._invitation.final, timeout)
        except TimeoutError:
            self.cancel()
            raise CallFailed(408, "no final response") from None
        if response.status >= 300:
            self.end(f"{response.status} {response.reason}")
            raise CallFailed(response.status, response.reason)
        return await self._take(response)

    def cancel(self) -> None:
        """Send CANCEL; the 487 ends ``answered`` with CallFailed."""
        if self._invitation is not None and self._invitation.client is not None:
            self.agent.stack.cancel(self._invitation.client)

    async def _take(self, response: Response) -> "Call":
        """Connect what a 2xx to our INVITE or re-INVITE answers; a bad answer ends the call with BYE."""
        early = self._early.get(tag_of(response.get("to")) or "")
        if early and response.body and early != response.body:
            self.problems.append("the 200 carries another answer than the provisional response before it")
        try:
            self.media.take_answer(response.body or early or b"")
        except BadDescription as error:
            await self.hangup()
            raise CallFailed(488, str(error)) from error
        self.established.set()
        return self

    def on_provisional(self, response: Response) -> None:
        """Take a 1xx: its SDP is a preview of the answer (early media)."""
        self.provisional.append(response.status)
        self.ringing.set()
        if response.body:
            self._early.setdefault(tag_of(response.get("to")) or "", response.body)
            try:
                self.media.take_answer(response.body)
            except BadDescription as error:
                self.problems.append(f"{response.status}: {error}")

    def on_success(self, client: ClientTransaction, response: Response) -> Request:
        """Enter or refresh the dialog with a 2xx and return its ACK."""
        if self.dialog is None:
            self.dialog = Dialog.of_caller(client.request, response)
        else:
            self.dialog.refresh(response)
        return self.dialog.request("ACK", self.agent.via())

    # -- taking a call

    def ring(self, status: int = 180, *, answer: bool = False) -> None:
        """Send a provisional response, with the SDP answer in it where wanted. Raises CallFailed."""
        self._respond(status, self._make_answer() if answer else b"")

    async def accept(self) -> "Call":
        """Send 200 with the answer until ACK comes. Raises CallFailed (488 was sent for a bad offer)."""
        server = self._pending()
        body = self._make_answer()
        self._server = None
        await self._until_acked(server, self._response(server.request, 200, body))
        return self

    async def _until_acked(self, server: ServerTransaction, response: Response) -> None:
        """Send a 2xx again until its ACK comes (RFC 3261 13.3.1.4); BYE and CallFailed where none does."""
        self._acked = asyncio.Event()
        wait = T1
        deadline = asyncio.get_running_loop().time() + ACK_WAIT
        while not self._acked.is_set() and not self.ended.is_set():
            if asyncio.get_running_loop().time() > deadline:
                await self.hangup()
                raise CallFailed(408, "no ACK")
            self.agent.stack.respond(server, response)
            try:
                await asyncio.wait_for(self._acked.wait(), wait)
            except TimeoutError:
                wait = min(2 * wait, T2)

    def reject(self, status: int = 486) -> None:
        """Refuse the INVITE."""
        self._respond(status, b"")
        self.end(str(status))

    def on_cancel(self) -> None:
        """CANCEL came before the answer."""
        if self._server is not None:
            self._respond(487, b"")
            self.end("cancelled")

    def on_ack(self, request: Request) -> None:
        """ACK of our 2xx; it carries the answer where our 200 made the offer."""
        if request.body and not self.media.connected:
            try:
                self.media.take_answer(request.body)
            except BadDescription as error:
                self.problems.append(f"ACK: {error}")
        self._acked.set()
        self.established.set()

    # -- inside the dialog

    async def hold(self) -> None:
        """Re-INVITE with sendonly; the keys stay. Raises CallFailed."""
        await self._reinvite("sendonly")

    async def resume(self) -> None:
        """Re-INVITE with sendrecv; the keys stay. Raises CallFailed."""
        await self._reinvite("sendrecv")

    async def rekey(self) -> None:
        """Re-INVITE with a new own key of the same suite. Raises LabError where the media has none."""
        self.media.rekey()
        await self._reinvite("sendrecv")

    async def hangup(self) -> Statistics:
        """Send BYE (CANCEL while nothing answered, 480 to an unanswered INVITE); return the statistics."""
        if self._server is not None:
            self.reject(480)
        elif self.dialog is None:
            self.cancel()
        elif not self.ended.is_set():
            self.end("hung up")
            reply = Reply()
            self.agent.send_in_dialog(self.dialog, "BYE", reply)
            await asyncio.wait([reply.final], timeout=REPLY_WAIT)
        return self.media.statistics()

    def end(self, reason: str) -> None:
        """Close the media and tell who waits; the statistics stay readable."""
        if not self.ended.is_set():
            self.reason = reason
            self.media.close()
            self.agent.forget(self)
            self.ended.set()

    def on_request(self, server: ServerTransaction) -> None:
        """Answer a request inside the dialog."""
        request = server.request
        number = cseq_of(request)[0]
        assert self.dialog is not None
        if number <= self.dialog.remote_cseq and self.dialog.remote_cseq:
            self.agent.stack.respond(server, self._response(request, 500, b""))
            return
        self.dialog.remote_cseq = number
        status, body = 200, b""
        if request.method == "BYE":
            self.end(request.get("reason") or "far end hung up")
        elif request.method in ("INVITE", "UPDATE"):
            self.dialog.refresh(request)
            status, body = self._reanswer(request)
        elif request.method not in ("INFO", "OPTIONS", "MESSAGE", "NOTIFY"):
            status = 501
        response = self._response(request, status, body)
        if request.method == "INVITE" and status < 300:
            self.agent.spawn(self._until_acked(server, response))
        else:
            self.agent.stack.respond(server, response)

    async def _reinvite(self, direction: str) -> None:
        if self.dialog is None or self.ended.is_set():
            raise CallFailed(481, "no dialog")
        invitation = Invitation(self)
        self._early.clear()
        body = self.media.offer(direction)
        self.agent.send_in_dialog(self.dialog, "INVITE", invitation, body)
        response = await asyncio.wait_for(invitation.final, REPLY_WAIT)
        if response.status >= 300:
            raise CallFailed(response.status, response.reason)
        await self._take(response)

    def _reanswer(self, request: Request) -> tuple[int, bytes]:
        if not request.body:
            return 200, self.media.offer() if request.method == "INVITE" else b""
        try:
            body = self.media.answer(request.body)
        except BadDescription as error:
            self.problems.append(f"{request.method}: {error}")
            return 488, b""
        return 200, body

    def _make_answer(self) -> bytes:
        if not self._answer:
            offer = self._pending().request.body
            try:
                self._answer = self.media.answer(offer) if offer else self.media.offer()
            except BadDescription as error:
                self.problems.append(f"offer: {error}")
                self.reject(488)
                raise CallFailed(488, str(error)) from error
        return self._answer

    def _pending(self) -> ServerTransaction:
        if self._server is None:
            raise CallFailed(481, self.reason or "no INVITE waits for an answer")
        return self._server

    def _respond(self, status: int, body: bytes) -> None:
        server = self._pending()
        if status >= 200:
            self._server = None
        self.agent.stack.respond(server, self._response(server.request, status, body))

    def _response(self, request: Request, status: int, body: bytes) -> Response:
        headers: list[tuple[str, str]] = []
        if status < 300 and request.method in ("INVITE", "UPDATE"):
            headers = [("Record-Route", value) for value in request.values("record-route")]
            headers.append(("Contact", f"<{self.agent.contact}>"))
        return response_to(request, status, to_tag=self.tag, headers=_typed(headers, body), body=body)

    def acknowledge(self, ack: Request) -> Flow:
        """Send an ACK of ours and return the flow that it took."""
        assert self.dialog is not None
        return self.agent.send_ack(self.dialog, ack)


def _typed(headers: Iterable[tuple[str, str]], body: bytes) -> list[tuple[str, str]]:
    return [*headers, ("Content-Type", "application/sdp")] if body else list(headers)
