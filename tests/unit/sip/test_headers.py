"""Via, name-addr, CSeq, option tags."""

import pytest

from pcscf.errors import SipRefusal
from pcscf.sip.headers import (
    NameAddr,
    Via,
    cseq_of,
    has_option_tag,
    parse_params,
    remove_option_tags,
    tag_of,
)
from tests.support.sip import request


@pytest.mark.parametrize(
    ("value", "transport", "host", "port", "params"),
    [
        ("SIP/2.0/UDP a.example", "UDP", "a.example", None, {}),
        (
            "SIP/2.0/TCP 192.0.2.1:5061;branch=z9hG4bK1;rport",
            "TCP",
            "192.0.2.1",
            5061,
            {"branch": "z9hG4bK1", "rport": ""},
        ),
        ("sip / 2.0 / tls  [2001:db8::1] : 5061 ; Branch = x", "tls", "2001:db8::1", 5061, {"branch": "x"}),
        ('SIP/2.0/WSS x.invalid;a="b;c";d', "WSS", "x.invalid", None, {"a": '"b;c"', "d": ""}),
    ],
)
def test_via(value: str, transport: str, host: str, port: int | None, params: dict[str, str]) -> None:
    via = Via.parse(value)
    assert (via.transport, via.host, via.port, via.params) == (transport, host, port, params)
    again = Via.parse(str(via))
    assert (again.host, again.port, again.params) == (host, port, params)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "UDP a",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP a:0",
        "SIP/2.0/UDP a:65536",
        "SIP/2.0/UDP a b",
        "SIP/2.0/UDP a,b",
        'SIP/2.0/UDP a;x="y',
        "SIP/2.0/UDP 2001:db8::1",
        "SIP/2.0/UDP [x]",
    ],
)
def test_bad_via(value: str) -> None:
    with pytest.raises(SipRefusal):
        Via.parse(value)


def test_sent_by_is_a_matching_key() -> None:
    assert Via.parse("SIP/2.0/UDP A.Example:5060").sent_by == "a.example:5060"
    assert Via("UDP", "A.Example").sent_by == "a.example"


@pytest.mark.parametrize(
    ("value", "display", "uri", "params"),
    [
        ("<sip:a@b>", None, "sip:a@b", {}),
        ("sip:a@b;tag=1;x", None, "sip:a@b", {"tag": "1", "x": ""}),
        ("<sip:a@b;lr>;tag=1", None, "sip:a@b;lr", {"tag": "1"}),
        ("A. Bell <sip:a@b>", "A. Bell", "sip:a@b", {}),
        (r'"A \"B\" <x>, \\" <sip:a@b>;Tag="z;y"', 'A "B" <x>, \\', "sip:a@b", {"tag": '"z;y"'}),
        ('""<sip:a@b>', "", "sip:a@b", {}),
        ("*", None, "*", {}),
        ("tel:+15145550101;phone-context=x", None, "tel:+15145550101", {"phone-context": "x"}),
    ],
)
def test_name_addr(value: str, display: str | None, uri: str, params: dict[str, str]) -> None:
    got = NameAddr.parse(value)
    assert (got.display, got.uri, got.params) == (display, uri, params)
    again = NameAddr.parse(str(got))
    assert (again.display, again.uri, again.params) == (display, uri, params)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "sip",
        "<sip:a",
        '"a <sip:a@b>',
        "<sip:a@b> x",
        "<>",
        "sip:a@b?x=y",
        "<sip:a b>",
        "sip:a, sip:b",
        "a b:c d",
    ],
)
def test_bad_name_addr(value: str) -> None:
    with pytest.raises(SipRefusal):
        NameAddr.parse(value)


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        (None, None),
        ("<sip:a@b>", None),
        ("<sip:a;tag=no@b>", None),
        ("<sip:a@b>;x=y;TAG=t1", "t1"),
        ("sip:a@b;tag=t2", "t2"),
        ("<sip:a@b> ; tag = t3 ; x", "t3"),
        ('"<x>;tag=no" <sip:a@b>;tag=t4', "t4"),
        ('<sip:a@b>;x=";tag=no";tag=t5', "t5"),
        ("<sip:a@b>;xtag=no", None),
        ("<sip:a@b>;tag=", None),
        ('"unbalanced;tag=no', None),
    ],
)
def test_tag_of(value: str | None, tag: str | None) -> None:
    assert tag_of(value) == tag


def test_params_first_wins_and_names_fold() -> None:
    assert parse_params(';A=1; b ;;a=2;c = "x;y" ') == {"a": "1", "b": "", "c": '"x;y"'}


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1 INVITE", (1, "INVITE")), ("0009   INVITE", (9, "INVITE")), ("2147483647 BYE", (2147483647, "BYE"))],
)
def test_cseq(value: str, expected: tuple[int, str]) -> None:
    message = request()
    message.set("CSeq", value)
    assert cseq_of(message) == expected


@pytest.mark.parametrize(
    "value", ["", "INVITE", "1", "-1 INVITE", "2147483648 INVITE", "1 IN VITE", "\u0661 INVITE"]
)
def test_bad_cseq(value: str) -> None:
    message = request()
    message.set("CSeq", value)
    with pytest.raises(SipRefusal):
        cseq_of(message)


def test_option_tags() -> None:
    message = request(headers=(("Require", "sec-agree, 100rel"), ("require", "MediaSec")))
    assert has_option_tag(message, "Require", "mediasec")
    assert remove_option_tags(message, "Require", {"mediasec", "sec-agree"}) == 2
    assert message.values("require") == ["100rel"]
    assert remove_option_tags(message, "Require", {"100rel"}) == 1
    assert "require" not in message
    assert remove_option_tags(message, "Proxy-Require", {"100rel"}) == 0
