"""SRTP of the lab: libsrtp by pylibsrtp, keyed by SDES (RFC 4568) or DTLS (RFC 5764).

Nothing is shared with the gateway.
"""

import base64
import binascii
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from pylibsrtp import Error, Policy, Session

from lab.errors import BadDescription

#: suite -> (libsrtp's profile, octets of master key and salt).
PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    "AES_CM_128_HMAC_SHA1_32": (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30),
    "AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    "AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
}
#: suite -> OpenSSL's name of its profile of use_srtp. AES_CM_128_HMAC_SHA1_80 and AEAD_AES_128_GCM are
#: mandatory (TS 33.328 Annex O).
DTLS_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": "SRTP_AES128_CM_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32": "SRTP_AES128_CM_SHA1_32",
    "AEAD_AES_128_GCM": "SRTP_AEAD_AES_128_GCM",
    "AEAD_AES_256_GCM": "SRTP_AEAD_AES_256_GCM",
}
_EXPORTER = b"EXTRACTOR-dtls_srtp"
DEFAULT_SUITE = "AES_CM_128_HMAC_SHA1_80"
#: Replay window in packets (RFC 3711 3.3.2 asks for 64 at least).
REPLAY_WINDOW = 1024


@dataclass(frozen=True, slots=True)
class SdesKey:
    """One key as its sender declares it. Prints without the key; ``inline`` alone reads it out."""

    suite: str
    octets: bytes = field(repr=False)
    tag: int = 1

    def __post_init__(self) -> None:
        if self.suite not in PROFILES:
            raise BadDescription(f"unknown crypto suite {self.suite[:40]!r}")
        if len(self.octets) != PROFILES[self.suite][1]:
            raise BadDescription(f"{self.suite}: key and salt of {len(self.octets)} octets")

    @classmethod
    def generate(cls, suite: str, tag: int = 1) -> "SdesKey":
        """Return a fresh key; raises BadDescription for a suite that libsrtp's profiles do not have."""
        if suite not in PROFILES:
            raise BadDescription(f"unknown crypto suite {suite[:40]!r}")
        return cls(suite, secrets.token_bytes(PROFILES[suite][1]), tag)

    @classmethod
    def parse(cls, value: str) -> "SdesKey":
        """Read the value of an a=crypto line. Raises BadDescription, which never repeats the key."""
        tag, _, rest = value.strip().partition(" ")
        suite, _, rest = rest.strip().partition(" ")
        params, _, session = rest.strip().partition(" ")
        method, _, material = params.partition(":")
        if not tag.isdigit() or method.lower() != "inline":
            raise BadDescription("malformed a=crypto")
        if session.strip():
            raise BadDescription("a=crypto with session parameters, which this end does not do")
        text, *limits = material.split("|")
        if any(":" in part for part in limits):
            raise BadDescription("a=crypto with an MKI, which libsrtp's profiles here do not do")
        try:
            octets = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise BadDescription("a=crypto: key is no base64") from None
        return cls(suite, octets, int(tag))

    @property
    def inline(self) -> str:
        """The key in base64, for SDP alone."""
        return base64.b64encode(self.octets).decode()

    def crypto(self) -> str:
        """Return the value of the a=crypto line."""
        return f"{self.tag} {self.suite} inline:{self.inline}"

    def retagged(self, tag: int) -> "SdesKey":
        return SdesKey(self.suite, self.octets, tag)


def exported(suite: str, export: Callable[[bytes, int], bytes], *, client: bool) -> tuple[SdesKey, SdesKey]:
    """Return the keys that this end and its peer protect with, from a DTLS association (RFC 5764 4.2).

    export: label, octets -> keying material. client: this end is it, of DTLS.
    """
    octets = PROFILES[suite][1]
    salt = 12 if suite.startswith("AEAD") else 14
    key = octets - salt
    material = export(_EXPORTER, 2 * octets)
    keys, salts = material[: 2 * key], material[2 * key :]
    of_client = SdesKey(suite, keys[:key] + salts[:salt])
    of_server = SdesKey(suite, keys[key:] + salts[salt:])
    return (of_client, of_server) if client else (of_server, of_client)


class Protector:
    """Protects what this end sends with its own key."""

    def __init__(self, key: SdesKey) -> None:
        self._session = Session(_policy(key, Policy.SSRC_ANY_OUTBOUND))

    def rtp(self, packet: bytes) -> bytes:
        protected: bytes = self._session.protect(packet)
        return protected

    def rtcp(self, packet: bytes) -> bytes:
        protected: bytes = self._session.protect_rtcp(packet)
        return protected


class Unprotector:
    """Opens what the other end sent, with the other end's key. None for what fails (tag, replay, length)."""

    def __init__(self, key: SdesKey) -> None:
        self._session = Session(_policy(key, Policy.SSRC_ANY_INBOUND))

    def rtp(self, packet: bytes) -> bytes | None:
        try:
            opened: bytes = self._session.unprotect(packet)
        except (Error, ValueError):
            return None
        return opened

    def rtcp(self, packet: bytes) -> bytes | None:
        try:
            opened: bytes = self._session.unprotect_rtcp(packet)
        except (Error, ValueError):
            return None
        return opened


def _policy(key: SdesKey, direction: int) -> Policy:
    policy = Policy(key=key.octets, ssrc_type=direction, srtp_profile=PROFILES[key.suite][0])
    policy.window_size = REPLAY_WINDOW
    return policy
