"""Lossless, lazy messages."""

import pytest

from pcscf.errors import BadMessage, SipRefusal
from pcscf.sip.message import (
    MAX_HEAD,
    MAX_HEADERS,
    Request,
    Response,
    key_of,
    parse,
    split_values,
)
from pcscf.sip.validate import validate
from tests.support.sip import INVITE, request

pytestmark = pytest.mark.usefixtures("either_reader")


def message(*lines: str, body: bytes = b"") -> Request:
    got = parse("\r\n".join(["OPTIONS sip:a@b.example SIP/2.0", *lines, "", ""]).encode() + body)
    assert isinstance(got, Request)
    return got


def test_usual_invite() -> None:
    invite = parse(INVITE)
    assert isinstance(invite, Request)
    assert (invite.method, invite.uri, invite.version) == ("INVITE", "tel:+15145550101", "SIP/2.0")
    assert invite.values("route") == ["<sip:192.0.2.1:5060;lr>", "<sip:orig@scscf1.ims.example;lr>"]
    assert len(invite.body) == int(invite.get("content-length") or "")
    assert invite.encode() == INVITE
    validate(invite)


def test_names_in_any_spelling() -> None:
    assert [key_of(name) for name in ("v", "V", "VIA", "Via \t", "X-Other", "l")] == [
        "via", "via", "via", "via", "x-other", "content-length",
    ]  # fmt: skip


def test_folding_is_read_as_one_blank_and_kept_on_the_wire() -> None:
    got = message("Subject: I know", "\tyou are there", "  pick up", "To: x")
    assert got.get("subject") == "I know you are there pick up"
    assert b"Subject: I know\r\n\tyou are there\r\n  pick up\r\nTo: x\r\n" in got.encode()


def test_octets_that_are_no_utf8_survive() -> None:
    data = b"OPTIONS sip:a@b SIP/2.0\r\nSubject: \xff\xfe \xe4\r\nX-A: \xc3\xa4\r\n\r\n\x00\xff"
    got = parse(data)
    assert got.get("x-a") == "ä"
    got.append("Y", "z")
    assert got.encode() == data.replace(b"\r\n\r\n", b"\r\nY: z\r\n\r\n")


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("", []),
        (" , ,", []),
        ("a", ["a"]),
        ("a, b ,c", ["a", "b", "c"]),
        ('"x, y" <sip:a>, <sip:b,c>;q="1,2"', ['"x, y" <sip:a>', '<sip:b,c>;q="1,2"']),
        (r'"a\", b" <sip:a>, c', [r'"a\", b" <sip:a>', "c"]),
    ],
)
def test_split_values(value: str, values: list[str]) -> None:
    assert split_values(value) == values


def test_edits_keep_the_order_and_the_rest() -> None:
    got = message("Via: 1", "Via: 2", "To: t", "Route: <sip:a>, <sip:b>", "v: 3")
    got.prepend("Via", "0")
    got.append("Route", "<sip:c>")
    got.set("To", "u")
    got.prepend("Record-Route", "<sip:r>")
    assert [raw for _, raw in got.fields] == [
        "Record-Route: <sip:r>", "Via: 0", "Via: 1", "Via: 2", "To: u",
        "Route: <sip:a>, <sip:b>", "Route: <sip:c>", "v: 3",
    ]  # fmt: skip
    assert got.remove("via", "to") == 5
    assert "via" not in got
    assert list(got) == [("record-route", "<sip:r>"), ("route", "<sip:a>, <sip:b>"), ("route", "<sip:c>")]
    got.replace_values("Route", [])
    assert "route" not in got


def test_pop_value_takes_one_at_a_time() -> None:
    got = message('Route: "a, b" <sip:a;lr>,<sip:b;lr> , <sip:c>', "route: ", "Route: <sip:d>")
    assert got.pop_value("route") == '"a, b" <sip:a;lr>'
    assert got.fields[0][1] == "Route: <sip:b;lr> , <sip:c>"
    assert [got.pop_value("route") for _ in range(4)] == ["<sip:b;lr>", "<sip:c>", "<sip:d>", None]
    assert got.fields == []


def test_first_and_replace_first() -> None:
    got = message("Via: , a;x, b", "Via: c")
    assert got.first("via") == "a;x"
    got.replace_first("Via", "A")
    assert got.values("via") == ["A", "b", "c"]
    assert got.first("route") is None


def test_set_body_corrects_its_length() -> None:
    got = message("l: 4", "To: t", body=b"abcd")
    got.set_body(b"123456")
    assert got.all("content-length") == ["6"]
    assert got.encode().endswith(b"Content-Length: 6\r\nTo: t\r\n\r\n123456")


def test_copies_are_independent() -> None:
    one = request()
    two = one.copy()
    two.set("To", "x")
    two.append("X", "y")
    assert one.encode() == request().encode()


def test_status_line() -> None:
    got = parse(b"SIP/2.0 183 Session Progress\r\nTo: x\r\n\r\n")
    assert isinstance(got, Response)
    assert (got.status, got.reason) == (183, "Session Progress")
    assert got.copy().encode() == b"SIP/2.0 183 Session Progress\r\nTo: x\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"OPTIONS sip:a SIP/2.0\r\nTo: x\r\n", id="no empty line"),
        pytest.param(b"OPTIONS sip:a\r\n\r\n", id="no version"),
        pytest.param(b"OPTIONS\r\n\r\n", id="method alone"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
        pytest.param(b"OPT(IONS sip:a SIP/2.0\r\n\r\n", id="method is no token"),
        pytest.param(b"SIP/2.0 099 x\r\n\r\n", id="status too small"),
        pytest.param(b"SIP/2.0 2000 x\r\n\r\n", id="status too long"),
        pytest.param(b"SIP/3.0 200 OK\r\n\r\n", id="response of another version"),
        pytest.param(b"OPTIONS sip:a SIP/2.0\r\n folded\r\n\r\n", id="folded first line"),
        pytest.param(b"OPTIONS sip:a SIP/2.0\r\nTo: a\nVia: b\r\n\r\n", id="bare LF"),
        pytest.param(b"OPTIONS sip:a SIP/2.0\r\nTo: a\rVia: b\r\n\r\n", id="bare CR"),
        pytest.param(
            b"OPTIONS sip:a SIP/2.0\r\n" + b"X: y\r\n" * (MAX_HEADERS + 1) + b"\r\n", id="many lines"
        ),
        pytest.param(b"OPTIONS sip:a SIP/2.0\r\nX: " + b"y" * MAX_HEAD + b"\r\n\r\n", id="large head"),
    ],
)
def test_no_message_at_all(data: bytes) -> None:
    with pytest.raises(BadMessage):
        parse(data)


@pytest.mark.parametrize("line", ["no colon", ": no name", "two words: x", "Via", "Fröm: x"])
def test_malformed_line_stays_and_is_refused(line: str) -> None:
    data = request().encode().replace(b"\r\nTo:", f"\r\n{line}\r\nTo:".encode())
    got = parse(data)
    assert isinstance(got, Request)
    assert got.encode() == data
    with pytest.raises(SipRefusal) as refusal:
        validate(got)
    assert refusal.value.status == 400
