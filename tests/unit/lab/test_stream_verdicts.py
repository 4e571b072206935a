"""What the lab says of media over TCP that was not as it has to be."""

from dataclasses import replace

import pytest

from lab import application, message
from lab.kind import Statistics

MESSAGES = message.Statistics(
    sent=5, received=5, exact=5, confirmed=5, opaque=9, sealed=True, suite="TLSv1.3", chunks=9
)
FLOORS = application.Statistics(
    sent=11, received=11, exact=5, opaque=9, sealed=True, suite="TLSv1.3", role="client"
)


@pytest.mark.parametrize("seen", [MESSAGES, FLOORS])
def test_all_as_it_has_to_be(seen: Statistics) -> None:
    assert seen.problems(5) == []
    assert all(check.passed for check in seen.checks("alice", 5))
    assert len(seen.columns()) == 8 + isinstance(seen, message.Statistics)


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (replace(MESSAGES, exact=4), "4 of 5 messages arrived bit-exact"),
        (replace(MESSAGES, confirmed=4), "4 of 5 own messages were confirmed"),
        (replace(MESSAGES, refused=1), "1 refused"),
        (replace(MESSAGES, bad=1), "1 bad"),
        (replace(MESSAGES, unreadable=1), "1 unreadable"),
        (replace(MESSAGES, failure="TLS: broken"), "TLS: broken"),
        (replace(MESSAGES, sealed=False, clear=3), "3 messages in clear on a protected leg"),
        (replace(MESSAGES, suite=None), "9 pieces that could not be read on a plain leg"),
        (replace(FLOORS, exact=4), "4 of 5 floors were granted and given back"),
        (replace(FLOORS, refused=2), "2 requests refused"),
    ],
)
def test_each_problem_fails_a_check(seen: Statistics, problem: str) -> None:
    assert seen.problems(5) == [problem]
    failed = [check for check in seen.checks("alice", 5) if not check.passed]
    assert problem in failed[0].detail


@pytest.mark.parametrize("seen", [MESSAGES, FLOORS])
@pytest.mark.parametrize("change", [{"suite": None}, {"sealed": False}, {"clear": 1}])
def test_what_was_not_hidden_fails_the_check_of_the_leg(seen: Statistics, change: dict[str, object]) -> None:
    *_, leg = replace(seen, **change).checks("alice", 5)  # type: ignore[arg-type]
    assert leg.name == "nothing readable on alice's access leg"
    assert not leg.passed
