"""Ends of TLS and DTLS in memory: two of our sessions, or one of ours and a bare OpenSSL peer."""

import contextlib
import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass, field

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from agw.security import profiles
from agw.security.certificates import Identity
from agw.security.events import Data, Event, Failed
from agw.security.session import Handshakes, Session
from iq.fingerprint import Fingerprint
from iq.procedures import SecurityCause

TODAY = dt.datetime.now(dt.UTC)
SOURCE = b"192.0.2.20:4000"
SRTP = b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM"
TLS = profiles.tls()
DTLS = profiles.dtls(lambda source: hmac.digest(b"of this test", source, "sha256"))
DTLS_SRTP = profiles.dtls(lambda source: hmac.digest(b"of this test", source, "sha256"), SRTP)
NOBODY = Fingerprint("sha-256", bytes(32))
MINE, ITS = Identity(TODAY), Identity(TODAY)
BOTH = pytest.mark.parametrize("profile", [TLS, DTLS], ids=["TLS", "DTLS"])
VERSIONS = pytest.mark.parametrize(
    "method", [SSL.TLSv1_2_METHOD, SSL.TLS_METHOD, SSL.DTLS_METHOD], ids=["TLS 1.2", "TLS 1.3", "DTLS"]
)


def profile_of(method: int) -> profiles.Profile:
    return DTLS if method == SSL.DTLS_METHOD else TLS


def failed(events: list[Event]) -> SecurityCause:
    """Why, and that nothing else was told."""
    (event,) = events
    assert isinstance(event, Failed)
    return event.cause


def sha256(identity: Identity) -> tuple[Fingerprint, ...]:
    return (identity.fingerprint("sha-256"),)


def session(
    profile: profiles.Profile = TLS,
    *,
    client: bool = False,
    expected: tuple[Fingerprint, ...] | None = None,
    identity: Identity = MINE,
    handshakes: Handshakes | None = None,
) -> Session:
    """One of ours, which expects ITS certificate."""
    expected = sha256(ITS) if expected is None else expected
    return Session(profile, identity, expected, client=client, handshakes=handshakes or Handshakes())


@dataclass
class Pair:
    """A client and a server of ours. lose: datagrams that do not arrive, by their number, from 1 on."""

    client: Session
    server: Session
    told_client: list[Event] = field(default_factory=list)
    told_server: list[Event] = field(default_factory=list)
    lose: frozenset[int] = frozenset()
    sent: int = 0

    def start(self, now: float = 0.0) -> None:
        self.told_server += self.server.start(now)
        self.told_client += self.client.start(now)
        self.pump(now)

    def pump(self, now: float = 0.0) -> None:
        """Carry everything until nobody says anything more."""
        while self._carry(self.client, self.server, self.told_server, now) | self._carry(
            self.server, self.client, self.told_client, now
        ):
            pass

    def _carry(self, one: Session, other: Session, told: list[Event], now: float) -> bool:
        found = wire(one)
        for octets in found:
            self.sent += 1
            if self.sent not in self.lose:
                told += other.receive(octets, now, SOURCE)
        return bool(found)


def wire(session: Session) -> list[bytes]:
    """What a session has to send."""
    if "DTLS" in repr(session):
        return session.datagrams()
    octets = session.output()
    return [octets] if octets else []


def pair(profile: profiles.Profile = TLS, **changes: tuple[Fingerprint, ...]) -> Pair:
    """client, server: what each of them expects."""
    return Pair(
        session(profile, client=True, identity=ITS, expected=changes.get("client", sha256(MINE))),
        session(profile, identity=MINE, expected=changes.get("server", sha256(ITS))),
    )


def plain(events: list[Event]) -> bytes:
    return b"".join(event.octets for event in events if isinstance(event, Data))


@dataclass
class Peer:
    """A bare end of OpenSSL, which does as its context says."""

    connection: SSL.Connection

    @classmethod
    def make(
        cls, method: int, *, client: bool = True, identity: Identity | None = ITS, **changes: int
    ) -> "Peer":
        context = SSL.Context(method)
        if "most" in changes:
            context.set_min_proto_version(0)
            context.set_max_proto_version(changes["most"])
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        if identity is not None:
            context.use_certificate(identity.certificate)
            context.use_privatekey(identity.key)
        connection = SSL.Connection(context)
        connection.set_connect_state() if client else connection.set_accept_state()
        return cls(connection)

    def handshake(self) -> bool:
        """Go on; is it done? Raises SSL.Error."""
        try:
            self.connection.do_handshake()
        except SSL.WantReadError:
            return False
        return True

    def output(self) -> bytes:
        try:
            return self.connection.bio_read(1 << 20)
        except SSL.WantReadError:
            return b""

    def with_session(self, session: Session) -> list[Event]:
        """Shake hands with ``session``, as far as it goes; what that one tells."""
        told = session.start(0.0)
        for _ in range(10):
            with contextlib.suppress(SSL.Error):
                self.handshake()
            if octets := self.output():
                told += session.receive(octets, 0.0, SOURCE)
            for octets in wire(session):
                self.connection.bio_write(octets)
        return told

    def read(self) -> bytes:
        return self.connection.recv(65536)


@dataclass
class Other:
    """A certificate like nobody would make one today. It stands where an Identity does."""

    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    certificate: x509.Certificate

    def prove(self, connection: SSL.Connection) -> None:
        connection.use_certificate(self.certificate)
        connection.use_privatekey(self.key)

    def fingerprint(self, name: str) -> Fingerprint:
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        return Fingerprint(name, hashlib.new(name.replace("-", ""), der).digest())


def other(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, days: tuple[int, int] = (-1, 1)) -> Other:
    """days: of its validity, from today."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ue.ims.example")])
    first, last = (TODAY + dt.timedelta(days=count) for count in days)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), first, last)
    ).sign(key, hashes.SHA256())
    return Other(key, certificate)
