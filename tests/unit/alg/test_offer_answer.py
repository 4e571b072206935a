"""The offer/answer model of one dialog: every phase with every input."""

from itertools import product

import pytest

from pcscf.alg.offer_answer import TRANSITIONS, Action, Input, Phase, action, after
from pcscf.errors import SdpRejected, SipRefusal
from pcscf.flow import Side
from tests.support.call import PLAIN, SECURE, Call
from tests.support.media import sdp

#: A row for each phase, a column for each input; a phase that is not named stays, "back": what it was before.
WORDS = """
          OFFER              COUNTER_OFFER      ANSWER             PREVIEW               REPETITION FAILURE
NONE      TAKE_OFFER/OFFERED REFUSE             REFUSE             REFUSE                REFUSE     REFUSE
OFFERED   BUSY               GLARE              TAKE_ANSWER/AGREED TAKE_ANSWER/PREVIEWED REPEAT     RESTORE/back
PREVIEWED TAKE_OFFER/OFFERED TAKE_OFFER/OFFERED TAKE_ANSWER/AGREED TAKE_ANSWER           REPEAT     RESTORE/back
AGREED    TAKE_OFFER/OFFERED TAKE_OFFER/OFFERED REPEAT             REPEAT                REPEAT     RESTORE/back
"""  # noqa: E501
HEAD, *ROWS = [line.split() for line in WORDS.strip().splitlines()]
EXPECTED = {
    (Phase[row[0]], Input[name]): cell for row in ROWS for name, cell in zip(HEAD, row[1:], strict=True)
}
PAIRS = list(product(Phase, Input))
#: Nothing was offered that these could be about.
VOID = {(Phase.NONE, event) for event in (Input.COUNTER_OFFER, Input.REPETITION, Input.FAILURE)}


@pytest.mark.parametrize(("phase", "event"), PAIRS)
@pytest.mark.parametrize("before", [Phase.NONE, Phase.AGREED])
def test_every_pair(phase: Phase, event: Input, before: Phase) -> None:
    act, _, becomes = EXPECTED[phase, event].partition("/")
    assert action(phase, event) is Action[act]
    expected = before if becomes == "back" else Phase[becomes] if becomes else phase
    assert after(phase, event, before) is expected


def test_no_row_refuses_by_itself() -> None:
    assert Action.REFUSE not in {action for _, action in TRANSITIONS.values()}


def reach(phase: Phase) -> Call:
    """A session whose dialog b1 is there: the offer is the UE's, and one exchange was before it."""
    call = Call()
    if phase is Phase.NONE:
        return call
    call.originate()
    call.offer(sdp(SECURE + "\na=sendonly", version=2))
    if phase is not Phase.OFFERED:
        call.answer(sdp(PLAIN + "\na=recvonly", version=2), early=phase is Phase.PREVIEWED)
    return call


@pytest.mark.parametrize(("phase", "event"), [pair for pair in PAIRS if pair not in VOID])
def test_sessions_do_what_the_table_says(phase: Phase, event: Input) -> None:
    """Each input as a message, with its action seen from outside."""
    call = reach(phase)
    act = action(phase, event)
    dialogs = call.session.dialogs
    if event is Input.FAILURE:
        dialog = dialogs["b1"]
        dialog.restore()
        assert dialog.exchange is not None
        assert dialog.exchange.number == 1
    elif event in {Input.OFFER, Input.COUNTER_OFFER}:
        side = Side.ACCESS if event is Input.OFFER else Side.CORE
        offered = sdp(SECURE if side is Side.ACCESS else PLAIN, version=3)
        if act is Action.TAKE_OFFER:
            call.offer(offered, side)
        else:
            with pytest.raises(SipRefusal) as caught:
                call.offer(offered, side)
            assert caught.value.status == {Action.BUSY: 500, Action.GLARE: 491}[act]
    else:
        text = sdp(PLAIN, host="203.0.113.77") if event is Input.REPETITION else sdp(PLAIN + "\na=inactive")
        if event is Input.REPETITION and phase is Phase.OFFERED:
            call = reach_offered_by_the_core()
            dialogs = call.session.dialogs
        if act is Action.REFUSE:
            with pytest.raises(SdpRejected):
                call.answer(text, early=event is Input.PREVIEW)
        else:
            known = len(call.gateway.actions)
            out = call.answer(text, early=event is Input.PREVIEW)
            assert ("a=inactive" in out) is (act is Action.TAKE_ANSWER)
            assert len(call.gateway.actions) == known + (act is Action.TAKE_ANSWER)
    expected = after(phase, event, Phase.AGREED)
    assert (dialogs["b1"].phase if dialogs else Phase.OFFERED) is expected


def reach_offered_by_the_core() -> Call:
    call = Call()
    call.originate()
    call.offer(sdp(PLAIN + "\na=sendonly", version=2), Side.CORE)
    return call
