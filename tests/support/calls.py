"""The usual steps of a call on a stage, so that a scenario tells only what is special in it."""

from dataclasses import dataclass

from pcscf.sip.message import Request, Response
from tests.support.ladder import (
    OTHER_KEY,
    End,
    Leg,
    callee_leg,
    caller_leg,
    core_of,
    path_of,
    plain,
    secure,
    ue_of,
)
from tests.support.stage import Stage

REQUESTED = secure()
UE_ANSWER = secure(OTHER_KEY, more="")


@dataclass
class Ends:
    """Who calls and who is called; ``ue`` and ``core`` are the same two by place."""

    stage: Stage
    ue: End
    core: End
    caller: End
    callee: End
    originating: bool

    @property
    def offer(self) -> bytes:
        return REQUESTED if self.originating else plain()

    @property
    def answer(self) -> bytes:
        return plain() if self.originating else UE_ANSWER

    def invite(self, body: bytes | None = None, *extra: str) -> Request:
        """The caller sends an INVITE (b"" for none)."""
        sdp = self.offer if body is None else body
        if self.originating:
            return self.ue.ask("INVITE", "sip:carol@other.example", sdp, *extra)
        return self.core.ask("INVITE", self.ue.aor, sdp, *extra, uri=self.ue.contact, route=path_of(self.ue))

    def ring(self, body: bytes | None = None) -> tuple[Request, Request]:
        """INVITE up to the callee: as sent, as it came."""
        sent = self.invite(body)
        self.caller.response(100)
        return sent, self.callee.request("INVITE")


@dataclass
class Established:
    """A call that is up: the dialog of each end, and the messages that made it."""

    ends: Ends
    caller: Leg
    callee: Leg
    sent: Request
    came: Request
    ok: Response

    @property
    def ue(self) -> Leg:
        return self.caller if self.ends.originating else self.callee

    @property
    def core(self) -> Leg:
        return self.callee if self.ends.originating else self.caller

    def hang_up(self, who: Leg | None = None) -> None:
        bye(self.ends, who or self.caller)


def ends(stage: Stage, *, originating: bool = True, ue: End | None = None) -> Ends:
    ue = ue or ue_of(stage)
    core = core_of(stage)
    return Ends(stage, ue, core, ue if originating else core, core if originating else ue, originating)


def establish(between: Ends, body: bytes | None = None, answer: bytes | None = None) -> Established:
    """INVITE, 200, ACK."""
    sent, came = between.ring(body)
    between.callee.answer(came, 200, between.answer if answer is None else answer)
    ok = between.caller.response(200)
    leg = caller_leg(between.caller, sent, ok)
    leg.send("ACK", cseq=1)
    between.callee.request("ACK")
    return Established(between, leg, callee_leg(between.callee, came), sent, came, ok)


def bye(between: Ends, leg: Leg) -> None:
    """BYE from ``leg``'s end, answered 200."""
    other = between.callee if leg.end is between.caller else between.caller
    leg.send("BYE")
    other.answer(other.request("BYE"), 200)
    leg.end.response(200)
