"""Offers, answers and endings that cross on their way: an end does not read what is there before it sends."""

import pytest

from tests.support.agreement import Session
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
