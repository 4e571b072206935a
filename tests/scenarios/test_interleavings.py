"""Whatever comes in whatever order: at the end nothing is left, and each request was answered once.

A script of steps drives both ends, the gateway and the clock, in any order that hypothesis thinks of. A step
that is not possible in a moment does nothing.
"""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pcscf.sip.headers import tag_of
from pcscf.sip.message import Request, Response, parse
from tests.support.calls import REQUESTED, UE_ANSWER, Ends, ends
from tests.support.ladder import End, Leg, callee_leg, caller_leg, plain, secure
from tests.support.stage import Stage

BAD = plain().replace(b"RTP/AVP", b"RTP/XXX")


class Play:
    """One call with two ends that answer what they have to, in an order that the test chooses."""

    def __init__(self, originating: bool) -> None:
        self.stage = Stage(session_expires_max=90)
        self.between: Ends = ends(self.stage, originating=originating)
        self.stage.gateway.hold = True
        self.sent = self.between.invite(None, "Supported: timer")
        self.came: Request | None = None
        #: By the callee's tag: the dialogs as each end knows them.
        self.legs: dict[str, Leg] = {}
        self.answered: dict[str, Leg] = {}
        #: Requests that an end still has to answer.
        self.open: list[tuple[End, Request]] = []
        self.stage.now += 0.01

    def read(self) -> None:
        """Take everything that has arrived."""
        for end in (self.between.caller, self.between.callee):
            while end.flow.sent:
                message = parse(end.flow.sent.pop(0))
                if isinstance(message, Request):
                    self._request(end, message)
                else:
                    self._response(end, message)

    def _request(self, end: End, request: Request) -> None:
        if request.method == "ACK":
            return
        if request.method == "INVITE" and self.came is None:
            self.came = request
        if request.method == "CANCEL":
            end.answer(request, 200)
            if self.came is not None and self._pending(self.came):
                self._answer(end, self.came, 487)
            return
        if not any(known.first("via") == request.first("via") for _, known in self.open):
            self.open.append((end, request))

    def _response(self, end: End, response: Response) -> None:
        cseq = response.get("cseq") or ""
        tag = tag_of(response.get("to"))
        if end is self.between.caller and cseq == "1 INVITE" and tag and 180 <= response.status < 300:
            self.legs.setdefault(tag, caller_leg(end, self.sent, response))
            if response.status >= 200:
                self.legs[tag].send("ACK", cseq=1)
        elif response.status >= 300 and cseq.endswith("INVITE"):
            request = self.sent if cseq == "1 INVITE" else self._reinvite(end, cseq)
            if request is not None:
                end.acknowledge(request, response)
        elif response.status >= 200 and cseq.endswith("INVITE"):
            leg = self._leg_of(end)
            if leg is not None:
                leg.send("ACK", cseq=int(cseq.split()[0]))

    def _reinvite(self, end: End, cseq: str) -> Request | None:
        for leg in self.legs.values():
            for request in leg.sent:
                if leg.end is end and request.get("cseq") == cseq:
                    return request
        return None

    def _pending(self, request: Request) -> bool:
        return any(known is request for _, known in self.open)

    def _answer(self, end: End, request: Request, status: int, body: bytes = b"", tag: str = "b1") -> None:
        if status >= 200:
            self.open = [(e, known) for e, known in self.open if known is not request]
        end.answer(request, status, body, tag=tag)

    def _leg_of(self, end: End) -> Leg | None:
        legs = self.legs if end is self.between.caller else self.answered
        return next(iter(legs.values()), None)

    # Steps

    def cancel(self) -> None:
        self.between.caller.cancel(self.sent)

    def progress(self, status: int, body: bytes = b"", tag: str = "b1") -> None:
        if self.came is not None and (status < 200 or self._pending(self.came)):
            self._answer(self.between.callee, self.came, status, body, tag)

    def success(self, tag: str = "b1") -> None:
        """Also again, and of another fork."""
        if self.came is not None:
            self._answer(self.between.callee, self.came, 200, self.between.answer, tag)
            self.answered.setdefault(tag, callee_leg(self.between.callee, self.came, tag))

    def answer_others(self, status: int) -> None:
        for end, request in list(self.open):
            if request is self.came:
                continue
            if tag_of(request.get("to")) is None:  # the INVITE again, when its transaction was over
                self._answer(end, request, 486)
            else:
                sdp = plain(version=2) if end is self.between.core else UE_ANSWER
                offered = request.body and request.method in {"INVITE", "UPDATE"}
                self._answer(end, request, status, sdp if offered and status == 200 else b"", tag="x")

    def ask(self, end: End, method: str, *extra: str) -> None:
        leg = self._leg_of(end)
        if leg is not None:
            body = b""
            if method in {"INVITE", "UPDATE"}:
                body = secure(version=2) if end is self.between.ue else plain(version=2)
            leg.send(method, body, *extra)

    def gateway(self, replies: int) -> None:
        self.stage.gateway.release(replies)

    def gateway_fails(self) -> None:
        self.stage.gateway.lose()

    def gateway_away(self) -> None:
        if self.stage.gateway.up:
            self.stage.gateway_down("agw")
            self.stage.gateway.lose()

    def gateway_back(self) -> None:
        if not self.stage.gateway.up:
            self.stage.gateway_up("agw", cold=False)

    def finish(self) -> None:
        """Both ends go on until everything is over, or time ends it."""
        self.gateway_back()
        self.stage.gateway.hold = False
        self.stage.gateway.release()
        for _ in range(3):
            self.read()
            self.success()
            self.read()
            self.answer_others(200)
            self.read()
            for leg in [*self.legs.values(), *self.answered.values()]:
                leg.send("BYE")
                self.read()
        self.answer_others(200)
        self.read()
        self.stage.apply(self.stage.proxy.tick(self.stage.now))
        self.stage.settle()


