"""UDP sockets for media: non-blocking, bound, marked, with room for a stall."""

import socket

RECEIVE_BUFFER = 256 * 1024
"""Octets. About a second of video for a loop that is late; the kernel may allow less."""


def open_pair(address: str, port: int, dscp: int) -> tuple[socket.socket, socket.socket]:
    """Bind ``port`` and ``port + 1``. Raises OSError; nothing is left open then."""
    rtp = open_udp(address, port, dscp)
    try:
        return rtp, open_udp(address, port + 1, dscp)
    except OSError:
        rtp.close()
        raise


def open_udp(address: str, port: int, dscp: int) -> socket.socket:
    """One non-blocking socket, IPv4 or IPv6 by the form of ``address``. Raises OSError."""
    six = ":" in address
    sock = socket.socket(
        socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0
    )
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if six:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if dscp and six:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
        elif dscp:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
        sock.bind((address, port))
    except (OSError, OverflowError) as error:
        sock.close()
        raise error if isinstance(error, OSError) else OSError("port out of range") from None
    return sock


def as_source(address: str, *ports: int) -> list[tuple[str, int] | tuple[str, int, int, int]]:
    """What recvfrom() says for packets from ``ports`` of ``address``, in any notation. Raises ValueError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        host = socket.inet_ntop(family, socket.inet_pton(family, address))
    except OSError:
        raise ValueError("not an IP address") from None
    if family is socket.AF_INET6:
        return [(host, port, 0, 0) for port in ports]
    return [(host, port) for port in ports]
