"""UDP sockets of media: RTP on an even port, RTCP on the next (RFC 3550 11)."""

import contextlib
import random
import socket
from collections.abc import Callable

from lab.errors import LabError

#: Pairs tried before giving up.
ATTEMPTS = 200
#: Where free ports are looked for; media of the lab's gateway starts at 20000.
PORTS = (10_000, 20_000)
#: Datagrams read in one turn of the loop.
BATCH = 64
_LARGEST = 2048

Address = tuple[str, int]


def open_socket(address: str, port: int) -> socket.socket:
    """Return a bound non-blocking UDP socket; the caller closes it. Raises OSError."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock


def open_pair(address: str, port: int = 0) -> tuple[socket.socket, socket.socket]:
    """Return sockets on ``port`` and the one above it; port 0 looks for a free pair.

    Raises LabError where the wanted port is odd or taken, or no pair is free.
    """
    if port % 2:
        raise LabError(f"RTP port {port} is odd")
    for _ in range(1 if port else ATTEMPTS):
        try:
            rtp = open_socket(address, port)
        except OSError as error:
            raise LabError(f"{address}:{port}: {error.strerror}") from error
        bound: int = rtp.getsockname()[1]
        if bound % 2 == 0:
            try:
                return rtp, open_socket(address, bound + 1)
            except OSError:
                pass
        rtp.close()
    raise LabError(f"{address}: no free pair of ports")


def free_port(address: str) -> int:
    """Return a port that is free for UDP and TCP alike, until somebody takes it. Raises LabError.

    Below the ports that the system gives to sockets without one: it does not take it in between.
    """
    for _ in range(ATTEMPTS):
        port = random.randrange(*PORTS)
        with (
            contextlib.suppress(OSError),
            open_socket(address, port) as datagrams,
            socket.socket(datagrams.family) as streams,
        ):
            streams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            streams.bind((address, port))
            return port
    raise LabError(f"{address}: no port is free for UDP and TCP")


def drain(sock: socket.socket, take: Callable[[bytes, Address], None]) -> None:
    """Hand the datagrams that wait, at most a batch, to ``take``."""
    for _ in range(BATCH):
        try:
            data, source = sock.recvfrom(_LARGEST)
        except (BlockingIOError, ConnectionRefusedError):
            return
        take(data, (source[0], source[1]))


def transmit(sock: socket.socket, data: bytes, to: Address) -> bool:
    """Send one datagram; False where the kernel would not take it (media is never sent again)."""
    try:
        sock.sendto(data, to)
    except OSError:
        return False
    return True
