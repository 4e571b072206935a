"""Certificates of media: a UE's own, and that of its peer, by fingerprint (RFC 8122, TS 33.328 Annex M)."""

import base64
import datetime as dt
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from OpenSSL.crypto import X509

_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "imslab")])
_DAY = dt.timedelta(days=1)
#: The hashes of RFC 8122 5 that count here, the weakest first.
_HASHES = ("sha-224", "sha-256", "sha-384", "sha-512")
#: Most fingerprints of a description that are looked at.
MAX_FINGERPRINTS = 8
_CIPHERS_1_2 = b"ECDHE+AESGCM"
_CIPHERS_1_3 = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"


class Identity:
    """A self-signed certificate, ECDSA P-256, made now; ``fingerprint`` is as in SDP."""

    def __init__(self) -> None:
        now = dt.datetime.now(dt.UTC)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(_NAME)
            .issuer_name(_NAME)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + _DAY)
            .sign(self.key, hashes.SHA256())
        )
        digest = hashlib.sha256(self.certificate.public_bytes(Encoding.DER)).digest()
        self.fingerprint = f"SHA-256 {digest.hex(':').upper()}"

    def __repr__(self) -> str:
        return f"<Identity {self.fingerprint}>"


def vouched(certificate: bytes, fingerprints: tuple[str, ...]) -> bool:
    """Tell whether one of those with the strongest hash is that of ``certificate`` (DER)."""
    found: dict[str, set[str]] = {}
    for text in fingerprints[:MAX_FINGERPRINTS]:
        name, _, value = text.partition(" ")
        found.setdefault(name.lower(), set()).add(value.strip().replace(":", "").lower())
    strongest = next((name for name in reversed(_HASHES) if name in found), None)
    if strongest is None:
        return False
    return hashlib.new(strongest.replace("-", ""), certificate).hexdigest() in found[strongest]


def context(method: int, identity: Identity, fingerprints: tuple[str, ...], keys: set[str]) -> SSL.Context:
    """Return what makes one session: both sides show certificates, the peer's is one of ``fingerprints``.

    method: SSL.TLS_METHOD or SSL.DTLS_METHOD. keys: gets the session's secrets in base64.
    """
    made = SSL.Context(method)
    made.use_certificate(identity.certificate)
    made.use_privatekey(identity.key)
    made.set_cipher_list(_CIPHERS_1_2)
    made.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
    if method == SSL.TLS_METHOD:
        made.set_min_proto_version(SSL.TLS1_2_VERSION)
        made.set_tls13_ciphersuites(_CIPHERS_1_3)

    def verify(_connection: SSL.Connection, certificate: X509, _error: int, depth: int, _ok: int) -> bool:
        der = certificate.to_cryptography().public_bytes(Encoding.DER)
        return depth > 0 or vouched(der, fingerprints)

    def keep(_connection: SSL.Connection, line: bytes) -> None:
        secret = line.rsplit(b" ", 1)[-1].decode()
        keys.add(base64.b64encode(bytes.fromhex(secret)).decode())

    made.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
    made.set_keylog_callback(keep)
    return made
