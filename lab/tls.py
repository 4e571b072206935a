"""One end of TLS (RFC 5246, RFC 8446) on octets handed in and out, and the records that an observer sees."""

from OpenSSL import SSL

#: Record types, and the most octets that a record announces (RFC 8446 5.2).
_TYPES = range(20, 24)
_APPLICATION = 23
_LONGEST = (1 << 14) + 256
_HEADER = 5
#: Why a session is over that was ended in order.
CLOSED = "closed"


class Tls:
    """``up`` once the handshake is done. suite: version and cipher then; reason: why it failed or ended."""

    def __init__(self, context: SSL.Context, *, client: bool) -> None:
        self.up = False
        self.suite: str | None = None
        self.reason = ""
        self._connection = SSL.Connection(context, None)
        if client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()

    def start(self) -> bytes:
        """Return what is to be sent first: of a client its hello."""
        self._handshake()
        return self._pending()

    def receive(self, octets: bytes) -> tuple[bytes, bytes]:
        """Return what ``octets`` of the peer say, and what is to be sent back."""
        said = bytearray()
        self._connection.bio_write(octets)
        if not self.up:
            self._handshake()
        while self.up and not self.reason:
            try:
                said += self._connection.recv(1 << 16)
            except SSL.WantReadError:
                break
            except SSL.ZeroReturnError:
                self.reason = CLOSED
            except SSL.Error as error:
                self.reason = _why(error)
        return bytes(said), self._pending()

    def send(self, octets: bytes) -> bytes:
        """Return ``octets`` as records; only while ``up``."""
        self._connection.sendall(octets)
        return self._pending()

    def close(self) -> bytes:
        """Return close_notify, where the peer is to get one."""
        if self.up:
            self._connection.shutdown()
        return self._pending()

    def _handshake(self) -> None:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error as error:
            self.reason = self.reason or _why(error)
            return
        self.up = True
        version, cipher = self._connection.get_protocol_version_name(), self._connection.get_cipher_name()
        self.suite = f"{version} {cipher}"

    def _pending(self) -> bytes:
        found = bytearray()
        while True:
            try:
                found += self._connection.bio_read(1 << 16)
            except SSL.WantReadError:
                return bytes(found)


class Records:
    """Reads a stream as an observer. sealed: records of application data; strange: what is no record came."""

    def __init__(self) -> None:
        self.sealed = 0
        self.strange = False
        self._buffer = bytearray()

    def feed(self, octets: bytes) -> int:
        """Return how many records of application data ``octets`` complete."""
        if self.strange:
            return 0
        buffer, before = self._buffer, self.sealed
        buffer += octets
        while len(buffer) >= _HEADER:
            length = int.from_bytes(buffer[3:_HEADER])
            if buffer[0] not in _TYPES or buffer[1] != 3 or length > _LONGEST:
                self.strange = True
                break
            if len(buffer) < _HEADER + length:
                break
            self.sealed += buffer[0] == _APPLICATION
            del buffer[: _HEADER + length]
        return self.sealed - before


def _why(error: SSL.Error) -> str:
    """OpenSSL's own words."""
    reasons = [str(found[-1]) for found in error.args[0]] if error.args and error.args[0] else []
    return reasons[0] if reasons else type(error).__name__
