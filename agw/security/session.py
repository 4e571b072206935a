"""One session of TLS or DTLS: octets of the wire in and out, octets in the clear out and in; no IO, no clock.

The peer proves itself by the certificate whose fingerprint its SDP carries, within the handshake. Nothing is
told in the clear before, and nothing after a failure.
"""

from collections.abc import Iterator
from enum import Enum, auto

from OpenSSL import SSL

from agw.security.api import Identity
from agw.security.events import Closed, Data, Established, Event, Failed
from agw.security.profiles import MTU, Check, Profile
from iq.fingerprint import Fingerprint
from iq.procedures import SecurityCause

HANDSHAKE_SECONDS = 10.0
"""For a handshake, from its first octet; over TCP from the connection on (``limits.tls_handshake``)."""
MAX_HANDSHAKES = 500
"""That go on at a time (``limits.tls_handshakes``)."""
MAX_HANDSHAKE_OCTETS = 65_536
"""That a peer may send before it has proved itself: a chain of certificates is a tenth of it."""
_RECORD = 16_384
_TAKEN = 131_072


class Handshakes:
    """How many go on, in the whole process. most: refused above."""

    __slots__ = ("going", "most")

    def __init__(self, most: int = MAX_HANDSHAKES) -> None:
        self.most = most
        self.going = 0

    def enter(self) -> bool:
        if self.going >= self.most:
            return False
        self.going += 1
        return True

    def leave(self) -> None:
        self.going -= 1


class State(Enum):
    NEW = auto()
    LISTENING = auto()
    """DTLS server: nothing is kept of who has not returned its cookie."""
    HANDSHAKE = auto()
    UP = auto()
    OVER = auto()


