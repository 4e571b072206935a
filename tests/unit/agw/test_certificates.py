"""Certificates of our own: what they are, and the pool of those made ahead."""

import datetime as dt
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agw.security.certificates import FRESH, LIFE, Identity, Pool
from iq.fingerprint import HASHES

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


class Wall:
    """The time of day, as a test wants it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now


def test_what_a_certificate_says() -> None:
    identity = Identity(NOW)
    certificate = identity.certificate
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert certificate.not_valid_before_utc <= NOW - dt.timedelta(days=1)
    assert certificate.not_valid_after_utc == NOW + LIFE
    assert certificate.subject == certificate.issuer
    assert certificate.subject.rfc4514_string() == "CN=media"  # nothing of the node or the user
    certificate.verify_directly_issued_by(certificate)


@pytest.mark.parametrize("name", HASHES)
def test_its_fingerprint(name: str) -> None:
    identity = Identity(NOW)
    der = identity.certificate.public_bytes(serialization.Encoding.DER)
    assert identity.fingerprint(name).digest == hashlib.new(name.replace("-", ""), der).digest()


def test_nobody_gets_a_certificate_that_another_one_had() -> None:
    pool = Pool(3, Wall())
    assert len(pool) == 0
    pool.refill()
    assert len(pool) == 3
    taken = [pool.take() for _ in range(5)]
    assert len({identity.fingerprint("sha-256") for identity in taken}) == 5
    assert len({identity.certificate.serial_number for identity in taken}) == 5
    pool.refill()
    pool.refill()
    assert len(pool) == 3


def test_certificates_that_lay_ready_for_long_are_thrown_away() -> None:
    wall = Wall()
    pool = Pool(3, wall)
    pool.refill()
    wall.now = NOW + FRESH
    assert pool.take().made == NOW
    wall.now = NOW + FRESH + dt.timedelta(seconds=1)
    assert pool.take().made == wall.now
    assert len(pool) == 0
