"""baresip, a phone that knows mandatory SRTP and no mediasec, behind a listener that assumes sdes-srtp."""

from pathlib import Path
from typing import Any

import pytest

from lab.address import Target
from lab.sockets import free_port
from tests.support.audio import PROTECTED_SPEECH, SPEECH, audible
from tests.support.baresip import Baresip, baresip
from tests.support.capture import Capture
from tests.support.certificates import issue
from tests.support.edge import PASSWORD, Network, aor, network
from tests.support.programs import need, until
from tests.support.sipp import sipp

pytestmark = pytest.mark.interop

#: Two seconds of speech.
PACKETS = 100


@pytest.fixture(autouse=True)
def _peers() -> None:
    need("baresip", "sipp", "dumpcap", "tshark", root=True)


def assume_srtp(settings: dict[str, Any]) -> None:
    """The phone writes neither Security-Client nor a=3ge2ae: both are taken for granted."""
    for listener in settings["access"]["listen"]:
        listener["assume"] = ["sdes-srtp"]


async def test_it_calls_a_plain_far_end(tmp_path: Path):
    port = free_port("127.0.0.1")
    static = {"echo": f"sip:echo@127.0.0.1:{port}"}
    async with (
        sipp("uas_echo.xml", port, tmp_path, "-m", 1) as far_end,
        network(core={"static": static, "relay": False}, edit_pcscf=assume_srtp) as net,
        Capture(tmp_path, "udp") as wire,
        baresip(tmp_path, aor("alice"), PASSWORD, net.edge.access) as phone,
    ):
        await far_end.listening(port)
        await it_calls_the_echo(net, phone)
        assert await far_end.ended(15) == 0
        await net.nothing_left()
        await wire.finish()
        await only_the_access_leg_is_protected(wire, net)


async def test_it_is_called_from_the_core(tmp_path: Path):
    async with (
        network(core={"relay": False}, edit_pcscf=assume_srtp) as net,
        Capture(tmp_path, "udp") as wire,
        baresip(tmp_path, aor("alice"), PASSWORD, net.edge.access) as phone,
    ):
        await phone.registered()
        core = net.core.target
        caller = sipp(
            "uac_core.xml", free_port("127.0.0.1"), tmp_path, "-s", "alice", "-key", "domain", "ims.example",
            "-d", 3000, "-m", 1, f"{core.host}:{core.port}",
        )  # fmt: skip
        async with caller:
            await media_flows(net, phone)
            assert await caller.ended(15) == 0
        await phone.event("CALL_CLOSED")
        await net.nothing_left()
        await wire.finish()
        await only_the_access_leg_is_protected(wire, net)


async def test_it_registers_and_calls_over_tls(tmp_path: Path):
    """Nothing is said of confidential: TLS is, so that keys may travel in SIP, and nobody else reads them."""
    files, port, near = issue(tmp_path, "edge"), free_port("127.0.0.1"), free_port("127.0.0.1")

    def tls_alone(settings: dict[str, Any]) -> None:
        settings["access"]["listen"] = [{
            "transport": "tls", "address": "127.0.0.1", "port": near, "assume": ["sdes-srtp"],
            "certificate": str(files.certificate), "private_key": str(files.private_key),
        }]  # fmt: skip

    static = {"echo": f"sip:echo@127.0.0.1:{port}"}
    async with (
        sipp("uas_echo.xml", port, tmp_path, "-m", 1) as far_end,
        network(core={"static": static, "relay": False}, edit_pcscf=tls_alone) as net,
        Capture(tmp_path, f"udp or tcp port {near}") as wire,
        baresip(tmp_path, aor("alice"), PASSWORD, Target("tls", "127.0.0.1", near), trust=files.ca) as phone,
    ):
        await far_end.listening(port)
        await it_calls_the_echo(net, phone)
        assert await far_end.ended(15) == 0
        await net.nothing_left()
        await wire.finish()
        assert await net.metric("pcscf", "pcscf_media_decisions_total", action="e2ae") == 1
        sip = f"(tcp.port=={near} or udp.port=={net.edge.core.port})"
        decoded = await wire.read(
            f"tls.app_data and {sip}", "frame.number", decode_as=(f"tcp.port=={near},tls",)
        )
        assert len(decoded) > 10
        assert await wire.read(f'frame contains "echo@" and {sip}', "frame.number")
        assert not await wire.read(f'frame contains "inline:" and {sip}', "frame.number")


async def it_calls_the_echo(net: Network, phone: Baresip) -> None:
    await phone.registered()
    await phone.command("dial", aor("echo"))
    await phone.event("CALL_ESTABLISHED")
    await media_flows(net, phone)
    await phone.command("hangup")


async def media_flows(net: Network, phone: Baresip) -> None:
    """Wait for two seconds of media each way; the phone accepts what it gets."""
    for realm in ("access", "core"):

        async def look(realm: str = realm) -> float:
            return await net.metric("agw", "agw_packets_total", realm=realm)

        await until(look, lambda packets: packets >= PACKETS)
    await phone.program.line("incoming rtp for 'audio' established")
    assert await net.metric("agw", "agw_drops_total", realm="core") == 0
    # Before the answer is there it sends a few datagrams that open NATs: too short, or not protected.
    drops = [dict(labels) for name, labels in await net.edge.metrics("agw") if name == "agw_drops_total"]
    assert {one["reason"] for one in drops} <= {"short", "auth", "no_key"}
    assert await net.metric("agw", "agw_drops_total") < 10


async def only_the_access_leg_is_protected(wire: Capture, net: Network) -> None:
    """SDES and SRTP on the access leg; RTP/AVP and a tone that anybody can hear on the core leg."""
    access = net.edge.access.port
    sip = (access, net.edge.core.port, net.core.target.port)
    rules = tuple(f"udp.port=={port},sip" for port in sip)
    ours = " or ".join(f"udp.port=={port}" for port in sip)
    fields = ("udp.srcport", "udp.dstport", "sdp.media.proto", "sdp.media.port", "sdp.media_attr")
    ports: dict[bool, set[str]] = {True: set(), False: set()}
    for source, target, proto, port, attributes in await wire.read(
        f"sip and sdp and ({ours})", *fields, decode_as=rules
    ):
        protected = str(access) in (source, target)
        ports[protected].add(port)
        assert proto == ("RTP/SAVP" if protected else "RTP/AVP")
        assert ("crypto:" in attributes) == protected
        assert "3ge2ae" not in attributes or protected
    assert not ports[True] & ports[False]
    for protected, found in ports.items():
        media = " or ".join(f"udp.port=={port}" for port in found)
        rows = await wire.read(media, "udp.payload")
        payloads = [bytes.fromhex(row[0])[12:] for row in rows]
        wanted = PROTECTED_SPEECH if protected else SPEECH
        speech = [octets for octets in payloads if len(octets) == wanted]
        assert len(speech) >= 2 * PACKETS
        assert audible(speech) != protected
