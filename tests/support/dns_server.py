"""A small DNS server on loopback, for what RFC 3263 asks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import dns.message
import dns.rcode
import dns.rrset


class Dns(asyncio.DatagramProtocol):
    """Answers from a zone and counts the questions; ``silent`` makes it answer nothing.

    zone: lines of "name ttl type data".
    """

    def __init__(self, zone: str) -> None:
        self.questions: list[str] = []
        self.silent = False
        self.records: dict[tuple[str, str], dns.rrset.RRset] = {}
        for line in zone.strip().splitlines():
            name, ttl, kind, data = line.split(" ", 3)
            known = self.records.get((name, kind))
            if known is None:
                self.records[name, kind] = dns.rrset.from_text(name, int(ttl), "IN", kind, data)
            else:
                known.update(dns.rrset.from_text(name, int(ttl), "IN", kind, data))

    @property
    def port(self) -> int:
        port: int = self.transport.get_extra_info("sockname")[1]
        return port

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text().lower(), question.to_text().split()[2]
        self.questions.append(f"{name} {kind}")
        if self.silent:
            return
        reply = dns.message.make_response(query)
        if (name, kind) in self.records:
            reply.answer.append(self.records[name, kind])
        elif not any(known == name for known, _ in self.records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(reply.to_wire(), addr)


@contextlib.asynccontextmanager
async def dns_server(zone: str) -> AsyncIterator[Dns]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: Dns(zone), ("127.0.0.1", 0))
    try:
        yield protocol
    finally:
        transport.close()
