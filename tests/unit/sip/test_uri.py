"""URIs and their comparison."""

import pytest

from pcscf.errors import SipRefusal
from pcscf.sip.uri import SipUri, same_uri, scheme_of


@pytest.mark.parametrize(
    "text",
    [
        "sip:ims.example",
        "sip:alice@ims.example",
        "sips:alice:secret@ims.example:5061",
        "sip:+15145550101@ims.example;user=phone",
        "sip:[2001:db8::1]:5060;transport=tcp;lr",
        "sip:a@b?subject=x&to=sip:c%40d",
        "sip:*21%23@ims.example",
        "tel:+1-514-555-0101;phone-context=example.com",
        "sip:t;par=u%40h@192.0.2.1",
    ],
)
def test_text_survives(text: str) -> None:
    assert str(SipUri.parse(text)) == text


def test_parts() -> None:
    uri = SipUri.parse("SIPS:a%20b:pw@[2001:DB8::1]:5063;Transport=TCP;lr?x=y")
    assert (uri.scheme, uri.user, uri.password, uri.host, uri.port) == (
        "sips",
        "a%20b",
        "pw",
        "2001:DB8::1",
        5063,
    )
    assert (uri.param("transport"), uri.param("lr"), uri.param("ttl"), uri.headers) == (
        "TCP",
        "",
        None,
        "x=y",
    )


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 400),
        ("sip:", 400),
        ("sip:@h", 400),
        ("sip:a b@h", 400),
        ("<sip:a@h>", 400),
        ("sip:h:0", 400),
        ("sip:h:65536", 400),
        ("sip:h:99999999", 400),
        ("sip:[::1", 400),
        ("sip:[1.2.3.4]", 400),
        ("sip:::1", 400),
        ("sip:h\r\nX: y", 400),
        ("sip:h;a=\x00", 400),
        ("sip:a@b@c", 400),
        ("tel:", 400),
        ("tel:abc xyz", 400),
        ("no scheme", 400),
        ("http://x", 416),
        ("urn:service:sos", 416),
    ],
)
def test_bad(text: str, status: int) -> None:
    with pytest.raises(SipRefusal) as refusal:
        SipUri.parse(text)
    assert refusal.value.status == status


@pytest.mark.parametrize(
    ("a", "b"),
    [  # RFC 3261 19.1.4
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("tel:+1-514-555-0101", "tel:+15145550101"),
    ],
)
def test_equal(a: str, b: str) -> None:
    assert same_uri(a, b)
    assert same_uri(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [  # RFC 3261 19.1.4
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
        ("sip:bob@biloxi.com", "sip:bob:pw@biloxi.com"),
        ("sip:biloxi.com", "sip:bob@biloxi.com"),
        ("tel:+15145550101", "tel:+15145550102"),
    ],
)
def test_not_equal(a: str, b: str) -> None:
    assert not same_uri(a, b)
    assert not same_uri(b, a)


def test_scheme_of() -> None:
    assert [scheme_of(text) for text in ("SIP:a", "urn:x", "nothing", ":x", "a:")] == [
        "sip",
        "urn",
        "",
        "",
        "",
    ]
