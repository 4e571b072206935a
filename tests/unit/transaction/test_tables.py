"""Every (state, input) pair of the four machines."""

import itertools

import pytest

from pcscf.transaction import tables
from pcscf.transaction.machine import Machine
from pcscf.transaction.tables import ENDINGS, Action, Input, State, Table

TABLES = {
    "invite client": (tables.INVITE_CLIENT, State.CALLING, tables.CLIENT_STARTS["INVITE"]),
    "client": (tables.CLIENT, State.TRYING, tables.CLIENT_START),
    "invite server": (tables.INVITE_SERVER, State.PROCEEDING, tables.SERVER_STARTS["INVITE"]),
    "server": (tables.SERVER, State.TRYING, tables.SERVER_START),
}
PAIRS = [(name, state, event) for name in TABLES for state, event in itertools.product(State, Input)]
TIMERS = [event for event in Input if event.name.startswith("TIMER_")]
#: Actions that set the END timer going, and what each feeds.
END_TIMERS = {
    Action[f"START_{name}"]: Input[f"TIMER_{name}"]
    for name in ("B", "D", "F", "H", "I", "J", "K", "L", "M", "CANCELLED", "UNANSWERED")
}


@pytest.mark.parametrize(("name", "state", "event"), PAIRS)
def test_an_end_is_announced_and_only_an_end(name: str, state: State, event: Input) -> None:
    machine = Machine(TABLES[name][0], state)
    actions = machine.handle(event)
    ended = machine.state is State.TERMINATED and state is not State.TERMINATED
    assert len(ENDINGS.intersection(actions)) == (1 if ended else 0)
    if ended:  # the ending stops every timer: nothing may start one behind it
        assert actions[-1] in ENDINGS


@pytest.mark.parametrize(("name", "state", "event"), PAIRS)
def test_what_is_not_listed_changes_nothing(name: str, state: State, event: Input) -> None:
    table = TABLES[name][0]
    machine = Machine(table, state)
    actions = machine.handle(event)
    if (state, event) not in table:
        assert (machine.state, actions) == (state, ())
    else:
        assert actions
    assert not (state is State.TERMINATED and actions)


def reached(table: Table, start: State) -> set[State]:
    states = {start}
    while True:
        more = {after for (before, _), (after, _) in table.items() if before in states} - states
        if not more:
            return states
        states |= more


@pytest.mark.parametrize("name", TABLES)
def test_every_state_is_reached_and_can_end(name: str) -> None:
    table, start, _ = TABLES[name]
    states = reached(table, start)
    assert {state for state, _ in table} == states - {State.TERMINATED}
    for state in states:
        assert State.TERMINATED in reached(table, state)


@pytest.mark.parametrize("name", TABLES)
def test_every_timer_that_is_started_is_listened_to(name: str) -> None:
    """No END timer is started whose firing the state does not handle, none fires where nothing listens."""
    table, start, starts = TABLES[name]
    rows = [(start, starts), *table.values()]
    for state, actions in rows:
        for action in actions:
            if action in END_TIMERS:
                assert (state, END_TIMERS[action]) in table
            elif action.name.startswith("START_"):
                assert (state, Input[action.name.replace("START_", "TIMER_")]) in table


@pytest.mark.parametrize("name", TABLES)
def test_resend_timers_stop_with_their_state(name: str) -> None:
    """Leaving a state that resends for one that does not, the RESEND timer is stopped or replaced."""
    table, _, _ = TABLES[name]
    resend = {Input.TIMER_A, Input.TIMER_E, Input.TIMER_G, Input.TIMER_TRYING}

    def resends(state: State) -> set[Input]:
        return {event for before, event in table if before is state} & resend

    for (before, _), (after, actions) in table.items():
        if resends(before) - resends(after):
            assert Action.STOP_RESEND in actions or ENDINGS.intersection(actions)


@pytest.mark.parametrize("name", TABLES)
def test_timers_that_may_be_zero_come_last(name: str) -> None:
    zero = {Action.START_D, Action.START_I, Action.START_J, Action.START_K}
    for _, actions in TABLES[name][0].values():
        assert not zero.intersection(actions[:-1])
