"""What becomes of contexts when the packet engine breaks down over their ports."""

import pytest

from agw.control.outages import Outages
from agw.engine.api import PortId
from iq.errors import IqError
from iq.procedures import Configure, Endpoint, Mode, OutOfService, Reason, Release, Stream
from tests.support.agw_controller import Controller, access

UNKNOWN = IqError(411, "unknown ContextID")


@pytest.fixture
def agw() -> Controller:
    return Controller()


@pytest.fixture
def outages(agw: Controller) -> Outages:
    return Outages(agw.contexts)


def malfunctioning(context: int, *names: str) -> list[tuple[int, OutOfService]]:
    return [(context, OutOfService(name, Reason.MALFUNCTIONING)) for name in names]


def test_both_terminations_are_reported_once(agw: Controller, outages: Outages) -> None:
    agw.call()
    first, last = sorted(agw.engine.ports)
    context, one, other = agw.call()
    broken, joined = sorted(set(agw.engine.ports) - {first, last})
    assert outages.failed(broken) == malfunctioning(context, one, other)
    assert outages.failed(joined) == outages.failed(broken) == []
    assert outages.failures == 3
    assert len(agw.contexts) == 2  # releasing it is the controller's


def test_one_of_several_streams(agw: Controller, outages: Outages) -> None:
    """The context of a broken stream is over, whatever its other streams do."""
    context, one, other = agw.call()
    video = Stream(2, "video", "RTP/AVP", "34", Mode.SEND_RECEIVE)
    agw.act(context, Configure(one, [video]), Configure(other, [video]))
    port = agw.contexts.terminations[other].ends[2].port
    assert outages.failed(port) == malfunctioning(context, one, other)
    assert outages.failed(agw.contexts.terminations[one].ends[1].port) == []


def test_a_termination_without_its_twin(agw: Controller, outages: Outages) -> None:
    reply = agw.act(None, access())
    (port,) = agw.engine.ports
    name = reply.replies[0].termination
    assert reply.context is not None
    assert outages.failed(port) == malfunctioning(reply.context, name)


def test_a_port_that_was_closed_concerns_nobody(agw: Controller, outages: Outages) -> None:
    context, one, _ = agw.call()
    broken, joined = sorted(agw.engine.ports)
    gone = Stream(1, "audio", "RTP/SAVP", "0", remote=Endpoint("", 0))
    agw.act(context, Configure(one, [gone]))
    assert outages.failed(broken) == []
    agw.act(context, Release())
    assert outages.failed(joined) == outages.failed(PortId(4711)) == []
    assert outages.failures == 3  # but counted
    assert agw.contexts.holders == {}


@pytest.mark.parametrize("code", [411, 430, 435, 443, 500, 502, 530])
def test_a_controller_that_will_not_release_it(agw: Controller, outages: Outages, code: int) -> None:
    """It knows nothing of it, or is not there."""
    kept, _, _ = agw.call()
    context, one, other = agw.call()
    reports = outages.failed(max(agw.engine.ports))
    assert [outages.answered(*report, IqError(code, "no"), 1001.0) for report in reports] == [True, False]
    assert list(agw.contexts.contexts) == [kept]
    assert len(agw.engine.ports) == 2
    (ended,) = agw.contexts.ended
    assert (ended.id, ended.reason, sorted(ended.directions)) == (
        context,
        "engine-failed",
        sorted([one, other]),
    )


def test_a_controller_that_releases_it(agw: Controller, outages: Outages) -> None:
    context, _, _ = agw.call()
    first, second = outages.failed(max(agw.engine.ports))
    assert not outages.answered(*first, None, 1001.0)
    agw.act(context, Release())
    assert not outages.answered(*second, UNKNOWN, 1001.0)
    assert [ended.reason for ended in agw.contexts.ended] == ["released"]


def test_an_answer_about_another_context(agw: Controller, outages: Outages) -> None:
    context, _, _ = agw.call()
    _, report = outages.failed(max(agw.engine.ports))[0]
    assert not outages.answered(context + 1, report, UNKNOWN, 1001.0)
    assert len(agw.contexts) == 1
