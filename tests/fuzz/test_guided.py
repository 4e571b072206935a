"""The fuzzer's targets over what is known to be hard, and over pieces of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.guided import sdp, sip
from tests.support.ladder import plain, secure
from tests.support.sip import INVITE

TESTS = Path(__file__).parents[1]
MESSAGES = [*sorted(TESTS.glob("vectors/rfc4475/*.dat")), *sorted(TESTS.glob("vectors/rfc5118/*.dat"))]
pieces = st.tuples(st.integers(0, 3000), st.integers(0, 60), st.binary(max_size=8))


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_torture_messages(path: Path) -> None:
    sip(path.read_bytes())


@given(st.sampled_from([INVITE, *(path.read_bytes() for path in MESSAGES)]), pieces)
def test_damaged_messages(data: bytes, how: tuple[int, int, bytes]) -> None:
    at, length, junk = how
    sip(data[:at] + junk + data[at + length :])


@given(st.sampled_from([plain(), secure()]), pieces)
def test_damaged_descriptions(data: bytes, how: tuple[int, int, bytes]) -> None:
    at, length, junk = how
    sdp(data[: at % len(data)] + junk + data[at % len(data) + length :])
