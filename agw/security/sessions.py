"""Makes sessions of TLS for connections, with what they share."""

from agw.security.api import Security
from agw.security.profiles import tls
from agw.security.session import HANDSHAKE_SECONDS, Handshakes, Session


class TlsSessions:
    """handshakes: those of the whole process."""

    def __init__(self, handshakes: Handshakes, seconds: float = HANDSHAKE_SECONDS) -> None:
        self._profile = tls()
        self._handshakes = handshakes
        self._seconds = seconds

    def session(self, security: Security) -> Session:
        """For a connection that stands. Raises ValueError where no certificate is expected."""
        return Session(
            self._profile,
            security.identity,
            security.expected,
            client=security.client,
            handshakes=self._handshakes,
            seconds=self._seconds,
        )
