"""What gateways report about the media of calls: each row of the table, answered and while it rings."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from iq.procedures import (
    AuthenticationFailures,
    BearerChange,
    BearerReleased,
    Change,
    Heartbeat,
    MediaInactivity,
    Mode,
    Notification,
    OutOfService,
    Reason,
    SecurityCause,
    SecurityChange,
)
from pcscf.proxy.media_events import EVENTS, MediaEvent
from tests.support.calls import Established, ends, establish
from tests.support.ladder import KEY, plain, secure
from tests.support.stage import Stage

LOST = 'SIP;cause=503;text="the media is lost"'
INSECURE = 'SIP;cause=500;text="media security failure"'
INACTIVITY = 30


@dataclass
class Case:
    """notify: makes the notification from the name of a termination; None: the gateway comes back empty.

    reason: of the BYEs, None where the call goes on. ringing: the call ends before its answer, too.
    """

    event: MediaEvent
    notify: Callable[[str], Notification] | None
    reason: str | None
    ringing: bool = True


CASES = [
    Case(MediaEvent.ALIVE, Heartbeat, None),
    Case(MediaEvent.SILENT, MediaInactivity, LOST, ringing=False),
    Case(MediaEvent.BEARER_LOST, lambda name: BearerReleased(name, "FT"), LOST),
    Case(MediaEvent.SECURITY_FAILED, lambda name: BearerReleased(name, "FP", "other fingerprint"), INSECURE),
    Case(MediaEvent.SECURITY_FAILED, lambda name: BearerReleased(name, "FT", "DTLS timeout"), INSECURE),
    Case(
        MediaEvent.SECURITY_FAILED,
        lambda name: SecurityChange(name, 1, Change.FAILED, SecurityCause.FINGERPRINT),
        INSECURE,
    ),
    Case(MediaEvent.CONNECTION_FAILED, lambda name: BearerChange(name, 1, Change.FAILED, "refused"), LOST),
    Case(MediaEvent.CONNECTION_ENDED, lambda name: BearerChange(name, 1, Change.RELEASED), None),
    Case(MediaEvent.FORGERIES, lambda name: AuthenticationFailures(name, 1, 128), None),
    Case(MediaEvent.OUT_OF_SERVICE, lambda name: OutOfService(name, Reason.MALFUNCTIONING), LOST),
    Case(MediaEvent.OUT_OF_SERVICE, lambda name: OutOfService(name, Reason.OUT_OF_SERVICE), LOST),
    Case(MediaEvent.GATEWAY_LOST, None, 'SIP;cause=503;text="the media gateway is lost"'),
]  # fmt: skip
EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.event.value)


def test_every_row_is_tried() -> None:
    assert {case.event for case in CASES} == set(EVENTS) == set(MediaEvent)


@pytest.fixture
def stage() -> Stage:
    return Stage(inactivity=INACTIVITY)


def access_of(stage: Stage) -> tuple[int, str]:
    """The one context, and its termination towards the UE."""
    ((number, context),) = stage.gateway.contexts.contexts.items()
    return number, next(t.name for t in context.terminations if t.realm == "access")


def happen(stage: Stage, case: Case) -> None:
    if case.notify is None:
        stage.gateway_down("agw")
        stage.gateway.restart()
        stage.gateway_up("agw", cold=True)
    else:
        number, termination = access_of(stage)
        assert stage.gateway.notify(number, case.notify(termination)) is None
    assert stage.counters.media_events == {case.event.value: 1}


def told(stage: Stage) -> list[dict[str, object]]:
    return [report.fields for report in stage.reports if report.event == "media event"]


def check_released(call: Established, reason: str) -> None:
    for end in (call.ends.ue, call.ends.core):
        bye = end.request("BYE")
        assert bye.get("reason") == reason
        end.answer(bye, 200)
        end.nothing()


@EACH
@pytest.mark.parametrize("originating", [True, False])
def test_of_an_answered_call(stage: Stage, case: Case, originating: bool) -> None:
    call = establish(ends(stage, originating=originating))
    stage.now += INACTIVITY
    happen(stage, case)
    if case.reason is None:
        call.ends.ue.nothing()
        call.hang_up()
    else:
        check_released(call, case.reason)
        assert stage.contexts() == 0
    reports = told(stage)
    assert len(reports) == (case.event is not MediaEvent.ALIVE)
    for fields in reports:
        assert fields["media_event"] == case.event.value
        assert fields["call_id"] == call.sent.get("call-id")
        assert fields["released"] is (case.reason is not None)
    stage.check_forgotten()


@EACH
def test_while_it_rings(stage: Stage, case: Case) -> None:
    between = ends(stage)
    _, came = between.ring()
    between.core.answer(came, 180)
    between.ue.response(180)
    happen(stage, case)
    if case.reason is None or not case.ringing:
        between.core.answer(came, 486)
        between.core.request("ACK")
        between.ue.response(486)
        return
    between.ue.response(EVENTS[case.event].status)
    cancel = between.core.request("CANCEL")
    assert cancel.get("reason") == case.reason
    between.core.answer(cancel, 200)
    between.core.answer(came, 487)
    between.core.request("ACK")
    stage.check_forgotten()


@EACH
def test_the_ue_is_still_called_and_with_other_keys(stage: Stage, case: Case) -> None:
    """That its media is lost does not make it unreachable (TS 23.228 5.10)."""
    call = establish(ends(stage, originating=False))
    before = {line for line in call.came.body.split(b"\r\n") if b"inline:" in line}
    stage.now += INACTIVITY
    happen(stage, case)
    if case.reason is None:
        call.hang_up()
    else:
        check_released(call, case.reason)
    again = establish(ends(stage, ue=call.ends.ue, originating=False))
    after = {line for line in again.came.body.split(b"\r\n") if b"inline:" in line}
    assert before
    assert after
    assert not before & after
    again.hang_up()
    stage.check_forgotten()


# Several streams


def establish_two(stage: Stage) -> Established:
    video = "m=video 31000 RTP/AVP 34"
    return establish(
        ends(stage),
        secure(more=f"a=3ge2ae:requested\n{video}"),
        plain(more=f"{video.replace('31000', '5008')}\n"),
    )


def test_a_connection_of_one_stream_of_two_fails(stage: Stage) -> None:
    call = establish_two(stage)
    number, termination = access_of(stage)
    for stream in (1, 2):
        assert stage.gateway.notify(number, BearerChange(termination, stream, Change.FAILED)) is None
    call.ends.ue.nothing()
    assert [fields["released"] for fields in told(stage)] == [False, False]
    call.hang_up()


def test_media_security_of_one_stream_of_two_fails(stage: Stage) -> None:
    """The call ends as a whole: no stream goes on that one end takes for protected."""
    call = establish_two(stage)
    number, termination = access_of(stage)
    assert stage.gateway.notify(number, BearerReleased(termination, "FP", "fingerprint mismatch")) is None
    check_released(call, INSECURE)


# Forged packets


def test_forged_packets_end_the_call_where_the_operator_wants_it() -> None:
    stage = Stage(release_forged=True)
    call = establish(ends(stage))
    number, termination = access_of(stage)
    stage.gateway.asked()
    assert stage.gateway.notify(number, AuthenticationFailures(termination, 1, 128)) is None
    check_released(call, INSECURE)
    assert stage.gateway.asked() == ["Release"], "nothing is changed to plain on the way"
    (fields,) = told(stage)
    assert (fields["stream"], fields["packets"], fields["released"]) == (1, 128, True)


# Silence


def silence(stage: Stage) -> None:
    number, termination = access_of(stage)
    assert stage.gateway.notify(number, MediaInactivity(termination)) is None


def test_silence_soon_after_the_answer_is_that_of_the_ringing(stage: Stage) -> None:
    call = establish(ends(stage))
    stage.now += INACTIVITY - 1
    silence(stage)
    call.ends.ue.nothing()
    stage.now += 1
    silence(stage)
    check_released(call, LOST)


ANSWERS = {"sendonly": "recvonly", "inactive": "inactive", "sendrecv": "sendrecv"}


def reinvite(call: Established, direction: str, *, by_ue: bool, version: int) -> None:
    """One end says in a re-INVITE whether it wants to hear the other, which agrees."""
    ue = secure(KEY, version=version, more=f"a={direction if by_ue else ANSWERS[direction]}")
    core = plain(version=version, more=f"a={ANSWERS[direction] if by_ue else direction}")
    leg, other = (call.ue, call.ends.core) if by_ue else (call.core, call.ends.ue)
    leg.send("INVITE", ue if by_ue else core)
    leg.end.response(100)
    other.answer(other.request("INVITE"), 200, core if by_ue else ue)
    leg.end.response(200)
    leg.send("ACK", cseq=leg.cseq)
    other.request("ACK")


def access_mode(stage: Stage) -> Mode:
    ((_, context),) = stage.gateway.contexts.contexts.items()
    (end,) = next(t for t in context.terminations if t.realm == "access").ends.values()
    return end.mode


@pytest.mark.parametrize("by_ue", [True, False], ids=["by the UE", "by the core"])
@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_hold_takes_the_supervision_off_and_resuming_puts_it_on(
    stage: Stage, direction: str, by_ue: bool
) -> None:
    """Who holds may say sendonly and send nothing."""
    between = ends(stage)
    offer = secure(KEY, more="a=3ge2ae:requested")
    call = establish(between, offer)
    stage.now += INACTIVITY
    reinvite(call, direction, by_ue=by_ue, version=2)
    assert access_mode(stage) is not Mode.SEND_RECEIVE
    silence(stage)
    call.ends.ue.nothing()
    assert told(stage) == [], "a call on hold says nothing in the log every half a minute"
    reinvite(call, "sendrecv", by_ue=by_ue, version=3)
    assert access_mode(stage) is Mode.SEND_RECEIVE
    silence(stage)
    check_released(call, LOST)


# Emergency calls


@EACH
def test_an_emergency_call_ends_only_with_its_media(case: Case) -> None:
    """Silence and forged packets are no reason: the PSAP hangs up."""
    stage = Stage(inactivity=INACTIVITY, release_forged=True)
    call = establish(ends(stage))
    next(iter(stage.proxy.calls.table)).emergency = True
    stage.now += INACTIVITY
    happen(stage, case)
    if case.event in (MediaEvent.SILENT, MediaEvent.FORGERIES) or case.reason is None:
        call.ends.ue.nothing()
        call.hang_up()
    else:
        check_released(call, case.reason)
    stage.check_forgotten()
