"""Where an offer and its answer may stand (RFC 6337 2.2): how calls begin, and what may follow."""

from collections.abc import Callable
from dataclasses import replace

from tests.support.agreement import Session, session
from tests.support.describing import Line
from tests.support.talking import Talker

KINDS = ["e2ae", "plain", "e2e"]


def first_lines(one: Session, offerer: Talker, kind: str) -> list[Line]:
    if kind == "e2ae" and offerer is one.core:
        kind = "plain"  # the core's plain offer becomes e2ae towards a UE that announced it
    return [offerer.author.line(kind)]


def answer_all(one: Session, status: int = 200) -> None:
    """Every request that waits is answered, but for the first INVITE."""
    one.read()
    for talker in one.both:
        for came in list(talker.open):
            if came is not talker.open[0] or talker.confirmed or talker is one.caller:
                talker.answer(came, status)
    one.read()


# How a call begins: after it the dialog is there, early or confirmed.


def in_invite_and_200(one: Session, kind: str) -> None:
    one.invite(first_lines(one, one.caller, kind))
    one.read()
    accept(one)


def in_invite_and_previews(one: Session, kind: str) -> None:
    """The same description in 183, 180 and 200."""
    one.invite(first_lines(one, one.caller, kind))
    one.read()
    for status in (183, 180):
        one.callee.ring(status, describe=True)
        one.read()
    accept(one)


def in_invite_and_reliable_183(one: Session, kind: str) -> None:
    one.invite(first_lines(one, one.caller, kind))
    one.read()
    reliable(one)
    one.caller.prack()
    answer_all(one)


def in_200_and_ack(one: Session, kind: str) -> None:
    one.invite([])
    one.read()
    one.callee.author.lines = first_lines(one, one.callee, kind)
    accept(one)


def in_reliable_183_and_prack(one: Session, kind: str) -> None:
    one.invite([])
    one.read()
    one.callee.author.lines = first_lines(one, one.callee, kind)
    reliable(one)
    one.caller.prack()
    answer_all(one)


def reliable(one: Session) -> None:
    one.callee.ring(183, reliable=True, describe=True)
    one.read()


def accept(one: Session, *, describe: bool = True) -> None:
    one.callee.answer(one.callee.open[0], 200, describe=describe)
    one.read()


# What may follow.


def held(talker: Talker) -> list[Line]:
    """The other direction than now."""
    lines = talker.author.lines
    direction = "sendrecv" if lines[0].direction != "sendrecv" else "sendonly"
    return [replace(lines[0], direction=direction), *lines[1:]]


def prack(one: Session, talker: Talker) -> None:
    """A further reliable 18x, whose PRACK offers; the caller alone can."""
    one.callee.ring(180, reliable=True)
    one.read()
    one.caller.prack(held(one.caller))
    answer_all(one)


def update(one: Session, talker: Talker) -> None:
    talker.send("UPDATE", held(talker))
    answer_all(one)


def reinvite(one: Session, talker: Talker) -> None:
    talker.send("INVITE", held(talker))
    answer_all(one)


def offerless_reinvite(one: Session, talker: Talker) -> None:
    other = one.other(talker)
    talker.send("INVITE")
    one.read()
    other.author.lines = held(other)
    answer_all(one)


def reinvite_answered_reliably(one: Session, talker: Talker) -> None:
    other = one.other(talker)
    talker.send("INVITE", held(talker))
    one.read()
    other.ring(183, reliable=True, describe=True)
    one.read()
    talker.prack()
    one.read()
    other.answer(other.open[-1], 200)
    answer_all(one)


Begin = Callable[[Session, str], None]
Follow = Callable[[Session, Talker], None]

BEGINNINGS: list[Begin] = [
    in_invite_and_200,
    in_invite_and_previews,
    in_invite_and_reliable_183,
    in_200_and_ack,
    in_reliable_183_and_prack,
]
RELIABLE: list[Begin] = [in_invite_and_reliable_183, in_reliable_183_and_prack]
EARLY: list[Follow] = [prack, update]
FOLLOWING: list[Follow] = [update, reinvite, offerless_reinvite, reinvite_answered_reliably]


def begun(begin: Begin, originating: bool, kind: str) -> Session:
    one = session(originating, capable=kind != "plain")
    begin(one, kind)
    assert one.stage.gateway.asked() == ["Reserve+Reserve", "Configure"]
    return one


def up(begin: Begin, originating: bool, kind: str) -> Session:
    one = begun(begin, originating, kind)
    if not one.callee.confirmed:
        accept(one)
    return one


def check_and_hang_up(one: Session, settled: int, asked: list[str], talker: Talker) -> None:
    """settled: offers that were answered; asked: of the gateway, since that was last looked at."""
    assert one.quiet
    assert one.ue.settled == settled
    one.check_gateway()
    assert one.stage.gateway.asked() == asked
    talker.bye()
    one.read()
    assert one.stage.gateway.asked() == ["Release"]
    one.stage.check_forgotten()
