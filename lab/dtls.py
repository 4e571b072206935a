"""One end of a DTLS 1.2 association (RFC 6347): datagrams in and out, no sockets, no clock of its own.

Both sides show certificates, and the peer's has to have the fingerprint of its SDP (RFC 5763 5, RFC 7345).
Nothing here is shared with the gateway but OpenSSL itself.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from lab.identity import Identity, context, vouched
from lab.srtp import DTLS_PROFILES, SdesKey, exported

#: Octets of a datagram of the handshake.
MTU = 1200
#: First octet of a record that carries media.
APPLICATION_DATA = 23
_HEADER = 13
_VERSIONS = (b"\xfe\xff", b"\xfe\xfd")


class State(StrEnum):
    NEW = "new"
    HANDSHAKE = "handshake"
    UP = "up"
    OVER = "over"


class DtlsEnd:
    """Call ``start``, ``receive`` for each datagram, ``tick`` at ``due``; then send what ``datagrams`` has.

    fingerprints: of the peer's certificate, as in SDP. client: of DTLS, is this end. suites: SRTP that
    use_srtp offers or takes; without any it is left out. keys: gets the secrets of the association in base64.
    reason: why it is OVER. now: any steady clock, in seconds.
    """

    def __init__(
        self,
        identity: Identity,
        fingerprints: tuple[str, ...],
        keys: set[str],
        *,
        client: bool,
        suites: Sequence[str] = (),
    ) -> None:
        self.state = State.NEW
        self.client = client
        self.reason = ""
        self.due: float | None = None
        self._fingerprints = fingerprints
        made = context(SSL.DTLS_METHOD, identity, fingerprints, keys)
        made.set_options(SSL.OP_NO_QUERY_MTU)
        made.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        if suites:
            made.set_tlsext_use_srtp(":".join(DTLS_PROFILES[suite] for suite in suites).encode())
        self._connection = SSL.Connection(made)
        self._connection.set_ciphertext_mtu(MTU)
        if client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()

    def __repr__(self) -> str:
        return f"<DtlsEnd {'client' if self.client else 'server'} {self.state}>"

    def start(self, now: float) -> None:
        """Begin: a client has its first flight to send then."""
        if self.state is State.NEW:
            self.state = State.HANDSHAKE
            self._handshake(now)

    def receive(self, datagram: bytes, now: float) -> list[bytes]:
        """Take one datagram of the peer and return the payload of the records of media in it."""
        found: list[bytes] = []
        if self.state not in (State.HANDSHAKE, State.UP) or not datagram:
            return found
        self._connection.bio_write(datagram)
        if self.state is State.HANDSHAKE:
            self._handshake(now)
        try:
            while self.state is State.UP:
                found.append(self._connection.recv(16_384))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self._end("the peer closed")
        except SSL.Error as error:
            self._end(_why(error))
        return found

    def send(self, payload: bytes) -> None:
        """Encrypt ``payload`` into one record; only while UP."""
        if self.state is State.UP:
            self._connection.send(payload)

    def tick(self, now: float) -> None:
        """Send a flight again that was lost (RFC 6347 4.2.4)."""
        if self.state is State.HANDSHAKE:
            try:
                self._connection.DTLSv1_handle_timeout()
            except SSL.Error as error:
                self._end(_why(error))
            else:
                self._set_due(now)

    def close(self) -> None:
        """Send a close_notify where one may be sent."""
        if self.state is State.UP:
            self._connection.shutdown()
        self._end("closed")

    def datagrams(self) -> Iterator[bytes]:
        """Yield what is to be sent, each record in a datagram of its own."""
        try:
            octets = self._connection.bio_read(1 << 17)
        except SSL.WantReadError:
            return
        at = 0
        while at < len(octets):
            end = at + _HEADER + int.from_bytes(octets[at + 11 : at + _HEADER])
            yield octets[at:end]
            at = end

    def keys(self) -> tuple[SdesKey, SdesKey] | None:
        """Return the SRTP keys of this end and of its peer; None where use_srtp came to nothing."""
        profile = self._connection.get_selected_srtp_profile().decode()
        suite = next((suite for suite, name in DTLS_PROFILES.items() if name == profile), None)
        if self.state is not State.UP or suite is None:
            return None
        return exported(suite, self._connection.export_keying_material, client=self.client)

    def _handshake(self, now: float) -> None:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            self._set_due(now)
        except SSL.Error as error:
            self._end(_why(error))
        else:
            self.due = None
            shown = self._connection.get_peer_certificate(as_cryptography=True)
            if shown is not None and vouched(shown.public_bytes(Encoding.DER), self._fingerprints):
                self.state = State.UP
            else:
                self._end("no certificate was checked")

    def _set_due(self, now: float) -> None:
        wait = self._connection.DTLSv1_get_timeout()
        self.due = None if wait is None else now + wait

    def _end(self, reason: str) -> None:
        if self.state is not State.OVER:
            self.state, self.reason, self.due = State.OVER, reason, None


def is_record(datagram: bytes) -> bool:
    """Tell whether a datagram begins with a record of DTLS 1.0 or 1.2 (RFC 7983 7, RFC 6347 4.1)."""
    return len(datagram) >= _HEADER and 20 <= datagram[0] <= 63 and datagram[1:3] in _VERSIONS


def _why(error: SSL.Error) -> str:
    """OpenSSL's own words."""
    reasons = [str(found[-1]) for found in error.args[0]] if error.args and error.args[0] else []
    return reasons[0] if reasons else type(error).__name__
