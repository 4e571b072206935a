"""One dialog of a session: its offers and answers, and what was said to both sides in it."""

from dataclasses import dataclass, field

from iq.procedures import Action as GatewayAction
from pcscf.alg.early_media import Flows
from pcscf.alg.exchange import Answer, Exchange
from pcscf.alg.leg import Leg
from pcscf.alg.offer_answer import Action, Input, Phase, action, after
from pcscf.alg.stream import MediaStream, State
from pcscf.flow import Side


class Dialog:
    """Where the offer/answer model stands in one dialog.

    phase: see ``offer_answer``. exchange: the latest. streams: by m-line, of the latest description. first:
    the answer to the INVITE's own offer, which comes again in each of its responses. last: the latest answer
    of each side. legs: our o= lines. confirmed: by a 2xx; before it other dialogs of this INVITE may need
    what this one declines. authorized: early media, by m-line (RFC 5009); None: nothing said.
    """

    __slots__ = ("authorized", "confirmed", "exchange", "first", "last", "legs", "phase", "streams")

    def __init__(self, legs: dict[Side, Leg]) -> None:
        self.legs = legs
        self.phase = Phase.NONE
        self.exchange: Exchange | None = None
        self.streams: list[MediaStream | None] = []
        self.first: tuple[int, Answer] | None = None
        self.last: dict[Side, Answer] = {}
        self.confirmed = False
        self.authorized: tuple[Flows, ...] | None = None

    def fork(self) -> "Dialog":
        """Return one more dialog of the same INVITE: it shares the offer, and what is answered is its own."""
        other = Dialog({side: leg.copy() for side, leg in self.legs.items()})
        other.phase = self.phase
        other.streams = self.streams
        if (e := self.exchange) is not None:
            other.exchange = Exchange(e.number, e.offerer, e.offer, e.lines, None, e.before, e.streams)
        return other

    @property
    def pending(self) -> Side | None:
        """The side whose offer waits for its answer."""
        return self.exchange.offerer if self.phase is Phase.OFFERED and self.exchange is not None else None

    @property
    def agreed(self) -> tuple[Exchange, Answer] | None:
        """What is in force: the latest offer with its answer, or the one before while that waits."""
        exchange = self.exchange
        if exchange is not None and exchange.answer is None:
            exchange = exchange.previous
        return (exchange, exchange.answer) if exchange is not None and exchange.answer is not None else None

    def offered(self, sender: Side) -> Input:
        """Say what an offer of ``sender`` is here."""
        exchange = self.exchange
        return Input.OFFER if exchange is None or exchange.offerer is sender else Input.COUNTER_OFFER

    def answered(self, sender: Side, sdp: bytes, to: Exchange | None, *, preview: bool) -> Input:
        """Say what an answer of ``sender`` is here. to: the offer that it answers, None where nobody knows.

        Where that is not known, the octets of the one before are new where one is due.
        """
        exchange = self.exchange
        if exchange is not None:
            if to is not None:
                repeats = to.number != exchange.number
            else:
                repeats = self.phase is not Phase.OFFERED and self._before(sdp) is not None
            if repeats or exchange.offerer is sender:
                return Input.REPETITION
        return Input.PREVIEW if preview else Input.ANSWER

    def said(self, sender: Side, sdp: bytes, to: Exchange | None) -> Answer | None:
        """Return the answer of ``sender`` that ``sdp`` repeats: by its offer, its octets, or the latest one.

        What was said first to an INVITE goes out again with the same octets, whatever was agreed on since.
        """
        if to is not None and self.first is not None and self.first[0] == to.number:
            return self.first[1]
        return self._before(sdp) or self.last.get(sender)

    def _before(self, sdp: bytes) -> Answer | None:
        """Return the answer to the offer before the latest one where it has these octets."""
        exchange = self.exchange
        before = exchange.previous if exchange is not None else None
        answer = before.answer if before is not None else None
        return answer if answer is not None and answer.sdp == sdp else None

    def action(self, event: Input) -> Action:
        return action(self.phase, event)

    def begin(self, event: Input, exchange: Exchange) -> None:
        """Take an offer."""
        self._step(event)
        if exchange.previous is not None:
            exchange.previous.previous = None
        self.exchange = exchange

    def take(self, event: Input, answer: Answer) -> None:
        """Take an answer: the m-lines are what it made of them."""
        self._step(event)
        exchange = self.exchange
        if exchange is None:
            return
        exchange.answer = self.last[exchange.offerer.other] = answer
        if exchange.previous is None and (self.first is None or self.first[0] == exchange.number):
            self.first = exchange.number, answer
        self.streams = []
        for line, wanted in zip(exchange.lines, answer.wanted, strict=True):
            kept = line.stream if wanted is not None and not wanted.closed else None
            self.streams.append(kept)
            if kept is not None:
                kept.decision = line.decision

    def restore(self) -> None:
        """The latest offer failed: go back to what it found."""
        exchange = self.exchange
        if exchange is not None:
            self._step(Input.FAILURE)
            self.exchange = exchange.previous
            self.streams = exchange.streams

    def _step(self, event: Input) -> None:
        found = self.exchange.before if self.exchange is not None else Phase.NONE
        self.phase = after(self.phase, event, found)


@dataclass(slots=True, repr=False)
class Plan:
    """One step with the gateway: send ``action`` (None: nothing to do), then complete.

    answer: None for an offer. event: what it is in ``dialog``; None where the gateway is only to follow it.
    wanted: what the gateway does behind it. notes: oddities worth a line in the log.
    """

    action: GatewayAction | None
    dialog: Dialog
    exchange: Exchange
    answer: Answer | None = None
    event: Input | None = None
    wanted: list[tuple[MediaStream, State]] = field(default_factory=list)
    notes: tuple[str, ...] = ()
