"""pcscf.sdp.fingerprint: which fingerprints count (RFC 8122), and the name of an association (RFC 8842)."""

import pytest

from pcscf.sdp.fingerprint import MAX_FINGERPRINTS, MAX_LINES, UnusableFingerprint, fingerprints_of, tls_id_of
from pcscf.sdp.model import Sdp
from tests.support.media import sdp

OCTETS = {"sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64}


def value(name: str, octet: str = "AB", octets: int | None = None) -> str:
    return f"{name} " + ":".join([octet] * (OCTETS.get(name.lower(), 16) if octets is None else octets))


def read(*media: str, session: str = "", sha1: bool = False) -> tuple[str, ...]:
    lines = "".join(f"\na=fingerprint:{one}" for one in media)
    offer = Sdp.parse(sdp(f"m=message 9 TCP/TLS/MSRP *{lines}", session=session))
    return tuple(found.text for found in fingerprints_of(offer.media[0], offer.session, sha1=sha1))


@pytest.mark.parametrize("name", ["sha-224", "sha-256", "sha-384", "sha-512"])
def test_each_hash_in_any_spelling(name: str) -> None:
    assert read(value(name.upper(), "ab")) == (value(name),)
    assert read(f" {value(name)} ") == (value(name),)


def test_the_strongest_hash_counts_and_all_its_values() -> None:
    strong = [value("sha-512", "01"), value("sha-512", "02")]
    assert read(value("sha-256"), strong[0], value("sha-384"), strong[1]) == tuple(strong)
    assert read(value("SHA-256", "ab"), value("sha-256", "AB")) == (value("sha-256"),), "once each"


def test_the_session_level_is_inherited_as_a_whole() -> None:
    session = f"a=fingerprint:{value('SHA-512')}\n"
    assert read(session=session) == (value("sha-512"),)
    assert read(value("sha-256"), session=session) == (value("sha-256"),), "the media level goes first"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ([], "no fingerprint"),
        ([value("sha-1")], "fingerprint with a weak hash"),
        ([value("MD5")], "fingerprint with a weak hash"),
        ([value("md2")], "fingerprint with a weak hash"),
        ([value("SHA3-256")], "fingerprint of an unknown hash"),
        ([value("sha-256", octets=20)], "fingerprint of a wrong length"),
        (["SHA-256"], "fingerprint of a wrong length"),
        (["SHA-256 AB:C"], "fingerprint of a wrong length"),
        (["SHA-256 AB:"], "fingerprint of a wrong length"),
        (["SHA-256 \u0661\u0661"], "fingerprint of a wrong length"),
        ([value("sha-256") + " x"], "fingerprint of a wrong length"),
        ([value("sha-512", octets=100)], "fingerprint too long"),
    ],
)
def test_what_cannot_be_checked(bad: list[str], reason: str) -> None:
    with pytest.raises(UnusableFingerprint) as caught:
        read(*bad)
    assert caught.value.reason == reason
    if bad:
        assert read(*bad, value("sha-256")) == (value("sha-256"),), "the others still count"


def test_sha1_where_it_is_allowed() -> None:
    assert read(value("sha-1"), sha1=True) == (value("sha-1"),)
    assert read(value("sha-1"), value("sha-224"), sha1=True) == (value("sha-224"),), "the other goes first"
    with pytest.raises(UnusableFingerprint, match="weak"):
        read(value("md5"), sha1=True)


def test_only_so_many_are_looked_at() -> None:
    with pytest.raises(UnusableFingerprint, match="weak"):
        read(*[value("MD5")] * MAX_LINES, value("sha-256"))
    assert len(read(*[value("sha-256", f"{octet:02}") for octet in range(MAX_LINES)])) == MAX_FINGERPRINTS


@pytest.mark.parametrize(
    ("line", "session", "expected"),
    [
        ("a=tls-id:9f8e7d6c5b4a39281706f5e4", "", "9f8e7d6c5b4a39281706f5e4"),
        ("", "a=tls-id:9f8e7d6c5b4a39281706\n", "9f8e7d6c5b4a39281706"),
        ("a=tls-id:AAAAAAAAAAAAAAAAAAAA+/-_", "a=tls-id:9f8e7d6c5b4a39281706\n", "AAAAAAAAAAAAAAAAAAAA+/-_"),
        ("a=tls-id:short", "", None),
        ("a=tls-id:" + "x" * 256, "", None),
        ("a=tls-id:9f8e7d6c5b4a39281706\u00e9", "", None),
        ("a=dtls-id:9f8e7d6c5b4a39281706f5e4", "", None),
        ("", "", None),
    ],
)
def test_tls_id(line: str, session: str, expected: str | None) -> None:
    offer = Sdp.parse(sdp(f"m=image 9 UDP/TLS/UDPTL t38\n{line}".rstrip("\n"), session=session))
    assert tls_id_of(offer.media[0], offer.session) == expected
