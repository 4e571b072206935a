"""Calls: INVITE sessions with their media, from the first offer to the release of the gateway.

What a message means for the media is planned by ``alg``, carried out by the gateway, and only then goes on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pcscf.alg.session import AccessProfile, MediaPolicy, MediaSession, Plan
from pcscf.errors import SipRefusal
from pcscf.proxy.branch import Branch, Call
from pcscf.proxy.dialogs import note_request, note_success, to_tag
from pcscf.proxy.effects import Forward
from pcscf.proxy.endings import Endings
from pcscf.proxy.gateways import Gateways
from pcscf.proxy.turn import Turn
from pcscf.registration.bindings import Binding
from pcscf.sdp.body import SdpPart, find_sdp
from pcscf.sip.message import Message, Request, Response
from pcscf.transaction.timers import TimerQueues

#: Final responses to BYE after which the dialog goes on: the sender tries again with credentials.
_BYE_AGAIN = frozenset({401, 407})
#: Requests that carry offers and answers, themselves or in their responses (RFC 6337 2).
_OFFER_ANSWER = frozenset({"INVITE", "ACK", "PRACK", "UPDATE"})


@dataclass(frozen=True, slots=True)
class CallSettings:
    """timer_c, heartbeat (hangterm) and inactivity in seconds (inactivity None: off); max_calls at a time."""

    policy: MediaPolicy
    core_realm: str = "core"
    timer_c: float = 181.0
    heartbeat: int = 600
    inactivity: int | None = None
    max_calls: int = 20_000


class Calls:
    """The calls of this node, by the token in their Record-Route."""

    def __init__(self, settings: CallSettings, turn: Turn, gateways: Gateways, timers: TimerQueues) -> None:
        self.settings = settings
        self._turn = turn
        self._gateways = gateways
        self._timers = timers
        self._table: dict[str, Call] = {}
        self.endings = Endings(self._table, turn, gateways, timers)

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._table.values()))

    def get(self, token: str, call_id: str | None) -> Call | None:
        """Return the call of a Record-Route token, if the message is of its Call-ID."""
        call = self._table.get(token)
        return call if call is not None and call.call_id == call_id else None

    # Requests

    def start(self, branch: Branch, binding: Binding, network: frozenset[str]) -> None:
        """Take an initial INVITE, already edited for the other side, through its media and on its way.

        network: mechanisms announced on the UE's listener. Raises SipRefusal; then nothing is kept.
        """
        if branch.server is None:
            return
        if len(self._table) >= self.settings.max_calls:
            raise SipRefusal("too many calls", status=503)
        request = branch.request
        part = sdp_of(request, branch.method)
        gateway = self._gateways.choose()
        listener = binding.flow.listener
        profile = AccessProfile(
            mechanisms=binding.mechanisms,
            announced=binding.announced,
            network=network,
            access_realm=listener.realm,
            core_realm=self.settings.core_realm,
            source=binding.flow.remote[0],
            suites=self._gateways.up[gateway],
            heartbeat=self.settings.heartbeat,
            inactivity=self.settings.inactivity,
        )
        call = Call(
            token=f"d-{self._turn.token()}",
            call_id=request.get("call-id") or "",
            caller=branch.to.other,
            invite=branch.server.request,
            binding=binding,
            media=MediaSession(self.settings.policy, profile, self._turn.random),
            started=self._turn.now,
            gateway=gateway,
            branch=branch,
        )
        plan = branch.plan = call.media.plan_offer(part.sdp, call.caller) if part else None
        branch.call, branch.token = call, call.token
        self._table[call.token] = call
        self._turn.answer(branch.server, 100)
        self._pass_request(call, branch, part, plan)

    def request(self, call: Call, branch: Branch) -> None:
        """Take a request inside a call (never ACK, never the initial INVITE) on its way, in its turn."""
        if branch.server is not None and branch.method == "INVITE":
            self._turn.answer(branch.server, 100)
        self._in_turn(call, lambda: self._request(call, branch))

    def ack(self, call: Call, branch: Branch) -> None:
        """Take the ACK of a 2xx on its way; with an answer in it (offerless INVITE) through the gateway."""
        self._in_turn(call, lambda: self._ack(call, branch))

    def _in_turn(self, call: Call, step: Callable[[], None]) -> None:
        if call.waiting:
            call.queue.append(step)
        else:
            step()

    def _request(self, call: Call, branch: Branch) -> None:
        sender = branch.to.other
        try:
            _check_alive(call)
            note_request(call, branch.request, sender)
            part = sdp_of(branch.request, branch.method)
            plan = None
            if part is not None:
                if branch.method == "PRACK" and call.media.pending is sender.other:
                    plan = call.media.plan_answer(part.sdp, sender)
                else:
                    plan = branch.plan = call.media.plan_offer(part.sdp, sender)
            self._pass_request(call, branch, part, plan)
        except SipRefusal as refusal:
            self.endings.refuse(call, branch, refusal)

    def _pass_request(self, call: Call, branch: Branch, part: SdpPart | None, plan: Plan | None) -> None:
        if part is None or plan is None:
            self._forward(branch)
            return

        def then(sdp: bytes) -> None:
            branch.request.set_body(part.replace(sdp))
            self._forward(branch)

        self._gateways.carry_out(call, plan, then, lambda refusal: self.endings.refuse(call, branch, refusal))

    def _forward(self, branch: Branch) -> None:
        if branch.method == "INVITE":
            branch.timer_c = self._timers.start(self.settings.timer_c, branch, self._turn.now)
        self._turn.add(Forward(branch))

    def _ack(self, call: Call, branch: Branch) -> None:
        sender = branch.to.other
        if call.ended:
            return
        try:
            part = sdp_of(branch.request, "ACK")
            if part is not None and call.media.pending is sender.other:
                plan = call.media.plan_answer(part.sdp, sender)
                self._gateways.carry_out(
                    call,
                    plan,
                    lambda sdp: self._forward_ack(branch, part.replace(sdp)),
                    lambda refusal: self.endings.release(call, refusal),
                )
                return
        except SipRefusal as refusal:  # an ACK cannot be refused (signalling.md 6 row 55)
            self._forward_ack(branch, b"")
            self.endings.release(call, refusal)
            return
        self._forward_ack(branch, b"")

    def _forward_ack(self, branch: Branch, body: bytes) -> None:
        """Send the ACK on; a description that answers nothing does not go with it."""
        if branch.request.body:
            if not body:
                branch.request.remove("content-type")
            branch.request.set_body(body)
        self._turn.add(Forward(branch))

    # Responses

    def response(self, call: Call, branch: Branch, response: Response) -> None:
        """Take a response (never 100) back, in its turn. What is retransmitted meanwhile is absorbed."""
        if not call.waiting:
            self._response(call, branch, response)
            return
        key = (id(branch), response.status, to_tag(response), response.get("rseq"))
        if key in call.queued:
            return
        call.queued.add(key)

        def step() -> None:
            call.queued.discard(key)
            self._response(call, branch, response)

        call.queue.append(step)

    def _response(self, call: Call, branch: Branch, response: Response) -> None:
        if branch.method == "INVITE":
            self._supervise(branch, response.status)
        if call.ended:
            self.endings.late(call, branch, response)
        elif response.status >= 300:
            self._failure(call, branch, response)
        else:
            self._progress(call, branch, response)

    def _progress(self, call: Call, branch: Branch, response: Response) -> None:
        """A provisional or successful response: what it says about media goes through the gateway first."""
        try:
            if response.status >= 200:
                note_success(call, branch, response, self._turn.now)
            part = sdp_of(response, branch.method)
            if part is None:
                self._respond(call, branch, response)
                return

            def then(sdp: bytes) -> None:
                if branch.plan is None:
                    branch.offered = (part.sdp, sdp)
                response.set_body(part.replace(sdp))
                self._respond(call, branch, response)

            if branch.offered is not None and branch.offered[0] == part.sdp:
                then(branch.offered[1])
                return
            if branch.plan is not None:
                plan = call.media.plan_answer(
                    part.sdp, branch.to, to_tag(response), reliable="rseq" in response
                )
            else:
                plan = call.media.plan_offer(part.sdp, branch.to)
            self._gateways.carry_out(
                call, plan, then, lambda refusal: self.endings.bad_answer(call, branch, response, refusal)
            )
        except SipRefusal as refusal:
            self.endings.bad_answer(call, branch, response, refusal)

    def _failure(self, call: Call, branch: Branch, response: Response) -> None:
        """A final response other than 2xx: any description in it is not ours to translate, and goes."""
        if response.body:
            response.remove("content-type")
            response.set_body(b"")
        if branch.server is not None:
            self._turn.respond(branch.server, response)
        if branch is call.branch and not call.dialogs:
            self.endings.end(call, response.status)
        elif branch.method == "BYE":
            if response.status not in _BYE_AGAIN:
                self.endings.hung_up(call, branch)
        elif branch.plan is not None:
            self._gateways.roll_back(call, branch.plan)

    def _respond(self, call: Call, branch: Branch, response: Response) -> None:
        if branch.server is not None:
            self._turn.respond(branch.server, response)
        if branch.method == "BYE" and response.status >= 200:
            self.endings.hung_up(call, branch)

    def _supervise(self, branch: Branch, status: int) -> None:
        """Timer C runs anew from each provisional response, until the final one (RFC 3261 16.7 step 2)."""
        running = branch.timer_c is not None
        self.endings.stop_timer_c(branch)
        if status >= 200:
            branch.finished = True
        elif running:
            branch.timer_c = self._timers.start(self.settings.timer_c, branch, self._turn.now)


def _check_alive(call: Call) -> None:
    if call.ended:
        raise SipRefusal("the call is over", status=481)


def sdp_of(message: Message, method: str) -> SdpPart | None:
    """Return the offer or answer in a message of that method (a response: of its request), or None.

    Raises SipRefusal: an INVITE whose body must be understood and is not, a description that cannot be read.
    """
    if not message.body or method not in _OFFER_ANSWER:
        return None
    return find_sdp(
        message.get("content-type"),
        message.body,
        encoding=message.get("content-encoding"),
        disposition=message.get("content-disposition"),
        required=method == "INVITE" and isinstance(message, Request),
    )
