"""hosting.cli by way of ``pcscf``: what both commands answer, and with which status."""

import asyncio
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hosting.cli import application
from hosting.sections import Root

ROOT = Path(__file__).parents[3]
app = application("sample", Root, "absent:serve", about="A sample.")


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(one) for one in arguments])


async def spawn(*arguments: object) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pcscf",
        *map(str, arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def test_version() -> None:
    result = invoke("--version")
    assert result.exit_code == 0
    assert re.fullmatch(r"sample \S+\n", result.stdout)


def test_check_says_what_is_wrong_and_where(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("drain: 5\n")
    result = invoke("check", "-c", path)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{path}: valid\n", "")
    path.write_text("drain: 5\nlog: {level: loud}\nzzz: 1\n")
    result = invoke("check", "-c", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.removeprefix(str(path)).split(" ")[0] for line in result.stderr.splitlines()] == [
        ":2:",
        ":3:",
    ]


def test_check_tells_the_facts_of_a_valid_file(tmp_path: Path) -> None:
    telling = application(
        "sample", Root, "absent:serve", about="A sample.", facts=lambda root: [f"drain: {root.drain}", "more"]
    )
    path = tmp_path / "x.yaml"
    path.write_text("drain: 5\n")
    result = CliRunner().invoke(telling, ["check", "-c", str(path)])
    assert (result.exit_code, result.stdout) == (0, f"{path}: valid\ndrain: 5.0\nmore\n")
    path.write_text("drain: wrong\n")
    result = CliRunner().invoke(telling, ["check", "-c", str(path)])
    assert (result.exit_code, result.stdout) == (2, "")


def test_check_warns_without_refusing(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("admin:\n  address: 192.0.2.1\n")
    result = invoke("check", "-c", path)
    assert result.exit_code == 0
    assert result.stderr.startswith(f"{path}:2: admin.address: is outside loopback")
    assert result.stderr.endswith("(warning)\n")


@pytest.mark.parametrize("arguments", [(), ("check",), ("run",), ("nonsense",), ("check", "-x")])
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert invoke(*arguments).exit_code == 2


def test_run_refuses_like_check(tmp_path: Path) -> None:
    result = invoke("run", "-c", tmp_path / "none.yaml")
    assert result.exit_code == 2
    assert result.stderr == f"{tmp_path}/none.yaml:1: cannot be read: No such file or directory\n"


async def test_the_installed_command(tmp_path: Path) -> None:
    assert await spawn("check", "-c", "configs/pcscf.yaml") == (
        0,
        "configs/pcscf.yaml: valid\n",
        "configs/pcscf.yaml:14: access.listen: no listener is confidential,"
        " so sdes-srtp is announced to nobody and RTP stays plain (warning)\n",
    )


async def test_check_opens_nothing(tmp_path: Path) -> None:
    """Not even the modules that could: ``check`` runs on machines that only edit the file."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys, pcscf.cli; print([name for name in ('aiohttp', 'pcscf.app') if name in sys.modules])",
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert out == b"[]\n"


RUN = """
import sys
from hosting.cli import application
from hosting.sections import Root

async def serve(config, stopping):
    stopping.on_reload = lambda new: stopping.request()
    stopping.ready(drain=config.drain)
    await stopping.wait()

sys.modules["served"] = sys.modules["__main__"]
application("sample", Root, "served:serve", about="A sample.")(sys.argv[1:])
"""


async def test_run_until_a_signal(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("drain: 5\nadmin:\n  address: 192.0.2.1\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN, "run", "-c", str(path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    lines = []
    async for line in process.stdout:
        lines.append(line)
        if b'"ready"' in line:
            path.write_text("drain: wrong\n")
            process.send_signal(signal.SIGHUP)
        elif b"refused" in line:
            path.write_text("drain: 6\n")
            process.send_signal(signal.SIGHUP)
    assert await process.wait() == 0
    assert re.findall(rb'"event": "([a-z]+)', b"".join(lines)) == [
        b"starting",
        b"configuration",
        b"ready",
        b"configuration",
        b"configuration",
        b"stopped",
    ]
    assert b"drain: input should be a valid number" in lines[3]
