"""Who gives way where connections hold more than there is room for."""

from hypothesis import given
from hypothesis import strategies as st

from pcscf.transport.budget import Budget


def filled(limit: int, *held: tuple[str, str, int]) -> tuple[Budget[str], dict[str, int]]:
    """A budget with (name, source, octets) of each holder, and what each of them has."""
    budget: Budget[str] = Budget(limit)
    for name, source, octets in held:
        budget.hold(name, source, octets)
    return budget, {name: octets for name, _, octets in held}


def test_nobody_gives_way_while_there_is_room() -> None:
    budget: Budget[str] = Budget(100)
    assert not budget.hold("a", "x", 60)
    assert not budget.hold("b", "y", 40)
    assert not budget.hold("a", "x", 50)
    assert not budget.hold("a", "x", 0)
    assert (budget.total, len(budget)) == (40, 1)
    assert budget.hold("a", "x", 61)


def test_the_oldest_of_the_source_that_holds_most() -> None:
    held = ("phone", "y", 30), ("old", "x", 20), ("large", "x", 40), ("new", "x", 20)
    budget, has = filled(100, *held)
    assert budget.release(has.__getitem__) == ["old", "large"]  # 90 would be no margin
    assert (budget.total, len(budget)) == (50, 2)


def test_what_has_been_taken_meanwhile_does_not_count() -> None:
    budget, has = filled(100, ("a", "x", 80), ("b", "y", 40))
    assert budget.release((has | {"a": 10}).__getitem__) == []
    assert budget.total == 50
    assert budget.release((has | {"a": 0, "b": 0}).__getitem__) == []
    assert (budget.total, len(budget)) == (0, 0)


def test_who_begins_anew_is_young() -> None:
    budget, has = filled(80, ("a", "x", 40), ("b", "x", 40))
    budget.hold("a", "x", 0)
    budget.hold("a", "x", 41)
    assert budget.release((has | {"a": 41}).__getitem__) == ["b"]


def test_the_core_gives_way_last() -> None:
    budget, has = filled(100, ("core", "", 90), ("a", "x", 1), ("b", "y", 10))
    assert budget.release(has.__getitem__) == ["b", "a", "core"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["", "x", "y"]), st.integers(0, 50))))
def test_the_total_is_kept_below_the_limit(steps: list[tuple[str, str, int]]) -> None:
    budget: Budget[str] = Budget(60)
    has: dict[str, int] = {}
    for name, source, octets in steps:
        has[name] = octets
        if budget.hold(name, source, octets):
            for gone in budget.release(has.__getitem__):
                has[gone] = 0
        assert budget.total == sum(has.values()) <= 60
        assert len(budget) == sum(octets > 0 for octets in has.values())
