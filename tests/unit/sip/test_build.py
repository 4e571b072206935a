"""Messages of our own."""

import pytest

from pcscf.sip.build import PHRASES, ack_for, cancel_for, request_in_dialog, response_to
from pcscf.sip.headers import cseq_of
from pcscf.sip.validate import validate
from tests.support.sip import request


def test_response_copies_what_identifies_the_request() -> None:
    message = request(headers=(("Record-Route", "<sip:p;lr>"), ("Subject", "x")))
    message.prepend("Via", "SIP/2.0/UDP p.example;branch=z9hG4bKp")
    response = response_to(message, 486, to_tag="t9", headers=(("Retry-After", "5"),))
    assert (response.status, response.reason) == (486, "Busy Here")
    assert response.all("via") == message.all("via")
    assert response.get("to") == "<sip:bob@ims.example>;tag=t9"
    for key in ("from", "call-id", "cseq"):
        assert response.get(key) == message.get(key)
    assert response.get("retry-after") == "5"
    assert response.get("content-length") == "0"
    assert "subject" not in response
    assert message.get("to") == "<sip:bob@ims.example>"


def test_response_keeps_a_tag_that_is_there() -> None:
    response = response_to(request("BYE", to_tag="b1"), 200, "Fine", to_tag="b2")
    assert (response.get("to"), response.reason) == ("<sip:bob@ims.example>;tag=b1", "Fine")


def test_response_with_body_and_timestamp() -> None:
    message = request(headers=(("Timestamp", "54"),))
    assert response_to(message, 100).get("timestamp") == "54"
    answer = response_to(message, 200, headers=(("Content-Type", "text/plain"),), body=b"hello")
    assert answer.get("content-length") == "5"
    assert answer.encode().endswith(b"\r\n\r\nhello")
    assert "timestamp" not in answer


def test_cancel_goes_the_way_of_its_invite() -> None:  # RFC 3261 9.1
    invite = request(headers=(("Route", "<sip:a;lr>, <sip:b;lr>"), ("Require", "100rel")), body=b"x")
    invite.prepend("Via", "SIP/2.0/UDP p.example;branch=z9hG4bKp")
    cancel = cancel_for(invite, (("Reason", "SIP;cause=200"),))
    assert (cancel.method, cancel.uri, cseq_of(cancel)) == ("CANCEL", invite.uri, (1, "CANCEL"))
    assert cancel.all("via") == ["SIP/2.0/UDP p.example;branch=z9hG4bKp"]
    for key in ("from", "to", "call-id", "route"):
        assert cancel.all(key) == invite.all(key)
    assert "require" not in cancel
    assert cancel.get("reason") == "SIP;cause=200"
    assert cancel.body == b""
    validate(cancel)


def test_ack_has_the_to_of_its_response() -> None:  # RFC 3261 17.1.1.3
    invite = request(headers=(("Route", "<sip:a;lr>"),))
    ack = ack_for(invite, response_to(invite, 404, to_tag="b7"))
    assert (ack.method, cseq_of(ack)) == ("ACK", (1, "ACK"))
    assert ack.get("to") == "<sip:bob@ims.example>;tag=b7"
    assert ack.all("via") == invite.all("via")
    assert ack.all("route") == ["<sip:a;lr>"]
    validate(ack)


@pytest.mark.parametrize(
    ("route", "uri", "routes"),
    [
        ((), "sip:bob@h", []),
        (("<sip:p1;lr>", "<sip:p2;lr>"), "sip:bob@h", ["<sip:p1;lr>", "<sip:p2;lr>"]),
        (("<sip:strict>", "<sip:p2;lr>"), "sip:strict", ["<sip:p2;lr>", "<sip:bob@h>"]),
    ],
)
def test_request_in_dialog(route: tuple[str, ...], uri: str, routes: list[str]) -> None:  # RFC 3261 12.2.1.1
    bye = request_in_dialog(
        "BYE",
        target="sip:bob@h",
        local="<sip:a@x>;tag=1",
        remote="<sip:b@x>;tag=2",
        call_id="c",
        cseq=7,
        route=route,
        via="SIP/2.0/UDP h;branch=z9hG4bK1",
        headers=(("Reason", "SIP;cause=503"),),
        body=b"xy",
        content_type="text/plain",
    )
    assert (bye.uri, bye.all("route")) == (uri, routes)
    assert (bye.get("from"), bye.get("to")) == ("<sip:a@x>;tag=1", "<sip:b@x>;tag=2")
    assert (bye.get("reason"), bye.get("content-length"), bye.get("content-type")) == (
        "SIP;cause=503",
        "2",
        "text/plain",
    )
    validate(bye)


def test_every_phrase_is_there() -> None:
    assert all(100 <= status < 700 and phrase for status, phrase in PHRASES.items())
    assert response_to(request(), 599).reason == ""
