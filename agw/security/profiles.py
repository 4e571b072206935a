"""The profiles of TLS and DTLS (TS 33.328 Annex M: that of TS 33.210 6.2, TS 33.310 Annex E)."""

import hmac
from collections.abc import Callable

from OpenSSL import SSL
from OpenSSL.crypto import X509

from iq.fingerprint import HASHES, Fingerprint

#: Forward secrecy and authenticated encryption alone.
CIPHERS_1_2 = b"ECDHE+AESGCM:@SECLEVEL=2"
CIPHERS_1_3 = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"
MTU = 1200
"""Octets of a datagram of DTLS handshakes: passes any path of IPv6, with room for tunnels."""
#: OpenSSL's X509_V_ERR_EE_KEY_TOO_SMALL: below 112 bits of security, as RSA of 1024 bits is.
_WEAK = 66
_MUTUAL = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT


class Check:
    """Which certificate the peer has to show, and whether it did.

    matched: the fingerprint that its certificate has. refused: it showed another one. weak: its key is.
    source: what the cookie of DTLS is bound to.
    """

    __slots__ = ("_expected", "matched", "refused", "source", "weak")

    def __init__(self, expected: tuple[Fingerprint, ...]) -> None:
        """Of ``expected`` those of the strongest hash count (RFC 8122 5). Raises ValueError for none."""
        if not expected:
            raise ValueError("no fingerprint to check the peer by")
        strongest = max((found.hash for found in expected), key=list(HASHES).index)
        self._expected = [found for found in expected if found.hash == strongest]
        self.matched: Fingerprint | None = None
        self.refused = self.weak = False
        self.source = b""

    def judge(self, certificate: X509) -> bool:
        """Is it the one? In constant time."""
        name = self._expected[0].hash
        digest = bytes.fromhex(certificate.digest(name.replace("-", "")).decode().replace(":", ""))
        for expected in self._expected:
            if hmac.compare_digest(expected.digest, digest):
                self.matched = expected
        self.refused = self.matched is None
        return not self.refused


def _verify(connection: SSL.Connection, certificate: X509, error: int, depth: int, _ok: int) -> bool:
    """SDP alone vouches for the peer's own certificate, whoever signed it and until when (RFC 8122 6.2)."""
    check = connection.get_app_data()
    if not isinstance(check, Check):
        return False
    check.weak = check.weak or error == _WEAK
    return not check.weak and (depth > 0 or check.judge(certificate))


class Profile:
    """How sessions of one kind are made; made once, for all of them."""

    __slots__ = ("context", "datagrams")

    def __init__(self, context: SSL.Context, *, datagrams: bool) -> None:
        self.context = context
        self.datagrams = datagrams
        context.set_cipher_list(CIPHERS_1_2)
        context.set_verify(_MUTUAL, _verify)
        # Nothing is resumed: a resumed session shows no certificate. (A server of TLS 1.3 sends tickets all
        # the same; they stand for nothing, as it remembers no session.)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_options(
            SSL.OP_NO_COMPRESSION
            | SSL.OP_NO_RENEGOTIATION
            | SSL.OP_NO_TICKET
            | SSL.OP_CIPHER_SERVER_PREFERENCE
        )
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)


def tls() -> Profile:
    """TLS 1.2 and 1.3, over TCP."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_tls13_ciphersuites(CIPHERS_1_3)
    return Profile(context, datagrams=False)


def dtls(cookie: Callable[[bytes], bytes], srtp: bytes = b"") -> Profile:
    """DTLS 1.2, over UDP.

    cookie: a keyed hash of its argument, for HelloVerifyRequest (RFC 6347 4.2.1). srtp: the profiles of
    use_srtp by OpenSSL's names, separated by ":" (RFC 5764); empty: no such extension.
    """
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_options(SSL.OP_NO_QUERY_MTU)
    if srtp:
        context.set_tlsext_use_srtp(srtp)

    def generate(connection: SSL.Connection) -> bytes:
        check = connection.get_app_data()
        return cookie(check.source if isinstance(check, Check) else b"")

    def verify(connection: SSL.Connection, shown: bytes) -> bool:
        return hmac.compare_digest(generate(connection), shown)

    context.set_cookie_generate_callback(generate)
    context.set_cookie_verify_callback(verify)
    return Profile(context, datagrams=True)
