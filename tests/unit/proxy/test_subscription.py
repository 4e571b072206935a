"""The table of a subscription: every state with every input (RFC 6665 4.1)."""

import itertools

import pytest

from pcscf.proxy.subscription import TRANSITIONS, Action, Input, State, Subscription

#: Where the timer runs, and the actions that start it.
TIMED = {State.ACTIVE, State.WAITING, State.LEAVING}
STARTS = {Action.ARM, Action.RETRY, Action.RENEW, Action.UNSUBSCRIBE}
#: Where a SUBSCRIBE is on its way.
ASKED = {State.PENDING, State.REFRESHING, State.ABANDONED, State.LEAVING}
PAIRS = list(itertools.product(State, Input))


def stepped(state: State, event: Input) -> tuple[State, tuple[Action, ...]]:
    subscription = Subscription("alice", state=state)
    actions = subscription.step(event)
    return subscription.state, actions


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_the_timer_runs_where_it_is_waited_for_and_nowhere_else(state: State, event: Input) -> None:
    after, actions = stepped(state, event)
    runs = state in TIMED and event is not Input.DUE
    for action in actions:
        if action is Action.DISARM:
            runs = False
        elif action in STARTS:
            runs = True
    if actions or state is not after or event is Input.DUE:
        assert runs == (after in TIMED)


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_the_end_is_forgotten_and_nothing_else_is(state: State, event: Input) -> None:
    after, actions = stepped(state, event)
    assert (Action.FORGET in actions) == (after is State.OVER and state is not State.OVER)


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_a_subscribe_goes_out_where_its_outcome_is_waited_for(state: State, event: Input) -> None:
    after, actions = stepped(state, event)
    sent = {Action.SUBSCRIBE, Action.REFRESH, Action.UNSUBSCRIBE} & set(actions)
    entered = after in ASKED and after is not state and after is not State.ABANDONED
    assert bool(sent) == entered


@pytest.mark.parametrize("state", [one for one in State if one not in {State.NEW, State.OVER}])
def test_from_everywhere_it_ends_once_no_contact_is_left(state: State) -> None:
    subscription = Subscription("alice", state=state)
    for event in (Input.LEAVE, Input.ACCEPTED, Input.DUE):
        subscription.step(event)
    assert subscription.state is State.OVER


@pytest.mark.parametrize("state", State)
def test_what_is_over_stays_over_and_what_is_listed_exists(state: State) -> None:
    assert (State.OVER, state) not in TRANSITIONS
    reachable = {after for after, _ in TRANSITIONS.values()} | {State.NEW}
    assert state in reachable
