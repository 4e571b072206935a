"""Certificates of media: a UE's own, self-signed, and the fingerprint that the other side's has to match."""

import datetime as dt
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab.errors import BadDescription

#: Hash functions of a=fingerprint that count, the strongest last (RFC 8122 5; MD5 and SHA-1 are out).
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}
_ORDER = list(_HASHES)
_OCTETS = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})*")
_LIFE = dt.timedelta(days=30)
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "imslab")])


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One a=fingerprint. hash: its name in small letters."""

    hash: str
    digest: bytes

    @classmethod
    def parse(cls, value: str) -> "Fingerprint":
        """Read the value of the attribute. Raises BadDescription."""
        name, _, text = value.strip().partition(" ")
        name, text = name.lower(), text.strip()
        if name not in _HASHES:
            raise BadDescription(f"fingerprint by {name[:20]!r}")
        if not _OCTETS.fullmatch(text):
            raise BadDescription("malformed a=fingerprint")
        digest = bytes.fromhex(text.replace(":", ""))
        if len(digest) != _HASHES[name].digest_size:
            raise BadDescription(f"fingerprint of {len(digest)} octets for {name}")
        return cls(name, digest)

    @classmethod
    def of(cls, certificate: x509.Certificate, name: str = "sha-256") -> "Fingerprint":
        return cls(name, certificate.fingerprint(_HASHES[name]))

    @property
    def text(self) -> str:
        """The value of the attribute."""
        return f"{self.hash} {self.digest.hex(':').upper()}"


class Identity:
    """A fresh certificate (ECDSA P-256) with its key, for one call. What prints of it is public."""

    def __init__(self) -> None:
        now = dt.datetime.now(dt.UTC)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(_NAME)
            .issuer_name(_NAME)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _LIFE)
            .not_valid_after(now + _LIFE)
            .sign(self.key, hashes.SHA256())
        )
        self.fingerprint = Fingerprint.of(self.certificate)

    def __repr__(self) -> str:
        return f"<Identity {self.fingerprint.text}>"


def matches(certificate: x509.Certificate, expected: Iterable[Fingerprint]) -> bool:
    """Is it a certificate of ``expected``? Only those of the strongest hash count (RFC 8122 5)."""
    known = list(expected)
    if not known:
        return False
    strongest = max((one.hash for one in known), key=_ORDER.index)
    seen = Fingerprint.of(certificate, strongest)
    return any(one.hash == strongest and hmac.compare_digest(one.digest, seen.digest) for one in known)
