"""What operators see of a file that is wrong: place, key and reason, exit status 2, and nothing is opened."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.interop

ROOT = Path(__file__).parents[2]
#: Process; what its file in configs/ says, and says instead; the key that is to blame; words of the reason.
WRONG = [
    ("pcscf", "name: pcscf.ims.example ", "nome: pcscf.ims.example ", "node.nome", "did you mean name"),
    ("pcscf", "transport: udp ", "transport: carrier-pigeon ", "access.listen.0.transport", "'udp'"),
    ("pcscf", "t1: 0.5 ", "t1: soon ", "timers.t1", "number"),
    ("pcscf", "port: 2944", "port: 294400", "iq.listen.port", "65535"),
    ("pcscf", "    - msrp-tls ", "    - rot13 ", "media_security.mechanisms.1", "rot13|'sdes"),
    ("pcscf", "level: info ", "level: [info ", "", "is not valid YAML"),
    ("agw", "ports: [20000, 29999]", "ports: [29999, 20000]", "realms.access.ports", "no even port"),
    ("agw", "replay_window: 128", "replay_window: 1", "engine.replay_window", "64"),
    ("agw", "kind: auto", "kind: quantum", "engine.kind", "'portable'"),
    ("agw", "port: 2944", "port: 294400", "iq.controllers.0.port", "65535"),
    ("agw", "drain: 30", "drain: 30\ndrain: 40", "drain", "twice"),
]


@pytest.mark.parametrize(("command", "cases"), [("check", WRONG), ("run", WRONG[1::5])])
async def test_wrong_files(tmp_path: Path, command: str, cases: list[tuple[str, ...]]):
    for number, (process, right, wrong, key, reason) in enumerate(cases):
        text = (ROOT / "configs" / f"{process}.yaml").read_text(encoding="utf-8")
        file = tmp_path / f"{number}.yaml"
        file.write_text(text.replace(right, wrong, 1), encoding="utf-8")
        status, out, errors = await execute(process, command, file)
        assert (status, out) == (2, ""), errors
        line = text[: text.index(right)].count("\n") + 1 + wrong.count("\n")
        place = re.escape(f"{file}:{line}: {key}: " if key else f"{file}:")
        assert re.search(f"^{place}.*({reason})", errors, re.MULTILINE), errors


@pytest.mark.parametrize("process", ["pcscf", "agw"])
async def test_the_shipped_files_are_right(process: str):
    file = ROOT / "configs" / f"{process}.yaml"
    status, out, _ = await execute(process, "check", file)
    facts = {
        "pcscf": "",
        "agw": r"engine: (native|portable), workers: 1, suites: AES_CM_128_HMAC_SHA1_80 .*\n",
    }
    assert status == 0
    assert re.fullmatch(re.escape(f"{file}: valid\n") + facts[process], out)


@pytest.mark.parametrize("process", ["pcscf", "agw"])
async def test_a_file_that_is_not_there(process: str, tmp_path: Path):
    status, out, errors = await execute(process, "run", tmp_path / "absent.yaml")
    assert (status, out) == (2, "")
    assert str(tmp_path / "absent.yaml") in errors
    assert "Traceback" not in errors


async def execute(process: str, command: str, file: Path) -> tuple[int, str, str]:
    """Run a command of a process to its end; return status, standard output and standard error."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", process, command, "-c", str(file),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await asyncio.wait_for(running.communicate(), 20)
    assert running.returncode is not None
    return running.returncode, out.decode(), errors.decode()
