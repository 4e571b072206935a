"""Server transactions: matching, absorption, retransmission, CANCEL, refusals."""

import pytest

from pcscf.sip.build import response_to
from pcscf.sip.headers import Via
from pcscf.sip.message import Request, Response, parse
from pcscf.transaction.layer import (
    Acknowledged,
    Cancelled,
    Effect,
    NewRequest,
    Send,
    ServerTransaction,
    TransactionLayer,
)
from pcscf.transaction.machine import SPENT
from pcscf.transaction.tables import State
from tests.support.sip import ACCESS, ACCESS_TCP, CORE, RecordedFlow, request
from tests.support.wire import Clock, others, sends


def arrive(clock: Clock, message: Request, flow: RecordedFlow) -> ServerTransaction:
    effects = clock.receive(message, flow)
    assert len(effects) == 1
    assert isinstance(effects[0], NewRequest)
    return effects[0].server


def respond(clock: Clock, server: ServerTransaction, status: int, tag: str = "b1") -> list[Effect]:
    return clock.layer.respond(server, response_to(server.request, status, to_tag=tag), clock.now)


def sent(effects: list[Effect]) -> list[Response]:
    responses = [parse(effect.data) for effect in effects if isinstance(effect, Send)]
    assert all(isinstance(response, Response) for response in responses)
    return [response for response in responses if isinstance(response, Response)]


def ack(branch: str = "z9hG4bK1") -> Request:
    return request("ACK", branch=branch, to_tag="b1")


def test_source_is_stamped_into_the_top_via() -> None:  # RFC 3261 18.2.1, RFC 3581 4
    clock = Clock()
    server = arrive(clock, request(), RecordedFlow(remote=("203.0.113.9", 40000)))
    via = Via.parse(server.request.first("via") or "")
    assert (via.params["received"], via.params["rport"]) == ("203.0.113.9", "40000")
    forged = request(branch="z9hG4bK2")
    forged.set("Via", "SIP/2.0/UDP 203.0.113.9;branch=z9hG4bK2;received=192.0.2.66, SIP/2.0/UDP next")
    server = arrive(clock, forged, RecordedFlow())
    assert server.request.values("via") == [
        "SIP/2.0/UDP 203.0.113.9;branch=z9hG4bK2;received=203.0.113.9",
        "SIP/2.0/UDP next",
    ]


def test_100_goes_out_after_200_ms_without_the_user() -> None:  # RFC 3261 17.2.1
    clock, flow = Clock(), RecordedFlow()
    arrive(clock, request(), flow)
    log = clock.run(5)
    assert [(when, sends([effect])) for when, effect in log] == [(0.2, [b"SIP/2.0 100 Trying"])]
    assert sends(clock.receive(request(), flow)) == [b"SIP/2.0 100 Trying"]


def test_no_100_where_the_user_was_faster() -> None:
    clock, flow = Clock(), RecordedFlow()
    server = arrive(clock, request(), flow)
    respond(clock, server, 180)
    assert clock.run(5) == []
    assert sends(clock.receive(request(), flow)) == [b"SIP/2.0 180 Ringing"]


def test_retransmissions_are_absorbed() -> None:
    clock, flow = Clock(), RecordedFlow()
    invite, other = arrive(clock, request(), flow), arrive(clock, request("OPTIONS"), flow)
    assert clock.receive(request(), flow) == []
    assert clock.receive(request("OPTIONS"), flow) == []
    respond(clock, invite, 200)
    respond(clock, other, 404)
    assert clock.receive(request(), flow) == []  # RFC 6026: the 2xx is the user's to repeat
    assert sends(clock.receive(request("OPTIONS"), flow)) == [b"SIP/2.0 404 Not Found"]
    assert clock.layer.counters == {"retransmissions": 4}


def test_timer_g_repeats_a_failure_until_timer_h() -> None:
    clock, flow = Clock(), RecordedFlow()
    server = arrive(clock, request(), flow)
    assert sends(respond(clock, server, 486)) == [b"SIP/2.0 486 Busy Here"]
    log = clock.run(40)
    assert [when for when, _ in log] == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert (len(clock.layer), clock.layer.idle, server.state) == (0, True, State.TERMINATED)


