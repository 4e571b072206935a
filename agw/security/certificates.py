"""Certificates of our own: self-signed, short-lived, one for each stream, made ahead of their need."""

import datetime as dt
from collections import deque
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from iq.fingerprint import Fingerprint

POOL = 32
"""Certificates that are kept ready."""
LIFE = dt.timedelta(days=30)
"""Longer than any call; and a peer whose clock is a day behind takes them."""
FRESH = dt.timedelta(days=1)
"""One that has lain ready for longer is thrown away."""
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "media")])
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha-1": hashes.SHA1(),  # noqa: S303 -- asked for by a controller whose policy allows it
    "sha-224": hashes.SHA224(),
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}


class Identity:
    """A certificate with its key (ECDSA, P-256). What prints of it is public."""

    __slots__ = ("certificate", "key", "made")

    def __init__(self, now: dt.datetime) -> None:
        self.made = now
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(_NAME)
            .issuer_name(_NAME)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - FRESH)
            .not_valid_after(now + LIFE)
            .sign(self.key, hashes.SHA256())
        )

    def __repr__(self) -> str:
        return f"<Identity {self.fingerprint('sha-256').text}>"

    def fingerprint(self, name: str) -> Fingerprint:
        """Raises KeyError for what is not in iq.fingerprint.HASHES."""
        return Fingerprint(name, self.certificate.fingerprint(_HASHES[name]))

    def prove(self, connection: SSL.Connection) -> None:
        connection.use_certificate(self.certificate)
        connection.use_privatekey(self.key)


def _today() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Pool:
    """Identities for streams to come. wall: the time of day, in UTC."""

    def __init__(self, size: int = POOL, wall: Callable[[], dt.datetime] = _today) -> None:
        self._size = size
        self._wall = wall
        self._ready: deque[Identity] = deque()

    def __len__(self) -> int:
        return len(self._ready)

    def take(self) -> Identity:
        """One that nobody had; made now (a tenth of a millisecond) where none is ready."""
        now = self._wall()
        while self._ready:
            identity = self._ready.popleft()
            if now - identity.made <= FRESH:
                return identity
        return Identity(now)

    def refill(self) -> None:
        """Make as many as are missing."""
        while len(self._ready) < self._size:
            self._ready.append(Identity(self._wall()))
