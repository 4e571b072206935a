"""Session timers (RFC 4028): what passes of the interval, and the end of a session without refresh."""

import pytest

from pcscf.sip.message import Message
from tests.support.calls import Established, bye, ends, establish
from tests.support.ladder import callee_leg, caller_leg, plain, secure
from tests.support.stage import Stage

BOTH = pytest.mark.parametrize("originating", [True, False])
TIMED = "Supported: timer"


def interval(message: Message) -> str | None:
    return message.get("session-expires")


@BOTH
@pytest.mark.parametrize(
    ("lines", "came", "min_se"),
    [
        pytest.param([], None, None, id="no timers"),
        pytest.param([TIMED], "7200", None, id="able, and asks for none"),
        pytest.param(["Supported: 100rel, Timer", "Min-SE: 9000"], "9000", "9000", id="not below Min-SE"),
        pytest.param([TIMED, "Session-Expires: 1800"], "1800", None, id="short enough"),
        pytest.param(["x: 1800 ;refresher=uac"], "1800 ;refresher=uac", None, id="compact, bytes kept"),
        pytest.param([TIMED, "Session-Expires: 90"], "90", None, id="the shortest"),
        pytest.param(
            [TIMED, "Session-Expires: 7201;refresher=uas"], "7200;refresher=uas", None, id="lowered"
        ),
        pytest.param(["Session-Expires: 4000000000"], "7200", None, id="lowered without Supported"),
        pytest.param(
            [TIMED, "Session-Expires: 9999", "Min-SE: 8000;x"], "8000", "8000;x", id="lowered to Min-SE"
        ),
        pytest.param([TIMED, "Session-Expires: 8000", "Min-SE: 9000"], "8000", "9000", id="not raised"),
        pytest.param(["Session-Expires: 30;x"], "90;x", "90", id="too small for one who knows no 422"),
        pytest.param(["Session-Expires: 30", "Min-SE: 120"], "120", "120", id="too small, below his Min-SE"),
    ],
)
def test_what_passes(
    stage: Stage, originating: bool, lines: list[str], came: str | None, min_se: str | None
) -> None:
    between = ends(stage, originating=originating)
    between.invite(None, *lines)
    between.caller.response(100)
    request = between.callee.request("INVITE")
    assert (interval(request), request.get("min-se")) == (came, min_se)
    between.callee.answer(request, 486)
    between.caller.response(486)


@BOTH
@pytest.mark.parametrize(
    ("lines", "status", "min_se"),
    [
        ([TIMED, "Session-Expires: 89"], 422, "90"),
        ([TIMED, "Session-Expires: 0;refresher=uac"], 422, "90"),
        (["Session-Expires: soon"], 400, None),
        (["Session-Expires: -1"], 400, None),
        (["Session-Expires: 99999999999"], 400, None),
    ],
)
def test_what_is_refused(
    stage: Stage, originating: bool, lines: list[str], status: int, min_se: str | None
) -> None:
    between = ends(stage, originating=originating)
    between.invite(None, *lines)
    assert between.caller.response(status).get("min-se") == min_se
    between.callee.nothing()
    assert stage.gateway.asked() == []
    # the same inside of a call leaves the call alone
    call = establish(between)
    call.caller.send("UPDATE", b"", *lines)
    assert between.caller.response(status).get("min-se") == min_se
    between.callee.nothing()
    call.hang_up()


def timed(
    stage: Stage, *answered: str, originating: bool = True, asked: tuple[str, ...] = (TIMED,)
) -> Established:
    """A call whose INVITE says ``asked`` and whose 2xx says ``answered``."""
    between = ends(stage, originating=originating)
    sent = between.invite(None, *asked)
    between.caller.response(100)
    came = between.callee.request("INVITE")
    between.callee.answer(came, 200, between.answer, *answered)
    ok = between.caller.response(200)
    leg = caller_leg(between.caller, sent, ok)
    leg.send("ACK", cseq=1)
    between.callee.request("ACK")
    return Established(between, leg, callee_leg(between.callee, came), sent, came, ok)


def quiet(call: Established, seconds: float) -> None:
    """So long nothing happens."""
    call.ends.stage.run(seconds)
    call.ends.ue.nothing()
    call.ends.core.nothing()


def released(call: Established) -> None:
    """Within half a second both ends are told; nothing is left of the call."""
    stage = call.ends.stage
    stage.run(0.4)
    for end in (call.ends.caller, call.ends.callee):
        hung_up = end.request("BYE")
        assert hung_up.get("reason") == 'SIP;cause=408;text="the session was not refreshed"'
        end.answer(hung_up, 200)
        end.nothing()
    assert stage.gateway.asked()[-1:] == ["Release"]
    assert [report.fields["status"] for report in stage.reports if report.event == "call"] == [408]


