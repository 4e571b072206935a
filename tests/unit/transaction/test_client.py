"""Client transactions: schedules, timeouts, CANCEL, forks."""

import pytest

from pcscf.sip.build import response_to
from pcscf.sip.headers import cseq_of
from pcscf.sip.message import Request, Response, parse
from pcscf.transaction.layer import (
    ClientTransaction,
    Effect,
    Failed,
    NewResponse,
    Send,
    TransactionLayer,
)
from pcscf.transaction.machine import SPENT
from pcscf.transaction.tables import State
from tests.support.sip import CORE, CORE_TCP, RecordedFlow, request
from tests.support.wire import Clock, others, sends


def start(clock: Clock, message: Request, flow: RecordedFlow) -> ClientTransaction:
    client, effects = clock.layer.request(message, flow, clock.now, "context")
    assert effects == [Send(flow, message.encode())]
    return client


def answer(message: Request, status: int, tag: str = "b1") -> Response:
    return response_to(message, status, to_tag=tag)


def times(log: list[tuple[float, Effect]]) -> list[float]:
    return [when for when, effect in log if isinstance(effect, Send)]


def test_timer_a_doubles_until_timer_b() -> None:
    clock, flow = Clock(), RecordedFlow(CORE)
    client = start(clock, request(), flow)
    log = clock.run(40)
    assert times(log) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert [(when, effect) for when, effect in log if not isinstance(effect, Send)] == [
        (32.0, Failed(client, "timeout"))
    ]
    assert (len(clock.layer), clock.layer.idle, client.state) == (0, True, State.TERMINATED)


def test_timer_e_doubles_up_to_t2() -> None:
    clock, flow = Clock(), RecordedFlow(CORE)
    client = start(clock, request("OPTIONS"), flow)
    log = clock.run(33)
    assert times(log) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert log[-1] == (32.0, Failed(client, "timeout"))


def test_timer_e_is_t2_after_a_provisional_response() -> None:
    clock, flow = Clock(), RecordedFlow(CORE)
    message = request("OPTIONS")
    start(clock, message, flow)
    clock.run(0.1)
    clock.receive(answer(message, 100), flow)
    assert times(clock.run(13)) == [0.5, 4.5, 8.5, 12.5]


def test_t1_is_configurable() -> None:
    clock, flow = Clock(TransactionLayer(t1=1.0)), RecordedFlow(CORE)
    start(clock, request(), flow)
    log = clock.run(70)
    assert times(log) == [1.0, 3.0, 7.0, 15.0, 31.0, 63.0]
    assert log[-1][0] == 64.0


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_reliable_transports_do_not_repeat(method: str) -> None:
    clock, flow = Clock(), RecordedFlow(CORE_TCP)
    client = start(clock, request(method), flow)
    log = clock.run(40)
    assert log == [(32.0, Failed(client, "timeout"))]
    assert clock.layer.idle


def test_ringing_phone_outlives_timer_b() -> None:
    clock, flow = Clock(), RecordedFlow(CORE)
    message = request()
    client = start(clock, message, flow)
    got = clock.receive(answer(message, 180), flow)
    assert [type(effect) for effect in got] == [NewResponse]
    assert clock.run(300) == []
    assert client.state is State.PROCEEDING
    assert client.request is message


def test_final_of_a_non_invite_is_passed_once_and_k_ends_it() -> None:
    clock, flow = Clock(), RecordedFlow(CORE)
    message = request("BYE")
    client = start(clock, message, flow)
    got = clock.receive(answer(message, 200), flow)
    assert isinstance(got[0], NewResponse)
    assert (got[0].client, got[0].response.status, client.context) == (client, 200, "context")
    assert clock.receive(answer(message, 200), flow) == []
    assert clock.run(0.1) == []
    assert (client.request, client.context, client.data) == (SPENT, None, b"")
    clock.run(4.8)
    assert len(clock.layer) == 1
    clock.run(0.2)
    assert (len(clock.layer), clock.layer.idle) == (0, True)
    assert clock.receive(answer(message, 200), flow) == []
    assert clock.layer.counters == {"unmatched_responses": 1}


