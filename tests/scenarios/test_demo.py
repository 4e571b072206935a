"""``imslab demo`` as a user runs it: real processes, and its own verdict."""

import asyncio
import json
import sys


async def test_demo_verifies_itself() -> None:
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from lab.cli import main; main()", "demo", "--seconds", "0.3", "--json",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, shown = await demo.communicate()
    assert demo.returncode == 0, shown.decode()
    result = json.loads(out)
    assert result["verified"] is True
    assert [(call["caller"], call["callee"]) for call in result["calls"]] == [
        ("alice", "bob"),
        ("bob", "alice"),
    ]
    suites = [{user: end["suite"] for user, end in call["ends"].items()} for call in result["calls"]]
    assert suites[0] == dict.fromkeys(("alice", "bob"), "AES_CM_128_HMAC_SHA1_80")
    assert suites[1]["bob"] == "AEAD_AES_128_GCM"
    assert "3ge2ae:requested" in shown.decode()
    assert b"inline:" not in out + shown