def test_ack_of_a_failure_ends_the_repetition() -> None:
    clock, flow = Clock(), RecordedFlow()
    server = arrive(clock, request(), flow)
    respond(clock, server, 486)
    clock.run(0.6)
    assert clock.receive(ack(), flow) == []
    assert server.state is State.CONFIRMED
    assert clock.receive(ack(), flow) == []
    assert clock.receive(request(), flow) == []
    assert clock.run(4.8) == []
    assert len(clock.layer) == 1
    clock.run(0.3)
    assert (len(clock.layer), clock.layer.idle) == (0, True)


def test_2xx_and_its_repetitions_go_down_and_acks_come_up() -> None:  # RFC 6026 7.1
    clock, flow = Clock(), RecordedFlow()
    server = arrive(clock, request(), flow)
    respond(clock, server, 180)
    assert sends(respond(clock, server, 200)) == [b"SIP/2.0 200 OK"]
    final = response_to(request(), 200, to_tag="b1")
    clock.run(1)
    assert (server.request, server.data) == (SPENT, b"")
    assert sends(clock.layer.respond(server, final, clock.now)) == [b"SIP/2.0 200 OK"]
    assert respond(clock, server, 180) == []
    assert respond(clock, server, 486) == []
    for branch in ("z9hG4bK1", "z9hG4bKother"):  # the same branch is a mistake of some clients
        got = clock.receive(ack(branch), flow)
        assert [type(effect) for effect in got] == [Acknowledged]
    clock.run(31)
    assert (len(clock.layer), clock.layer.idle) == (0, True)


def test_reliable_transports_neither_repeat_nor_linger() -> None:
    clock, flow = Clock(), RecordedFlow(ACCESS_TCP)
    other = arrive(clock, request("OPTIONS"), flow)
    respond(clock, other, 200)
    assert (len(clock.layer), other.state) == (0, State.TERMINATED)
    invite = arrive(clock, request(), flow)
    respond(clock, invite, 486)
    assert clock.run(10) == []
    clock.receive(ack(), flow)
    assert (len(clock.layer), clock.layer.idle) == (0, True)


def test_a_request_that_nobody_answers_does_not_stay() -> None:
    clock, flow = Clock(), RecordedFlow()
    server = arrive(clock, request("OPTIONS"), flow)
    clock.run(35.9)
    assert len(clock.layer) == 1
    clock.run(0.2)
    assert (len(clock.layer), clock.layer.idle, server.state) == (0, True, State.TERMINATED)
    assert respond(clock, server, 200) == []


def test_spent_transactions_keep_what_they_may_send_again() -> None:
    clock, flow = Clock(), RecordedFlow()
    server = arrive(clock, request("OPTIONS"), flow)
    server.context = object()
    respond(clock, server, 200)
    assert server.request is not SPENT
    clock.run(0.1)
    assert (server.request, server.context) == (SPENT, None)
    assert server.data.startswith(b"SIP/2.0 200")


def test_cancel_of_a_waiting_invite() -> None:  # RFC 3261 9.2
    clock, flow = Clock(), RecordedFlow()
    server = arrive(clock, request(), flow)
    got = clock.receive(request("CANCEL"), flow)
    assert [(response.status, response.get("cseq")) for response in sent(got)] == [(200, "1 CANCEL")]
    assert others(got) == [Cancelled(server)]
    assert sends(respond(clock, server, 487)) == [b"SIP/2.0 487 Request Terminated"]
    again = clock.receive(request("CANCEL"), flow)
    assert (sends(again), others(again)) == ([b"SIP/2.0 200 OK"], [])


@pytest.mark.parametrize("status", [200, 486])
def test_cancel_after_a_final_response_changes_nothing(status: int) -> None:
    clock, flow = Clock(), RecordedFlow()
    respond(clock, arrive(clock, request(), flow), status)
    got = clock.receive(request("CANCEL"), flow)
    assert (sends(got), others(got)) == ([b"SIP/2.0 200 OK"], [])


@pytest.mark.parametrize(
    "cancel",
    [
        pytest.param(request("CANCEL", branch="z9hG4bK9"), id="another branch"),
        pytest.param(request("CANCEL", sent_by="203.0.113.9:5063"), id="another sent-by"),
    ],
)
def test_cancel_that_matches_nothing(cancel: Request) -> None:
    clock, flow = Clock(), RecordedFlow()
    arrive(clock, request(), flow)
    got = clock.receive(cancel, flow)
    assert (sends(got), others(got)) == ([b"SIP/2.0 481 Call/Transaction Does Not Exist"], [])
    assert (sent(got)[0].get("to") or "").count(";tag=") == 1
    assert clock.layer.counters == {"unmatched_cancels": 1}


