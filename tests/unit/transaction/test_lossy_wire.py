"""Two layers on one wire: a call comes through whatever single messages are lost."""

import pytest

from pcscf.flow import Listener
from pcscf.sip.build import request_in_dialog, response_to
from pcscf.transaction.layer import Acknowledged, Effect, NewRequest, NewResponse
from pcscf.transaction.timers import TimerQueues
from tests.support.sip import ACCESS, CORE, CORE_TCP, RecordedFlow, request
from tests.support.wire import End, connect


def caller(end: End, effect: Effect) -> None:
    """Acknowledge each 2xx of the INVITE; hang up when the first comes."""
    if not isinstance(effect, NewResponse) or effect.response.get("cseq") != "1 INVITE":
        return
    if effect.response.status != 200:
        return
    common = {
        "target": "sip:bob@192.0.2.1",
        "local": "<sip:alice@ims.example>;tag=a1",
        "remote": effect.response.get("to") or "",
        "call_id": "c1@203.0.113.9",
    }
    ack = request_in_dialog("ACK", cseq=1, via="SIP/2.0/UDP 203.0.113.9:5062;branch=z9hG4bKack", **common)
    end.flow.send(ack.encode())
    if not any(isinstance(seen, NewResponse) and seen is not effect for seen in end.seen if is_200(seen)):
        bye = request_in_dialog("BYE", cseq=2, via="SIP/2.0/UDP 203.0.113.9:5062;branch=z9hG4bKbye", **common)
        end.apply(end.layer.request(bye, end.flow, end.now)[1])


def is_200(effect: Effect) -> bool:
    return isinstance(effect, NewResponse) and effect.response.status == 200


def callee(end: End, effect: Effect) -> None:
    if isinstance(effect, NewRequest):
        server = effect.server
        if server.request.method == "INVITE":
            end.apply(end.layer.respond(server, response_to(server.request, 180, to_tag="b1"), end.now))
        final = response_to(server.request, 200, to_tag="b1")
        end.apply(end.layer.respond(server, final, end.now))
        if server.request.method == "INVITE":  # RFC 3261 13.3.1.4: the 2xx is the user's to repeat
            end.timers.start(0.5, final.encode(), end.now, 0.5)
    elif isinstance(effect, Acknowledged):
        end.timers = TimerQueues()


@pytest.mark.parametrize(
    "lost",
    [
        set(),
        {1},
        {3},
        {1, 2},
        {5},
        {6},
        {4, 5},
        {2, 3, 4},
        {2, 4, 6, 8},
        set(range(1, 30, 3)),
        {*range(2, 20, 4), 3},
    ],
    ids=str,
)
def test_a_call_on_udp(lost: set[int]) -> None:
    left, right = End(RecordedFlow(CORE), caller), End(RecordedFlow(ACCESS), callee)
    left.apply(left.layer.request(request(), left.flow, 0.0)[1])
    connect(left, right, lambda n: n in lost, 140)
    finals = [e.response.get("cseq") for e in left.seen if isinstance(e, NewResponse) and is_200(e)]
    assert "1 INVITE" in finals
    assert finals.count("2 BYE") == 1
    methods = [effect.server.method for effect in right.seen if isinstance(effect, NewRequest)]
    assert methods == ["INVITE", "BYE"]
    assert len(right.timers) == 0
    assert len(left.layer) == len(right.layer) == 0
    assert left.layer.idle
    assert right.layer.idle


@pytest.mark.parametrize("listener", [CORE, CORE_TCP], ids=["udp", "tcp"])
def test_a_call_without_loss_takes_the_fewest_messages(listener: Listener) -> None:
    left, right = End(RecordedFlow(listener), caller), End(RecordedFlow(listener), callee)
    left.apply(left.layer.request(request(), left.flow, 0.0)[1])
    assert connect(left, right, lambda _: False, 40) == 6  # INVITE, 180, 200, ACK, BYE, 200
    assert [type(effect) for effect in right.seen] == [NewRequest, Acknowledged, NewRequest]
    assert len(left.layer) == len(right.layer) == 0
