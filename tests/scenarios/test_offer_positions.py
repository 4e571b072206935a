"""Every place where an offer and its answer may stand (RFC 6337 2.2), both directions, each kind of media.

Whatever the positions: both legs agree, the gateway does what was agreed and was asked no more than that,
versions of o= rise by one with each change, keys stay, and at the end nothing is left.
"""

import pytest

from tests.support.positions import (
    BEGINNINGS,
    EARLY,
    FOLLOWING,
    RELIABLE,
    Begin,
    Follow,
    accept,
    answer_all,
    begun,
    check_and_hang_up,
    in_invite_and_200,
    prack,
    up,
)

kinds = pytest.mark.parametrize("kind", ["e2ae", "plain", "e2e"])
directions = pytest.mark.parametrize("originating", [True, False], ids=["originating", "terminating"])
askers = pytest.mark.parametrize("by_caller", [True, False], ids=["by the caller", "by the callee"])


def each(name: str, functions: list[Begin] | list[Follow]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(name, functions, ids=lambda function: function.__name__)


@kinds
@directions
@askers
@each("begin", BEGINNINGS)
def test_beginnings(begin: Begin, by_caller: bool, originating: bool, kind: str) -> None:
    one = up(begin, originating, kind)
    check_and_hang_up(one, 1, [], one.caller if by_caller else one.callee)


@kinds
@directions
@askers
@each("follow", FOLLOWING)
@each("begin", BEGINNINGS)
def test_in_a_call_that_is_up(
    begin: Begin, follow: Follow, by_caller: bool, originating: bool, kind: str
) -> None:
    """Hold and resume: the gates alone change."""
    one = up(begin, originating, kind)
    talker = one.caller if by_caller else one.callee
    keys = [talker.author.lines[0].key, one.other(talker).author.lines[0].key]
    for number in (2, 3):
        follow(one, talker)
        assert one.quiet
        one.check_gateway()
        assert one.stage.gateway.asked() == ["Configure+Configure"]
        assert one.ue.settled == number
    assert [talker.author.lines[0].key, one.other(talker).author.lines[0].key] == keys
    check_and_hang_up(one, 3, [], talker)


@kinds
@directions
@askers
@pytest.mark.parametrize("described", [True, False], ids=["repeated in the 200", "not repeated"])
@each("follow", EARLY)
@each("begin", RELIABLE)
def test_before_the_callee_has_answered(
    begin: Begin, follow: Follow, by_caller: bool, described: bool, originating: bool, kind: str
) -> None:
    """What an early UPDATE or PRACK changed stays when the 200 repeats the description of before."""
    one = begun(begin, originating, kind)
    talker = one.caller if by_caller or follow is prack else one.callee
    for number in (2, 3, 4):
        follow(one, talker)
        one.check_gateway()
        assert one.ue.settled == one.core.settled == number
    assert len(one.stage.gateway.asked()) == 3
    accept(one, describe=described)
    check_and_hang_up(one, 4, [], talker)


@kinds
@directions
@askers
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_refresh_touches_no_gateway(method: str, by_caller: bool, originating: bool, kind: str) -> None:
    """With the same description and without one (RFC 4028 7.4)."""
    one = up(in_invite_and_200, originating, kind)
    talker = one.caller if by_caller else one.callee
    before = [t.theirs for t in one.both]
    talker.send(method, talker.author.lines)
    answer_all(one)
    assert [t.theirs for t in one.both] == before
    if method == "UPDATE":
        talker.send(method)
        answer_all(one)
    check_and_hang_up(one, 2, [], talker)
