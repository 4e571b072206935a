"""benchmarks.search: the highest rate that holds is found in few steps, whatever it is."""

import pytest

from benchmarks.search import FINE, HOP, LEAST, MOST, STEPS, Search


def found(search: Search, capacity: float) -> Search:
    while search.rate is not None:
        search.tell(held=search.rate <= capacity)
    return search


@pytest.mark.parametrize("capacity", [11, 37, 199, 200, 201, 640, 3000, 7999])
def test_what_holds_is_found_closely(capacity: float) -> None:
    search = found(Search(200.0), capacity)
    assert search.held is not None
    assert search.failed is not None
    assert search.held <= capacity < search.failed <= search.held * FINE
    assert search.steps <= STEPS


def test_a_second_search_begins_where_the_first_one_ended() -> None:
    search = found(Search(600.0, HOP), 610)
    assert search.held == pytest.approx(610, rel=FINE - 1)
    assert search.steps <= 5


def test_nothing_holds() -> None:
    search = found(Search(200.0), 0)
    assert (search.held, search.failed) == (None, LEAST)


def test_everything_holds() -> None:
    search = found(Search(200.0), 1e9)
    assert (search.held, search.failed) == (MOST, None)


def test_a_search_ends() -> None:
    search = found(Search(LEAST, 1.01), 1e9)
    assert search.steps == STEPS
    assert search.held is not None
    assert search.held < MOST
