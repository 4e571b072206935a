"""Handshakes of OpenSSL and nothing else, over memory: what every end of (D)TLS pays at least."""

import time

from OpenSSL import SSL

from benchmarks.errors import BenchmarkFailed
from benchmarks.handshake_load import IDENTITY, SRTP

_MUTUAL = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
_MTU = 1200
_TAKEN = 65_536
_TURNS = 10


def dtls() -> SSL.Context:
    """DTLS 1.2 with cookies and use_srtp; both ends show a certificate."""
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_verify(_MUTUAL, lambda *_: True)
    context.set_options(SSL.OP_NO_QUERY_MTU)
    context.set_tlsext_use_srtp(SRTP)
    context.set_cookie_generate_callback(lambda _connection: b"cookie")
    context.set_cookie_verify_callback(lambda _connection, shown: shown == b"cookie")
    return context


def tls() -> SSL.Context:
    """TLS 1.3; both ends show a certificate."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_verify(_MUTUAL, lambda *_: True)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    return context


def handshake(context: SSL.Context, *, datagrams: bool) -> tuple[float, float]:
    """One of ``dtls()`` (datagrams) or ``tls()``: CPU seconds of the server, and of the client.

    Raises BenchmarkFailed."""
    server = _End(context, client=False, datagrams=datagrams)
    client = _End(context, client=True, datagrams=datagrams)
    octets = b""
    for _ in range(_TURNS):
        octets = server.turn(client.turn(octets))
        if server.done and client.done:
            return server.seconds, client.seconds
    raise BenchmarkFailed("OpenSSL does not agree with itself")


class _End:
    """seconds: of CPU so far."""

    def __init__(self, context: SSL.Context, *, client: bool, datagrams: bool) -> None:
        started = time.thread_time()
        self._connection = SSL.Connection(context)
        self._connection.use_certificate(IDENTITY.certificate)
        self._connection.use_privatekey(IDENTITY.key)
        if datagrams:
            self._connection.set_ciphertext_mtu(_MTU)
        if client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()
        self._listens = datagrams and not client
        self.done = False
        self.seconds = time.thread_time() - started

    def turn(self, octets: bytes) -> bytes:
        """Take what the other end said, and answer."""
        started = time.thread_time()
        if octets:
            self._connection.bio_write(octets)
        try:
            self._go_on()
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            if not self._listens:  # it has sent a cookie, which comes back next
                raise BenchmarkFailed(f"OpenSSL does not agree with itself: {error}") from None
        answer = self._take()
        self.seconds += time.thread_time() - started
        return answer

    def _go_on(self) -> None:
        if self._listens:
            self._connection.DTLSv1_listen()
            self._listens = False
        if not self.done:
            self._connection.do_handshake()
            self.done = True

    def _take(self) -> bytes:
        try:
            return self._connection.bio_read(_TAKEN)
        except SSL.WantReadError:
            return b""
