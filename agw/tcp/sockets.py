"""TCP sockets for media: non-blocking, bound to a port of the realm, marked."""

import socket
import struct
from contextlib import suppress

BACKLOG = 4
"""SYNs that wait until it is known whom to accept."""
KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))
"""Seconds of silence, seconds between probes, probes: a peer that is gone is noticed within two minutes."""

BUFFER = 256 * 1024
"""Octets that the kernel keeps of a connection in each direction; by itself it would keep megabytes."""


def bound(address: str, port: int, dscp: int) -> socket.socket:
    """A socket on ``port``, IPv4 or IPv6 by the form of ``address``. Raises OSError.

    The port may be that of a connection that ended just now (SO_REUSEADDR).
    """
    six = ":" in address
    sock = socket.socket(
        socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK, 0
    )
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER
        )  # an accepted one has that of its listener
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        if six:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _mark(sock, dscp)
        sock.bind((address, port))
    except (OSError, OverflowError) as error:
        sock.close()
        raise error if isinstance(error, OSError) else OSError("port out of range") from None
    return sock


def listening(address: str, port: int, dscp: int) -> socket.socket:
    """As ``bound``; SYNs are answered."""
    sock = bound(address, port, dscp)
    try:
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def prepare(sock: socket.socket, dscp: int) -> None:
    """Set what a connection for media needs, accepted or made. Raises OSError."""
    _mark(sock, dscp)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


def reset(sock: socket.socket) -> None:
    """Close so that the peer gets RST: it was refused, or what it sent is not going to arrive."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def _mark(sock: socket.socket, dscp: int) -> None:
    if dscp and sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
    elif dscp:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
