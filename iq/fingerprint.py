"""Certificate fingerprints (RFC 8122 5), as SDP and Iq carry them."""

import re
from dataclasses import dataclass

#: Octets of a digest by the hash's name, strongest last. MD2 and MD5 must not be used (RFC 8122 5), so they
#: are not known; sha-1 is, for whose policy allows it.
HASHES = {"sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64}
PREFERRED_HASH = "sha-256"
_DIGEST = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){19,63}")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """hash: a name of HASHES. digest: of the whole certificate in DER."""

    hash: str
    digest: bytes

    @property
    def text(self) -> str:
        """What stands behind ``a=fingerprint:``."""
        return f"{self.hash} {self.digest.hex(':').upper()}"


def read_fingerprint(text: str) -> Fingerprint:
    """Return the fingerprint that ``text`` (behind ``a=fingerprint:``) says.

    Raises ValueError for a hash that is not known, and for a digest of another length.
    """
    name, _, digits = text.strip().partition(" ")
    digits = digits.strip()
    octets = HASHES.get(name.lower())
    if octets is None:
        raise ValueError("fingerprint of an unknown hash")
    if not _DIGEST.fullmatch(digits) or len(digits) != 3 * octets - 1:
        raise ValueError("fingerprint of a wrong length")
    return Fingerprint(name.lower(), bytes.fromhex(digits.replace(":", "")))
