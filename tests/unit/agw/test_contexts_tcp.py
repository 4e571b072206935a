"""TCP media in contexts: what the relay is told, by the transports and roles of both ends."""

import pytest

from agw.control.notices import bearer_change
from agw.control.supervision import Supervision
from agw.engine.api import PortId
from agw.tcp.api import Report, TcpLeg
from agw.tcp.msrp import Rewriting
from iq.procedures import (
    BearerChange,
    Change,
    Configure,
    Endpoint,
    Latch,
    MediaInactivity,
    Mode,
    Release,
    Reserve,
    Setup,
    Stream,
)
from tests.support.agw_controller import FAR, UE, Controller

ACTIVE, PASSIVE = Setup.ACTIVE, Setup.PASSIVE


@pytest.fixture
def controller() -> Controller:
    return Controller()


def message(transport: str = "TCP/MSRP", setup: Setup | None = None, **changes: object) -> Stream:
    stream = Stream(1, "message", transport, "*", Mode.SEND_RECEIVE, setup=setup)
    for name, value in changes.items():
        setattr(stream, name, value)
    return stream


def call(controller: Controller, ue: Stream, far: Stream) -> tuple[int, str, str]:
    """Its context and both terminations."""
    reply = controller.act(
        None, Reserve("access", [ue], 300, Latch.LATCH, "203.0.113.20"), Reserve("core", [far], 300)
    )
    assert reply.error is None
    assert reply.context is not None
    one, other = reply.replies
    return reply.context, one.termination, other.termination


def legs(controller: Controller) -> list[TcpLeg]:
    """Access, core."""
    tcp = controller.engine.tcp
    return [tcp.legs[port] for port in sorted(tcp.ports, reverse=True)]


def test_a_message_session(controller: Controller) -> None:
    tcp = controller.engine.tcp
    context, ue, far = call(controller, message(setup=PASSIVE, remote=UE), message())
    assert list(tcp.ports.values()) == [("127.0.0.1", 20000, 46), ("127.0.0.1", 30000, 0)]
    assert tcp.joined == {PortId(-1): PortId(-2), PortId(-2): PortId(-1)}
    assert legs(controller) == [
        TcpLeg(PASSIVE, True, True, UE, True, "203.0.113.20"),
        TcpLeg(None, True, True),
    ]
    controller.act(context, Configure(far, [message(setup=ACTIVE, remote=FAR)]))
    assert legs(controller)[1] == TcpLeg(ACTIVE, True, True, FAR)
    controller.act(context, Configure(ue, [Stream(1, mode=Mode.SEND_ONLY)]))
    assert legs(controller)[0] == TcpLeg(PASSIVE, True, False, UE, True, "203.0.113.20")
    assert tcp.started == [(-1, False), (-2, False)]
    controller.act(context, Configure(far, [Stream(1, "", "", "", establish=True)]))
    assert tcp.started[2:] == [(-2, True)]
    controller.act(context, Release())
    assert tcp.ports == {}
    assert controller.contexts.ended[0].directions[ue].octets == 50
    assert controller.engine.ports == {}


@pytest.mark.parametrize(
    ("left", "right", "open_"),
    [
        ("TCP/MSRP", "tcp/msrp", True),
        ("TCP/TLS/MSRP", "TCP/TLS/MSRP", True),
        ("TCP/BFCP", "TCP/BFCP", True),
        ("TCP/TLS/BFCP", "TCP/TLS/BFCP", True),
        ("TCP", "TCP", True),
        ("TCP/TLS/MSRP", "TCP/MSRP", False),
        ("TCP/MSRP", "TCP/BFCP", False),
    ],
)
def test_what_fits_together(controller: Controller, left: str, right: str, open_: bool) -> None:
    """TLS never falls back to plain by itself."""
    call(controller, message(left, PASSIVE), message(right, ACTIVE, remote=FAR))
    assert [leg.setup for leg in legs(controller)] == ([PASSIVE, ACTIVE] if open_ else [None, None])


UE_PATH, FAR_PATH = "msrp://203.0.113.20:9/u;tcp", "msrp://192.0.2.40:7/f;tcp"
TO_UE, TO_FAR = "msrp://127.0.0.1:20000/f;tcp", "msrp://127.0.0.1:30000/u;tcp"


def test_paths_of_both_ends_make_the_gateway_aware_of_msrp(controller: Controller) -> None:
    ue = message(setup=PASSIVE, local_path=TO_UE, remote_path=UE_PATH)
    far = message(setup=ACTIVE, remote=FAR, local_path=TO_FAR)
    context, name, other = call(controller, ue, far)
    assert [leg.setup for leg in legs(controller)] == [None, None], "not all of them are known"
    controller.act(context, Configure(other, [message(remote_path=FAR_PATH)]))
    assert [leg.setup for leg in legs(controller)] == [PASSIVE, ACTIVE]
    assert [leg.rewriting for leg in legs(controller)] == [
        Rewriting(TO_UE, FAR_PATH, TO_FAR),
        Rewriting(TO_FAR, UE_PATH, TO_UE),
    ]
    controller.act(context, Configure(name, [message(remote_path=FAR_PATH)]))
    assert legs(controller)[1].rewriting == Rewriting(TO_FAR, FAR_PATH, TO_UE)


def test_packets_do_not_become_octets(controller: Controller) -> None:
    call(controller, message(setup=PASSIVE), message("RTP/AVP", remote=FAR))
    assert [leg.setup for leg in legs(controller)] == [None]
    assert controller.engine.joined == controller.engine.tcp.joined == {}


def test_a_stream_joins_a_call(controller: Controller) -> None:
    context, ue, far = controller.call()
    streams = [message(setup=PASSIVE), message(setup=ACTIVE, remote=FAR)]
    for stream in streams:
        stream.id = 2
    controller.act(context, Configure(ue, [streams[0]]), Configure(far, [streams[1]]))
    assert [leg.setup for leg in legs(controller)] == [PASSIVE, ACTIVE]
    gone = Stream(2, "message", "TCP/MSRP", "*", remote=Endpoint("", 0))
    controller.act(context, Configure(ue, [gone]), Configure(far, [gone]))
    assert controller.engine.tcp.ports == {}
    assert len(controller.engine.ports) == 2


def test_an_end_is_told_at_its_termination(controller: Controller) -> None:
    context, _, far = call(controller, message(setup=PASSIVE), message(setup=ACTIVE, remote=FAR))
    report = Report(PortId(-2), Change.FAILED, "Connection refused")
    told = bearer_change(controller.contexts, report)
    assert told == (context, BearerChange(far, 1, Change.FAILED, "Connection refused"))
    controller.act(context, Release())
    assert bearer_change(controller.contexts, report) is None


def test_silence_over_tcp_is_no_loss(controller: Controller) -> None:
    reserve = Reserve("access", [message(setup=PASSIVE)], 3000, inactivity=30)
    controller.act(None, reserve)
    due = Supervision(controller.contexts).tick(controller.now + 100.0, True)
    assert [one for _, one in due if isinstance(one, MediaInactivity)] == []


def test_a_gateway_without_tcp_refuses_it(controller: Controller) -> None:
    controller.contexts.media._tcp = None
    assert controller.error(None, Reserve("access", [message(setup=PASSIVE)], 300)) == 515


def test_ports_run_out_for_all_media_together() -> None:
    controller = Controller(max_ports=2)
    call(controller, message(setup=PASSIVE), message(setup=ACTIVE, remote=FAR))
    assert controller.error(None, Reserve("access", [message(setup=PASSIVE)], 300)) == 510
