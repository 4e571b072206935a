"""Responses to requests inside a call: what they say about media goes through the gateway first."""

from pcscf.alg.session import Plan
from pcscf.errors import SipRefusal
from pcscf.proxy.branch import Branch, Call, Offered
from pcscf.proxy.descriptions import sdp_of
from pcscf.proxy.dialogs import fork_of, note_success, to_tag
from pcscf.proxy.early_media import note_authorization
from pcscf.proxy.endings import Endings
from pcscf.proxy.gateways import Gateways
from pcscf.proxy.session_timer import SessionTimers
from pcscf.proxy.turn import Turn
from pcscf.sdp.body import SdpPart, strip_sdp
from pcscf.sip.headers import cseq_of
from pcscf.sip.message import Response

#: Final responses to BYE after which the dialog goes on: the sender tries again with credentials.
_BYE_AGAIN = frozenset({401, 407})
#: RFC 6228.
_EARLY_DIALOG_OVER = 199


class Answers:
    """Takes responses back to who asked."""

    def __init__(self, turn: Turn, gateways: Gateways, endings: Endings, sessions: SessionTimers) -> None:
        self._turn = turn
        self._gateways = gateways
        self._endings = endings
        self._sessions = sessions

    def take(self, call: Call, branch: Branch, response: Response) -> None:
        """A provisional or successful response: what it says about media goes through the gateway first."""
        if branch.answered:
            known = call.dialogs.get(to_tag(response)) or call.over.get(to_tag(response))
            if branch.initial and known is not None:  # the 2xx again: the same answer
                if response.body:
                    response.set_body(known.body)
                self._respond(call, branch, response)
                return
            if response.status < 200:
                return
        fork = fork_of(call, branch, response)
        if branch.method == "INVITE" and response.status >= 200 and fork in call.forks:
            call.media.confirm(fork, branch.plan)
        told = note_authorization(call, response, branch.to, fork)
        try:
            part = sdp_of(response, branch.method)
            if part is None:
                self._without_sdp(call, branch, response, fork, told=told)
                return
            plan = self._plan(call, branch, response, part, fork)
        except SipRefusal as refusal:
            self._endings.bad_answer(call, branch, response, refusal)
            return
        if plan is None:
            _repeat(branch, response, part, fork)
            self._turn_media(call, branch, response, fork, told=told)
            return

        def then(sdp: bytes) -> None:
            if branch.plan is None:
                offered = Offered(cseq_of(response)[0], part.sdp, sdp, plan)
                branch.offered[fork] = call.offered[fork] = offered
            response.set_body(part.replace(sdp))
            self._respond(call, branch, response)

        self._gateways.carry_out(
            call, plan, then, lambda refusal: self._endings.bad_answer(call, branch, response, refusal)
        )

    def _plan(self, call: Call, branch: Branch, response: Response, part: SdpPart, fork: str) -> Plan | None:
        """Return the plan for a description in a response; None where it is no new offer or answer.

        Without an offer in the INVITE it is in the 2xx or a reliable 18x alone (RFC 3261 13.2.1).
        """
        reliable, provisional = "rseq" in response, response.status < 200
        if branch.plan is not None:
            return call.media.plan_answer(
                part.sdp, branch.to, fork, to=branch.plan, provisional=provisional, reliable=reliable
            )
        if branch.method != "INVITE" or (provisional and not reliable):
            return None
        if fork in branch.offered and branch.offered[fork].received == part.sdp:
            return None
        return call.media.plan_offer(part.sdp, branch.to, fork)

    def _without_sdp(self, call: Call, branch: Branch, response: Response, fork: str, *, told: bool) -> None:
        """Where an offer gets no answer at all, nothing has changed."""
        if branch.plan is not None and not branch.initial and response.status >= 200:
            self._gateways.unanswered(call, branch.plan)
        self._turn_media(call, branch, response, fork, told=told)

    def _turn_media(self, call: Call, branch: Branch, response: Response, fork: str, *, told: bool) -> None:
        """Pass on a response that answers nothing; the media may follow it all the same.

        A 2xx may have had its answer in a reliable 18x: the media is what was agreed on in its dialog.
        told: what early media is authorized there has changed.
        """
        plan = None
        if branch.method == "INVITE" and response.status >= 200:
            plan = call.media.plan_fork(fork)
        elif told:
            plan = call.media.plan_gates(fork)
        if plan is None:
            self._respond(call, branch, response)
            return
        self._gateways.carry_out(
            call,
            plan,
            lambda _: self._respond(call, branch, response),
            lambda refusal: self._endings.bad_answer(call, branch, response, refusal),
        )

    def failed(self, call: Call, branch: Branch, response: Response) -> None:
        """A final response other than 2xx: a description in it is not ours to translate, and goes."""
        if branch.answered:
            return
        strip_sdp(response)
        self._respond(call, branch, response)
        if branch.initial:
            if not call.dialogs:
                self._endings.end(call, response.status)
        else:
            self._gateways.restore(call, branch)

    def _respond(self, call: Call, branch: Branch, response: Response) -> None:
        status = response.status
        if status >= 200:
            branch.answered = True
            if branch.initial:
                call.branch = None
            if status < 300:
                note_success(call, branch, response, self._turn.now)
                self._sessions.agreed(call, branch, response, self._turn.now)
        if branch.server is not None:
            self._turn.respond(branch.server, response)
        if status == _EARLY_DIALOG_OVER and branch.initial:
            self._gateways.leave(call, to_tag(response))
        if branch.method == "BYE" and status >= 200 and status not in _BYE_AGAIN:
            self._endings.hung_up(call, branch)


def _repeat(branch: Branch, response: Response, part: SdpPart, fork: str) -> None:
    """Say an offer of an offerless INVITE again; any other description answers nothing, and goes."""
    offered = branch.offered.get(fork)
    if offered is not None and offered.received == part.sdp:
        response.set_body(part.replace(offered.sent))
    else:
        strip_sdp(response)
