"""The next hop fails, and DNS names another one (RFC 3263 4.3)."""

from collections.abc import Iterator

import pytest

from tests.support.calls import Ends, ends
from tests.support.ladder import End
from tests.support.stage import CORE, CORE_TCP, LISTENERS, SCSCF, Stage

SECOND = ("203.0.113.51", 5060)
THIRD = ("203.0.113.52", 5060)


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    made.second_hosts = [SECOND, THIRD]
    yield made
    made.check_forgotten()


def other(stage: Stage, between: Ends, where: tuple[str, int], *, tcp: bool = False) -> End:
    """The core, as it is reached at ``where``."""
    flow = stage.flow(CORE_TCP if tcp else CORE, where)
    return End(stage, flow, between.core.aor, between.core.contact, between.core.record_route)


def message(between: Ends, body: bytes = b"") -> None:
    between.ue.ask("MESSAGE", "sip:carol@other.example", body, kind="text/plain")


def test_a_503_goes_to_the_next_with_a_branch_of_its_own(stage: Stage) -> None:
    between = ends(stage)
    message(between)
    first = between.core.request("MESSAGE")
    between.core.answer(first, 503)
    second_end = other(stage, between, SECOND)
    second = second_end.request("MESSAGE")
    assert second.first("via") != first.first("via")
    assert len(second.values("via")) == len(first.values("via")) == 2
    assert second.values("record-route") == first.values("record-route")
    between.ue.nothing()
    second_end.answer(second, 200)
    between.ue.response(200)
    between.core.nothing()


def test_an_invite_of_a_call_goes_to_the_next(stage: Stage) -> None:
    between = ends(stage)
    _, came = between.ring()
    between.core.answer(came, 100)
    between.core.answer(came, 503)
    between.core.request("ACK")
    between.core = between.callee = other(stage, between, SECOND)
    again = between.core.request("INVITE")
    assert again.body == came.body
    between.core.answer(again, 486)
    between.core.request("ACK")
    between.ue.response(486)


def test_silence_goes_to_the_next(stage: Stage) -> None:
    between = ends(stage)
    message(between)
    stage.run(33)
    assert set(between.core.starts()) == {"MESSAGE"}
    second_end = other(stage, between, SECOND)
    second_end.answer(second_end.request("MESSAGE"), 202)
    between.ue.response(202)


def test_silence_after_100_is_no_failure_of_the_hop(stage: Stage) -> None:
    between = ends(stage)
    message(between)
    between.core.answer(between.core.request("MESSAGE"), 100)
    stage.run(33)
    between.core.starts()
    other(stage, between, SECOND).nothing()
    assert between.ue.starts() != []


@pytest.mark.parametrize("status", [404, 486, 500, 504, 603])
def test_another_answer_settles_it(stage: Stage, status: int) -> None:
    between = ends(stage)
    message(between)
    between.core.answer(between.core.request("MESSAGE"), status)
    between.ue.response(status)
    other(stage, between, SECOND).nothing()


def test_ringing_settles_it(stage: Stage) -> None:
    between = ends(stage)
    _, came = between.ring()
    between.core.answer(came, 180)
    between.ue.response(180)
    between.core.answer(came, 503)
    between.core.request("ACK")
    assert len(between.ue.starts()) == 1
    other(stage, between, SECOND).nothing()


def test_every_way_fails(stage: Stage) -> None:
    between = ends(stage)
    message(between)
    between.core.answer(between.core.request("MESSAGE"), 503)
    for where in (SECOND, THIRD):
        end = other(stage, between, where)
        end.answer(end.request("MESSAGE"), 503)
    assert len(between.ue.starts()) == 1


def test_nobody_waits_any_more(stage: Stage) -> None:
    between = ends(stage)
    sent, came = between.ring()
    between.core.answer(came, 100)
    between.ue.cancel(sent)
    between.ue.response(200)
    between.core.request("CANCEL")
    between.core.answer(came, 503)
    between.core.request("ACK")
    other(stage, between, SECOND).nothing()
    between.ue.response(503)


def test_a_large_request_tries_udp_at_the_same_place_first() -> None:
    stage = Stage(udp_limit=400)
    stage.second_hosts = [SECOND]
    stage.refused_connections.add(SCSCF)
    between = ends(stage)
    message(between)
    came = between.core.request("MESSAGE")
    assert came.first("via").startswith("SIP/2.0/UDP ")
    between.core.answer(came, 503)
    tcp = other(stage, between, SECOND, tcp=True)
    again = tcp.request("MESSAGE")
    assert again.first("via").startswith("SIP/2.0/TCP ")
    assert len(again.values("via")) == 2
    tcp.answer(again, 200)
    between.ue.response(200)
    stage.check_forgotten()


def test_a_503_over_tcp_does_not_try_udp_there() -> None:
    stage = Stage(udp_limit=1300)
    between = ends(stage)
    message(between, b"x" * 1300)
    tcp = other(stage, between, SCSCF, tcp=True)
    tcp.answer(tcp.request("MESSAGE"), 503)
    assert len(between.ue.starts()) == 1
    between.core.nothing()
    stage.check_forgotten()


def test_an_address_of_a_family_that_no_listener_has_is_no_way() -> None:
    stage = Stage(listeners=LISTENERS)
    stage.hosts["scscf.home.example"] = ("2001:db8::50", 5060)
    stage.second_hosts = [SECOND]
    between = ends(stage)
    message(between)
    end = other(stage, between, SECOND)
    end.answer(end.request("MESSAGE"), 200)
    between.ue.response(200)
    stage.check_forgotten()
