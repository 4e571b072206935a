"""SRTP crypto suites and key material, as both ends of Iq name them (RFC 4568, RFC 6188, RFC 7714)."""

import hmac
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suite:
    """One SDES crypto suite. Lengths in octets; ``rtp_tag`` and ``rtcp_tag`` are authentication tags."""

    name: str
    key: int
    salt: int
    rtp_tag: int
    rtcp_tag: int
    aead: bool = False

    @property
    def octets(self) -> int:
        """Length of master key and salt together, as in ``inline:``."""
        return self.key + self.salt


#: Every suite that some engine of this project may do; what one engine does is in its abilities.
SUITES = {
    suite.name: suite
    for suite in (
        Suite("AES_CM_128_HMAC_SHA1_80", 16, 14, 10, 10),
        Suite("AES_CM_128_HMAC_SHA1_32", 16, 14, 4, 10),
        Suite("AES_256_CM_HMAC_SHA1_80", 32, 14, 10, 10),
        Suite("AES_256_CM_HMAC_SHA1_32", 32, 14, 4, 10),
        Suite("AEAD_AES_128_GCM", 16, 12, 16, 16, aead=True),
        Suite("AEAD_AES_256_GCM", 32, 12, 16, 16, aead=True),
    )
}
#: What a gateway can do that announces nothing (TS 33.328 makes it mandatory).
MANDATORY_SUITE = "AES_CM_128_HMAC_SHA1_80"
#: The same of the mechanisms of TS 24.229 7.2A.7.
MANDATORY_MECHANISM = "sdes-srtp"


class Key:
    """SRTP master key || master salt. Prints as its length only, so that it never reaches a log."""

    __slots__ = ("octets",)

    def __init__(self, octets: bytes) -> None:
        self.octets = octets

    def __repr__(self) -> str:
        return f"<key, {len(self.octets)} bytes>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and hmac.compare_digest(self.octets, other.octets)

    __hash__ = None  # type: ignore[assignment]  # a key is no dictionary key


@dataclass(slots=True)
class Crypto:
    """One SDES key as its sender declares it: it protects what that sender sends (RFC 4568 6.1).

    tag: of the a=crypto line; mki: value and length in octets of the MKI field in each packet, or None.
    """

    suite: str
    key: Key
    tag: int = 1
    mki: tuple[int, int] | None = None

    def same_key(self, other: "Crypto") -> bool:
        """Does ``other`` protect packets alike? The tag is a matter of each offer, and of the MKI only its
        length tells how a packet is laid out."""
        return (
            self.suite == other.suite
            and self.key == other.key
            and (self.mki[1] if self.mki else 0) == (other.mki[1] if other.mki else 0)
        )
