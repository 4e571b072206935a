"""Somebody on the path of the media: reads every UDP datagram of this host, sends with any source (root)."""

import asyncio
import socket
import struct
from typing import Self

from lab.sockets import Address

_UDP = struct.Struct("!HHHH")
_BATCH = 256
_LARGEST = 65_535


class Attacker:
    """``heard``: (source, target, payload) of the datagrams to ``targets``, while it is entered."""

    def __init__(self, *targets: Address) -> None:
        self.heard: list[tuple[Address, Address, bytes]] = []
        self._targets = set(targets)
        self._raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        self._raw.setblocking(False)
        self._raw.bind(("127.0.0.1", 0))

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._raw, self._listen)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._raw)
        self._raw.close()

    def send(self, data: bytes, source: Address, target: Address) -> None:
        """Send a datagram that says that it comes from ``source``."""
        header = _UDP.pack(source[1], target[1], _UDP.size + len(data), 0)
        self._raw.sendto(header + data, (target[0], 0))

    def _listen(self) -> None:
        for _ in range(_BATCH):
            try:
                packet, (address, _) = self._raw.recvfrom(_LARGEST)
            except BlockingIOError:
                return
            start = (packet[0] & 0x0F) * 4
            source, target, _, _ = _UDP.unpack_from(packet, start)
            end = (socket.inet_ntoa(packet[16:20]), target)
            if end in self._targets:
                self.heard.append(((address, source), end, packet[start + _UDP.size :]))
