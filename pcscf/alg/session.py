"""The media of one INVITE: each offer and answer in two steps, plan (Iq) and complete (SDP out)."""

from collections.abc import Callable

from iq.procedures import Action, ActionReply, Mode
from pcscf.alg import offer_answer
from pcscf.alg.context import Context
from pcscf.alg.dialog import Dialog, Plan
from pcscf.alg.early_media import Flows, Gates
from pcscf.alg.exchange import Answer, Exchange, answer_states
from pcscf.alg.gateway import closing, fresh_streams
from pcscf.alg.leg import Leg
from pcscf.alg.media_security import Decision
from pcscf.alg.offer_answer import Input
from pcscf.alg.offering import Offering
from pcscf.alg.origins import Origins
from pcscf.alg.policy import AccessProfile, MediaPolicy
from pcscf.alg.refusals import busy, glare, unserved
from pcscf.alg.stream import MediaStream, State
from pcscf.alg.writing import answer_sections, offer_sections, session_dropped
from pcscf.errors import SdpRejected
from pcscf.flow import Side
from pcscf.sdp.capability import stands_in
from pcscf.sdp.model import Sdp

__all__ = ["AccessProfile", "MediaPolicy", "MediaSession", "Plan"]


class MediaSession:
    """Owns the SDP of both legs and one context at the gateway.

    random: returns that many octets from a cryptographic source. caller: the side that the INVITE came from:
    until it is answered its gates are those of early media. Roles follow the direction of the offer, not
    who sent the INVITE (RFC 3264). Steps do not overlap: after a plan with an action comes its complete, or
    its rollback. The dialogs of a forked INVITE, each named by its To tag, have one termination a side, and
    the gateway does what the last one that answered wants.

    context: None until the gateway chose one. dialogs: those that answered or offered, by To tag. decisions:
    of the latest offer, per m-line. forged: how many indications from the core were removed (33.328 5.4.1).
    """

    __slots__ = (
        "_context",
        "_first",
        "_followed",
        "_latest",
        "_number",
        "_offering",
        "_origins",
        "_policy",
        "_random",
        "decisions",
        "dialogs",
        "forged",
    )

    def __init__(
        self,
        policy: MediaPolicy,
        access: AccessProfile,
        random: Callable[[int], bytes],
        *,
        caller: Side = Side.ACCESS,
        emergency: bool = False,
    ) -> None:
        self._policy = policy
        self._random = random
        self._offering = Offering(policy, access, random, emergency)
        #: The INVITE as it was before anybody answered: what a further dialog begins with. Once it has
        #: succeeded the plan of its offer alone keeps it, as long as a further 2xx may come.
        self._first: Dialog | None = self._begun()
        self._followed = self._first
        self._latest: Exchange | None = None
        self._number = 0
        gates = Gates(caller, "sendrecv" if emergency else policy.early_media)
        self._context = Context(access, gates, emergency=emergency)
        self._origins = Origins()
        self.decisions: list[Decision] = []
        self.dialogs: dict[str, Dialog] = {}
        self.forged = 0

    @property
    def context(self) -> int | None:
        return self._context.id

    @property
    def streams(self) -> list[MediaStream | None]:
        """Per m-line the stream of the dialog that the gateway follows."""
        return self._followed.streams

    @property
    def listening(self) -> bool:
        """Whether the UE surely sends in a stream: where all are held, by either end, silence is no loss.

        Who holds another one says sendonly, and then many send nothing.
        """
        return any(stream.state.access_mode is Mode.SEND_RECEIVE for stream in self._context.streams)

    def pending(self, fork: str = "") -> Side | None:
        """Return the side whose offer waits for its answer in a dialog."""
        dialog = self.dialogs.get(fork) or self._first
        return dialog.pending if dialog is not None else None

    def has(self, termination: str) -> bool:
        """Whether a termination of the gateway is one of this session's; "*" are all of them."""
        return termination == "*" or termination in self._context.terminations.values()

    def record(self) -> list[dict[str, str | None]]:
        """Return per m-line of the latest offer what was decided and why, for the log."""
        return [line.record() for line in self._latest.lines] if self._latest is not None else []

    # dialogs

    def confirm(self, fork: str, to: Plan | None = None) -> None:
        """An INVITE succeeded in this dialog: what its answer leaves out is released from here on.

        to: of the offer in the INVITE.
        """
        dialog = self._dialog(fork, to)
        dialog.confirmed = True
        self._first = None
        if dialog.exchange is not None and dialog.exchange.answer is not None:
            dialog.exchange.answer.provisional = False

    def authorize(self, fork: str, flows: tuple[Flows, ...]) -> bool:
        """Take what the network authorizes of the early media of a dialog; return whether that is new."""
        dialog = self._dialog(fork)
        if dialog.confirmed or dialog.authorized == flows:
            return False
        dialog.authorized = flows
        return True

    def forget(self, fork: str) -> None:
        """This dialog is over."""
        self.dialogs.pop(fork, None)

    def _dialog(self, fork: str, to: Plan | None = None) -> Dialog:
        dialog = self.dialogs.get(fork)
        if dialog is None:
            first = to.dialog if to is not None else self._first or self._begun()
            dialog = self.dialogs[fork] = first.fork()
        return dialog

    def _begun(self) -> Dialog:
        return Dialog({Side.ACCESS: Leg(self._random), Side.CORE: Leg(self._random)})

    # offers

    def plan_offer(self, sdp: bytes, sender: Side, fork: str = "") -> Plan:
        """Judge an offer. Its action reserves what is new; what changes waits for the answer.

        fork: the dialog; "" for the INVITE that begins the session. Raises SdpRejected (488 with Warning;
        413) and SipRefusal: 491 where the other side's offer is pending, 500 with Retry-After where this
        side's is (RFC 3261 14.2, RFC 3311 5.2). The session stays as it was.
        """
        first = None if fork or self.dialogs else self._first
        dialog = first or self._dialog(fork)
        event = dialog.offered(sender)
        match dialog.action(event):
            case offer_answer.Action.BUSY:
                raise busy(self._random(1)[0] % 11)
            case offer_answer.Action.GLARE:
                raise glare()
        offer = Sdp.parse(sdp)
        if sender is Side.CORE:
            self._count_forged(offer)
        self.decisions = self._offering.decide(offer, sender, dialog.streams)
        lines = self._offering.lines(offer, sender, dialog.streams, self.decisions)
        self._number += 1
        exchange = Exchange(self._number, sender, offer, lines, dialog.exchange, dialog.phase, dialog.streams)
        dialog.begin(event, exchange)
        self._latest = exchange
        notes = self._origins.note(offer, sdp, sender)
        return Plan(self._context.reserve(dialog, exchange), dialog, exchange, event=event, notes=notes)

    def _count_forged(self, offer: Sdp) -> None:
        self.forged += stands_in(offer.session)
        for media in offer.media:
            self.forged += stands_in(media)

    # answers

    def plan_answer(
        self,
        sdp: bytes,
        sender: Side,
        fork: str = "",
        *,
        to: Plan | None = None,
        provisional: bool = False,
        reliable: bool = False,
    ) -> Plan:
        """Judge an answer. fork: the dialog; provisional: it came in an 18x; reliable: with RSeq.

        to: of the offer that it answers, where it came in the response to one: while a later offer waits for
        its answer, the 200 of an INVITE says again what its 183 said.
        The same answer again changes nothing and gives the same octets; the gateway follows this dialog.
        Raises SdpRejected where the answer breaks the rules: the stream must not start (33.328 7.2, 7.3).
        """
        dialog = self._dialog(fork, to)
        offer = to.exchange if to is not None else None
        event = dialog.answered(sender, sdp, offer, preview=provisional and not reliable)
        action, said = dialog.action(event), dialog.said(sender, sdp, offer)
        if action is offer_answer.Action.REPEAT and said is not None:
            return self._follow(dialog, said)
        exchange = dialog.exchange
        if action is not offer_answer.Action.TAKE_ANSWER or exchange is None:
            raise SdpRejected("answer without an offer")
        answer = exchange.answer
        if answer is None or answer.sdp != sdp:
            description = Sdp.parse(sdp)
            if sender is Side.CORE:
                self._count_forged(description)
            answer = Answer(sdp, description, answer_states(exchange, description))
        answer.provisional = provisional
        return self._plan(dialog, exchange, answer, answer, event)

    def plan_fork(self, fork: str) -> Plan | None:
        """Bring the gateway to what a dialog agreed on; None where nothing was answered in it."""
        dialog = self.dialogs.get(fork)
        if dialog is None or (agreed := dialog.agreed) is None:
            return None
        return self._follow(dialog, agreed[1])

    def plan_gates(self, fork: str) -> Plan | None:
        """Bring the gates to what is authorized by now; None where the gateway follows another dialog."""
        return self.plan_fork(fork) if self.dialogs.get(fork) is self._followed else None

    def plan_leave(self, fork: str) -> Plan | None:
        """Forget an early dialog that is over (RFC 6228), while another one answered.

        Where the gateway followed it, bring it to the latest of those that are left.
        """
        dialog = self.dialogs.get(fork)
        others = [name for name, other in self.dialogs.items() if other is not dialog and other.agreed]
        if dialog is None or not others:
            return None
        self.forget(fork)
        return self.plan_fork(others[-1]) if self._followed is dialog else None

    def _follow(self, dialog: Dialog, said: Answer) -> Plan:
        """Let the gateway do what the dialog agreed on, and say ``said`` again."""
        agreed = dialog.agreed
        if agreed is None:
            raise SdpRejected("answer without an offer")
        return self._plan(dialog, *agreed, said)

    def _plan(
        self, dialog: Dialog, exchange: Exchange, answer: Answer, said: Answer, event: Input | None = None
    ) -> Plan:
        wanted = self._context.wanted(self.dialogs.values(), dialog, exchange, answer)
        return Plan(self._context.configure(wanted), dialog, exchange, said, event, wanted)

    # both

    def complete(self, plan: Plan, reply: ActionReply | None) -> bytes:
        """Take the gateway's reply to ``plan.action`` (None where there was none); return the SDP to send.

        Raises SipRefusal 503 with Retry-After where the gateway refused or cannot be reached. What it did
        before is still there: release() for a first offer, rollback(plan) for a later one.
        """
        exchange, dialog, answer = plan.exchange, plan.dialog, plan.answer
        if plan.action is not None:
            opened = exchange if answer is None else None
            if not self._context.take(plan.action, reply, opened):
                raise unserved(self._policy.retry_after)
        if answer is None:
            dialog.streams = [line.stream for line in exchange.lines]
            sections, address = offer_sections(exchange)
            return self._write(dialog, exchange, exchange.offerer.other, exchange.offer, sections, address)
        self._context.settle(plan.wanted)
        self._followed = dialog
        if plan.event is not None:
            dialog.take(plan.event, answer)
        if answer.description is not None:
            sections, address = answer_sections(exchange, answer)
            answer.out = self._write(
                dialog, exchange, exchange.offerer, answer.description, sections, address
            )
            answer.description = None
        if plan.event is Input.ANSWER:
            exchange.settle()
            self._latest = exchange
        return answer.out

    def _write(
        self,
        dialog: Dialog,
        exchange: Exchange,
        to: Side,
        description: Sdp,
        sections: list[list[str]],
        address: str,
    ) -> bytes:
        dropped = session_dropped(exchange)
        return dialog.legs[to].write(description.session, sections, address, dropped=dropped)

    def rollback(self, plan: Plan) -> Action | None:
        """Undo an offer that failed (``plan`` is its plan): the description before it is in force again.

        Returns what the gateway has to undo, or None. The offer of the INVITE itself has nothing to go back
        to: as release().
        """
        dialog, exchange = plan.dialog, plan.exchange
        if dialog.exchange is not exchange:
            return None  # a later offer stands on this one
        dialog.restore()
        if dialog not in self.dialogs.values():
            return self.release()
        wanted: list[tuple[MediaStream, State]] = []
        if dialog.agreed is not None and self._followed is dialog:
            wanted = self._context.wanted(self.dialogs.values(), dialog, *dialog.agreed)
        known = {stream.id for stream, _ in wanted}
        wanted += closing(stream for stream in fresh_streams(exchange.lines) if stream.id not in known)
        action = self._context.configure(wanted)
        self._context.settle(wanted)
        return action

    def move(self, source: str) -> Action | None:
        """The UE's SIP comes from this address now: return what tells the gateway so, None where it knows."""
        return self._context.move(source)

    def release(self) -> Action | None:
        """Return the release of everything, once; None where nothing is reserved or it is released already.

        During a Reserve nothing is known to release: call it again behind its complete().
        """
        return self._context.release()
