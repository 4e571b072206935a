"""Digest of the lab against the RFC's own example."""

from lab import digest


def test_rfc2617_3_5() -> None:
    challenge = (
        'Digest realm="testrealm@host.com", qop="auth,auth-int", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    credentials = digest.Credentials("Mufasa", "Circle Of Life", digest.parse(challenge))
    given = digest.parse(credentials.authorization("GET", "/dir/index.html", "0a4f113b"))
    assert given["response"] == "6629fae49393a05397450978507c4ef1"
    assert given["opaque"] == "5ccc069c403ebaf9f0171e9517f40e41"
    assert digest.verify(given, "Circle Of Life", "GET")
    assert not digest.verify(given, "Circle of Life", "GET")
    assert not digest.verify(given, "Circle Of Life", "PUT")
    assert digest.parse(credentials.authorization("GET", "/", "x"))["nc"] == "00000002"


def test_without_qop() -> None:  # RFC 2069 form
    credentials = digest.Credentials("a", "b", digest.parse('Digest realm="r", nonce="n"'))
    given = digest.parse(credentials.authorization("REGISTER", "sip:x", "c"))
    assert "qop" not in given
    assert digest.verify(given, "b", "REGISTER")


def test_other_schemes_and_noise() -> None:
    assert digest.parse("Basic Zm9v") == {}
    assert digest.parse("") == {}
    assert digest.parse('Digest realm="a\\"b",stale=true , nonce=""') == {
        "realm": 'a\\"b',
        "stale": "true",
        "nonce": "",
    }