def test_failure_is_acknowledged_and_each_repetition_again() -> None:
    clock, flow = Clock(), RecordedFlow(CORE)
    message = request(headers=(("Route", "<sip:p;lr>"),))
    start(clock, message, flow)
    got = clock.receive(answer(message, 486), flow)
    assert sends(got) == [b"ACK sip:bob@ims.example SIP/2.0"]
    assert [type(effect) for effect in others(got)] == [NewResponse]
    ack = parse(got[0].data) if isinstance(got[0], Send) else None
    assert isinstance(ack, Request)
    assert ack.get("to") == "<sip:bob@ims.example>;tag=b1"
    assert (ack.all("via"), ack.all("route")) == (message.all("via"), ["<sip:p;lr>"])
    clock.run(1)
    assert clock.receive(answer(message, 486), flow) == [got[0]]
    clock.run(32)
    assert (len(clock.layer), clock.layer.idle) == (0, True)


def test_reliable_finals_end_at_once() -> None:
    clock, flow = Clock(), RecordedFlow(CORE_TCP)
    for method, status in (("INVITE", 486), ("BYE", 200)):
        message = request(method, branch=f"z9hG4bK{method}")
        client = start(clock, message, flow)
        clock.receive(answer(message, status), flow)
        assert (len(clock.layer), client.state) == (0, State.TERMINATED)
    clock.run(0.1)
    assert clock.layer.idle
    assert clock.layer.flow_closed(flow, clock.now) == []


def test_forked_and_repeated_2xx_all_come_up() -> None:
    clock, flow = Clock(), RecordedFlow(CORE)
    message = request()
    client = start(clock, message, flow)
    clock.receive(answer(message, 180), flow)
    tags = []
    for tag in ("f1", "f2", "f1"):
        for effect in clock.receive(answer(message, 200, tag), flow):
            assert isinstance(effect, NewResponse)
            assert effect.client.context == "context"
            tags.append((effect.response.get("to") or "")[-2:])
        clock.run(1)
    assert tags == ["f1", "f2", "f1"]
    assert clock.receive(answer(message, 180), flow) == []
    assert clock.receive(answer(message, 500), flow) == []
    assert (client.request, client.data) == (SPENT, b"")
    clock.run(32)
    assert (len(clock.layer), clock.layer.idle) == (0, True)


def test_cancel_waits_for_the_first_provisional_response() -> None:  # RFC 3261 9.1
    clock, flow = Clock(), RecordedFlow(CORE)
    message = request()
    client = start(clock, message, flow)
    assert clock.layer.cancel(client, clock.now, (("Reason", "SIP;cause=200"),)) == []
    assert clock.layer.cancel(client, clock.now) == []
    clock.run(0.2)
    got = clock.receive(answer(message, 100), flow)
    assert sends(got) == [b"CANCEL sip:bob@ims.example SIP/2.0"]
    cancel = next(parse(effect.data) for effect in got if isinstance(effect, Send))
    assert isinstance(cancel, Request)
    assert (cancel.all("via"), cseq_of(cancel)) == (message.all("via"), (1, "CANCEL"))
    assert cancel.get("reason") == "SIP;cause=200"
    assert others(clock.receive(answer(cancel, 200), flow)) == []
    assert sends(clock.receive(answer(message, 180), flow)) == []
    end = clock.receive(answer(message, 487), flow)
    assert sends(end) == [b"ACK sip:bob@ims.example SIP/2.0"]
    assert [effect.response.status for effect in end if isinstance(effect, NewResponse)] == [487]


