"""``imslab demo`` as a user runs it: real processes, and its own verdict."""

import asyncio
import json
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from lab.cli import main
from lab.kinds import KINDS

PAIRS = [("alice", "bob"), ("bob", "alice")]


async def demo(*options: str) -> tuple[dict[str, Any], str]:
    """Run it; return its JSON, and what it shows."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from lab.cli import main; main()", "demo", "--seconds", "0.3", "--json",
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, shown = await running.communicate()
    assert running.returncode == 0, shown.decode()
    assert b"inline:" not in out + shown
    result: dict[str, Any] = json.loads(out)
    assert result["verified"] is True
    return result, shown.decode()


async def test_demo_verifies_itself() -> None:
    result, shown = await demo()
    assert [(call["caller"], call["callee"]) for call in result["calls"]] == PAIRS
    suites = [{user: end["suite"] for user, end in call["ends"].items()} for call in result["calls"]]
    assert suites[0] == dict.fromkeys(("alice", "bob"), "AES_CM_128_HMAC_SHA1_80")
    assert suites[1]["bob"] == "AEAD_AES_128_GCM"
    assert "3ge2ae:requested" in shown


@pytest.mark.timeout(180)
async def test_every_kind_of_media() -> None:
    result, shown = await demo("--media", "all")
    assert list(result["registrations"]) == list(KINDS)
    seen = [(call["media"], call["caller"], call["callee"]) for call in result["calls"]]
    assert seen == [(name, *pair) for name in KINDS for pair in PAIRS]
    for call in result["calls"]:
        assert [leg["media"][0]["mechanism"] for leg in call["legs"]] == [KINDS[call["media"]].mechanism] * 2
        for end in call["ends"].values():
            assert end["exact"] > 0
            assert (end["clear"], end["opaque"] > 0) == (0, True)
        for line in call["core"]:
            assert all(one["plain"] > 0 and not one["opaque"] for one in line.values())
        assert f"{call['media']}, {call['caller']} -> {call['callee']}" in shown


def test_no_such_media() -> None:
    for command in (["demo"], ["ue", "sip:alice@ims.example"]):
        result = CliRunner().invoke(main, [*command, "--media", "video"])
        assert result.exit_code == 2
        assert all(name in result.output for name in ("video", *KINDS))
