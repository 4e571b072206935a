"""What the control of contexts knows of (D)TLS that ends at the gateway: values."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from iq.fingerprint import Fingerprint


class Identity(Protocol):
    """A certificate of ours with its key, for one stream."""

    def fingerprint(self, name: str) -> Fingerprint:
        """By the hash ``name`` of iq.fingerprint.HASHES."""

    def prove(self, connection: Any) -> None:
        """Have ``connection``, one of OpenSSL, show the certificate and sign with its key."""


NewIdentity = Callable[[], Identity]


@dataclass(frozen=True, slots=True)
class Security:
    """(D)TLS at one end of a stream. An equal one is the same session, another one begins anew (RFC 8842 4).

    expected: of the peer's certificate; (): not known yet, there is no handshake. client: the gateway is it.
    tls_id: the peer's.
    """

    identity: Identity
    expected: tuple[Fingerprint, ...] = ()
    client: bool = False
    tls_id: str | None = None
