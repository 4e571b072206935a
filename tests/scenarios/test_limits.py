"""More than there is room for: 503, and when to come back (RFC 3261 21.5.4)."""

from tests.support.calls import ends, establish
from tests.support.stage import Stage


def test_more_calls_than_there_is_room_for() -> None:
    stage = Stage(max_calls=1)
    between = ends(stage)
    call = establish(between)
    between.invite()
    refused = between.ue.response(503)
    assert refused.get("retry-after") == "5"
    assert stage.counters.refusals["too many calls", 503] == 1
    assert len(stage.proxy.calls) == 1
    call.hang_up()
    establish(between).hang_up()
    stage.check_forgotten()


def test_what_belongs_to_a_call_needs_no_room() -> None:
    stage = Stage(max_calls=1)
    call = establish(ends(stage))
    call.caller.send("INFO")
    call.ends.callee.answer(call.ends.callee.request("INFO"), 200)
    call.ends.caller.response(200)
    call.hang_up()
    stage.check_forgotten()