STEPS: dict[str, Callable[[Play], None]] = {
    "cancel": Play.cancel,
    "ringing": lambda p: p.progress(180),
    "early media": lambda p: p.progress(183, p.between.answer),
    "early media of a fork": lambda p: p.progress(183, p.between.answer, "b2"),
    "early rubbish": lambda p: p.progress(183, BAD),
    "a fork is over": lambda p: p.progress(199, b"", "b2"),
    "busy": lambda p: p.progress(486),
    "answer": Play.success,
    "answer of a fork": lambda p: p.success("b2"),
    "rubbish": lambda p: p.progress(200, BAD),
    "caller hangs up": lambda p: p.ask(p.between.caller, "BYE"),
    "callee hangs up": lambda p: p.ask(p.between.callee, "BYE"),
    "caller re-invites": lambda p: p.ask(p.between.caller, "INVITE"),
    "callee re-invites": lambda p: p.ask(p.between.callee, "INVITE"),
    "caller updates": lambda p: p.ask(p.between.caller, "UPDATE"),
    "others answer": lambda p: p.answer_others(200),
    "others refuse": lambda p: p.answer_others(488),
    "gateway replies": lambda p: p.gateway(1),
    "gateway replies to all": lambda p: p.gateway(1000),
    "gateway fails": Play.gateway_fails,
    "gateway away": Play.gateway_away,
    "gateway back": Play.gateway_back,
    "release": lambda p: p.stage.apply(p.stage.proxy.release_all(p.stage.now)),
    "flow closes": lambda p: p.stage.close(p.between.ue.flow),
    "invite again": lambda p: p.between.caller.send(p.sent),
    "time": lambda p: p.stage.run(1.0),
    "much time": lambda p: p.stage.run(40.0),
    "nobody refreshes": lambda p: p.stage.run(91.0),
    "caller refreshes": lambda p: p.ask(p.between.caller, "UPDATE", "Supported: timer"),
    "callee refreshes": lambda p: p.ask(p.between.callee, "INVITE", "Session-Expires: 100"),
}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.booleans(), st.lists(st.sampled_from(sorted(STEPS)), max_size=14))
def test_any_order(originating: bool, names: list[str]) -> None:
    play = Play(originating)
    for name in names:
        play.read()
        STEPS[name](play)
        play.stage.settle()
    play.finish()
    play.stage.run(200.0)  # Timer C ends what rings on
    play.read()
    play.stage.run(70.0)
    play.stage.check_forgotten()


def test_the_steps_make_a_call() -> None:
    """What is played is a call indeed."""
    play = Play(originating=True)
    for name in ("gateway replies", "ringing", "answer", "gateway replies to all", "caller re-invites"):
        play.read()
        STEPS[name](play)
    play.read()
    assert play.stage.contexts() == 1
    assert play.sent.body == REQUESTED
    play.finish()
    play.stage.check_forgotten()
