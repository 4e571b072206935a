"""RFC 3263, against a small DNS server on loopback."""

import asyncio
import socket

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from pcscf.errors import SipRefusal
from pcscf.transport import resolver
from pcscf.transport.resolver import Resolver, Target, numeric

ZONE = """
sip.example. 300 A 192.0.2.10
sip.example. 60 A 192.0.2.11
six.example. 300 AAAA 2001:db8::10
_sip._udp.srv.example. 300 SRV 10 0 5080 second.example.
_sip._udp.srv.example. 300 SRV 1 0 5070 first.example.
_sip._tcp.srv.example. 300 SRV 1 0 5071 first.example.
_sips._tcp.srv.example. 300 SRV 1 0 5072 first.example.
first.example. 300 A 192.0.2.1
second.example. 300 A 192.0.2.2
naptr.example. 300 NAPTR 50 50 "s" "SIPS+D2T" "" _sips._tcp.srv.example.
naptr.example. 300 NAPTR 90 50 "s" "SIP+D2U" "" _sip._udp.srv.example.
naptr.example. 300 NAPTR 70 50 "s" "SIP+D2T" "" _sip._tcp.srv.example.
naptr.example. 300 NAPTR 10 50 "s" "E2U+sip" "" _sip._udp.srv.example.
_sip._udp.none.example. 300 SRV 0 0 0 .
_sip._udp.both.example. 300 SRV 1 1 5060 first.example.
_sip._udp.both.example. 300 SRV 1 99 5060 second.example.
"""


class Dns(asyncio.DatagramProtocol):
    """Answers from ZONE and counts the questions; ``silent`` makes it answer nothing."""

    def __init__(self) -> None:
        self.questions: list[str] = []
        self.silent = False
        self.records: dict[tuple[str, str], dns.rrset.RRset] = {}
        for line in ZONE.strip().splitlines():
            name, ttl, kind, data = line.split(" ", 3)
            known = self.records.get((name, kind))
            if known is None:
                self.records[name, kind] = dns.rrset.from_text(name, int(ttl), "IN", kind, data)
            else:
                known.update(dns.rrset.from_text(name, int(ttl), "IN", kind, data))

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
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


@pytest.fixture
async def server():
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Dns, ("127.0.0.1", 0))
    yield protocol
    transport.close()


def ask(server: Dns, **options: object) -> Resolver:
    port = server.transport.get_extra_info("sockname")[1]
    return Resolver(["127.0.0.1"], port, **options)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:a@192.0.2.1", (None, "192.0.2.1", 5060)),
        ("sip:192.0.2.1:5070;transport=TCP;lr", ("tcp", "192.0.2.1", 5070)),
        ("sip:192.0.2.1;transport=tls", ("tls", "192.0.2.1", 5061)),
        ("sips:[2001:db8::1]", ("tls", "2001:db8::1", 5061)),
        ("sips:192.0.2.1;transport=tcp", ("tls", "192.0.2.1", 5061)),
        ("sip:a.example;maddr=192.0.2.9", (None, "192.0.2.9", 5060)),
        ("sip:a.example;maddr=[2001:db8::9]", (None, "2001:db8::9", 5060)),
        ("sip:a.example", None),
        ("sip:1.2.3", None),
        ("sip:node1", None),
    ],
)
def test_numeric(uri: str, expected: tuple[str | None, str, int] | None) -> None:
    assert numeric(uri) == expected


@pytest.mark.parametrize(
    ("uri", "status"), [("tel:+15145550101", 404), ("urn:service:sos", 416), ("sip:", 400)]
)
def test_uris_that_lead_nowhere(uri: str, status: int) -> None:
    with pytest.raises(SipRefusal) as refusal:
        numeric(uri)
    assert refusal.value.status == status


