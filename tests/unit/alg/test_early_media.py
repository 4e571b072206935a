"""What P-Early-Media authorizes, and the gates that follow from it (RFC 5009 8)."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iq.procedures import Endpoint
from pcscf.alg.early_media import DIRECTIONS, Flows, Gates, authorized
from pcscf.alg.stream import MODES, State
from pcscf.flow import Side
from pcscf.sdp.model import MAX_MEDIA

EVERY = list(itertools.product((True, False), repeat=2))
FLOWS = {modes: flows for flows, modes in MODES.items()}


def state(flows: Flows, *, closed: bool = False) -> State:
    """flows: from the UE, to the UE, as the SDP has it."""
    return State(Endpoint("192.0.2.10", 30000), None, *MODES[flows], closed=closed)


def from_and_to_ue(caller: Side, flows: Flows) -> Flows:
    return flows if caller is Side.ACCESS else (flows[1], flows[0])


@pytest.mark.parametrize("caller", list(Side))
@pytest.mark.parametrize("said", EVERY)
@pytest.mark.parametrize("wanted", EVERY)
def test_a_gate_is_open_where_both_want_it(caller: Side, said: Flows, wanted: Flows) -> None:
    before = state(wanted)
    after = Gates(caller, "sendrecv").gated(before, 0, (said,))
    allowed = from_and_to_ue(caller, said)
    expected = wanted[0] and allowed[0], wanted[1] and allowed[1]
    assert FLOWS[after.access_mode, after.core_mode] == expected
    assert after.access_remote is before.access_remote
    assert FLOWS[before.access_mode, before.core_mode] == wanted, "the description is what it was"


@pytest.mark.parametrize("default", list(DIRECTIONS))
@pytest.mark.parametrize("caller", list(Side))
def test_where_nothing_was_said(caller: Side, default: str) -> None:
    after = Gates(caller, default).gated(state((True, True)), 3, None)
    assert FLOWS[after.access_mode, after.core_mode] == from_and_to_ue(caller, DIRECTIONS[default])


def test_a_stream_that_ends_is_left_alone() -> None:
    ending = state((True, True), closed=True)
    assert Gates(Side.ACCESS, "inactive").gated(ending, 0, None) is ending


@pytest.mark.parametrize(
    ("index", "expected"), [(0, (True, False)), (1, (False, True)), (2, (False, True)), (40, (False, True))]
)
def test_the_last_parameter_is_that_of_all_further_lines(index: int, expected: Flows) -> None:
    said = authorized(["recvonly", "sendonly"])
    after = Gates(Side.ACCESS, "sendrecv").gated(state((True, True)), index, said)
    assert FLOWS[after.access_mode, after.core_mode] == expected


@given(
    st.lists(
        st.sampled_from([*DIRECTIONS, "gated", "supported", "SENDRECV", " sendonly "]) | st.text(max_size=9)
    )
)
def test_any_list_of_parameters(parameters: list[str]) -> None:
    """Only what says a direction counts, and its order; without any it is no authorization."""
    names = [parameter.strip().lower() for parameter in parameters]
    directions = [DIRECTIONS[name] for name in names if name in DIRECTIONS]
    found = authorized(parameters)
    if directions:
        assert found == tuple(directions[:MAX_MEDIA])
    else:
        assert found == (((True, True),) if "gated" in names else None)


def test_more_parameters_than_m_lines_are_not_kept() -> None:
    found = authorized(["inactive"] * (MAX_MEDIA + 1000))
    assert found is not None
    assert len(found) == MAX_MEDIA
