"""Port pools: least recently released first, none again within two seconds, none lost or given twice."""

import os
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from agw.control.capacity import RESERVED_DESCRIPTORS, capacity
from agw.control.ports import REUSE_SECONDS, PortPool
from tests.support.fake_engine import pool, realms


def test_even_ports_whose_next_one_is_in_the_range() -> None:
    odd = pool(20001, 20006)
    assert [odd.take(0.0) for _ in range(3)] == [20002, 20004, None]
    assert pool(20000, 20000).size == 0
    assert pool(20000, 20001).size == 1
    assert pool(20000, 29999).size == 5000


def test_first_round_goes_in_no_guessable_order() -> None:
    shuffled = PortPool(20000, 29999, os.urandom)
    order = [shuffled.take(0.0) for _ in range(5000)]
    assert order != sorted(filter(None, order))
    assert sorted(filter(None, order)) == list(range(20000, 30000, 2))


def test_ports_that_were_used_take_no_more_memory_than_fresh_ones() -> None:
    tracemalloc.start()
    try:
        used = PortPool(20000, 29999, os.urandom)
        fresh = tracemalloc.get_traced_memory()[0]
        for number in range(20_000):
            port = used.take(float(number))
            assert port is not None
            used.give_back(port, number + 0.5)
        assert tracemalloc.get_traced_memory()[0] - fresh < 5000
    finally:
        tracemalloc.stop()


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 1.5)), max_size=200))
def test_properties(steps: list[tuple[bool, float]]) -> None:
    tested = pool(20000, 20011)
    now, taken, released_at = 0.0, [], dict.fromkeys(range(20000, 20012, 2), float("-inf"))
    for take, later in steps:
        now += later
        if take:
            free = {port: at for port, at in released_at.items() if port not in taken}
            port = tested.take(now)
            if port is None:
                assert all(now - at < REUSE_SECONDS + 1e-9 for at in free.values())
            else:
                assert released_at[port] == min(free.values())
                assert now - released_at[port] >= REUSE_SECONDS - 1e-9
                taken.append(port)
        elif taken:
            port = taken.pop(0)
            tested.give_back(port, now)
            released_at[port] = now
        assert len(tested) + len(taken) == tested.size == 6


def test_capacity() -> None:
    by_ports = capacity(realms(8).values(), 20000)
    assert (by_ports.streams, by_ports.bounded_by) == (8, "ports of realm access")
    by_descriptors = capacity(realms(8).values(), RESERVED_DESCRIPTORS + 4 * 5 + 3)
    assert (by_descriptors.streams, by_descriptors.bounded_by) == (5, "open files")
    assert by_descriptors.max_ports == 11
    assert capacity(realms(8).values(), 10).max_ports == 0
