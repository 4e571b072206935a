"""An ordinary call in both directions: what binds of its headers, its media, its end."""

import gc

import pytest

from pcscf.proxy.branch import Branch
from tests.support.calls import ends, establish
from tests.support.stage import Stage


@pytest.mark.parametrize("originating", [True, False])
@pytest.mark.parametrize("by_caller", [True, False])
def test_call(stage: Stage, originating: bool, by_caller: bool) -> None:
    call = establish(ends(stage, originating=originating))
    assert stage.contexts() == 1
    assert stage.gateway.asked()[0] == "Reserve+Reserve"
    call.hang_up(call.caller if by_caller else call.callee)
    assert stage.gateway.asked() == ["Release"]
    stage.check_clean()


@pytest.mark.parametrize("originating", [True, False])
def test_what_began_a_call_goes_with_its_transactions(stage: Stage, originating: bool) -> None:
    """A call lasts for minutes and keeps no more of its INVITE than our own requests in it are made of."""
    gc.collect()  # what other tests left: call-ids come again
    between = ends(stage, originating=originating)
    call = establish(between)
    assert len(_branches(call.sent.get("call-id"))) == 1
    stage.run(40.0)
    assert _branches(call.sent.get("call-id")) == []
    (kept,) = stage.proxy.calls.table
    assert (kept.invite.body, len(kept.invite.fields) < len(call.sent.fields) / 2) == (b"", True)
    stage.apply(stage.proxy.release_all(stage.now))
    for end in (between.ue, between.core):
        bye = end.request("BYE")
        assert bye.uri == end.contact
        end.answer(bye, 200)


def _branches(call_id: str | None) -> list[Branch]:
    found = [one for one in gc.get_objects() if isinstance(one, Branch)]
    return [branch for branch in found if branch.request.get("call-id") == call_id]
