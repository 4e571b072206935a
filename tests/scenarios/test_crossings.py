"""Offers, answers and endings that cross on their way: an end does not read what is there before it sends."""

import pytest

from tests.support.agreement import Session, session
from tests.support.describing import Line
from tests.support.positions import (
    RELIABLE,
    Begin,
    accept,
    answer_all,
    begun,
    check_and_hang_up,
    held,
    in_invite_and_200,
    in_invite_and_reliable_183,
    in_reliable_183_and_prack,
    up,
    update,
)
from tests.support.talking import Talker

directions = pytest.mark.parametrize("originating", [True, False], ids=["originating", "terminating"])
askers = pytest.mark.parametrize("by_caller", [True, False], ids=["by the caller", "by the callee"])
methods = pytest.mark.parametrize("method", ["INVITE", "UPDATE"])


def pair(one: Session, by_caller: bool) -> tuple[Talker, Talker]:
    return (one.caller, one.callee) if by_caller else (one.callee, one.caller)


@directions
@pytest.mark.parametrize("status", [180, 200])
@pytest.mark.parametrize("begin", RELIABLE, ids=lambda function: function.__name__)
def test_an_early_update_and_the_repeated_description(begin: Begin, status: int, originating: bool) -> None:
    """The description in the 180 or 200 is that of the 183 again, no answer to the UPDATE that waits."""
    one = begun(begin, originating, "e2ae")
    update(one, one.caller)
    one.caller.send("UPDATE", held(one.caller))
    if status == 180:
        one.callee.ring(180, describe=True)
    else:
        one.callee.answer(one.callee.open[0], 200)
    answer_all(one)
    assert one.ue.settled == one.core.settled == 3
    if status == 180:
        accept(one)
    check_and_hang_up(one, 3, ["Configure+Configure"] * 2, one.callee)


def released(one: Session) -> None:
    one.stage.gateway.hold = False
    one.stage.gateway.release()


def settle(one: Session) -> None:
    """Everybody reads and answers until nothing is left to do."""
    released(one)
    for _ in range(3):
        answer_all(one)


def longer(talker: Talker) -> list[Line]:
    """With one more m-line, for which the gateway has to reserve."""
    return [*talker.author.lines, talker.author.line("plain", "video")]


@directions
@pytest.mark.parametrize("method", ["UPDATE", "INFO"])
def test_a_request_of_the_callee_overtakes_the_ack(method: str, originating: bool) -> None:
    """The ACK has no description: it answers no UPDATE."""
    one = session(originating)
    one.invite([one.caller.author.line("e2ae" if originating else "plain")])
    one.read()
    one.callee.answer(one.callee.open[0], 200)
    one.callee.send(method, held(one.callee) if method == "UPDATE" else None)
    settle(one)
    settled = 2 if method == "UPDATE" else 1
    check_and_hang_up(
        one, settled, ["Reserve+Reserve", "Configure", "Configure+Configure"][: settled + 1], one.caller
    )


