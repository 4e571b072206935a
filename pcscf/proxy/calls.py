"""Calls: INVITE sessions with their media, from the first offer to the release of the gateway.

What a message means for the media is planned by ``alg``, carried out by the gateway, and only then goes on.
"""

from dataclasses import dataclass

from pcscf.alg.session import AccessProfile, MediaPolicy, MediaSession, Plan
from pcscf.errors import SipRefusal
from pcscf.flow import Side
from pcscf.proxy.acknowledgements import Acknowledgements
from pcscf.proxy.answers import Answers
from pcscf.proxy.branch import Branch, Call
from pcscf.proxy.descriptions import sdp_of
from pcscf.proxy.dialogs import callee_tag, check_fork, note_request, offered_to, outline, to_tag
from pcscf.proxy.early_media import ask_for_authorization, note_authorization
from pcscf.proxy.effects import Forward
from pcscf.proxy.endings import Endings
from pcscf.proxy.gateways import Gateways, unavailable
from pcscf.proxy.media_events import Supervision
from pcscf.proxy.session_timer import REFRESHING, SessionTimers, ask
from pcscf.proxy.table import CallTable
from pcscf.proxy.turn import Turn
from pcscf.registration.bindings import Binding
from pcscf.sdp.body import SdpPart
from pcscf.sip.message import Request, Response
from pcscf.transaction.timers import TimerQueues

#: Emergency calls that are still taken where there are ``max_calls``.
EMERGENCY_RESERVE = 1_000
#: Dialogs that one INVITE may make, and provisional responses that may wait for the gateway: a callee can
#: invent To tags and RSeqs without end, and no limit on requests counts responses.
MAX_FORKS = 32
MAX_WAITING = 64


@dataclass(frozen=True, slots=True)
class CallSettings:
    """timer_c, heartbeat (hangterm) and inactivity in seconds (inactivity None: off); max_calls at a time.

    session_expires_max: seconds, the longest session interval that passes. release_forged: a call ends where
    its gateway reports packets that fail authentication.
    """

    policy: MediaPolicy
    core_realm: str = "core"
    timer_c: float = 181.0
    heartbeat: int = 600
    inactivity: int | None = None
    session_expires_max: int = 7200
    max_calls: int = 20_000
    release_forged: bool = False

    @property
    def supervision(self) -> Supervision:
        return Supervision(self.inactivity, self.release_forged)


