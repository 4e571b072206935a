"""Certificates for tests: a CA and what it has signed, as PEM files."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Files:
    """Paths of PEM files; ``ca`` vouches for ``certificate``."""

    certificate: Path
    private_key: Path
    ca: Path


def issue(directory: Path, name: str, *, expired: bool = False) -> Files:
    """Make a CA of its own and one certificate of it, for localhost, 127.0.0.1 and ::1."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer, subject = _name(f"ca of {name}"), _name(name)
    addresses = [x509.IPAddress(ipaddress.ip_address(text)) for text in ("127.0.0.1", "::1")]
    ca = _builder(issuer, issuer, ca_key, ca_key).add_extension(x509.BasicConstraints(True, None), True)
    ca = ca.add_extension(_usage(signs=True), True)
    leaf = _builder(subject, issuer, key, ca_key, expired=expired).add_extension(
        x509.BasicConstraints(False, None), True
    )
    leaf = leaf.add_extension(_usage(signs=False), True)
    leaf = leaf.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), *addresses]), False)
    files = Files(directory / f"{name}.pem", directory / f"{name}.key", directory / f"{name}-ca.pem")
    pem = serialization.Encoding.PEM
    files.certificate.write_bytes(leaf.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    files.ca.write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    files.private_key.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not signs, False, False, False, False, signs, signs, False, False)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    ca_key: ec.EllipticCurvePrivateKey,
    *,
    expired: bool = False,
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC) - dt.timedelta(days=expired)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False)
    )
