"""Whose certificate it is: fingerprints of SDP (RFC 8122)."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from lab.identity import Identity, vouched


def test_the_strongest_fingerprint_counts() -> None:
    identity = Identity()
    der = identity.certificate.public_bytes(Encoding.DER)
    long = identity.certificate.fingerprint(hashes.SHA512()).hex(":")
    assert vouched(der, (identity.fingerprint,))
    assert vouched(der, (f"sha-512 {long}", "sha-256 00:11"))
    wrong = long[:-2] + ("00" if long[-2:] != "00" else "11")
    assert not vouched(der, (f"sha-512 {wrong}", identity.fingerprint))


def test_what_vouches_for_nobody() -> None:
    identity = Identity()
    der = identity.certificate.public_bytes(Encoding.DER)
    weak = identity.certificate.fingerprint(hashes.SHA1()).hex(":")
    assert not vouched(der, (Identity().fingerprint,))
    assert not vouched(der, (f"sha-1 {weak}",))
    assert not vouched(der, ("", "sha-256", "sha-256 xyz"))
    assert not vouched(der, ())
    assert identity.fingerprint in repr(identity)
