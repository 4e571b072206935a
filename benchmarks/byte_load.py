"""What drives a relay of octets: a source and a sink on the driver's CPU, which compares all that arrives."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from agw.security.certificates import Identity
from benchmarks.errors import BenchmarkFailed
from benchmarks.load import FAR, UE
from benchmarks.machine import Steal
from benchmarks.processes import cpu_seconds, forget_peak, peak

MIB = 1 << 20
BLOCK = 256 * 1024
"""Octets that are given to the kernel, and asked of it, at once."""
SUITE = ("TLS_AES_128_GCM_SHA256", "TLSv1.3")
WAIT = 60.0
"""Seconds for one transfer."""


@dataclass(frozen=True, slots=True)
class Round:
    """What is sent again and again, and what arrives for it."""

    sent: bytes
    arrives: bytes


_PATTERN = os.urandom(MIB + 7)  # of no length that a buffer has: what is lost or doubled does not fit
PLAIN = Round(_PATTERN, _PATTERN)


@dataclass(frozen=True, slots=True)
class Transfer:
    """cpu: seconds of the relay; memory: kB that it took more at its peak; stolen: seconds."""

    octets: int
    seconds: float
    cpu: float
    memory: int
    stolen: float

    @property
    def rate(self) -> float:
        """MB/s."""
        return self.octets / self.seconds / 1e6

    @property
    def cost(self) -> float:
        """ms of the relay's CPU for 100 MiB."""
        return 1000 * self.cpu * 100 * MIB / self.octets


class FarEnd:
    """Where relays connect to."""

    def __init__(self) -> None:
        self._listener = socket.create_server((FAR, 0))
        self._listener.settimeout(WAIT)
        self.address: tuple[str, int] = self._listener.getsockname()

    def accept(self) -> socket.socket:
        sock, _ = self._listener.accept()
        sock.settimeout(WAIT)
        return sock

    def close(self) -> None:
        self._listener.close()


def write_pem(path: Path, identity: Identity) -> Path:
    """The certificate, and its key before it."""
    key = identity.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.touch(0o600)
    path.write_bytes(key + identity.certificate.public_bytes(serialization.Encoding.PEM))
    return path


def connect(to: tuple[str, int], pem: Path | None = None) -> socket.socket:
    """As a UE; pem: with this certificate, under TLS. Raises OSError (of which SSLError is one)."""
    sock = socket.create_connection(to, WAIT, (UE, 0))
    if pem is None:
        return sock
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it costs the driver alone, and there is nobody else on loopback
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(pem)
    secured = context.wrap_socket(sock)
    cipher = secured.cipher()
    if cipher is None or cipher[:2] != SUITE:
        raise BenchmarkFailed(f"TLS came to {cipher}, not to {SUITE}")
    return secured


def transfer(
    source: socket.socket, sink: socket.socket, rounds: int, pids: Sequence[int], one: Round = PLAIN
) -> Transfer:
    """Send through the relay with ``pids``. Raises BenchmarkFailed unless all arrives as it has to."""
    failures: list[BaseException] = []

    def send() -> None:
        try:
            _send(source, one.sent, rounds)
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=send)
    before = forget_peak(pids)
    stolen, cpu, started = Steal(), cpu_seconds(pids), time.perf_counter()
    thread.start()
    try:
        _receive(sink, one.arrives, rounds)
    except OSError as error:
        raise BenchmarkFailed(f"a transfer broke: {failures or error}") from None
    finished = time.perf_counter()
    thread.join()
    took = cpu_seconds(pids) - cpu
    return Transfer(rounds * len(one.sent), finished - started, took, peak(pids) - before, stolen.seconds())


def _send(sock: socket.socket, pattern: bytes, rounds: int) -> None:
    view = memoryview(pattern)
    for _ in range(rounds):
        for at in range(0, len(view), BLOCK):
            sock.sendall(view[at : at + BLOCK])


def _receive(sock: socket.socket, pattern: bytes, rounds: int) -> None:
    at = 0
    left = rounds * len(pattern)
    twice = pattern * 2  # a piece may go on with the next round
    while left:
        data = sock.recv(min(BLOCK, left))
        if not data:
            raise BenchmarkFailed(f"{left} octets did not arrive")
        if not twice.startswith(data, at):
            raise BenchmarkFailed("octets were changed on their way")
        at = (at + len(data)) % len(pattern)
        left -= len(data)