class Session:
    """Call ``start``, then ``receive`` for what arrives and ``tick`` at ``due``. After any of these, ``send``
    and ``close`` there may be something to be sent: ``output``, or ``datagrams`` of DTLS. Who drops a session
    closes it. ``now``: any steady clock, in seconds.
    """

    __slots__ = (
        "_check", "_client", "_connection", "_datagrams", "_deadline", "_handshakes", "_held", "_resend",
        "_seconds", "state",
    )  # fmt: skip

    def __init__(
        self,
        profile: Profile,
        identity: Identity,
        expected: tuple[Fingerprint, ...],
        *,
        client: bool,
        handshakes: Handshakes,
        seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        """expected: of the peer's certificate, as in iq.procedures.Stream; ValueError for none."""
        self._check = Check(expected)
        self._client = client
        self._datagrams = profile.datagrams
        self._handshakes = handshakes
        self._seconds = seconds
        self._deadline: float | None = None
        self._resend: float | None = None
        self._held = 0
        self.state = State.NEW
        self._connection = SSL.Connection(profile.context)
        self._connection.set_app_data(self._check)
        identity.prove(self._connection)
        if profile.datagrams:
            self._connection.set_ciphertext_mtu(MTU)
        if client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()

    def __repr__(self) -> str:
        kind = "DTLS" if self._datagrams else "TLS"
        return f"<Session {kind} {'client' if self._client else 'server'} {self.state.name}>"

    @property
    def due(self) -> float | None:
        """When ``tick`` has something to do."""
        times = [time for time in (self._deadline, self._resend) if time is not None]
        return min(times, default=None)

    def start(self, now: float) -> list[Event]:
        """Begin: a client has its first flight to send then."""
        if self._datagrams and not self._client:
            self.state = State.LISTENING
            return []
        return self._begin(now)

    def receive(self, data: bytes, now: float, source: bytes = b"") -> list[Event]:
        """Take octets from the peer, of DTLS one datagram. source: where it came from, for the cookie."""
        if self.state in (State.NEW, State.OVER) or not data:
            return []
        self._check.source = source
        self._connection.bio_write(data)
        events: list[Event] = []
        if self.state is State.LISTENING:
            if not self._listen():
                return []
            events += self._begin(now)
        elif self.state is State.HANDSHAKE:
            self._held += len(data)
            events += self._handshake()
            if self._held > MAX_HANDSHAKE_OCTETS and self.state is State.HANDSHAKE:
                events += self._fail(SecurityCause.PROTOCOL, "too many octets for a handshake")
        if self.state is State.UP:
            events += self._read()
        self._set_resend(now)
        return events

    def send(self, data: bytes) -> list[Event]:
        """Encrypt; over DTLS into one record."""
        if self.state is not State.UP or not data:
            return []
        try:
            self._connection.sendall(data)
        except SSL.Error as error:
            return self._fail(*self._why(error))
        return []

    def tick(self, now: float) -> list[Event]:
        """Send again what was lost (RFC 6347 4.2.4), or give up."""
        if self.state is State.HANDSHAKE and self._deadline is not None and now >= self._deadline:
            return self._fail(SecurityCause.TIMEOUT, f"no handshake within {self._seconds:g} s")
        if self._resend is not None and now >= self._resend:
            try:
                self._connection.DTLSv1_handle_timeout()
            except SSL.Error as error:
                return self._fail(*self._why(error))
            self._set_resend(now)
        return []

    def transport_ended(self) -> list[Event]:
        """The peer's TCP connection sends no more, without a close_notify before."""
        if self.state is not State.HANDSHAKE:
            return []
        return self._fail(SecurityCause.CLOSED, "the connection ended in the handshake")

    def close(self) -> None:
        """Send no more: a close_notify where one may be sent. What the peer sends is still received."""
        if self.state is State.UP:
            try:
                self._connection.shutdown()
            except SSL.Error:
                self._over()
        else:
            self._over()

    def output(self) -> bytes:
        """What is to be sent over TCP."""
        parts = []
        while True:
            try:
                parts.append(self._connection.bio_read(_TAKEN))
            except SSL.WantReadError:
                break
            if len(parts[-1]) < _TAKEN:
                break
        return b"".join(parts)

    def datagrams(self) -> list[bytes]:
        """What is to be sent over UDP: flights of a handshake packed up to MTU, a record of media alone."""
        found: list[bytes] = []
        packed = b""
        for record in _records(self.output()):
            media = record[0] == _APPLICATION_DATA
            if packed and (media or len(packed) + len(record) > MTU):
                found.append(packed)
                packed = b""
            if media:
                found.append(record)
            else:
                packed += record
        return [*found, packed] if packed else found

    @property
    def srtp_profile(self) -> str:
        """OpenSSL's name of what use_srtp came to; "" for nothing (RFC 5764 4.1.2)."""
        return self._connection.get_selected_srtp_profile().decode()

    def export(self, label: bytes, octets: int) -> bytes:
        """Keying material of the session (RFC 5705), only while it is up. Never to be logged."""
        if self.state is not State.UP:
            raise ValueError("no session to export from")
        return self._connection.export_keying_material(label, octets)

    def _listen(self) -> bool:
        """Has the peer returned its cookie? Whatever else it sends leaves no trace."""
        try:
            self._connection.DTLSv1_listen()
        except SSL.Error:
            return False
        return True

    def _begin(self, now: float) -> list[Event]:
        if not self._handshakes.enter():
            self.state = State.OVER
            return [Failed(SecurityCause.OVERLOAD)]
        self.state = State.HANDSHAKE
        self._deadline = now + self._seconds
        events = self._handshake()
        self._set_resend(now)
        return events

    def _handshake(self) -> list[Event]:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return []
        except SSL.Error as error:
            return self._fail(*self._why(error))
        if self._check.matched is None:  # by no way known: OpenSSL asked nobody about the certificate
            return self._fail(SecurityCause.NO_CERTIFICATE, "no certificate was checked")
        self._left()
        self.state = State.UP
        return [Established(self._check.matched)]

    def _read(self) -> list[Event]:
        events: list[Event] = []
        try:
            while True:
                events.append(Data(self._connection.recv(_RECORD)))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            events.append(Closed())
        except SSL.Error as error:
            events += self._fail(*self._why(error))
        return events

    def _set_resend(self, now: float) -> None:
        if self._datagrams:
            wait = self._connection.DTLSv1_get_timeout() if self.state is State.HANDSHAKE else None
            self._resend = None if wait is None else now + wait

    def _fail(self, cause: SecurityCause, detail: str) -> list[Event]:
        self._over()
        return [Failed(cause, detail)]

    def _over(self) -> None:
        self._left()
        self.state = State.OVER
        self._resend = None

    def _left(self) -> None:
        """The handshake is over, one way or the other."""
        if self.state is State.HANDSHAKE:
            self._handshakes.leave()
        self._deadline = None

    def _why(self, error: SSL.Error) -> tuple[SecurityCause, str]:
        """What an error of OpenSSL means, and its own words for the log."""
        if self._check.weak:
            return SecurityCause.CERTIFICATE, "the key of the certificate is too weak"
        if self._check.refused:
            return SecurityCause.FINGERPRINT, "the certificate is not the one of the SDP"
        if isinstance(error, SSL.SysCallError):
            return SecurityCause.CLOSED, "the end of the octets"
        reasons = [str(found[-1]) for found in error.args[0]] if error.args else []
        text = reasons[0] if reasons else "unknown"
        for words, cause in _CAUSES:
            if any(word in text for word in words):
                return cause, text
        return SecurityCause.PROTOCOL, text


_APPLICATION_DATA = 23
#: The first row with a word that OpenSSL's reason has.
_CAUSES = (
    (("did not return a certificate",), SecurityCause.NO_CERTIFICATE),
    (("alert",), SecurityCause.REFUSED),
    (("certificate", "public key"), SecurityCause.CERTIFICATE),
)


def _records(octets: bytes) -> Iterator[bytes]:
    """The records of DTLS 1.2 in ``octets`` (RFC 6347 4.1)."""
    at = 0
    while at < len(octets):
        end = at + 13 + int.from_bytes(octets[at + 11 : at + 13], "big")
        yield octets[at:end]
        at = end
