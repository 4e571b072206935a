"""Keys for SRTP out of a DTLS association (RFC 5764 4.2)."""

from collections.abc import Container

from agw.security.session import Session
from iq.suites import SUITES, Crypto, Key

LABEL = b"EXTRACTOR-dtls_srtp"
#: Suites by OpenSSL's names of the profiles of use_srtp, in our order. TS 33.328 Annex O: the first two are
#: mandatory.
PROFILES = {
    "SRTP_AES128_CM_SHA1_80": "AES_CM_128_HMAC_SHA1_80",
    "SRTP_AEAD_AES_128_GCM": "AEAD_AES_128_GCM",
    "SRTP_AEAD_AES_256_GCM": "AEAD_AES_256_GCM",
}


def use_srtp(suites: Container[str]) -> bytes:
    """The profiles that an engine of ``suites`` can do, as agw.security.profiles.dtls takes them."""
    return ":".join(name for name, suite in PROFILES.items() if suite in suites).encode()


def keys(session: Session, client: bool) -> tuple[Crypto, Crypto] | None:
    """What the gateway protects with and what its peer does; None: no profile was agreed upon.

    client: the gateway is it. A client writes with the client's key, whoever offered or answered.
    """
    suite = SUITES.get(PROFILES.get(session.srtp_profile, ""))
    if suite is None:
        return None
    material = session.export(LABEL, 2 * suite.octets)
    salts = 2 * suite.key
    of_client = material[: suite.key] + material[salts : salts + suite.salt]
    of_server = material[suite.key : salts] + material[salts + suite.salt :]
    sent, received = (of_client, of_server) if client else (of_server, of_client)
    return Crypto(suite.name, Key(sent)), Crypto(suite.name, Key(received))
