"""Whose turn it is in one dialog, as a table (RFC 3264 4, RFC 3261 13.2.1 and 14.2, RFC 3311 5, RFC 6337 2).

``MediaSession`` classifies what came, looks it up here, and carries out the action.
"""

from enum import StrEnum, auto


class Phase(StrEnum):
    """NONE: nothing was offered. OFFERED: an offer waits. PREVIEWED: only an unreliable 18x answered it."""

    NONE = auto()
    OFFERED = auto()
    PREVIEWED = auto()
    AGREED = auto()


class Input(StrEnum):
    """What can come; the offerer is the side that wrote the latest offer, the answerer is the other one."""

    OFFER = auto()  # of the offerer; the first of all
    COUNTER_OFFER = auto()  # of the answerer
    ANSWER = auto()  # of the answerer: in a request, a 2xx, or a reliable 18x
    PREVIEW = auto()  # of the answerer, in an unreliable 18x
    REPETITION = auto()  # again the answer to the offer before
    FAILURE = auto()  # the latest offer was refused, or nobody answers it


class Action(StrEnum):
    TAKE_OFFER = auto()
    TAKE_ANSWER = auto()
    REPEAT = auto()  # what went out for it already; the gateway follows this dialog
    BUSY = auto()  # 500 with Retry-After
    GLARE = auto()  # 491
    REFUSE = auto()  # 488
    RESTORE = auto()  # what was agreed before is in force again


P, I, A = Phase, Input, Action  # noqa: E741

#: The next phase None is the one that the latest offer found. A pair that is not listed is an answer to
#: nothing. In PREVIEWED a UA should not offer anything yet (RFC 6337 2): that is left to the ends.
TRANSITIONS: dict[tuple[Phase, Input], tuple[Phase | None, Action]] = {
    (P.NONE, I.OFFER): (P.OFFERED, A.TAKE_OFFER),
    (P.OFFERED, I.OFFER): (P.OFFERED, A.BUSY),
    (P.OFFERED, I.COUNTER_OFFER): (P.OFFERED, A.GLARE),
    (P.OFFERED, I.ANSWER): (P.AGREED, A.TAKE_ANSWER),
    (P.OFFERED, I.PREVIEW): (P.PREVIEWED, A.TAKE_ANSWER),
    (P.OFFERED, I.REPETITION): (P.OFFERED, A.REPEAT),
    (P.OFFERED, I.FAILURE): (None, A.RESTORE),
    (P.PREVIEWED, I.OFFER): (P.OFFERED, A.TAKE_OFFER),
    (P.PREVIEWED, I.COUNTER_OFFER): (P.OFFERED, A.TAKE_OFFER),
    (P.PREVIEWED, I.ANSWER): (P.AGREED, A.TAKE_ANSWER),
    (P.PREVIEWED, I.PREVIEW): (P.PREVIEWED, A.TAKE_ANSWER),
    (P.PREVIEWED, I.REPETITION): (P.PREVIEWED, A.REPEAT),
    (P.PREVIEWED, I.FAILURE): (None, A.RESTORE),
    (P.AGREED, I.OFFER): (P.OFFERED, A.TAKE_OFFER),
    (P.AGREED, I.COUNTER_OFFER): (P.OFFERED, A.TAKE_OFFER),
    # The first answer stands (RFC 3261 13.2.1); a 2xx says it again.
    (P.AGREED, I.ANSWER): (P.AGREED, A.REPEAT),
    (P.AGREED, I.PREVIEW): (P.AGREED, A.REPEAT),
    (P.AGREED, I.REPETITION): (P.AGREED, A.REPEAT),
    # A re-INVITE may fail behind the answer in its reliable 18x.
    (P.AGREED, I.FAILURE): (None, A.RESTORE),
}


def action(phase: Phase, event: Input) -> Action:
    """Return what is to be done."""
    step = TRANSITIONS.get((phase, event))
    return A.REFUSE if step is None else step[1]


def after(phase: Phase, event: Input, before: Phase) -> Phase:
    """Return the next phase. before: the one that the latest offer found."""
    step = TRANSITIONS.get((phase, event))
    if step is None:
        return phase
    return before if step[0] is None else step[0]
