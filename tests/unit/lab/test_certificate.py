"""Fingerprints of certificates, as SDP carries them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.certificate import Fingerprint, Identity, matches
from lab.errors import BadDescription

GOOD = ":".join(["AB"] * 32)


def test_read_and_written() -> None:
    found = Fingerprint.parse(f" SHA-256 {GOOD.lower()} ")
    assert (found.hash, found.digest) == ("sha-256", b"\xab" * 32)
    assert found.text == f"sha-256 {GOOD}"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("sha-256", id="no octets"),
        pytest.param(f"sha-256 {GOOD}:AB", id="one too many"),
        pytest.param(f"sha-512 {GOOD}", id="of another hash"),
        pytest.param(f"sha-256 {GOOD} x", id="more behind it"),
        pytest.param(f"sha-256 {GOOD.replace(':', '')}", id="no colons"),
        pytest.param("sha-1 " + ":".join(["AB"] * 20), id="weak"),
        pytest.param("md5 " + ":".join(["AB"] * 16), id="weaker"),
    ],
)
def test_what_does_not_count(value: str) -> None:
    with pytest.raises(BadDescription):
        Fingerprint.parse(value)


@given(st.text(max_size=120))
def test_any_text_is_read_or_refused(value: str) -> None:
    try:
        found = Fingerprint.parse(value)
    except BadDescription:
        return
    assert Fingerprint.parse(found.text) == found


def test_each_identity_is_its_own() -> None:
    one, other = Identity(), Identity()
    assert matches(one.certificate, [one.fingerprint])
    assert not matches(one.certificate, [other.fingerprint])
    assert not matches(one.certificate, [])
    assert "PRIVATE" not in repr(one)


def test_of_several_the_strongest_hash_counts() -> None:
    one, other = Identity(), Identity()
    strong, wrong = Fingerprint.of(one.certificate, "sha-512"), Fingerprint.of(other.certificate, "sha-512")
    assert matches(one.certificate, [other.fingerprint, strong])
    assert matches(one.certificate, [wrong, strong])
    assert not matches(one.certificate, [one.fingerprint, wrong])
