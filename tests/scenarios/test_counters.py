"""What is counted and logged of calls, and that no key is in it."""

from dataclasses import fields

import pytest

from tests.support.calls import Ends, ends, establish
from tests.support.ladder import KEY, OTHER_KEY, plain, secure, ue_of
from tests.support.stage import Stage


def call_reports(stage: Stage) -> list[dict[str, object]]:
    return [report.fields for report in stage.reports if report.event == "call"]


def test_outcomes(stage: Stage) -> None:
    between = ends(stage)
    establish(between).hang_up()
    _, came = between.ring()
    between.core.answer(came, 486)
    between.core.request("ACK")
    between.ue.response(486)
    establish(between)
    stage.apply(stage.proxy.release_all(stage.now))
    stage.settle()
    for end in (between.ue, between.core):
        end.answer(end.request("BYE"), 200)
    for report in call_reports(stage):
        stage.counters.call_ended(report)
    assert stage.counters.calls == {"answered": 1, "failed": 1, "released": 1}
    assert stage.counters.decisions == {("e2ae", "audio"): 3}
    assert [(r["status"], r["answered"]) for r in call_reports(stage)] == [
        (200, True),
        (486, False),
        (503, True),
    ]


@pytest.mark.parametrize("first", [True, False])
def test_forged_indications_of_the_core(stage: Stage, first: bool) -> None:
    """In an offer, or in an answer: removed, counted, and the UE sees ours alone (33.328 5.4.1)."""
    forged = plain(more="a=3ge2ae:applied")
    between: Ends = ends(stage, originating=not first)
    call = establish(between, forged) if first else establish(between, None, forged)
    seen = call.came.body if first else call.ok.body
    assert seen.count(b"3ge2ae") == 1
    call.hang_up()
    assert stage.counters.policed == {("core", "3ge2ae"): 1}


def test_forged_indication_to_a_ue_without_e2ae(stage: Stage) -> None:
    between = ends(stage, originating=False, ue=ue_of(stage, media=False))
    _, came = between.ring(plain(more="a=3ge2ae:applied"))
    assert b"3ge2ae" not in came.body
    between.ue.answer(came, 486)
    between.core.response(486)


def test_no_key_in_what_is_logged_or_counted(stage: Stage) -> None:
    """Of calls that go well, and of every way in which a key can be wrong."""
    between = ends(stage)
    establish(between).hang_up()
    for offer in (secure(KEY[:-4]), secure().replace(b"inline:", b"inline:!"), secure(KEY + "|2^31|x")):
        between.invite(offer)
        assert between.ue.starts() == ["488"]
    _, came = between.ring()
    between.core.answer(came, 200, plain().replace(b"RTP/AVP", f"RTP/{OTHER_KEY}".encode()))
    assert between.core.starts() == ["ACK", "BYE"]
    between.ue.response(500)
    called = ends(stage, originating=False, ue=between.ue)
    _, came = called.ring()
    called.ue.answer(came, 200, secure(OTHER_KEY[:-4], more=""))
    assert called.ue.starts() == ["ACK", "BYE"]
    called.core.starts()
    stage.run(40)
    said = repr((stage.reports, [dict(getattr(stage.counters, f.name)) for f in fields(stage.counters)]))
    for key in (KEY[:20], OTHER_KEY[:20], "inline:"):
        assert key not in said