async def test_numeric_hosts_never_ask() -> None:
    resolve = Resolver(["192.0.2.1"], 9).resolve
    assert await resolve("sip:192.0.2.1") == [Target("udp", "192.0.2.1", 5060)]
    assert await resolve("sips:192.0.2.1:5063") == [Target("tls", "192.0.2.1", 5063)]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        pytest.param(
            "sip:sip.example:5070",
            {Target("udp", "192.0.2.10", 5070), Target("udp", "192.0.2.11", 5070)},
            id="port: addresses",
        ),
        pytest.param("sip:six.example", {Target("udp", "2001:db8::10", 5060)}, id="no SRV: addresses"),
        pytest.param("sip:none.example", set(), id="service denied"),
        pytest.param("sip:nowhere.example", set(), id="no such name"),
        pytest.param(
            "sip:SRV.example;transport=tcp", {Target("tcp", "192.0.2.1", 5071)}, id="transport: SRV"
        ),
        pytest.param("sips:srv.example", {Target("tls", "192.0.2.1", 5072)}, id="sips: SRV"),
    ],
)
async def test_targets(server: Dns, uri: str, expected: set[Target]) -> None:
    assert set(await ask(server).resolve(uri)) == expected


async def test_srv_order_is_priority(server: Dns) -> None:
    assert await ask(server, supported=("udp",)).resolve("sip:srv.example") == [
        Target("udp", "192.0.2.1", 5070),
        Target("udp", "192.0.2.2", 5080),
    ]


async def test_naptr_order_is_the_domain_s(server: Dns) -> None:
    assert await ask(server).resolve("sip:naptr.example") == [
        Target("tcp", "192.0.2.1", 5071),
        Target("udp", "192.0.2.1", 5070),
        Target("udp", "192.0.2.2", 5080),
    ]
    with_tls = await ask(server, supported=("tls", "tcp", "udp")).resolve("sip:naptr.example")
    assert with_tls[0] == Target("tls", "192.0.2.1", 5072)


async def test_weights_are_drawn_anew(server: Dns) -> None:
    resolve = ask(server, supported=("udp",)).resolve
    firsts = [(await resolve("sip:both.example"))[0].host for _ in range(200)]
    assert firsts.count("192.0.2.2") > 150


async def test_answers_are_remembered_and_shared(server: Dns) -> None:
    resolve = ask(server).resolve
    await asyncio.gather(*(resolve("sip:sip.example:5070") for _ in range(5)))
    await resolve("sip:sip.example:5070")
    assert server.questions == ["sip.example. A"]


async def test_answers_grow_stale(server: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(resolver.time, "monotonic", lambda: now[0])
    resolve = ask(server).resolve
    await resolve("sip:sip.example:5070")
    now[0] += 59
    await resolve("sip:sip.example:5070")
    assert len(server.questions) == 1
    now[0] += 2  # the smaller TTL is 60 s
    await resolve("sip:sip.example:5070")
    assert len(server.questions) == 2


async def test_the_cache_is_bounded(server: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "MAX_CACHED", 2)
    asking = ask(server)
    for name in ("a", "b", "c"):
        await asking.resolve(f"sip:{name}.example:1")
    assert [name for name, _, _ in asking._cache] == ["b.example", "c.example"]


async def test_silent_dns_fails_and_is_not_asked_again(server: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "QUERY_TIMEOUT", 0.05)
    server.silent = True
    resolve = ask(server).resolve
    assert await resolve("sip:sip.example") == []
    asked = len(server.questions)
    assert await resolve("sip:sip.example") == []
    assert len(server.questions) == asked


async def test_nobody_at_the_dns_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "QUERY_TIMEOUT", 0.2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    assert await Resolver(["127.0.0.1"], port).resolve("sip:sip.example") == []


async def test_a_waiter_that_leaves_does_not_take_the_answer_along(server: Dns) -> None:
    resolve = ask(server).resolve
    first = asyncio.ensure_future(resolve("sip:sip.example:5070"))
    second = asyncio.ensure_future(resolve("sip:sip.example:5070"))
    await asyncio.sleep(0)
    first.cancel()
    assert len(await second) == 2
