"""Our end of TLS on one connection, between octets of the wire and octets in the clear; no sockets.

Not the loop's own TLS: that tells nobody of a handshake that failed, bounds none in number, and hides how
much waits to be sent. Here a connection is ours from its first octet on, and new certificates (``context``)
count from the next connection on.
"""

import contextlib
import ssl

from pcscf.transport.identity import Peer, certifies

#: Octets in the clear that are taken in one go: a TLS record has 16 KiB at most.
RECORD = 16_384


class Tls:
    """``up``: the handshake is done. ``ended``: the peer has said its last word, or broke the protocol; then
    ``error`` says how. ``held``: octets of a handshake that is going on.

    role: the context of a server, or the peer that we are the client of; then ``output`` has the first octets
    after ``receive(b"")``.
    """

    __slots__ = ("_incoming", "_name", "_object", "_outgoing", "ended", "error", "held", "up")

    def __init__(self, role: ssl.SSLContext | Peer) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        if isinstance(role, Peer):
            self._name: str | None = role.name
            self._object = role.context.wrap_bio(self._incoming, self._outgoing, server_hostname=role.name)
        else:
            self._name = None
            self._object = role.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.up = False
        self.held = 0
        self.ended = False
        self.error: ssl.SSLError | None = None

    def receive(self, data: bytes) -> bytes:
        """Return what ``data`` says in the clear. Afterwards there may be ``output``."""
        self._incoming.write(data)
        plain: list[bytes] = []
        try:
            if not self.up:
                self.held += len(data)
                self._object.do_handshake()
                self._check_name()
                self.up, self.held = True, 0
            while part := self._object.read(RECORD):
                plain.append(part)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLError as error:
            self.ended, self.error = True, error
        return b"".join(plain)

    def _check_name(self) -> None:
        """Raise ssl.SSLCertVerificationError where the peer is not who it has to be."""
        if self._name is not None and not certifies(self._object.getpeercert() or {}, self._name):
            raise ssl.SSLCertVerificationError(f"the certificate is not for {self._name}")

    def output(self) -> bytes:
        """Return the handshake, or the alert, that is to be sent."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def encrypt(self, plain: bytes) -> bytes:
        """Return the records that carry ``plain``, nothing on a connection that has ended."""
        try:
            if plain:
                self._object.write(plain)
        except ssl.SSLError as error:
            self.ended, self.error = True, error
        return self.output()

    def close(self) -> bytes:
        """Return the close_notify, where one may still be sent."""
        if self.up and self.error is None:
            with contextlib.suppress(ssl.SSLError):
                self._object.unwrap()
        return self.output()
