"""What real calls look like to independent readers: tshark for the wire, Erlang's megaco for Iq."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from iq.suites import SUITES
from lab.call import Call
from lab.speech import payload
from lab.verdict import leaks
from tests.support.capture import EXPERT_WARNING, Capture
from tests.support.edge import Network, accept, aor, network
from tests.support.iq_relay import IqRelay
from tests.support.megaco import decode_all
from tests.support.programs import need, until

pytestmark = pytest.mark.interop

PACKETS = 25
#: Where a packet came from and went to.
_ENDS = ("udp.srcport", "udp.dstport", "tcp.srcport", "tcp.dstport")


async def talk(net: Network, packets: int = PACKETS) -> tuple[Call, Call]:
    """Return both ends of a call with media both ways that was hung up."""
    alice, bob = await net.ue("alice"), await net.ue("bob")
    placed = asyncio.ensure_future(alice.call(aor("bob"), timeout=10))
    taken = await asyncio.wait_for(bob.incoming.get(), 10)
    taken.ring()
    await taken.accept()
    call = await placed
    await asyncio.gather(call.media.exchange(packets), taken.media.exchange(packets))

    async def reports() -> list[int]:
        seen = call.media.statistics(), taken.media.statistics()
        return [seen[0].rtcp_sent - seen[1].rtcp_received, seen[1].rtcp_sent - seen[0].rtcp_received]

    await until(reports, lambda missing: not any(missing))
    await call.hangup()
    await asyncio.wait_for(taken.ended.wait(), 10)
    return call, taken


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_reports_of_both_ues_reach_the_other_one(transport: str):
    async with network(transport=transport) as net:
        for end in await talk(net, 60):
            seen = end.media.statistics()
            assert not seen.problems(60)
            assert seen.rtcp_sent == seen.rtcp_received == seen.rtcp_opaque == 3
            assert not seen.rtcp_clear
        (line,) = net.core.witness.history().values()
        assert [seen.rtcp_plain for seen in line[0].values()] == [3, 3]
        assert not any(seen.rtcp_opaque for seen in line[0].values())
        assert await net.metric("agw", "agw_rtcp_packets_total") == 12


async def test_tshark_reads_a_whole_call(tmp_path: Path):
    need("tshark", "dumpcap", root=True)
    iq: list[int] = []

    def note_port(settings: dict[str, Any]) -> None:
        iq.append(settings["iq"]["controllers"][0]["port"])

    async with network(edit_agw=note_port) as net:
        edge, core = net.edge, net.core
        ports = (edge.access.port, edge.core.port, core.target.port)
        over_tcp = " or ".join(f"tcp port {port}" for port in (*ports, *iq))
        decode_as = [f"{kind}.port=={port},sip" for port in ports for kind in ("udp", "tcp")]
        decode_as.append(f"tcp.port=={iq[0]},megaco")
        async with Capture(tmp_path, f"udp or {over_tcp}") as wire:
            ends = await talk(net)
            await net.nothing_left()
            await wire.finish()
        await sip_is_clean(wire, ports, decode_as)
        await iq_is_megaco(wire, iq[0], decode_as)
        await media_is_where_it_should_be(wire, ends, ports, decode_as)


async def sip_is_clean(wire: Capture, ports: tuple[int, ...], decode_as: list[str]) -> None:
    """Every datagram on a SIP port is SIP without an objection, and the whole call is there."""
    rows = await wire.read(
        f"({of(ports)}) and (udp or tcp.len > 0)", "frame.protocols", "sip.CSeq.method", "_ws.malformed",
        "_ws.expert.severity", "_ws.expert.message", decode_as=tuple(decode_as),
    )  # fmt: skip
    assert len(rows) >= 40
    for protocols, method, malformed, severities, message in rows:
        assert "sip" in protocols.split(":"), protocols
        assert not malformed
        grave = [int(one) for one in severities.split(",") if one and int(one) >= EXPERT_WARNING]
        assert not grave, f"{method}: {message}"
    methods = Counter(row[1] for row in rows)
    assert set(methods) == {"REGISTER", "INVITE", "ACK", "BYE"}
    hops = await wire.read(f'({of(ports)}) and sip.Method == "ACK"', *_ENDS, decode_as=tuple(decode_as))
    assert len(set(map(tuple, hops))) == 4  # alice, pcscf, core, pcscf, bob


def of(ports: tuple[int, ...]) -> str:
    """The display filter of these SIP ports: others may use the interface too."""
    return " or ".join(f"udp.port=={port} or tcp.port=={port}" for port in ports)


async def iq_is_megaco(wire: Capture, port: int, decode_as: list[str]) -> None:
    """Every segment with data on Iq decodes as MEGACO over TPKT; adds, modifies and subtracts are there."""
    rows = await wire.read(
        f"tcp.port=={port} and tcp.len > 0", "frame.protocols", "megaco.command", "_ws.malformed",
        "_ws.expert.severity", decode_as=tuple(decode_as),
    )  # fmt: skip
    commands: Counter[str] = Counter()
    for protocols, command, malformed, severities in rows:
        assert "megaco" in protocols.split(":"), protocols
        assert not malformed
        assert not [one for one in severities.split(",") if one and int(one) >= EXPERT_WARNING]
        commands.update(command.split(","))
    del commands["AuditValue"]  # how many depends on time
    assert commands == {"Add": 8, "Modify": 4, "Subtract": 4}  # requests and replies of two sessions


async def media_is_where_it_should_be(
    wire: Capture, ends: tuple[Call, Call], sip: tuple[int, ...], decode_as: list[str]
) -> None:
    """The core leg carries the known speech as plain RTP; the access legs carry none of it."""
    rules = tuple(decode_as)
    described = await wire.read(
        f"sip and sdp and ({of(sip)})", "udp.srcport", "udp.dstport", "sdp.media.port", decode_as=rules
    )
    legs: dict[bool, set[str]] = {True: set(), False: set()}
    for source, target, port in described:
        legs[str(sip[0]) in (source, target)].update(port.split(","))
    assert not legs[True] & legs[False]
    for protected, ports in legs.items():
        media = " or ".join(f"udp.port=={port}" for port in ports)
        as_rtp = tuple(f"udp.port=={port},rtp" for port in ports)
        rows = await wire.read(
            media,
            "frame.protocols",
            "rtp.ssrc",
            "rtp.seq",
            "udp.payload",
            decode_as=rules + as_rtp,
        )
        streams = Counter(row[1] for row in rows)
        assert set(streams) == {f"0x{end.media.ssrc:08x}" for end in ends}
        for protocols, ssrc, number, octets in rows:
            assert "rtp" in protocols.split(":")
            speech = payload(int(ssrc, 16), int(number)).hex()
            if protected:
                assert speech not in octets
                assert len(octets) == 2 * (12 + 160 + SUITES["AES_CM_128_HMAC_SHA1_80"].rtp_tag)
            else:
                assert octets[24:] == speech
        assert min(streams.values()) >= PACKETS


async def test_erlang_megaco_reads_what_both_ends_say():
    need("erl")
    async with IqRelay() as relay, network(edit_agw=relay.between) as net:
        alice = await net.ue("alice")
        await net.echo("bob")
        call = await alice.call(aor("bob"), timeout=10)
        await call.media.exchange(5)
        await call.hold()
        await call.rekey()
        await call.hangup()
        await net.nothing_left()

        async def audited() -> bool:
            return any(b"AV=" in message for message in relay.controller)

        await until(audited, bool)  # the supervision of a connection without traffic
        await edge_stopped(net)
        terms = decode_all(relay.messages)
        said = {"gateway": terms[: len(relay.gateway)], "controller": terms[len(relay.gateway) :]}
        for side, kinds in {
            "gateway": ("serviceChangeReq", "addReply", "modReply", "subtractReply", "auditValueReply"),
            "controller": ("serviceChangeReply", "addReq", "modReq", "subtractReq", "auditValueRequest"),
        }.items():
            for kind in kinds:
                assert any(kind in term for term in said[side]), f"{side} never said {kind}"


async def edge_stopped(net: Network) -> None:
    """End both processes, so that the gateway's farewell is on Iq."""
    assert await net.edge.agw.stop() == 0
    assert await net.edge.pcscf.stop() == 0


async def test_no_log_has_a_key():
    def talkative(settings: dict[str, Any]) -> None:
        settings["log"]["level"] = "debug"

    async with network(edit_pcscf=talkative, edit_agw=talkative) as net:
        alice = await net.ue("alice")
        taken: list[Call] = []

        async def take(call: Call) -> None:
            taken.append(call)
            await accept(call)

        await net.ue("bob", answer=take, echo=True)
        call = await alice.call(aor("bob"), timeout=10)
        await call.media.exchange(5)
        await call.rekey()
        await call.media.exchange(5)
        assert not (await call.hangup()).problems(10)
        await net.nothing_left()
        keys = call.keys | taken[0].keys
        assert len(keys) == 5  # alice's two, bob's, the gateway's to each of them
        edge = net.edge
        texts = {
            name: "".join(process.lines) for name, process in {"pcscf": edge.pcscf, "agw": edge.agw}.items()
        }
        assert all('"call' in text or "context released" in text for text in texts.values())
        for name in ("pcscf", "agw"):
            texts[f"metrics of {name}"] = str(await edge.metrics(name))
        assert not leaks(keys, texts)
