"""What the compiler is given is the same module: line by line, and each dataclass built alike."""

import dataclasses
import inspect
import sys
from pathlib import Path
from types import ModuleType

import pytest

import setup_sources

ROOT = Path(__file__).parents[2]
PARTS = ("pcscf", "iq", "agw/control")
MODULES = sorted(
    str(path.relative_to(ROOT))
    for part in PARTS
    for path in (ROOT / part).rglob("*.py")
    if path.name != "__main__.py"
)
EMPTY = inspect.Parameter.empty


def changed(source: str) -> str:
    """Return what becomes of lines behind a docstring."""
    import_of_final = '"""Text."""\nfrom typing import Final as _Final\n'
    return setup_sources.changed(f'"""Text."""\n\n{source}').removeprefix(import_of_final)


def run(source: str) -> ModuleType:
    """Return the module of ``source``, executed under a name of its own."""
    module = ModuleType("seen")
    sys.modules["seen"] = module  # dataclasses looks there
    try:
        exec(source, module.__dict__)
    finally:
        del sys.modules["seen"]
    return module


@pytest.mark.parametrize("name", MODULES)
def test_every_line_keeps_its_number(name: str) -> None:
    source = (ROOT / name).read_text("utf-8")
    lines, seen = source.split("\n"), setup_sources.changed(source).split("\n")
    assert len(lines) == len(seen)
    for before, after in zip(lines, seen, strict=True):
        assert after == before or not before or after.endswith(" = " + before.partition(" = ")[2])


@pytest.mark.parametrize("name", MODULES)
def test_dataclasses_are_built_as_before(name: str) -> None:
    source = (ROOT / name).read_text("utf-8")
    original, seen = run(source), run(setup_sources.changed(source))
    for label, cls in vars(seen).items():
        if not isinstance(cls, type) or cls.__module__ != "seen" or not dataclasses.is_dataclass(cls):
            continue
        before = inspect.signature(getattr(original, label)).parameters
        after = inspect.signature(cls).parameters
        assert list(after) == list(before)
        needed = dict.fromkeys(key for key, parameter in after.items() if parameter.default is EMPTY)
        for field in dataclasses.fields(cls):
            if field.default_factory is not dataclasses.MISSING:
                assert getattr(cls(**needed), field.name) == field.default_factory()
            elif field.default is not dataclasses.MISSING:
                assert after[field.name].default == field.default
            else:
                assert after[field.name].default is EMPTY


def test_a_dataclass_gets_its_init_on_the_blank_line_behind_it() -> None:
    source = (
        "from dataclasses import dataclass, field\n"
        "@dataclass(slots=True)\n"
        "class Way:\n"
        "    host: str\n"
        "    port: int = 5060\n"
        "    tried: list[str] = field(default_factory=list)\n"
        "\n"
        "\n"
    )
    (written,) = set(changed(source).split("\n")) - set(source.split("\n"))
    assert written == (
        "    def __init__(self, host: str, port: int = 5060, tried: list[str] | None = None) -> None: "
        "self.host = host; self.port = port; self.tried = list() if tried is None else tried"
    )


@pytest.mark.parametrize(
    "text",
    [
        "@dataclass(frozen=True)\nclass Way:\n    host: str\n\n",
        "@dataclass\nclass Way(Base):\n    host: str\n\n",
        "@dataclass\nclass Way:\n    host: str\n    def __init__(self) -> None: ...\n\n",
        "@dataclass\nclass Way:\n    host: str\nways = [Way]\n",
        "class Way:\n    host: str\n\n",
        "count = 0\n",
        "LIMIT = 1\nLIMIT = 2\n",
        "ONE, TWO = 1, 2\n",
        "def f():\n    LIMIT = 1\n",
    ],
)
def test_what_it_does_not_know_stays(text: str) -> None:
    assert changed(text) == text


def test_constants_are_final() -> None:
    assert changed("LIMIT = 1\n_NAMES: set[str] = set()\n") == (
        "LIMIT: _Final = 1\n_NAMES: _Final[set[str]] = set()\n"
    )
