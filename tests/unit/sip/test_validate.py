"""Requests and responses that no step may work on."""

import pytest

from pcscf.errors import BadMessage, SipRefusal
from pcscf.sip.build import response_to
from pcscf.sip.message import Request
from pcscf.sip.validate import MAX_BODY, validate, validate_response
from tests.support.sip import request

pytestmark = pytest.mark.usefixtures("either_reader")


def changed(*edits: tuple[str, str | None], message: Request | None = None) -> Request:
    message = message or request()
    for name, value in edits:
        if value is None:
            message.remove(name.lower())
        else:
            message.set(name, value)
    return message


@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "ACK", "CANCEL", "X-OTHER"])
def test_valid(method: str) -> None:
    validate(request(method))


@pytest.mark.parametrize(
    "uri", ["sip:a@b.example;lr", "sips:[::1]", "tel:+1;phone-context=x", "urn:service:sos"]
)
def test_valid_request_uri(uri: str) -> None:
    message = request()
    message.uri = uri
    validate(message)


@pytest.mark.parametrize(
    ("uri", "status"),
    [("sip:a b@c", 400), ("sip:", 400), ("x", 400), ("sip:a@b?Route=%3Csip:c%3E", 400), ("http://a", 416)],
)
def test_bad_request_uri(uri: str, status: int) -> None:
    message = request()
    message.uri = uri
    with pytest.raises(SipRefusal) as refusal:
        validate(message)
    assert refusal.value.status == status


@pytest.mark.parametrize(
    "edit",
    [
        ("From", None),
        ("To", None),
        ("Call-ID", None),
        ("CSeq", None),
        ("From", "<sip:a"),
        ("To", '"open <sip:a@b>'),
        ("Call-ID", ""),
        ("Call-ID", "a b"),
        ("CSeq", "x INVITE"),
        ("CSeq", "1 BYE"),
        ("CSeq", "4294967296 INVITE"),
        ("Max-Forwards", "-1"),
        ("Max-Forwards", "256"),
        ("Max-Forwards", "70 " + "x"),
        ("Max-Forwards", "9" * 400),
        ("Content-Length", "1"),
        ("Content-Length", "-1"),
        ("Content-Length", "x"),
        ("Content-Length", "9" * 400),
        ("Contact", None),
        ("Contact", "<sip:a@b>, <sip:c@d>"),
        ("Contact", "<sip:a"),
        ("Via", "SIP/2.0/UDP a;branch=z9hG4bK1, nonsense"),
    ],
)
def test_400(edit: tuple[str, str | None]) -> None:
    with pytest.raises(SipRefusal) as refusal:
        validate(changed(edit))
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    "name", ["From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type"]
)
def test_single_fields_are_single(name: str) -> None:
    message = changed(("Content-Type", "text/plain"))
    message.append(name, message.get(name.lower()) or "")
    with pytest.raises(SipRefusal):
        validate(message)


def test_version_and_size() -> None:
    message = request()
    message.version = "SIP/7.0"
    with pytest.raises(SipRefusal) as refusal:
        validate(message)
    assert refusal.value.status == 505
    message = request()
    message.set_body(bytes(MAX_BODY + 1))
    with pytest.raises(SipRefusal) as refusal:
        validate(message)
    assert refusal.value.status == 513


def test_what_may_be_missing() -> None:
    validate(changed(("Max-Forwards", None), ("Content-Length", None)))
    validate(changed(("Contact", None), message=request("OPTIONS")))
    validate(changed(("Contact", None), ("Via", "SIP/2.0/UDP a.example"), message=request()))  # RFC 2543


def test_responses() -> None:
    response = response_to(request(), 180, to_tag="b")
    validate_response(response)
    response.set("CSeq", "0x1 INVITE")
    with pytest.raises(BadMessage):
        validate_response(response)
    response.remove("cseq")
    with pytest.raises(BadMessage):
        validate_response(response)
