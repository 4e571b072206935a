"""agw.engine.choice: which engine is used where the native one is there, is not, or cannot be loaded."""

import asyncio
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import agw.engine
from agw.cli import app
from agw.config import EngineSection
from agw.engine.choice import Choice, describe, make_engine, native_missing
from iq.suites import MANDATORY_SUITE, SUITES

NAME = "agw.engine._native"
CONFIGURATION = "node: {name: agw.ims.example}\nrealms: {a: {ports: [1, 9]}, b: {ports: [20, 29]}}\n"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where agw.engine looks for its native module first; nothing of it is left after the test."""
    monkeypatch.setattr(agw.engine, "__path__", [str(tmp_path), *agw.engine.__path__])
    monkeypatch.setattr(agw.engine, "_native", None, raising=False)
    monkeypatch.delattr(agw.engine, "_native")
    monkeypatch.setitem(sys.modules, NAME, None)
    monkeypatch.delitem(sys.modules, NAME)
    return tmp_path


@pytest.fixture
def built(folder: Path) -> None:
    (folder / "_native.py").write_text(f"SUITES = {tuple(SUITES)}\n")


@pytest.fixture
def not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, NAME, None)


@pytest.fixture
def broken(folder: Path) -> None:
    (folder / "_native.abi3.so").write_bytes(b"no library")


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("kind", ["auto", "native"])
def test_the_native_one_where_it_is_built(kind: str) -> None:
    assert native_missing() is None
    section = EngineSection.model_validate({"kind": kind, "workers": 2})
    assert describe(section) == Choice("native", 2, tuple(SUITES))


@pytest.mark.usefixtures("not_built")
def test_the_portable_one_where_none_is_built() -> None:
    assert native_missing() == "is not built here"
    chosen = describe(EngineSection())
    assert (chosen.name, chosen.workers) == ("portable", 1)
    assert MANDATORY_SUITE in chosen.suites


@pytest.mark.usefixtures("broken")
def test_a_module_that_cannot_be_loaded_is_told() -> None:
    missing = native_missing()
    assert missing is not None
    assert missing.startswith("cannot be loaded here: ")
    assert describe(EngineSection()).name == "portable"


@pytest.mark.usefixtures("built")
def test_portable_means_portable() -> None:
    assert describe(EngineSection(kind="portable")).name == "portable"


@pytest.mark.usefixtures("not_built")
async def test_an_engine_is_what_was_described() -> None:
    section = EngineSection(replay_window=256)
    engine = make_engine(asyncio.get_running_loop(), section, ssrcs=8)
    try:
        abilities = engine.abilities
        assert Choice(abilities.name, abilities.workers, abilities.suites) == describe(section)
        assert abilities.replay_window == 256
    finally:
        engine.stop()


def check(tmp_path: Path, engine: str) -> tuple[int, list[str]]:
    """Status and lines of ``agw check``."""
    path = tmp_path / "agw.yaml"
    path.write_text(f"{CONFIGURATION}engine: {engine}\n")
    result = CliRunner().invoke(app, ["check", "-c", str(path)])
    return result.exit_code, result.output.replace(str(path), "agw.yaml").splitlines()


@pytest.mark.usefixtures("built")
def test_check_tells_the_engine(tmp_path: Path) -> None:
    assert check(tmp_path, "{workers: 4}") == (
        0,
        ["agw.yaml: valid", f"engine: native, workers: 4, suites: {' '.join(SUITES)}"],
    )


@pytest.mark.usefixtures("not_built")
def test_check_refuses_the_native_engine_where_it_is_not_built(tmp_path: Path) -> None:
    assert check(tmp_path, "{kind: native}") == (
        2,
        [
            "agw.yaml:3: engine.kind: native is not built here;"
            " make setup builds it where cargo is, auto or portable goes without"
        ],
    )


@pytest.mark.usefixtures("not_built")
def test_workers_without_effect_are_warned_of(tmp_path: Path) -> None:
    status, lines = check(tmp_path, "{workers: 4}")
    assert status == 0
    assert "agw.yaml:3: engine.workers: has no effect: the native engine is not built here (warning)" in lines
    assert any(line.startswith("engine: portable, workers: 1, suites: AES_CM") for line in lines)
