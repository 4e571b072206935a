"""A UE that changes its address within a call."""

import pytest

from agw.engine.api import Transform
from iq.procedures import Configure, Latch
from tests.support.calls import ends, establish
from tests.support.ladder import plain, register, secure
from tests.support.stage import TLS, Stage

PLAIN_UE = plain().replace(b"203.0.113.77", b"192.0.2.10")


@pytest.mark.parametrize(
    ("offer", "transform"), [(secure(), Transform.SRTP), (PLAIN_UE, Transform.NONE)], ids=["e2ae", "plain"]
)
def test_its_media_may_come_from_where_it_registered_last(
    stage: Stage, offer: bytes, transform: Transform
) -> None:
    call = establish(ends(stage), offer)
    stage.gateway.asked()
    old, call.ends.ue.flow = call.ends.ue.flow, stage.flow(TLS, ("192.0.2.99", 49152))
    stage.close(old)
    register(call.ends.ue)
    [action] = stage.gateway.actions
    [configure] = action.procedures
    assert isinstance(configure, Configure)
    assert (configure.source, configure.latch) == ("192.0.2.99", Latch.RELATCH)
    [access] = [leg for leg in stage.gateway.engine.legs.values() if leg.latching]
    assert (access.source, access.transform) == ("192.0.2.99", transform)
    register(call.ends.ue)
    assert len(stage.gateway.actions) == 1, "the same address again"
    call.hang_up()
