"""``imslab ue`` as a user starts it, against a live edge: over each transport, and what TLS may not trust."""

import json
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from lab.address import Target
from lab.sockets import free_port
from tests.support.certificates import Files, issue
from tests.support.edge import PASSWORD, aor, network
from tests.support.programs import Program

pytestmark = pytest.mark.interop

IMSLAB = ("env", f"IMSLAB_PASSWORD={PASSWORD}", sys.executable, "-c", "from lab.cli import main; main()")


def over(transport: str, files: Files | None) -> tuple[Target, Any]:
    """Return where the edge's only access listener is, and what makes it so."""
    target = Target(transport, "127.0.0.1", free_port("127.0.0.1"))

    def edit(settings: dict[str, Any]) -> None:
        point = {"transport": transport, "address": target.host, "port": target.port}
        if files is None:
            point["confidential"] = True  # nobody reads loopback
        else:
            point |= {"certificate": str(files.certificate), "private_key": str(files.private_key)}
        settings["access"]["listen"] = [point]

    return target, edit


def ue(
    directory: Path, user: str, proxy: Target, *options: str | Path
) -> AbstractAsyncContextManager[Program]:
    place = ("--proxy", f"{proxy.host}:{proxy.port}", "--transport", proxy.transport)
    return Program(*IMSLAB, "ue", aor(user), *place, "--json", *options, directory=directory)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_two_call_each_other(tmp_path: Path, transport: str) -> None:
    files = issue(tmp_path, "edge") if transport == "tls" else None
    trust = ("--ca", files.ca) if files is not None else ()
    target, edit = over(transport, files)
    async with (
        network(edit_pcscf=edit) as net,
        ue(tmp_path, "bob", target, *trust, "--answer", "1") as bob,
    ):
        await bob.line("registered for")
        call = ("--call", aor("bob"), "--duration", "0.5")
        async with ue(tmp_path, "alice", target, *trust, *call) as alice:
            for program in (alice, bob):
                assert await program.ended(20) == 0
                report = json.loads(program.lines[-1])
                assert report["verified"] is True
                assert report["calls"][0]["media"]["exact"] >= 20
                assert report["calls"][0]["media"]["clear"] == 0
        await net.nothing_left()
        assert await net.metric("pcscf", "pcscf_media_decisions_total", action="e2ae") == 2
        assert await net.metric("pcscf", "pcscf_bindings") == 0


@pytest.mark.parametrize("wrong", ["ca", "system", "name"])
async def test_another_certificate_is_not_trusted(tmp_path: Path, wrong: str) -> None:
    """It says nothing to who does not prove to be the P-CSCF, and tells its user why."""
    files = issue(tmp_path, "edge")
    trust: tuple[str | Path, ...] = {
        "ca": ("--ca", issue(tmp_path, "other").ca),
        "system": (),
        "name": ("--ca", files.ca, "--server-name", "pcscf.example"),
    }[wrong]
    target, edit = over("tls", files)
    async with network(edit_pcscf=edit) as net, ue(tmp_path, "alice", target, *trust) as alice:
        assert await alice.ended(20) == 1
        assert "REGISTER: 503 TLS handshake failed" in alice.text
        assert "Traceback" not in alice.text
        assert await net.metric("pcscf", "pcscf_requests_total") == 0


async def test_a_name_of_the_certificate(tmp_path: Path) -> None:
    files = issue(tmp_path, "edge")
    target, edit = over("tls", files)
    trust = ("--ca", files.ca, "--server-name", "localhost")
    async with network(edit_pcscf=edit), ue(tmp_path, "alice", target, *trust) as alice:
        assert await alice.ended(20) == 0
        assert json.loads(alice.lines[-1])["verified"] is True