class Calls:
    """The call control of this node, and its calls."""

    def __init__(self, settings: CallSettings, turn: Turn, gateways: Gateways, timers: TimerQueues) -> None:
        self.settings = settings
        self.table = CallTable()
        self._turn = turn
        self._gateways = gateways
        self._timers = timers
        sessions = SessionTimers(timers)
        self.endings = Endings(self.table, turn, gateways, timers, sessions)
        self._acknowledgements = Acknowledgements(turn, gateways, self.endings)
        self._answers = Answers(turn, gateways, self.endings, sessions)

    def __len__(self) -> int:
        return len(self.table)

    # Requests

    def start(
        self, branch: Branch, binding: Binding, network: frozenset[str], *, emergency: bool = False
    ) -> None:
        """Take an initial INVITE, already edited for the other side, through its media and on its way.

        network: mechanisms announced on the UE's listener. Raises SipRefusal; then nothing is kept.
        """
        if branch.server is None:
            return
        if len(self.table) >= self.settings.max_calls + (EMERGENCY_RESERVE if emergency else 0):
            raise unavailable("too many calls")
        request, policy = branch.request, self.settings.policy
        if branch.to is Side.CORE and policy.early_media != "sendrecv":
            ask_for_authorization(request)
        branch.session = ask(request, self.settings.session_expires_max)
        part = sdp_of(request, branch.method)
        gateway = self._gateways.choose(emergency=emergency)
        abilities = self._gateways.up[gateway]
        listener = binding.flow.listener
        profile = AccessProfile(
            mechanisms=binding.mechanisms,
            announced=binding.announced,
            network=network,
            access_realm=listener.realm,
            core_realm=self.settings.core_realm,
            source=binding.flow.remote[0],
            suites=abilities.suites,
            terminates=abilities.mechanisms,
            aware=abilities.aware,
            heartbeat=self.settings.heartbeat,
            inactivity=self.settings.inactivity,
            implicit=binding.implicit,
        )
        call = Call(
            token=f"d-{self._turn.token()}",
            call_id=request.get("call-id") or "",
            caller=branch.to.other,
            invite=Request(request.method, request.uri, outline(branch.server.request)),
            binding=binding,
            media=MediaSession(
                policy, profile, self._turn.random, caller=branch.to.other, emergency=emergency
            ),
            started=self._turn.now,
            gateway=gateway,
            emergency=emergency,
            branch=branch,
        )
        plan = branch.plan = call.media.plan_offer(part.sdp, call.caller) if part else None
        branch.call, branch.token, branch.initial = call, call.token, True
        self.table.add(call)
        self._turn.answer(branch.server, 100)
        if part is None or plan is None:
            self._forward(branch)
        else:
            self._pass_request(call, branch, part, plan)

    def request(self, call: Call, branch: Branch) -> None:
        """Take a request inside a call (never ACK, never the initial INVITE) on its way, in its turn."""
        if branch.server is not None and branch.method == "INVITE":
            self._turn.answer(branch.server, 100)
        self._gateways.in_turn(call, lambda: self._request(call, branch))

    def ack(self, call: Call, branch: Branch) -> None:
        """Take the ACK of a 2xx on its way; with an answer in it (offerless INVITE) through the gateway."""
        self._gateways.in_turn(call, lambda: self._acknowledgements.take(call, branch))

    def _request(self, call: Call, branch: Branch) -> None:
        if branch.answered:  # cancelled while it waited
            return
        if call.ended:
            self.endings.refuse(call, branch, SipRefusal("the call is over", status=481))
            return
        sender = branch.to.other
        fork = callee_tag(call, branch.request, sender)
        offered = offered_to(call, sender, fork) if branch.method == "PRACK" else None
        if offered is not None and offered.plan.exchange.answer is not None:
            offered = None
        try:
            note_request(call, branch.request, sender)
            if call.dialogs and branch.method in REFRESHING:
                branch.session = ask(branch.request, self.settings.session_expires_max)
            told = note_authorization(call, branch.request, sender, fork)
            part = sdp_of(branch.request, branch.method)
            if part is None:
                self._turn_gates(call, branch, fork if told else None)
                return
            check_fork(call, fork)
            if offered is not None:
                plan = call.media.plan_answer(part.sdp, sender, fork, to=offered.plan)
            else:
                plan = branch.plan = call.media.plan_offer(part.sdp, sender, fork)
        except SipRefusal as refusal:
            self._refuse(call, branch, refusal, over=offered is not None)
            return
        self._pass_request(call, branch, part, plan, over=offered is not None)

    def _pass_request(
        self, call: Call, branch: Branch, part: SdpPart, plan: Plan, *, over: bool = False
    ) -> None:
        def then(sdp: bytes) -> None:
            if not branch.answered:
                branch.request.set_body(part.replace(sdp))
                self._forward(branch)

        self._gateways.carry_out(
            call, plan, then, lambda refusal: self._refuse(call, branch, refusal, over=over)
        )

    def _turn_gates(self, call: Call, branch: Branch, fork: str | None) -> None:
        """Pass on a request without a description; fork: the dialog whose early media it authorizes."""
        plan = None if fork is None else call.media.plan_gates(fork)
        if plan is None:
            self._forward(branch)
            return

        def then(_: bytes) -> None:
            if not branch.answered:
                self._forward(branch)

        self._gateways.carry_out(
            call, plan, then, lambda refusal: self._refuse(call, branch, refusal, over=False)
        )

    def _refuse(self, call: Call, branch: Branch, refusal: SipRefusal, *, over: bool) -> None:
        """over: what cannot go on is an answer, without which the call cannot either."""
        if not branch.initial and refusal.status == 503:
            # In a dialog 503 would say that this whole server is out of service.
            refusal = SipRefusal(refusal.reason, status=500, headers=refusal.headers)
        self.endings.refuse(call, branch, refusal)
        if over:
            self.endings.release(call, refusal)

    def _forward(self, branch: Branch) -> None:
        if branch.method == "INVITE":
            branch.timer_c = self._timers.start(self.settings.timer_c, branch, self._turn.now)
        self._turn.add(Forward(branch))

    # Responses

    def response(self, call: Call, branch: Branch, response: Response) -> None:
        """Take a response (never 100) back, in its turn. What is retransmitted meanwhile is absorbed."""
        tag = to_tag(response)
        if branch.initial and response.status < 300 and tag not in call.forks:
            if len(call.forks) >= MAX_FORKS:
                self._turn.counters.refusals["too many forks", 500] += 1
                return
            call.forks.append(tag)
        if not call.waiting:
            self._response(call, branch, response)
            return
        key = (id(branch), response.status, tag, response.get("rseq"))
        if key in call.queued:
            return
        if response.status < 200 and len(call.queued) >= MAX_WAITING:
            self._turn.counters.refusals["too many responses wait", 500] += 1
            return
        call.queued.add(key)

        def step() -> None:
            call.queued.discard(key)
            self._response(call, branch, response)

        call.queue.append(step)

    def _response(self, call: Call, branch: Branch, response: Response) -> None:
        if branch.timer_c is not None:
            self._supervise(branch, response.status)
        if call.ended:
            self.endings.late(call, branch, response)
        elif response.status >= 300:
            self._answers.failed(call, branch, response)
        else:
            self._answers.take(call, branch, response)

    def _supervise(self, branch: Branch, status: int) -> None:
        """Timer C runs anew from each provisional response, until the final one (RFC 3261 16.7 step 2)."""
        self.endings.stop_timer_c(branch)
        if status < 200:
            branch.timer_c = self._timers.start(self.settings.timer_c, branch, self._turn.now)
