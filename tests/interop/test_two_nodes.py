"""Two P-CSCFs, each with its gateway, side by side behind one name in DNS and in front of one core."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from lab.address import Target
from lab.edge import Edge, total
from lab.ue import UserAgent
from pcscf.sip.headers import NameAddr
from pcscf.sip.message import Message, Request
from pcscf.sip.uri import SipUri
from pcscf.transport.resolver import Resolver
from tests.support.dns_server import dns_server
from tests.support.edge import DOMAIN, PASSWORD, accept, aor, assert_clean, network

pytestmark = pytest.mark.interop


def everywhere(settings: dict[str, Any]) -> None:
    """Listen on every address of the host, IPv4 and IPv6; what peers are told is ``advertise``."""
    for point in [*settings["access"]["listen"], *settings["core"]["listen"]]:
        point.update(address="0.0.0.0", advertise="127.0.0.1")
    port = settings["access"]["listen"][0]["port"]
    settings["access"]["listen"].append(
        {"transport": "udp", "address": "::", "port": port, "advertise": "::1", "confidential": True}
    )


class Seen:
    """The messages that left the core."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def __call__(self, message: Message) -> None:
        self.messages.append(message.copy())

    def of(self, method: str, key: str) -> Iterator[list[str]]:
        """Yield the values of a header field in each request of that method."""
        for message in self.messages:
            if isinstance(message, Request) and message.method == method:
                yield message.values(key)


async def test_two_nodes_behind_one_name():
    seen = Seen()
    users = ("alice", "bob", "carol", "dave")
    async with network(users, core={"tamper": seen}) as net, AsyncExitStack() as stack:
        second = Edge(net.core.uri, edit_pcscf=everywhere)
        await stack.enter_async_context(second)
        zone = f"""
pcscf.{DOMAIN}. 60 NAPTR 1 1 "s" "SIP+D2U" "" _sip._udp.pcscf.{DOMAIN}.
_sip._udp.pcscf.{DOMAIN}. 60 SRV 1 0 {net.edge.access.port} one.{DOMAIN}.
_sip._udp.pcscf.{DOMAIN}. 60 SRV 2 0 {second.access.port} two.{DOMAIN}.
one.{DOMAIN}. 60 A 127.0.0.1
two.{DOMAIN}. 60 A 127.0.0.1
"""
        server = await stack.enter_async_context(dns_server(zone))
        found = await Resolver(["127.0.0.1"], server.port).resolve(f"sip:pcscf.{DOMAIN}")
        proxies = [Target(one.transport, one.host, one.port) for one in found]
        assert proxies == [net.edge.access, second.access]
        callers = []
        for callee, caller, proxy in zip(("dave", "bob"), ("alice", "carol"), proxies, strict=True):
            for ue in (
                UserAgent(aor(callee), PASSWORD, proxy, answer=accept, echo=True),
                UserAgent(aor(caller), PASSWORD, proxy),
            ):
                await stack.enter_async_context(ue)
                await ue.register()
            callers.append(ue)
        await net.good_call(callers[0], "bob")
        await net.good_call(callers[1], "dave")

        ports = [net.edge.core.port, second.core.port]
        both_sides = [[net.edge.core.port, net.edge.access.port], [second.core.port, second.access.port]]
        assert [ports_of(values[-2:]) for values in seen.of("INVITE", "record-route")] == both_sides
        # The far node is on the way as well, by the Path of its own UE.
        assert [ports_of(values) for values in seen.of("INVITE", "route")] == [[ports[1]], [ports[0]]]
        for method in ("ACK", "BYE"):
            assert [ports_of(values)[0] for values in seen.of(method, "route")] == [ports[1], ports[0]]
        for edge in (net.edge, second):
            samples = await edge.metrics("pcscf")
            assert total(samples, "pcscf_calls_total", outcome="answered") == 2
            assert total(samples, "pcscf_policed_indications_total") in (None, 0)
        assert_clean(second.pcscf)


async def test_a_node_on_every_address_and_family():
    async with network(edit_pcscf=everywhere, edit_agw=both_families) as net:
        await net.echo("bob")
        over_six = UserAgent(
            aor("alice"), PASSWORD, Target("udp", "::1", net.edge.access.port), address="::1"
        )
        async with over_six as alice:
            await alice.register()
            assert "[::1]" in alice.contact
            await net.good_call(alice, "bob")
        await net.nothing_left()


def both_families(settings: dict[str, Any]) -> None:
    settings["realms"]["access"]["address6"] = "::1"


def ports_of(values: list[str]) -> list[int | None]:
    return [SipUri.parse(NameAddr.parse(value).uri).port for value in values]
