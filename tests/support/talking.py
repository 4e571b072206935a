"""An end of a call that talks by the rules: dialogs of RFC 3261, offers and answers of RFC 3264 and 6337.

It reads what arrived when told to, and not before: messages cross as the test wants it.
"""

from dataclasses import dataclass, field

from pcscf.flow import Side
from pcscf.sip.headers import cseq_of, tag_of
from pcscf.sip.message import Request, Response, parse
from tests.support.describing import Author, Line, read
from tests.support.ladder import End, Leg, callee_leg, caller_leg
from tests.support.pending import Asked, Came, Heard, Proposal
from tests.support.watching import Watch


@dataclass(eq=False)
class Talker:
    """mine, theirs: what is agreed; settled: how often something was; firm: it is more than a preview.

    opening: what we offer first where we are asked to. watch: is given each new description that arrives.
    forbidden: must never arrive. wrong: somebody broke the rules, who knows what is agreed.
    """

    end: End
    side: Side
    author: Author
    watch: Watch
    forbidden: set[str] = field(default_factory=set)
    leg: Leg | None = None
    mine: bytes = b""
    theirs: bytes = b""
    settled: int = 0
    proposal: Proposal | None = None
    heard: Heard | None = None
    asked: dict[tuple[int, str], Asked] = field(default_factory=dict)
    open: list[Came] = field(default_factory=list)
    invite: Came | None = None
    pracks: list[str] = field(default_factory=list)
    unpracked: int = 0
    confirmed: bool = False
    over: bool = False
    wrong: bool = False
    firm: bool = False
    last: Asked | None = None
    sent: float = 0.0
    opening: list[Line] = field(default_factory=list)
    _replies: dict[str, bytes] = field(default_factory=dict)
    _acks: dict[str, Came] = field(default_factory=dict)
    _rseqs: set[str] = field(default_factory=set)
    _rseq: int = 0

    # Sending

    def call(self, to: str, lines: list[Line], *extra: str, **how: str) -> None:
        """INVITE, with an offer where there are lines."""
        body = self._propose(lines, "INVITE") if lines else b""
        request = self.end.ask("INVITE", to, body, *extra, **how)
        self.asked[1, "INVITE"] = Asked(request, bool(body))

    def send(self, method: str, lines: list[Line] | None = None, *extra: str) -> None:
        """A request inside of the dialog; with ``lines`` it offers."""
        assert self.leg is not None
        body = self._propose(lines, method) if lines else b""
        self._send(method, body, bool(body), *extra)

    def _send(self, method: str, body: bytes, offers: bool, *extra: str) -> None:
        assert self.leg is not None
        number = self.leg.cseq + 1
        entry = self.asked[number, method] = Asked(Request("", "", []), offers)
        self.last, self.sent = entry, self.end.stage.now
        entry.request = self.leg.send(method, body, *extra)

    def _propose(self, lines: list[Line], method: str, *, in_response: bool = False) -> bytes:
        before = self.author.lines
        body = self.author.offer(lines)
        self.proposal = Proposal(body, before, method, in_response)
        return body

    def cancel(self) -> None:
        entry = self._waiting("INVITE")
        if entry is not None:
            self.end.cancel(entry.request)

    def bye(self) -> None:
        self.over = True
        self._send("BYE", b"", False)

    def prack(self, lines: list[Line] | None = None) -> None:
        """Acknowledge the oldest reliable response: with the answer it wants, or with an offer of our own."""
        rack = self.pracks.pop(0)
        heard = self.heard
        if heard is not None and isinstance(heard.by, Asked):
            body = self._settle_answer(heard)
            self.firm = True
            self._send("PRACK", body, False, f"RAck: {rack}")
        else:
            self.send("PRACK", lines, f"RAck: {rack}")

    def ring(self, status: int, *, reliable: bool = False, describe: bool = False) -> None:
        """A provisional response to the INVITE that waits."""
        came = self._ringing()
        assert came is not None
        body, extra = b"", []
        if describe:
            body = self._describe(came, reliable)
        if reliable:
            self._rseq += 1
            self.unpracked += 1
            extra = [f"RSeq: {self._rseq}", "Require: 100rel"]
        self._respond(came, status, body, *extra)

    def _describe(self, came: Came, may_offer: bool) -> bytes:
        if not came.body and self.heard is not None and self.heard.by is came:
            came.body = self._settle_answer(self.heard)
        elif not came.body and not came.request.body and may_offer and self.proposal is None:
            came.body = self._propose(self.offer_lines(), came.request.method, in_response=True)
            came.offered = True
        return came.body

    def offer_lines(self) -> list[Line]:
        """What we offer when asked for it: what is in force, or one line."""
        return (
            self.author.lines
            or self.opening
            or [self.author.line("e2ae" if self.side is Side.ACCESS else "plain")]
        )

    def answer(
        self,
        came: Came,
        status: int,
        *,
        describe: bool = True,
        closed: frozenset[int] = frozenset(),
        instead: bytes | None = None,
    ) -> None:
        """Give a request its final answer. instead: a description of the test's own, which is wrong."""
        self.open.remove(came)
        method, body = came.request.method, b""
        if status < 300:
            if instead is not None:
                self.wrong = True
                body, self.heard = instead, None
            elif describe or (self.heard is not None and self.heard.by is came):
                if self.heard is not None and self.heard.by is came:
                    came.body = self._settle_answer(self.heard, closed)
                body = self._describe(came, True) if method == "INVITE" else came.body
            if method == "INVITE":
                self.confirmed = True
                self.firm = self.settled > 0
        else:
            if self.heard is not None and self.heard.by is came:
                self.heard = None
            if came.offered:
                self._revert()
            if method == "INVITE" and not self.confirmed:
                self.over = True
        self._respond(came, status, body)

    def repeat_success(self) -> None:
        """The 2xx of the INVITE again, while no ACK has come."""
        for came in self._acks.values():
            self.end.send(self._replies[_key(came.request)])

    def again(self) -> None:
        """Our last request again, as on UDP while nothing final came back."""
        late = self.end.stage.now > self.sent + 30
        if self.last is not None and not self.last.final and not late:
            self.end.send(self.last.request)

    def _respond(self, came: Came, status: int, body: bytes, *extra: str) -> None:
        tag = "b1" if not tag_of(came.request.get("to")) else "x"
        if self.leg is None and came.request.method == "INVITE":
            self.leg = callee_leg(self.end, came.request, tag)
        key = _key(came.request)
        if status >= 200 and came.request.method == "INVITE" and status < 300:
            self._acks[came.request.get("cseq").split()[0]] = came
        response = self.end.answer(came.request, status, body, *extra, tag=tag)
        if status >= 200:
            self._replies[key] = response.encode()

    def _settle_answer(self, heard: Heard, closed: frozenset[int] = frozenset()) -> bytes:
        offer = read(heard.body)
        body = self.author.write(self.author.answer(offer, closed=closed))
        self.heard = None
        self._settle(body, heard.body)
        return body

    def _settle(self, mine: bytes, theirs: bytes) -> None:
        self.mine, self.theirs = mine, theirs
        other = read(theirs).lines
        self.author.lines = [
            line if index >= len(other) or other[index].active else line.closed()
            for index, line in enumerate(self.author.lines)
        ]
        self.author.agreed = self.author.lines
        self.settled += 1
        self.proposal = None

    def _revert(self) -> None:
        if self.proposal is not None:
            self.author.lines = self.proposal.before
            self.proposal = None

    # Reading

    @property
    def may_invite(self) -> bool:
        """Whether no INVITE is under way in the dialog, as far as is known here (RFC 3261 14.1)."""
        return self.confirmed and not self._acks and not self._ringing() and not self._waiting("INVITE")

    @property
    def pending(self) -> bool:
        return self.proposal is not None or self.heard is not None

    def _ringing(self) -> Came | None:
        return next((came for came in self.open if came.request.method == "INVITE"), None)

    def _waiting(self, method: str) -> Asked | None:
        return next((a for (_, m), a in self.asked.items() if m == method and not a.final), None)

    def read(self, messages: int = 1000) -> None:
        """Take what has arrived, in order."""
        while self.end.flow.sent and messages:
            messages -= 1
            data = self.end.flow.sent.pop(0)
            assert not any(secret.encode() in data for secret in self.forbidden), (
                "a key of the UE in the core"
            )
            message = parse(data)
            if isinstance(message, Request):
                self._request(message)
            else:
                self._response(message)

    def _request(self, request: Request) -> None:
        if request.method == "ACK":
            self._ack(request)
            return
        if (known := self._replies.get(_key(request))) is not None:
            self.end.send(known)
            return
        if any(_key(came.request) == _key(request) for came in self.open):
            return
        came = Came(request)
        if request.method in {"BYE", "CANCEL"}:
            self._end(came)
            return
        self.open.append(came)
        if self.over:
            self.answer(came, 481)
            return
        if request.body:
            self.watch(request.body)
        if request.method == "PRACK":
            self.unpracked -= 1
            self.firm = self.settled > 0
            if request.body and self.proposal is not None and self.proposal.in_response:
                self._settle(self.proposal.body, request.body)
                return
        again = [other for other in self.open if other is not came and other.request.method == "INVITE"]
        if request.method == "INVITE" and (again or self._waiting("INVITE") is not None):
            self.answer(came, 500 if again else 491)
        elif request.body and self.pending:
            self.answer(came, 491 if self.proposal is not None else 500)
        elif request.body:
            self.heard = Heard(request.body, came)

    def _end(self, came: Came) -> None:
        self.open.append(came)
        self.answer(came, 200)
        for other in list(self.open):
            if other.request.method == "INVITE" and (
                came.request.method == "BYE" or cseq_of(other.request)[0] == cseq_of(came.request)[0]
            ):
                self.answer(other, 487)
        self.over = self.over or came.request.method == "BYE"

    def _ack(self, request: Request) -> None:
        came = self._acks.pop(str(cseq_of(request)[0]), None)
        if came is None or not came.offered:
            assert not request.body or came is None or self.wrong, "a description that answers nothing"
            return
        if self.proposal is not None and request.body:
            self.watch(request.body)
            self._settle(self.proposal.body, request.body)
            self.firm = True

    def _response(self, response: Response) -> None:
        number, method = cseq_of(response)
        entry = self.asked.get((number, method))
        if entry is None or method == "CANCEL" or response.status == 100:
            return
        status = response.status
        if entry.final:
            if status < 300 and method == "INVITE" and entry.ack:
                assert response.body in {b"", entry.answer} or self.wrong
                self.end.send(entry.ack)
            elif status >= 300 and method == "INVITE":
                self.end.acknowledge(entry.request, response)
            return
        if self.leg is None and method == "INVITE" and 100 < status < 300:
            self.leg = caller_leg(self.end, entry.request, response)
        if status >= 300:
            self._failed(entry, response)
            return
        reliable = "rseq" in response
        if reliable:
            if response.get("rseq") in self._rseqs:
                return
            self._rseqs.add(response.get("rseq") or "")
        if response.body:
            self._description(entry, response, reliable)
        if reliable:
            self.pracks.append(f"{response.get('rseq')} {response.get('cseq')}")
        if status >= 200:
            self._succeeded(entry, method)

    def _description(self, entry: Asked, response: Response, reliable: bool) -> None:
        body = response.body
        firm = reliable or response.status >= 200
        if entry.answer:
            self.firm = self.firm or firm
            assert body == entry.answer or self.wrong, "the same description came out otherwise"
            return
        assert entry.offers or firm, "a preview of an offer"
        self.watch(body)
        entry.answer = body
        if entry.offers:
            assert self.proposal is not None or self.wrong
            if self.proposal is not None:
                self._settle(self.proposal.body, body)
                self.firm = firm
        elif not self.pending:
            self.heard = Heard(body, entry)
        else:
            self.wrong = True

    def _succeeded(self, entry: Asked, method: str) -> None:
        entry.final = 200
        if entry.offers and not entry.answer:
            assert self.wrong or self.over, f"a 2xx to {method} without an answer"
            self._revert()
        if method != "INVITE":
            return
        self.confirmed = True
        self.pracks.clear()
        assert self.leg is not None
        body = b""
        if self.heard is not None and self.heard.by is entry:
            body = self._settle_answer(self.heard)
        self.firm = self.settled > 0
        entry.ack = self.leg.send("ACK", body, cseq=cseq_of(entry.request)[0]).encode()

    def _failed(self, entry: Asked, response: Response) -> None:
        entry.final = response.status
        if entry.request.method == "INVITE":
            self.end.acknowledge(entry.request, response)
            if self.heard is not None and self.heard.by is entry:
                self.heard = None
            if not self.confirmed:
                self.over = True
        if entry.offers and self.proposal is not None and self.proposal.method == entry.request.method:
            self._revert()


def _key(request: Request) -> str:
    return f"{request.first('via')} {request.method}"
