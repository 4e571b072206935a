"""RFC 3263, against a small DNS server on loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from pcscf.errors import SipRefusal
from pcscf.transport import resolver
from pcscf.transport.resolver import Resolver, Target, numeric
from tests.support.dns_server import Dns, dns_server

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
dual.example. 300 A 192.0.2.20
dual.example. 300 AAAA 2001:db8::20
_sip._udp.zero.example. 300 SRV 1 1 0 first.example.
_sip._udp.both.example. 300 SRV 1 1 5060 first.example.
_sip._udp.both.example. 300 SRV 1 99 5060 second.example.
"""


@pytest.fixture
async def server() -> AsyncIterator[Dns]:
    async with dns_server(ZONE) as serving:
        yield serving


def ask(server: Dns, **options: object) -> Resolver:
    return Resolver(["127.0.0.1"], server.port, **options)


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
        pytest.param(
            "sip:dual.example:5060",
            {Target("udp", "192.0.2.20", 5060), Target("udp", "2001:db8::20", 5060)},
            id="both families",
        ),
        pytest.param("sip:zero.example", set(), id="port 0"),
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
    assert server.questions == ["sip.example. A", "sip.example. AAAA"]


async def test_answers_grow_stale(server: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(resolver.time, "monotonic", lambda: now[0])
    resolve = ask(server).resolve
    await resolve("sip:sip.example:5070")
    now[0] += 59
    await resolve("sip:sip.example:5070")
    assert len(server.questions) == 2
    now[0] += 2  # the smaller TTL is 60 s
    await resolve("sip:sip.example:5070")
    assert len(server.questions) == 4


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


@pytest.mark.parametrize(
    ("retry_after", "seconds"), [("", 30), ("5", 5), ("7;duration=3600", 7), ("99999", 300), ("soon", 30)]
)
async def test_a_place_that_failed_comes_last_for_a_while(
    server: Dns, monkeypatch: pytest.MonkeyPatch, retry_after: str, seconds: int
) -> None:
    now = [1000.0]
    monkeypatch.setattr(resolver.time, "monotonic", lambda: now[0])
    asking = ask(server, supported=("udp",))
    first, second = await asking.resolve("sip:srv.example")
    assert asking.avoid(first.host, first.port, retry_after)
    assert await asking.resolve("sip:srv.example") == [second, first]
    assert not asking.avoid(first.host, first.port, retry_after)
    asking.avoid(second.host, second.port, retry_after)
    assert await asking.resolve("sip:srv.example") == [first, second]
    now[0] += seconds - 1
    asking.avoid(first.host, first.port, retry_after)
    now[0] += 2
    assert await asking.resolve("sip:srv.example") == [second, first]
    now[0] += seconds
    assert await asking.resolve("sip:srv.example") == [first, second]


async def test_what_is_avoided_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "MAX_AVOIDED", 2)
    asking = Resolver(["192.0.2.1"], 9)
    for port in (1, 2, 3):
        asking.avoid("192.0.2.1", port)
    assert [port for _, port in asking._avoided] == [2, 3]
