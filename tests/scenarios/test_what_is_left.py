"""What ended calls and registrations leave behind: nothing, by counting the objects of our own classes."""

import gc
from collections import Counter

from tests.support.calls import Ends, ends, establish
from tests.support.ladder import plain, register, secure, ue_of
from tests.support.stage import UDP, Stage

#: Removed bindings that may wait in the heap of expiries before they are swept.
SWEPT_LATE = 66


def test_ended_calls_and_registrations_leave_no_object(stage: Stage) -> None:
    between = [ends(stage), ends(stage, originating=False, ue=ue_of(stage, "bob", listener=UDP))]
    for number in range(4):  # what is made once and kept
        _round(stage, between, number)
    before = _counted(stage)
    for number in range(20):
        _round(stage, between, number)
    left = _counted(stage) - before
    assert left.pop("pcscf.registration.bindings.Binding", 0) <= SWEPT_LATE
    assert not left


def _round(stage: Stage, between: list[Ends], number: int) -> None:
    for one in between:
        _answered(one)
        _held(one)
        _cancelled(one)
        _refused(one)
    for name in range(5):
        user = ue_of(stage, f"u{number}-{name}", listener=UDP, port=6000)
        register(user)
        register(user, expires=0)
    stage.run(1.0)


def _answered(between: Ends) -> None:
    establish(between).hang_up()


def _held(between: Ends) -> None:
    call = establish(between)
    offer, answer = (
        secure(version=2, more="a=3ge2ae:requested\na=sendonly"),
        plain(version=2, more="a=recvonly"),
    )
    if not between.originating:
        offer, answer = plain(version=2, more="a=sendonly"), secure(version=2, more="a=recvonly")
    call.caller.send("INVITE", offer)
    between.callee.answer(between.callee.request("INVITE"), 200, answer)
    between.caller.response(100)
    between.caller.response(200)
    call.caller.send("ACK", cseq=2)
    between.callee.request("ACK")
    call.hang_up()


def _cancelled(between: Ends) -> None:
    sent, came = between.ring()
    between.callee.answer(came, 180)
    between.caller.response(180)
    between.caller.cancel(sent)
    between.caller.response(200)
    between.callee.answer(between.callee.request("CANCEL"), 200)
    between.callee.answer(came, 487)
    between.callee.request("ACK")
    between.caller.acknowledge(sent, between.caller.response(487))


def _refused(between: Ends) -> None:
    sent, came = between.ring()
    between.callee.answer(came, 486)
    between.callee.request("ACK")
    between.caller.acknowledge(sent, between.caller.response(486))


def _counted(stage: Stage) -> Counter[str]:
    """Count by class, when all timers have run out; without what the stage keeps for its tests."""
    stage.run(70.0)
    stage.check_clean()
    for kept in (
        stage.reports,
        stage.finals,
        stage.servers,
        stage.gateway.actions,
        stage.gateway.contexts.ended,
    ):
        kept.clear()
    gc.collect()
    names = (f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.get_objects())
    return Counter(name for name in names if name.startswith(("pcscf.", "iq.", "agw.")))
