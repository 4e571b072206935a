"""Addresses and keys for ``imslab media`` from a file or the environment, never from the command line.

Lines, in any order and between others (a SIPp log may be such a file)::

    send a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:...
    receive a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:...
    remote 127.0.0.1:20000
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import BadDescription, LabError
from lab.sockets import Address
from lab.srtp import SdesKey

VARIABLE = "IMSLAB_KEYS"
POLL = 0.1
#: Most octets of a file that are looked at.
MAX_OCTETS = 1_000_000


@dataclass(slots=True)
class StreamKeys:
    """What such a file says; the last line of a kind wins."""

    send: SdesKey | None = field(default=None, repr=False)
    receive: SdesKey | None = field(default=None, repr=False)
    remote: Address | None = None

    @property
    def complete(self) -> bool:
        return self.send is not None and self.receive is not None


def parse_address(text: str) -> Address:
    """Read HOST:PORT; IPv6 in brackets. Raises LabError."""
    host, _, port = text.strip().rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65_535:
        raise LabError(f"no HOST:PORT: {text[:60]!r}")
    return host.strip("[]"), int(port)


def parse(text: str) -> StreamKeys:
    """Read the lines. Raises BadDescription or LabError, never with a key in the text."""
    found = StreamKeys()
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        value = rest.strip().removeprefix("a=crypto:")
        if word == "send" and "inline:" in rest:
            found.send = SdesKey.parse(value)
        elif word == "receive" and "inline:" in rest:
            found.receive = SdesKey.parse(value)
        elif word == "remote":
            found.remote = parse_address(rest)
    if (found.send is None) != (found.receive is None):
        raise BadDescription("SRTP needs a send and a receive line")
    return found


async def read(path: Path, wait: float = 0.0) -> StreamKeys:
    """Read ``path``, waiting up to ``wait`` seconds till it holds both keys. Raises LabError."""
    deadline = asyncio.get_running_loop().time() + wait
    while True:
        problem = f"{path}: no keys in it"
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                keys = parse(file.read(MAX_OCTETS))
            if keys.complete:
                return keys
        except OSError as error:
            problem = f"{path}: {error.strerror}"
        except BadDescription as error:
            problem = f"{path}: {error}"
        if asyncio.get_running_loop().time() >= deadline:
            raise LabError(problem)
        await asyncio.sleep(POLL)