def test_an_untrusted_peer_cannot_cancel_from_another_address() -> None:
    clock = Clock()
    arrive(clock, request(), RecordedFlow(ACCESS))
    stranger = RecordedFlow(ACCESS, ("203.0.113.66", 5062))
    assert sends(clock.receive(request("CANCEL"), stranger)) == [
        b"SIP/2.0 481 Call/Transaction Does Not Exist"
    ]
    moved = RecordedFlow(ACCESS, ("203.0.113.9", 6000))  # a NAT may change the port
    assert sends(clock.receive(request("CANCEL"), moved)) == [b"SIP/2.0 200 OK"]


def test_a_core_node_may_have_several_addresses() -> None:
    clock = Clock()
    arrive(clock, request(), RecordedFlow(CORE, ("198.51.100.7", 5060)))
    assert clock.receive(request(), RecordedFlow(CORE, ("198.51.100.8", 5060))) == []


@pytest.mark.parametrize("branch", ["", ";branch=old-style", ";branch=z9hG4bK"])
def test_clients_of_rfc_2543(branch: str) -> None:  # RFC 3261 17.2.3
    clock, flow = Clock(), RecordedFlow()

    def old(method: str, call_id: str = "c1", to_tag: str | None = None) -> Request:
        message = request(method, to_tag=to_tag)
        message.set("Via", f"SIP/2.0/UDP 203.0.113.9:5062{branch}")
        message.set("Call-ID", call_id)
        return message

    server = arrive(clock, old("INVITE"), flow)
    assert clock.receive(old("INVITE"), flow) == []
    another = arrive(clock, old("INVITE", "c2"), flow)
    assert another is not server
    assert others(clock.receive(old("CANCEL", "c2"), flow)) == [Cancelled(another)]
    respond(clock, server, 404)
    assert clock.receive(old("ACK", to_tag="b1"), flow) == []
    assert server.state is State.CONFIRMED
    arrive(clock, old("OPTIONS"), flow)
    assert clock.receive(old("OPTIONS"), flow) == []


def test_ack_of_nothing_known_comes_up_where_it_is_valid() -> None:
    clock, flow = Clock(), RecordedFlow()
    got = clock.receive(ack("z9hG4bKx"), flow)
    assert [type(effect) for effect in got] == [Acknowledged]
    bad = ack("z9hG4bKy")
    bad.remove("call-id")
    assert clock.receive(bad, flow) == []


def test_invalid_requests_are_refused_without_a_transaction() -> None:
    clock, flow = Clock(), RecordedFlow()
    bad = request("OPTIONS")
    bad.set("CSeq", "1 BYE")
    first, again = clock.receive(bad, flow), clock.receive(bad, flow)
    assert first == again
    response = sent(first)[0]
    assert (response.status, response.reason) == (400, "Bad Request")
    assert "received=203.0.113.9" in (response.get("via") or "")
    assert ";tag=" in (response.get("to") or "")
    assert (len(clock.layer), clock.layer.idle) == (0, True)
    assert clock.layer.counters == {"refused_400": 2}


def test_what_cannot_be_answered_is_dropped() -> None:
    clock, flow = Clock(), RecordedFlow()
    for via in (None, "nonsense"):
        bad = request("OPTIONS")
        bad.remove("via")
        if via:
            bad.append("Via", via)
        assert clock.receive(bad, flow) == []
    assert clock.layer.counters == {"unanswerable": 2}


def test_a_full_layer_answers_503_and_goes_on_with_what_it_has() -> None:
    clock, flow = Clock(TransactionLayer(limit=10)), RecordedFlow()
    servers = [arrive(clock, request("OPTIONS", branch=f"z9hG4bK-{i}"), flow) for i in range(9)]
    got = clock.receive(request("OPTIONS", branch="z9hG4bK-x"), flow)
    assert [(response.status, response.get("retry-after")) for response in sent(got)] == [(503, "5")]
    client, effects = clock.layer.request(request("BYE", branch="z9hG4bK-y"), RecordedFlow(CORE), 0.0)
    assert (client.state, len(effects)) == (State.TRYING, 1)
    assert sends(respond(clock, servers[0], 200)) == [b"SIP/2.0 200 OK"]
