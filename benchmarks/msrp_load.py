"""Messages of MSRP in chunks, and their paths at both sides of the gateway."""

import os
from dataclasses import dataclass

from benchmarks.byte_load import MIB, Round

CHUNK = 2048
"""Octets of a body: as long as a SEND request may be without being interruptible (RFC 4975 7.1.1)."""


@dataclass(frozen=True, slots=True)
class Path:
    """At one side of the gateway. local: by which the peer knows the gateway; remote: the peer's own."""

    local: str
    remote: str


CORE = Path("msrp://127.0.0.13:9000/gateway-core;tcp", "msrp://127.0.0.4:2855/far-end;tcp")


def access(*, secured: bool) -> Path:
    scheme = "msrps" if secured else "msrp"
    return Path(f"{scheme}://127.0.0.12:9000/gateway-access;tcp", f"{scheme}://127.0.0.1:2855/ue;tcp")


def messages(one: Path, other: Path) -> Round:
    """What the peer at ``one`` sends, about a MiB, and what arrives at the peer of ``other`` for it."""
    body = os.urandom(CHUNK)
    sent, arrives = bytearray(), bytearray()
    for number in range(MIB // CHUNK):
        sent += _send(number, one.local, one.remote, body)
        arrives += _send(number, other.remote, other.local, body)
    return Round(bytes(sent), bytes(arrives))


def _send(number: int, to: str, sender: str, body: bytes) -> bytes:
    first = number * CHUNK + 1
    head = (
        f"MSRP chunk{number} SEND\r\nTo-Path: {to}\r\nFrom-Path: {sender}\r\nMessage-ID: 12339sdqwer\r\n"
        f"Byte-Range: {first}-{first + CHUNK - 1}/*\r\nContent-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode() + body + f"\r\n-------chunk{number}+\r\n".encode()