@directions
@askers
@methods
@pytest.mark.parametrize("crossing", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("slow", [False, True], ids=["", "slow gateway"])
def test_offers_of_both_ends_cross(
    slow: bool, crossing: str, method: str, by_caller: bool, originating: bool
) -> None:
    """Both fail with 491, one of us and one of the end that had offered itself; each may come again alone."""
    one = up(in_invite_and_200, originating, "e2ae")
    first, second = pair(one, by_caller)
    one.stage.gateway.hold = slow
    first.send(method, longer(first))
    second.send(crossing, held(second))
    settle(one)
    assert second.asked[second.leg.cseq, crossing].final == 491
    assert first.asked[first.leg.cseq, method].final == 491
    assert one.stage.gateway.asked() == ["Configure+Configure"] * 2, "the second stream comes and goes"
    one.check_gateway()
    first.send(method, longer(first))
    settle(one)
    second.send(crossing, held(second))
    settle(one)
    assert len(one.stage.gateway.asked()) == 3
    check_and_hang_up(one, 3, [], first)


@directions
@askers
def test_reinvites_without_offers_cross(by_caller: bool, originating: bool) -> None:
    one = up(in_invite_and_200, originating, "e2ae")
    first, second = pair(one, by_caller)
    for talker in (first, second):
        talker.send("INVITE")
    settle(one)
    assert [talker.asked[talker.leg.cseq, "INVITE"].final for talker in one.both] == [491, 491]
    first.send("INVITE")
    settle(one)
    check_and_hang_up(one, 2, [], second)


@directions
@askers
@methods
@pytest.mark.parametrize("slow", [False, True], ids=["", "slow gateway"])
def test_bye_crosses_an_offer(slow: bool, method: str, by_caller: bool, originating: bool) -> None:
    """Each request gets its answer, and what was reserved for the offer goes with the rest."""
    one = up(in_invite_and_200, originating, "e2ae")
    first, second = pair(one, by_caller)
    one.stage.gateway.hold = slow
    first.send(method, longer(first))
    second.bye()
    settle(one)
    assert first.asked[first.leg.cseq, method].final in {481, 487}
    assert one.stage.gateway.asked()[-1] == "Release"
    one.stage.check_forgotten()


@directions
@askers
def test_bye_crosses_the_answer(by_caller: bool, originating: bool) -> None:
    one = up(in_invite_and_200, originating, "e2ae")
    first, second = pair(one, by_caller)
    first.send("UPDATE", longer(first))
    second.read()
    first.bye()
    second.answer(second.open[0], 200)
    settle(one)
    assert one.stage.gateway.asked()[-1] == "Release"
    one.stage.check_forgotten()


@directions
@askers
@pytest.mark.parametrize("answered", [True, False])
def test_cancel_of_a_reinvite_crosses_its_answer(answered: bool, by_caller: bool, originating: bool) -> None:
    """A re-INVITE that is cancelled leaves the session as it was; one that was answered is in force."""
    one = up(in_invite_and_200, originating, "e2ae")
    first, second = pair(one, by_caller)
    first.send("INVITE", longer(first))
    second.read()
    if answered:
        second.answer(second.open[0], 200)
    else:
        second.ring(180)
    first.cancel()
    settle(one)
    assert first.asked[first.leg.cseq, "INVITE"].final == (200 if answered else 487)
    assert len(one.stage.gateway.asked()) == 2, "the second stream, and its answer or its end"
    check_and_hang_up(one, 2 if answered else 1, [], second)


@directions
def test_an_offer_in_a_prack_crosses_one_of_the_callee(originating: bool) -> None:
    """No answer to the UPDATE that waits for one."""
    one = begun(in_invite_and_reliable_183, originating, "e2ae")
    one.callee.ring(180, reliable=True)
    one.caller.read()
    one.callee.unpracked = 0
    one.callee.send("UPDATE", held(one.callee))
    one.caller.prack(held(one.caller))
    one.callee.unpracked = 1
    settle(one)
    assert one.caller.asked[one.caller.leg.cseq, "PRACK"].final == 491
    accept(one)
    check_and_hang_up(one, 1, [], one.caller)


# Losses, on the core's side, which is UDP


def lost_to_core(one: Session, what: bytes) -> None:
    """The next message that begins so never arrives there."""
    left = [1]

    def loses(data: bytes) -> bool:
        if left and data.startswith(what):
            left.pop()
            return True
        return False

    one.core.end.flow.loses = loses


@directions
@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_a_lost_offer_comes_again(method: str, originating: bool) -> None:
    one = up(in_invite_and_200, originating, "e2ae")
    lost_to_core(one, method.encode())
    one.ue.send(method, held(one.ue))
    one.core.end.flow.sent = [data for data in one.core.end.flow.sent if b" 100 " in data]
    one.stage.run(0.6)
    settle(one)
    check_and_hang_up(one, 2, ["Configure+Configure"], one.core)


@directions
def test_a_lost_answer_comes_again(originating: bool) -> None:
    """The UPDATE of the core comes again, and is answered from the transaction."""
    one = up(in_invite_and_200, originating, "e2ae")
    lost_to_core(one, b"SIP/2.0 200")
    one.core.send("UPDATE", held(one.core))
    settle(one)
    assert not one.core.asked[one.core.leg.cseq, "UPDATE"].final
    one.core.again()
    settle(one)
    check_and_hang_up(one, 2, ["Configure+Configure"], one.core)


@pytest.mark.parametrize("offers", [True, False])
def test_a_lost_2xx_and_a_lost_ack(offers: bool) -> None:
    """The same 2xx goes out again, the same ACK comes for each."""
    one = session(originating=False)
    one.invite([one.core.author.line("plain")] if offers else [])
    one.read()
    one.ue.author.lines = one.ue.author.lines or ([] if offers else [one.ue.author.line("e2ae")])
    lost_to_core(one, b"SIP/2.0 200")
    one.ue.answer(one.ue.open[0], 200)
    one.read()
    assert not one.core.confirmed
    one.ue.repeat_success()
    one.core.read()
    one.ue.end.flow.sent.clear()  # the ACK
    one.ue.repeat_success()
    one.read()
    check_and_hang_up(one, 1, ["Reserve+Reserve", "Configure"], one.core)


@directions
def test_a_lost_prack_comes_again(originating: bool) -> None:
    one = begun(in_reliable_183_and_prack, originating, "e2ae")
    one.callee.ring(180, reliable=True)
    one.read()
    if originating:
        lost_to_core(one, b"PRACK")
    one.caller.prack(held(one.caller))
    one.caller.again()
    one.stage.run(0.6)
    settle(one)
    accept(one)
    check_and_hang_up(one, 2, ["Configure+Configure"], one.caller)


# The gateway


@directions
@pytest.mark.parametrize("lost", [True, False], ids=["with the request", "before it"])
def test_a_refusal_while_the_gateway_is_away(lost: bool, originating: bool) -> None:
    """What was reserved for the offer is given back as soon as the gateway is back."""
    one = up(in_invite_and_200, originating, "e2ae")
    one.ue.send("UPDATE", longer(one.ue))
    one.read()
    if lost:
        one.stage.gateway.hold = True
    else:
        one.stage.gateway_down("agw")
    answer_all(one, 488)
    if lost:
        one.stage.gateway_down("agw")
        one.stage.gateway.lose()
        one.stage.gateway.hold = False
    one.stage.gateway_up("agw", cold=False)
    assert one.stage.ports() == 2
    one.stage.gateway.asked()
    check_and_hang_up(one, 1, [], one.core)


@directions
def test_a_reservation_whose_reply_is_lost(originating: bool) -> None:
    """The gateway may have done it: what it may have is given back when it is there again."""
    one = up(in_invite_and_200, originating, "e2ae")
    one.stage.gateway.hold = True
    one.ue.send("UPDATE", longer(one.ue))
    one.stage.gateway_down("agw")
    one.stage.gateway.lose()
    one.stage.gateway.hold = False
    one.stage.gateway_up("agw", cold=False)
    settle(one)
    assert one.stage.ports() == 2
    one.stage.gateway.asked()
    check_and_hang_up(one, 1, [], one.core)
