"""The life of a session as a machine: what its ends, the gateway and the network may do at any time."""

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agw.engine.api import Transform
from tests.support.agreement import Session, session
from tests.support.changing import CHANGES, KINDS, MISBEHAVIOUR, PROFILES, WRONG_ANSWERS, changed, wrong
from tests.support.describing import read
from tests.support.pending import Came
from tests.support.talking import Talker

who = st.booleans()
#: How far the call is when the play begins.
PRELUDES = ["sent", "ringing", "early", "up", "up", "up"]


class Life(RuleBasedStateMachine):
    """One call. Rules that are not possible in a moment do nothing."""

    one: Session

    @initialize(
        originating=who,
        capable=st.sampled_from([True, True, False]),
        kind=st.sampled_from(KINDS),
        offers=st.sampled_from([True, True, False]),
        prelude=st.sampled_from(PRELUDES),
        held=st.sampled_from([False, False, False, True]),
        wild=st.sampled_from([False, False, True]),
    )
    def begin(
        self,
        originating: bool,
        capable: bool,
        kind: str,
        offers: bool,
        prelude: str,
        held: bool,
        wild: bool,
    ) -> None:
        self.wild = wild
        self.one = one = session(originating, capable=capable)
        lines = [one.caller.author.line(kind)]
        if not offers:
            one.callee.opening = [one.callee.author.line(kind)]
        if prelude == "sent":
            one.stage.gateway.hold = held
        one.invite(lines if offers else [])
        if prelude != "sent":
            one.read()
            self._prelude(prelude)
        one.stage.gateway.hold = held

    def _prelude(self, prelude: str) -> None:
        one, first = self.one, self.first
        if first is None:  # 488: it cannot be done so
            return
        if prelude == "early":
            one.callee.ring(183, reliable=True, describe=True)
            one.read()
            if one.caller.pracks:
                one.caller.prack()
        elif prelude == "up":
            one.callee.answer(first, 200)
        else:
            one.callee.ring(180)
        one.read()

    # Who may do what

    def talker(self, ue: bool) -> Talker:
        return self.one.ue if ue else self.one.core

    @property
    def first(self) -> Came | None:
        """The first INVITE, while the callee has not answered it."""
        callee = self.one.callee
        if callee.confirmed:
            return None
        return next((came for came in callee.open if came.request.method == "INVITE"), None)

    def may_offer(self, talker: Talker, method: str) -> bool:
        if talker.leg is None or talker.over or talker.pending or not talker.firm:
            return False
        return method != "INVITE" or talker.may_invite

    # The callee

    @precondition(lambda self: self.first is not None)
    @rule(status=st.sampled_from([180, 183]), reliable=who, describe=who)
    def ring(self, status: int, reliable: bool, describe: bool) -> None:
        callee = self.one.callee
        if not (reliable and callee.unpracked):
            callee.ring(status, reliable=reliable, describe=describe)

    @precondition(lambda self: self.first is not None)
    @rule(describe=who)
    def accept(self, describe: bool) -> None:
        callee, first = self.one.callee, self.first
        assert first is not None
        waits = callee.proposal is not None or (callee.heard is not None and callee.heard.by is not first)
        if not callee.unpracked and not waits:
            callee.answer(first, 200, describe=describe)

    @precondition(lambda self: self.first is not None)
    @rule(status=st.sampled_from([0, 0, 302, 404, 486, 488, 603]))
    def decline(self, status: int) -> None:
        first = self.first
        assert first is not None
        if status:
            self.one.callee.answer(first, status)
        else:
            self.accept(describe=True)

    # Either

    @rule(ue=who, messages=st.sampled_from([1, 1, 1000]))
    def read(self, ue: bool, messages: int) -> None:
        self.talker(ue).read(messages)

    @rule()
    def read_all(self) -> None:
        self.one.read()

    @rule(
        ue=who,
        method=st.sampled_from(["INVITE", "UPDATE"]),
        how=st.sampled_from(CHANGES),
        index=st.integers(0, 3),
        kind=st.sampled_from(KINDS),
        then=st.sampled_from(["answer", "answer", "read", "wait"]),
    )
    def offer(self, ue: bool, method: str, how: str, index: int, kind: str, then: str) -> None:
        talker = self.talker(ue)
        if self.may_offer(talker, method):
            talker.send(method, changed(talker, how, index, kind))
        if then != "wait":
            self.one.read()
        if then == "answer":
            self.answer(not ue, 200, 0)
            self.one.read()

    @rule(ue=who, method=st.sampled_from(["INVITE", "UPDATE", "INFO"]), then=who)
    def ask_without_offer(self, ue: bool, method: str, then: bool) -> None:
        talker = self.talker(ue)
        if (
            talker.leg is not None
            and not talker.over
            and (method != "INVITE" or self.may_offer(talker, method))
        ):
            talker.send(method)
        if then:
            self.one.read()
            self.answer(not ue, 200, 0)
            self.one.read()

    @rule(offers=who, how=st.sampled_from(CHANGES), index=st.integers(0, 3), kind=st.sampled_from(KINDS))
    def prack(self, offers: bool, how: str, index: int, kind: str) -> None:
        caller = self.one.caller
        if caller.pracks and not caller.over:
            offers = offers and self.may_offer(caller, "PRACK")
            caller.prack(changed(caller, how, index, kind) if offers else None)

    @rule(ue=who, status=st.sampled_from([200, 200, 200, 488, 500]), closed=st.integers(0, 7))
    def answer(self, ue: bool, status: int, closed: int) -> None:
        """The oldest request inside of the dialog; of new m-lines some are refused."""
        talker = self.talker(ue)
        came = next((came for came in talker.open if came is not self.first), None)
        if came is None or (came.body and status >= 300):
            return
        if (
            came.request.method == "INVITE"
            and talker.pending
            and not (talker.heard and talker.heard.by is came)
        ):
            return
        refused = frozenset()
        if talker.heard is not None and talker.heard.by is came:
            running = [line.active for line in talker.author.lines]
            fresh = [i for i in range(len(read(talker.heard.body).lines)) if i >= len(running)]
            refused = frozenset(i for i in fresh if closed >> i % 3 & 1)
        talker.answer(came, status, closed=refused)
        if closed & 1:
            self.one.read()

    @rule(ue=who, how=st.sampled_from(["wait", "wait", "wait", "wait", "cancel", "hang up"]))
    def end(self, ue: bool, how: str) -> None:
        talker = self.talker(ue)
        if how == "cancel":
            # What was written for an offer that is cancelled before it goes out has had its version.
            self.one.other(talker).watch.lenient |= self.one.stage.gateway.hold
            talker.cancel()
        elif how == "hang up" and talker.confirmed and not talker.over:
            talker.bye()
        else:
            self.one.read()

    @rule(ue=who)
    def once_more(self, ue: bool) -> None:
        """The last request (of the core: it is on UDP), or the 2xx of an INVITE that waits for its ACK."""
        self.one.core.again()
        self.talker(ue).repeat_success()

    # Against the rules

    @precondition(lambda self: self.wild)
    @rule(ue=who, how=st.sampled_from(MISBEHAVIOUR), index=st.integers(0, 3))
    def misbehave(self, ue: bool, how: str, index: int) -> None:
        """From here on nobody knows what is agreed; what must never happen still must not."""
        talker = self.talker(ue)
        if talker.leg is None:
            return
        for one in self.one.both:
            one.wrong = one.watch.lenient = True
        lines = list(talker.author.lines) or [talker.author.line("plain")]
        if how in WRONG_ANSWERS or how == "nothing":
            came = next(iter(talker.open), None)
            if came is not None and came.request.method in {"INVITE", "UPDATE", "PRACK"}:
                talker.answer(came, 200, instead=wrong(talker, how, index % max(1, len(lines))))
        elif how == "offer all the same":
            talker.send("UPDATE" if index else "INVITE", lines)
        elif how == "fewer lines":
            talker.send("UPDATE", lines[:-1] or lines)
        elif how == "another profile":
            talker.send("UPDATE", [replace(one, proto=PROFILES[index], key="") for one in lines])
        elif how == "another description in a 18x" and self.first is not None:
            self.first.body = b""
            callee = self.one.callee
            callee.author.lines = [replace(line, port=callee.author.port()) for line in callee.author.lines]
            callee.ring(183, reliable=index % 2 == 0, describe=True)
        else:
            method = ["PRACK", "ACK", "PRACK", "UPDATE"][index]
            before = talker.author.lines
            body = b"v=0" if how == "rubbish" else talker.author.write(lines)
            talker.author.lines = before
            talker.leg.send(method, body, "RAck: 7 1 INVITE")

    # The world

    @precondition(lambda self: self.one.core.end.flow.sent)
    @rule()
    def lose(self) -> None:
        """The core is on UDP."""
        lost = self.one.core.end.flow.sent.pop(0)
        if b"\r\nv=0" in lost:
            self.one.core.watch.lenient = True

    @rule()
    def gateway_slow(self) -> None:
        self.one.stage.gateway.hold = True

    @rule(replies=st.sampled_from([1, 1000]))
    def gateway_replies(self, replies: int) -> None:
        self.one.stage.gateway.hold = replies == 1
        self.one.stage.gateway.release(replies)

    @rule(what=st.sampled_from(["exhausted", "refuse"]))
    def engine_fails(self, what: str) -> None:
        """No ports, or no leg can be changed; the next time it can again."""
        engine = self.one.stage.gateway.engine
        setattr(engine, what, not getattr(engine, what))

    @rule(how=st.sampled_from(["wait", "wait", "wait", "warm", "cold"]))
    def gateway_away_and_back(self, how: str) -> None:
        stage = self.one.stage
        if not stage.gateway.up:
            if how == "cold":
                stage.gateway.restart()
            stage.gateway_up("agw", cold=how == "cold")
        elif how != "wait":
            stage.gateway_down("agw")
            stage.gateway.lose()

    @rule(seconds=st.sampled_from([0.6, 0.6, 5.0, 33.0]))
    def time(self, seconds: float) -> None:
        self.one.stage.run(seconds)

    @invariant()
    def fits(self) -> None:
        one = self.one
        assert one.stage.contexts() <= 1
        for leg in one.stage.gateway.engine.legs.values():
            keyed = leg.send is not None or leg.receive is not None
            assert not keyed or leg.transform is not Transform.NONE
        if one.quiet and not one.stage.gateway.engine.refuse:
            one.check_gateway()

    def teardown(self) -> None:
        if not hasattr(self, "one"):
            return
        one, stage = self.one, self.one.stage
        stage.gateway.engine.exhausted = stage.gateway.engine.refuse = False
        if not stage.gateway.up:
            stage.gateway_up("agw", cold=False)
        stage.gateway.hold = False
        stage.gateway.release()
        for _ in range(3):
            one.read()
            for talker in one.both:
                for came in list(talker.open):
                    talker.answer(came, 487 if came is self.first else 481)
                if talker.leg is not None and talker.confirmed:
                    talker.bye()
            one.core.again()
            one.read()
        stage.run(200.0)
        one.read()
        stage.check_forgotten()