def refresh(call: Established, method: str, by_caller: bool, *answered: str) -> Message:
    """Refresh the session by ``method``; return the 2xx as it came."""
    one, other = (call.caller, call.callee) if by_caller else (call.callee, call.caller)
    offer, answer = secure(version=2), plain(version=2)
    if one.end is call.ends.core:
        offer, answer = answer, secure(version=2, more="")
    if method == "UPDATE":
        offer = answer = b""
    one.send(method, offer, TIMED)
    if method == "INVITE":
        one.end.response(100)
    came = other.end.request(method)
    assert interval(came) == "7200"
    other.end.answer(came, 200, answer, *answered)
    ok = one.end.response(200)
    if method == "INVITE":
        one.send("ACK", cseq=one.cseq)
        other.end.request("ACK")
    return ok


@BOTH
def test_a_session_that_nobody_refreshes_ends(stage: Stage, originating: bool) -> None:
    call = timed(stage, "Session-Expires: 120;refresher=uas", originating=originating)
    assert interval(call.ok) == "120;refresher=uas"
    quiet(call, 119.8)
    released(call)


@BOTH
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("by_caller", [True, False])
def test_a_refresh_starts_it_anew(stage: Stage, originating: bool, method: str, by_caller: bool) -> None:
    call = timed(stage, "Session-Expires: 120;refresher=uac", originating=originating)
    quiet(call, 100)
    ok = refresh(call, method, by_caller, "Session-Expires: 200;refresher=uac")
    assert interval(ok) == "200;refresher=uac"
    quiet(call, 199.8)
    released(call)


@BOTH
def test_a_callee_that_knows_no_timers_leaves_the_refresh_to_the_caller(
    stage: Stage, originating: bool
) -> None:
    call = timed(stage, "Require: 100rel", originating=originating)
    assert interval(call.ok) == "7200;refresher=uac"
    assert call.ok.values("require") == ["100rel", "timer"]
    quiet(call, 100)
    ok = refresh(call, "UPDATE", True)
    assert interval(ok) == "7200;refresher=uac"
    assert ok.values("require") == ["timer"]
    quiet(call, 7199.8)
    released(call)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        pytest.param((), (), id="nobody knows timers"),
        pytest.param(("Session-Expires: 100",), (), id="the answer sets none for one who knows none"),
        pytest.param((TIMED,), ("Session-Expires: soon",), id="the answer cannot be read"),
    ],
)
def test_no_interval_no_end(stage: Stage, asked: tuple[str, ...], answered: tuple[str, ...]) -> None:
    call = timed(stage, *answered, asked=asked)
    assert call.ok.all("session-expires") == [line.partition(": ")[2] for line in answered]
    quiet(call, 8000)
    call.hang_up()


def test_an_answer_below_the_minimum_is_not_taken_at_its_word(stage: Stage) -> None:
    call = timed(stage, "Session-Expires: 0;refresher=uas")
    quiet(call, 89.8)
    released(call)


def test_a_refresh_without_interval_ends_the_supervision(stage: Stage) -> None:
    call = timed(stage, "Session-Expires: 120;refresher=uas")
    call.ue.send("UPDATE")
    call.ends.core.answer(call.ends.core.request("UPDATE"), 200)
    call.ends.ue.response(200)
    quiet(call, 300)
    call.hang_up()


def test_a_refused_refresh_leaves_the_interval_running(stage: Stage) -> None:
    call = timed(stage, "Session-Expires: 120;refresher=uas")
    quiet(call, 60)
    call.ue.send("UPDATE", b"", "Session-Expires: 1800", TIMED)
    call.ends.core.answer(call.ends.core.request("UPDATE"), 422, b"", "Min-SE: 3600")
    assert call.ends.ue.response(422).get("min-se") == "3600"
    quiet(call, 59.8)
    released(call)


def test_each_dialog_of_a_fork_has_its_own(stage: Stage) -> None:
    between = ends(stage)
    sent = between.invite(None, TIMED)
    between.ue.response(100)
    came = between.core.request("INVITE")
    legs = []
    for tag, seconds in (("b1", 120), ("b2", 200)):
        answered = f"Session-Expires: {seconds};refresher=uas"
        between.core.answer(came, 200, plain(number=seconds), answered, tag=tag)
        legs.append(caller_leg(between.ue, sent, between.ue.response(200)))
        legs[-1].send("ACK", cseq=1)
        between.core.request("ACK")
    stage.run(120.2)
    for end in (between.core, between.ue):
        hung_up = end.request("BYE")
        tags = [value.rpartition("tag=")[2] for value in (hung_up.get("to"), hung_up.get("from"))]
        assert "b1" in tags
        end.answer(hung_up, 200)
        end.nothing()
    assert stage.contexts() == 1
    bye(between, legs[1])


def test_the_longest_interval_is_configured() -> None:
    stage = Stage(session_expires_max=600)
    call = timed(stage, "Session-Expires: 600;refresher=uac", asked=("Session-Expires: 1800",))
    assert interval(call.came) == "600"
    quiet(call, 599.8)
    released(call)
    stage.check_forgotten()
