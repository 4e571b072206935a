"""``imslab`` from its command line: exit statuses, what it prints, and what it never prints."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.address import parse_target
from lab.cli import main
from lab.core import CoreNetwork
from lab.sockets import open_pair
from lab.srtp import SdesKey


async def imslab(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from lab.cli import main; main()",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


def free_pair() -> str:
    rtp, rtcp = open_pair("127.0.0.1")
    with rtp, rtcp:
        return f"127.0.0.1:{rtp.getsockname()[1]}"


async def test_media_against_its_echo(tmp_path: Path) -> None:
    keys = SdesKey.generate("AEAD_AES_128_GCM"), SdesKey.generate("AEAD_AES_128_GCM")
    a, b = free_pair(), free_pair()
    files = [tmp_path / "a", tmp_path / "b"]
    for file, own, far in ((files[0], keys[0], keys[1]), (files[1], keys[1], keys[0])):
        file.write_text(f"send {own.crypto()}\nreceive {far.crypto()}\n", encoding="utf-8")
    echo = await imslab("media", "--local", b, "--remote", a, "--keys", str(files[1]), "--echo", "--count=5")
    assert echo.stdout is not None
    assert b"RTP on" in await echo.stdout.readline()
    sender = await imslab(
        "media", "--local", a, "--remote", b, "--keys", str(files[0]), "--count", "5", "--json"
    )
    out, err = await sender.communicate()
    echoed = await echo.communicate()
    assert (sender.returncode, echo.returncode) == (0, 0), (err, echoed)
    report = json.loads(out)
    assert report["verified"] is True
    assert (report["media"]["exact"], report["media"]["clear"]) == (5, 0)
    for text in (out, err, *echoed):
        for key in keys:
            assert key.inline.encode() not in text


def test_media_without_a_peer_fails() -> None:
    result = CliRunner().invoke(
        main,
        ["media", "--local", free_pair(), "--remote", free_pair(), "--plain", "--count", "1", "--wait", "0"],
    )
    assert result.exit_code == 1
    assert "0 of 1 packets arrived bit-exact" in result.output


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["media", "--local", "127.0.0.1:4000", "--plain"], "no remote address"),
        (["media", "--local", "127.0.0.1:4000", "--remote", "127.0.0.1:4002"], "no keys"),
        (["media", "--local", "x", "--remote", "127.0.0.1:4002", "--plain"], "no HOST:PORT"),
        (["ue", "sip:alice@ims.example", "--proxy", "pcscf.example"], "no numeric SIP address"),
        (["ue", "sip:a@b", "--proxy", "tcp:127.0.0.1", "--transport", "tls"], "is not over tls"),
        (["ue", "sip:a@b", "--proxy", "udp:127.0.0.1", "--ca", "ca.pem"], "no use over udp"),
        (["ue", "sip:a@b", "--server-name", "pcscf.example"], "no use over udp"),
        (["ue", "sip:a@b", "--transport", "tls", "--ca", "/nowhere/ca.pem"], "TLS files cannot be used"),
        (["core", "--static", "nonsense"], "two parts"),
    ],
)
def test_wrong_use_is_told_in_one_line(arguments: list[str], reason: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert reason in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("text", "transport", "target"),
    [
        ("192.0.2.1", None, ("udp", "192.0.2.1", 5060)),
        ("tcp:192.0.2.1:5070", None, ("tcp", "192.0.2.1", 5070)),
        ("tls:[2001:DB8:0::1]", None, ("tls", "2001:db8::1", 5061)),
        ("192.0.2.1", "tls", ("tls", "192.0.2.1", 5061)),
        ("tls:192.0.2.1:5060", "tls", ("tls", "192.0.2.1", 5060)),
        ("sip:192.0.2.1;transport=TLS", None, ("tls", "192.0.2.1", 5061)),
        ("sip:192.0.2.1;lr", "tcp", ("tcp", "192.0.2.1", 5060)),
    ],
)
def test_where_the_proxy_is(text: str, transport: str | None, target: tuple[str, str, int]) -> None:
    assert parse_target(text, transport) == target


def test_a_fax_has_no_echo() -> None:
    result = CliRunner().invoke(main, ["ue", "sip:a@b", "--media", "t38", "--echo"])
    assert result.exit_code == 2
    assert "nothing of t38" in result.output


def test_unknown_suite() -> None:
    result = CliRunner().invoke(main, ["ue", "sip:a@b", "--suite", "ROT13"])
    assert result.exit_code == 2
    assert "AEAD_AES_128_GCM" in result.output


async def test_ues_call_each_other_through_a_core() -> None:
    async with CoreNetwork("ims.example", {"alice": "pw1", "bob": "pw2"}, behind_edge=False) as core:
        options = ("--proxy", core.uri, "--protection", "none", "--json")
        bob = await imslab("ue", "sip:bob@ims.example", "--answer", "1", *options, IMSLAB_PASSWORD="pw2")
        assert bob.stderr is not None
        assert b"registered for" in await bob.stderr.readline()
        alice = await imslab(
            "ue", "sip:alice@ims.example", "--call", "sip:bob@ims.example", "--duration", "0.2", *options,
            IMSLAB_PASSWORD="pw1",
        )  # fmt: skip
        outputs = [await agent.communicate() for agent in (alice, bob)]
    assert (alice.returncode, bob.returncode) == (0, 0), outputs
    for out, err in outputs:
        report = json.loads(out)
        assert report["verified"] is True
        assert report["calls"][0]["media"]["exact"] >= 10
        assert b"pw1" not in out + err
        assert b"pw2" not in out + err


async def test_core_runs_until_it_is_told_to_end() -> None:
    core = await imslab("core", "--listen", "127.0.0.1:0")
    assert core.stdout is not None
    assert b"core of ims.example on sip:127.0.0.1:" in await core.stdout.readline()
    core.send_signal(signal.SIGTERM)
    await core.communicate()
    assert core.returncode == 0
