"""What DTLS adds to a stream of datagrams: an attribute, and the association that was agreed upon."""

import secrets
from collections import deque
from collections.abc import Callable, Sequence

from lab.association import Association
from lab.certified import Certified
from lab.dtls import DtlsEnd

#: Records that may come before the answer to our offer does, while this end is the server.
MAX_EARLY = 4


class Secured:
    """emit: sends a datagram to the peer; take: gets what a record of it carries; keys: get every secret.

    suites: of SRTP, where the association is there for its keys; stands: called when these are there.
    """

    def __init__(
        self,
        descriptions: Certified,
        keys: set[str],
        emit: Callable[[bytes], object],
        take: Callable[[bytes], None],
        suites: Sequence[str] = (),
        stands: Callable[[], None] = lambda: None,
    ) -> None:
        self.end: DtlsEnd | None = None
        self._descriptions = descriptions
        self._keys = keys
        self._emit = emit
        self._take = take
        self._suites = suites
        self._stands = stands
        self._tls_id = secrets.token_hex(12)
        self._association: Association | None = None
        self._peer: tuple[object, ...] = ()
        self._early: deque[bytes] = deque(maxlen=MAX_EARLY)

    @property
    def protected(self) -> bool:
        return self._descriptions.identity is not None

    def attributes(self, own: tuple[str, ...]) -> tuple[str, ...]:
        """Return the attributes of an m-line whose kind has ``own``."""
        return (*own, f"tls-id:{self._tls_id}") if self.protected else own

    def connect(self) -> bool:
        """Begin the association that was agreed upon; False where it is the one that stands (RFC 8842 5)."""
        peering, identity = self._descriptions.peering, self._descriptions.identity
        assert peering is not None
        if identity is None:
            return False
        peer = (peering.fingerprints, peering.line.value("tls-id"), peering.active)
        if peer == self._peer:
            return False
        self.close()
        self._peer = peer
        self.end = DtlsEnd(
            identity, peering.fingerprints, self._keys, client=peering.active, suites=self._suites
        )
        self._association = Association(self.end, self._emit, self._take, self._stands)
        while self._early:
            self._association.receive(self._early.popleft())
        return True

    async def up(self) -> str:
        """Wait for the handshake; return why media cannot flow, "" where it can."""
        if self._association is None:
            return "" if not self.protected else "no association was agreed upon"
        return await self._association.up()

    def receive(self, datagram: bytes) -> None:
        """Take a record of the peer; before the answer it waits."""
        if self._association is None:
            self._early.append(datagram)
        else:
            self._association.receive(datagram)

    def send(self, payload: bytes) -> None:
        if self._association is not None:
            self._association.send(payload)

    def close(self) -> None:
        if self._association is not None:
            self._association.close()
            self._association = None
