"""The table of one side of a TCP stream, and what two of them do to each other."""

from hypothesis import given
from hypothesis import strategies as st

from agw.tcp.states import TABLE, Effect, Event, State, step

REPORTS = {Effect.REPORT_FAILED, Effect.REPORT_RELEASED}


def test_what_ends_by_itself_is_closed_told_and_reported() -> None:
    for (state, event), (after, effects) in TABLE.items():
        if event in (Event.FAILED, Event.ENDED):
            assert after is State.OVER
            assert effects[0] is Effect.CLOSE
            assert effects[-1] is Effect.TELL_STOP
            assert len(REPORTS.intersection(effects)) == 1, (state, event)
        else:
            assert REPORTS.isdisjoint(effects), (state, event)


def test_every_state_but_the_first_begins_anew() -> None:
    for state in State:
        after, effects = step(state, Event.RENEW)
        assert after is State.IDLE
        assert effects == (() if state is State.IDLE else (Effect.CLOSE, Effect.RESERVE))


def test_what_is_over_stays_over() -> None:
    for event in set(Event) - {Event.RENEW}:
        assert step(State.OVER, event) == (State.OVER, ())


@given(st.lists(st.sampled_from(Event), max_size=40))
def test_nothing_is_opened_twice_or_left_open(events: list[Event]) -> None:
    """holds: the port by a listener, a connection on its way, or one that stands."""
    state, holds = State.IDLE, True
    for event in events:
        state, effects = step(state, event)
        for effect in effects:
            if effect is Effect.RESERVE:
                assert not holds
                holds = True
            elif effect in (Effect.CLOSE, Effect.ABORT):
                holds = False
            elif effect in (Effect.LISTEN, Effect.CONNECT, Effect.TELL_UP):
                assert holds
        assert holds is (state is not State.OVER)
