"""Requests too large for UDP go over TCP; over UDP all the same where TCP is not there (RFC 3261 18.1.1)."""

from collections.abc import Iterator

import pytest

from tests.support.calls import Ends, ends, establish
from tests.support.ladder import End, core_of
from tests.support.stage import CORE, CORE_TCP, SCSCF, TLS, Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage(udp_limit=600)
    yield made
    made.check_forgotten()


def over_tcp(stage: Stage, between: Ends) -> End:
    """The core, as it is reached by TCP, and as it then wants to be reached."""
    route = "<sip:203.0.113.50:5060;transport=tcp;lr>"
    return End(stage, stage.flow(CORE_TCP, SCSCF), between.core.aor, between.core.contact, route)


def test_a_large_invite_goes_over_tcp(stage: Stage) -> None:
    between = ends(stage)
    between.callee = between.core = over_tcp(stage, between)
    call = establish(between)
    assert call.came.first("via").startswith("SIP/2.0/TCP 203.0.113.1:5060;")
    assert ";transport=tcp;lr>" in call.came.values("record-route")[0]
    core_of(stage).nothing()
    call.hang_up()
    call = establish(between)
    call.hang_up(call.callee)


def test_without_tcp_there_it_goes_over_udp(stage: Stage) -> None:
    stage.refused_connections.add(SCSCF)
    call = establish(ends(stage))
    assert call.came.first("via").startswith("SIP/2.0/UDP 203.0.113.1:5060;")
    assert len(call.came.values("via")) == 2
    assert len(call.came.values("record-route")) == 2
    assert "transport=tcp" not in call.came.values("record-route")[0]
    call.hang_up()


def test_nobody_waits_for_it_any_more(stage: Stage) -> None:
    """The connection takes its time to fail; meanwhile the caller gives up."""
    between = ends(stage)
    sent = between.invite()
    between.ue.response(100)
    between.ue.cancel(sent)
    between.ue.response(200)
    stage.close(stage.flow(CORE_TCP, SCSCF))
    between.ue.response(487)
    between.core.nothing()


def test_neither_way(stage: Stage) -> None:
    stage.refused_connections.add(SCSCF)
    between = ends(stage)
    between.invite()
    between.ue.response(100)
    between.core.request("INVITE")
    stage.run(33)
    between.ue.response(504)


def test_a_small_request_goes_over_udp(stage: Stage) -> None:
    between = ends(stage)
    between.ue.ask("MESSAGE", "sip:c@o.example")
    between.core.answer(between.core.request("MESSAGE"), 200)
    between.ue.response(200)


def test_a_core_without_tcp() -> None:
    stage = Stage(udp_limit=600, listeners=[TLS, CORE])
    establish(ends(stage)).hang_up()
    stage.check_forgotten()


def test_a_next_hop_by_a_transport_that_we_do_not_speak(stage: Stage) -> None:
    between = ends(stage)
    stage.registrar.bindings.on_flow(between.ue.flow.key)[0].service_route = [
        "<sip:203.0.113.9;transport=tls;lr>"
    ]
    between.invite()
    assert between.ue.starts() == ["100", "504"]
    between.core.nothing()


def test_a_strict_router_gets_what_it_expects(stage: Stage) -> None:
    between = ends(stage)
    stage.registrar.bindings.on_flow(between.ue.flow.key)[0].service_route = ["<sip:203.0.113.50>"]
    between.ue.ask("MESSAGE", "sip:carol@other.example")
    came = between.core.request("MESSAGE")
    assert came.uri == "sip:203.0.113.50"
    assert came.values("route") == ["<sip:carol@other.example>"]
    between.core.answer(came, 200)
    between.ue.response(200)
