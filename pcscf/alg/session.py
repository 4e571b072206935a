"""The media of one dialog: each offer and answer in two steps, plan (Iq) and complete (SDP out)."""

from collections.abc import Callable

from iq.procedures import Action, ActionReply, Mode, Procedure, Release
from pcscf.alg.exchange import Answer, Exchange, Plan, answer_states
from pcscf.alg.gateway import closing, configure, is_addressed, reserve, take_addresses
from pcscf.alg.leg import Leg
from pcscf.alg.media_security import Decision
from pcscf.alg.offering import Offering
from pcscf.alg.policy import AccessProfile, MediaPolicy
from pcscf.alg.stream import MediaStream
from pcscf.alg.writing import answer_sections, offer_sections, session_dropped
from pcscf.errors import SdpRejected, SipRefusal
from pcscf.flow import Side
from pcscf.sdp.capability import stands_in
from pcscf.sdp.model import Sdp

__all__ = ["AccessProfile", "MediaPolicy", "MediaSession", "Plan"]


_FROM_UE = frozenset({Mode.SEND_RECEIVE, Mode.RECEIVE_ONLY})


class MediaSession:
    """Owns the SDP of both legs and one context at the gateway.

    random: returns that many octets from a cryptographic source. Roles follow the direction of the offer, not
    who sent the INVITE (RFC 3264). Steps do not overlap: after a plan with an action comes its complete, or
    its rollback. context: None until the gateway chose one. decisions: of the latest offer, per m-line.
    forged: how many indications from the core were removed (33.328 5.4.1).
    """

    __slots__ = (
        "_access",
        "_emergency",
        "_exchange",
        "_legs",
        "_number",
        "_offering",
        "_origins",
        "_policy",
        "_random",
        "_released",
        "_terminations",
        "context",
        "decisions",
        "forged",
        "streams",
    )

    def __init__(
        self,
        policy: MediaPolicy,
        access: AccessProfile,
        random: Callable[[int], bytes],
        *,
        emergency: bool = False,
    ) -> None:
        self._policy = policy
        self._access = access
        self._random = random
        self._emergency = emergency
        self._offering = Offering(policy, access, random, emergency)
        self._legs = {Side.ACCESS: Leg(random), Side.CORE: Leg(random)}
        self._exchange: Exchange | None = None
        self._number = 0
        self._origins: dict[Side, tuple[str, str, bytes]] = {}
        self._released = False
        self._terminations: dict[Side, str] = {}
        self.context: int | None = None
        self.decisions: list[Decision] = []
        self.forged = 0
        self.streams: list[MediaStream | None] = []

    @property
    def pending(self) -> Side | None:
        """The side whose offer waits for its answer."""
        exchange = self._exchange
        return exchange.offerer if exchange is not None and not exchange.answers else None

    @property
    def listening(self) -> bool:
        """Whether the UE is to send media in some stream: where all are held, silence means nothing."""
        return any(s is not None and s.state.access_mode in _FROM_UE for s in self.streams)

    def has(self, termination: str) -> bool:
        """Whether a termination of the gateway is one of this session's; "*" are all of them."""
        return termination == "*" or termination in self._terminations.values()

    def record(self) -> list[dict[str, str | None]]:
        """Return per m-line of the latest offer what was decided and why, for the log."""
        exchange = self._exchange
        return (
            []
            if exchange is None
            else [
                {
                    "media": line.media.media,
                    "decision": line.decision.action.value,
                    "mechanism": line.decision.mechanism,
                    "reason": line.decision.reason,
                    "clause": line.decision.clause,
                }
                for line in exchange.lines
            ]
        )

    # offers

    def plan_offer(self, sdp: bytes, sender: Side) -> Plan:
        """Judge an offer. Its action reserves what is new; what changes waits for the answer.

        Raises SdpRejected (488 with Warning; 413) and SipRefusal: 491 where the other side's offer is
        pending, 500 with Retry-After where this side's is (RFC 3261 14.2, RFC 3311 5.2). The session stays
        as it was.
        """
        previous = self._exchange
        if previous is not None and not previous.answers:
            raise self._glare(previous.offerer is sender)
        offer = Sdp.parse(sdp)
        if sender is Side.CORE:
            self._count_forged(offer)
        self.decisions = self._offering.decide(offer, sender, self.streams)
        lines = self._offering.lines(offer, sender, self.streams, self.decisions)
        self._number += 1
        if previous is not None:
            previous.previous = None
        exchange = Exchange(self._number, sender, offer, lines, previous, self.streams)
        self._exchange = exchange
        notes = self._origin_notes(offer, sdp, sender)
        return Plan(self._action(reserve(exchange, self._access, self._terminations)), exchange, notes=notes)

    def _action(self, procedures: list[Procedure]) -> Action | None:
        return Action(self.context, procedures, self._emergency) if procedures else None

    def _glare(self, same_side: bool) -> SipRefusal:
        if not same_side:
            return SipRefusal("the other side's offer is pending", status=491, phrase="Request Pending")
        seconds = str(self._random(1)[0] % 11)
        return SipRefusal(
            "an offer of this side is pending",
            status=500,
            phrase="Server Internal Error",
            headers=(("Retry-After", seconds),),
        )

    def _count_forged(self, offer: Sdp) -> None:
        self.forged += stands_in(offer.session)
        for media in offer.media:
            self.forged += stands_in(media)

    def _origin_notes(self, offer: Sdp, sdp: bytes, sender: Side) -> tuple[str, ...]:
        if self._number == 1:
            self._origins[sender] = ("", "", sdp)
            return ()
        notes: tuple[str, ...] = ()
        number, version = offer.origin
        last_number, last_version, last = self._origins.get(sender, ("", "", b""))
        if last and not last_version:
            last_number, last_version = Sdp.parse(last).origin
        if number == last_number and sdp != last:
            if version == last_version:
                notes = ("o= version unchanged, content changed",)
            elif version.isdecimal() and last_version.isdecimal() and _older(version, last_version):
                notes = ("o= version decreased",)
        self._origins[sender] = (number, version, sdp)
        return notes

    # answers

    def plan_answer(self, sdp: bytes, sender: Side, fork: str = "", *, reliable: bool = False) -> Plan:
        """Judge an answer. fork: the To tag; reliable: it came in a reliable 18x, so the first one stands.

        The same answer again changes nothing and gives the same octets; the gateway follows the latest fork.
        Raises SdpRejected where the answer breaks the rules: the stream must not start (33.328 7.2, 7.3).
        """
        exchange = self._exchange
        if exchange is not None and (old := _repeated(exchange, sdp, sender, fork)) is not None:
            return Plan(None, exchange, sdp=old.out)
        if exchange is None or exchange.offerer is sender:
            raise SdpRejected("answer without an offer")
        known = exchange.answers.get(fork)
        if known is None or not (known.sdp == sdp or known.reliable):
            description = Sdp.parse(sdp)
            if sender is Side.CORE:
                self._count_forged(description)
            known = Answer(sdp, description, answer_states(exchange, description), reliable)
        elif exchange.fork == fork:
            return Plan(None, exchange, sdp=known.out)
        return self._follow(exchange, known, fork)

    def plan_fork(self, fork: str) -> Plan | None:
        """Bring the gateway to what a fork answered; None where it follows that, or knows no answer."""
        exchange = self._exchange
        if exchange is None or exchange.fork == fork or (known := exchange.answers.get(fork)) is None:
            return None
        return self._follow(exchange, known, fork)

    def plan_leave(self, fork: str) -> Plan | None:
        """Forget an early fork that is over (RFC 6228), while another one answered.

        Where the gateway followed it, bring it to the latest of those that are left.
        """
        exchange = self._exchange
        if exchange is None or fork not in exchange.answers or len(exchange.answers) == 1:
            return None
        del exchange.answers[fork]
        return self.plan_fork(next(reversed(exchange.answers))) if exchange.fork == fork else None

    def _follow(self, exchange: Exchange, answer: Answer, fork: str) -> Plan:
        pairs = [
            (line.stream, state)
            for line, state in zip(exchange.lines, answer.wanted, strict=True)
            if line.stream is not None and state is not None
        ]
        return Plan(self._action(configure(pairs)), exchange, answer, fork)

    # both

    def complete(self, plan: Plan, reply: ActionReply | None) -> bytes:
        """Take the gateway's reply to ``plan.action`` (None where there was none); return the SDP to send.

        Raises SipRefusal 503 with Retry-After where the gateway refused or cannot be reached. What it did
        before is still there: release() for a first offer, rollback(plan) for a later one.
        """
        if plan.action is not None:
            self._check_reply(plan, plan.action, reply)
        if plan.answer is not None:
            return self._complete_answer(plan, plan.answer)
        if plan.sdp is not None:
            return plan.sdp
        exchange = plan.exchange
        if reply is not None and plan.action is not None:
            take_addresses(exchange, reply, self._terminations)
        self.streams = [line.stream for line in exchange.lines]
        sections, address = offer_sections(exchange)
        plan.sdp = self._write(exchange, exchange.offerer.other, exchange.offer, sections, address)
        return plan.sdp

    def _check_reply(self, plan: Plan, action: Action, reply: ActionReply | None) -> None:
        if reply is not None and reply.context is not None and self.context is None:
            self.context = reply.context
        if (
            reply is not None
            and reply.error is None
            and len(reply.replies) == len(action.procedures)
            and (plan.answer is not None or is_addressed(plan.exchange, reply))
        ):
            return
        if plan.answer is None:
            if reply is not None:
                take_addresses(plan.exchange, reply, self._terminations)
            self._exchange = plan.exchange.previous
        raise SipRefusal(
            "the media gateway cannot serve the session",
            status=503,
            phrase="Service Unavailable",
            headers=(("Retry-After", str(self._policy.retry_after)),),
        )

    def _complete_answer(self, plan: Plan, answer: Answer) -> bytes:
        exchange = plan.exchange
        if exchange.previous is not None and not exchange.answers:
            exchange.before = [(s, s.state) for line in exchange.lines if (s := line.stream) is not None]
        first_of_fork = plan.fork not in exchange.answers
        if not answer.out:
            sections, address = answer_sections(exchange, answer)
            description = answer.description or exchange.offer
            again = bool(exchange.answers) and first_of_fork
            answer.out = self._write(
                exchange, exchange.offerer, description, sections, address, same_version=again
            )
            answer.description = None
        for index, (line, state) in enumerate(zip(exchange.lines, answer.wanted, strict=True)):
            if line.stream is not None and state is not None:
                line.stream.state = state
                if state.closed:
                    self.streams[index] = None
                else:
                    line.stream.decision = line.decision
        exchange.answers[plan.fork] = answer
        exchange.fork = plan.fork
        return answer.out

    def _write(
        self,
        exchange: Exchange,
        to: Side,
        description: Sdp,
        sections: list[list[str]],
        address: str,
        *,
        same_version: bool = False,
    ) -> bytes:
        return self._legs[to].write(
            description.session,
            sections,
            address,
            dropped=session_dropped(exchange),
            same_version=same_version,
        )

    def rollback(self, plan: Plan) -> Action | None:
        """Undo an offer that failed (``plan`` is its plan): the description before it is in force again.

        Returns what the gateway has to undo, or None. A first offer has nothing to go back to: as release().
        """
        exchange = plan.exchange
        if self._exchange is not exchange and self._exchange is not exchange.previous:
            return None  # a later offer stands on this one
        if exchange.number == 1:
            self._exchange = None
            return self.release()
        self._exchange = exchange.previous
        self.streams = exchange.streams
        back = [(s, state) for s, state in exchange.before if s in self.streams and not s.state.closed]
        back += closing(exchange)
        procedures = configure(back)
        for stream, state in back:
            stream.state = state
        self.streams = [s if s is not None and not s.state.closed else None for s in self.streams]
        if self.context is None or self._released:
            return None
        return self._action(procedures)

    def release(self) -> Action | None:
        """Return the release of everything, once; None where nothing is reserved or it is released already.

        During a Reserve nothing is known to release: call it again behind its complete().
        """
        if self.context is None or self._released:
            return None
        self._released = True
        return Action(self.context, [Release()], self._emergency)


def _repeated(exchange: Exchange, sdp: bytes, sender: Side, fork: str) -> Answer | None:
    """Return the answer to the offer before this one where it comes again: in the 200 behind an UPDATE.

    A new offer that waits for its answer may well get the same one.
    """
    previous = exchange.previous
    if previous is None or previous.offerer is sender or (old := previous.answers.get(fork)) is None:
        return None
    waiting = exchange.offerer is not sender and not exchange.answers
    return old if old.sdp == sdp and not waiting else None


def _older(version: str, last: str) -> bool:
    return len(version) < len(last) or (len(version) == len(last) and version < last)
