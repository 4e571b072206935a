"""An ordinary call in both directions: what binds of its headers, its media, its end."""

import pytest

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