def test_cancel_of_a_ringing_call_goes_out_once_and_is_repeated_by_timer_e() -> None:
    clock, flow = Clock(), RecordedFlow(CORE)
    message = request()
    client = start(clock, message, flow)
    clock.receive(answer(message, 180), flow)
    assert len(sends(clock.layer.cancel(client, clock.now))) == 1
    assert clock.layer.cancel(client, clock.now) == []
    log = clock.run(33)
    assert times(log)[:4] == [0.5, 1.5, 3.5, 7.5]
    assert log[-1] == (32.0, Failed(client, "timeout"))  # 9.1: nobody answers the INVITE either
    assert (len(clock.layer), clock.layer.idle) == (0, True)


def test_cancel_loses_the_race_against_a_2xx() -> None:
    clock, flow = Clock(), RecordedFlow(CORE)
    message = request()
    client = start(clock, message, flow)
    clock.layer.cancel(client, clock.now)
    got = clock.receive(answer(message, 200), flow)
    assert (sends(got), len(others(got))) == ([], 1)
    other = start(clock, request(branch="z9hG4bK2"), flow)
    clock.receive(answer(request(branch="z9hG4bK2"), 486), flow)
    assert clock.layer.cancel(other, clock.now) == []


def test_a_closed_connection_fails_what_waits_on_it_alone() -> None:
    clock, flow, other = Clock(), RecordedFlow(CORE_TCP), RecordedFlow(CORE_TCP)
    waiting = start(clock, request("OPTIONS", branch="z9hG4bKa"), flow)
    ringing = start(clock, request(branch="z9hG4bKb"), flow)
    answered = start(clock, request(branch="z9hG4bKc"), flow)
    elsewhere = start(clock, request("OPTIONS", branch="z9hG4bKd"), other)
    clock.receive(answer(request(branch="z9hG4bKb"), 180), flow)
    clock.receive(answer(request(branch="z9hG4bKc"), 200), flow)
    flow.closed = True
    assert clock.layer.flow_closed(flow, clock.now) == [
        Failed(waiting, "transport"),
        Failed(ringing, "transport"),
    ]
    assert clock.layer.flow_closed(flow, clock.now) == []
    assert (answered.state, elsewhere.state, len(clock.layer)) == (State.ACCEPTED, State.TRYING, 2)
    clock.run(33)
    assert (len(clock.layer), clock.layer.idle) == (0, True)


def test_nothing_is_sent_on_a_closed_flow_or_above_the_limit() -> None:
    layer, flow = TransactionLayer(limit=1), RecordedFlow(CORE_TCP)
    flow.closed = True
    client, effects = layer.request(request("BYE"), flow, 0.0)
    assert effects == [Failed(client, "transport")]
    flow.closed = False
    layer.request(request("BYE"), flow, 0.0)
    client, effects = layer.request(request("BYE", branch="z9hG4bK2"), flow, 0.0)
    assert effects == [Failed(client, "transport")]
    assert layer.counters == {"not_sent": 2}


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(("CSeq", "99999999999 OPTIONS"), id="CSeq too large"),
        pytest.param(("CSeq", "1"), id="no method"),
        pytest.param(("Content-Length", "7"), id="length"),
        pytest.param(("Via", "nonsense"), id="Via"),
    ],
)
def test_bad_responses_are_dropped(edit: tuple[str, str]) -> None:
    clock, flow = Clock(), RecordedFlow(CORE)
    message = request("OPTIONS")
    start(clock, message, flow)
    response = answer(message, 200)
    response.set(*edit)
    assert clock.receive(response, flow) == []
    assert clock.layer.counters == {"bad_responses": 1}


def test_a_response_of_another_method_or_branch_matches_nothing() -> None:
    clock, flow = Clock(), RecordedFlow(CORE)
    message = request("OPTIONS")
    start(clock, message, flow)
    for other in (request("BYE"), request("OPTIONS", branch="z9hG4bK12")):
        assert clock.receive(answer(other, 200), flow) == []
    assert clock.layer.counters == {"unmatched_responses": 2}
