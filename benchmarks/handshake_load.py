"""UEs that shake hands, many at a time, on the driver's CPU: DTLS over UDP, TLS over TCP."""

import datetime as dt
import selectors
import socket
import time
from collections.abc import Sequence

from agw.security.certificates import Identity
from agw.security.profiles import dtls, tls
from agw.security.session import Handshakes, Session, State
from benchmarks.errors import BenchmarkFailed
from benchmarks.load import UE
from iq.fingerprint import Fingerprint

SRTP = b"SRTP_AES128_CM_SHA1_80"
WAIT = 30.0
"""Seconds for all that are begun together."""
_DTLS = dtls(lambda source: source.rjust(16, b"-")[:16], SRTP)
_TLS = tls()
IDENTITY = Identity(dt.datetime.now(dt.UTC))
"""Of all UEs."""
FINGERPRINT = IDENTITY.fingerprint("sha-256")


class Ue:
    """One association of DTLS, or one connection under TLS (stream). client: it speaks first, to ``to``."""

    def __init__(self, *, client: bool, stream: bool = False) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
        self.sock.bind((UE, 0))
        self.port: int = self.sock.getsockname()[1]
        self._client = client
        self._stream = stream
        self._session: Session | None = None
        self._out: list[bytes] = []

    def expect(self, to: tuple[str, int], fingerprint: Fingerprint) -> None:
        """The peer is there, with this certificate."""
        self.sock.connect(to)
        self.sock.setblocking(False)
        profile = _TLS if self._stream else _DTLS
        self._session = Session(
            profile, IDENTITY, (fingerprint,), client=self._client, handshakes=Handshakes(1)
        )

    @property
    def state(self) -> State:
        assert self._session is not None
        return self._session.state

    @property
    def ready(self) -> bool:
        """Has it something to say, or said all?"""
        return bool(self._out) or self.state is State.UP

    def start(self) -> None:
        assert self._session is not None
        self._session.start(time.monotonic())
        self._gather()

    def turn(self) -> None:
        """Take what has arrived."""
        assert self._session is not None
        while True:
            try:
                data = self.sock.recv(65_536)
            except BlockingIOError:
                break
            if not data:
                raise BenchmarkFailed("a connection ended in its handshake")
            self._session.receive(data, time.monotonic(), b"peer")
        self._gather()

    def tick(self) -> None:
        assert self._session is not None
        self._session.tick(time.monotonic())
        self._gather()

    def flush(self) -> None:
        """Say what there is to say."""
        for data in self._out:
            self.sock.send(data)
        self._out.clear()

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self.sock.close()

    def _gather(self) -> None:
        assert self._session is not None
        if not self._stream:
            self._out += self._session.datagrams()
        elif octets := self._session.output():
            self._out.append(octets)


def shake(ues: Sequence[Ue], *, in_step: bool = False) -> None:
    """Have all shake hands. Raises BenchmarkFailed unless all succeed.

    in_step: each waits with what it has to say until all have something, and then all speak at once."""
    until = time.monotonic() + WAIT
    going = set(ues)
    with selectors.DefaultSelector() as selector:
        for ue in ues:
            selector.register(ue.sock, selectors.EVENT_READ, ue)
            ue.start()
        _speak(going)
        while going:
            heard: list[Ue] = [key.data for key, _ in selector.select(0.1)]
            for ue in heard:
                ue.turn()
                if not in_step:
                    ue.flush()
            if not heard:
                for ue in going:
                    ue.tick()
            if not heard or not in_step or all(ue.ready for ue in going):
                _speak(going)
            if time.monotonic() > until or any(ue.state is State.OVER for ue in heard):
                raise BenchmarkFailed(f"{len(going)} of {len(ues)} handshakes failed")


def _speak(going: set[Ue]) -> None:
    """Have all speak; who has said all is done."""
    for ue in list(going):
        ue.flush()
        if ue.state is State.UP:
            going.discard(ue)
