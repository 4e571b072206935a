"""The e2ae security indicator, a=3ge2ae (TS 24.229 7.5.2). Media level only; it never crosses to the core."""

from collections.abc import Iterable

NAME = "3ge2ae"
REQUESTED = "requested"
APPLIED = "applied"
APPLIED_LINE = "a=3ge2ae:applied"


def indicated(values: Iterable[str]) -> str | None:
    """Return REQUESTED or APPLIED, the first valid value, or None. Other values are ignored (24.229 7.5.2.2).

    Blanks and case do not count on input; on output there are none, and lower case.
    """
    for value in values:
        word = value.strip().lower()
        if word in {REQUESTED, APPLIED}:
            return word
    return None
