"""The rooms and their walls: what may import what, and how long a file may be."""

import ast
import functools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("pcscf", "agw", "iq", "lab", "hosting")

#: No sockets, no clock, no randomness, no logging: these come in as arguments, or go out as values.
FORBIDDEN_IN_PURE = {
    "asyncio",
    "concurrent",
    "logging",
    "multiprocessing",
    "os",
    "random",
    "secrets",
    "select",
    "selectors",
    "signal",
    "socket",
    "ssl",
    "structlog",
    "subprocess",
    "threading",
    "time",
    "uvloop",
}
PURE_ROOMS = (
    "pcscf.sip",
    "pcscf.transaction",
    "pcscf.registration",
    "pcscf.proxy",
    "pcscf.sdp",
    "pcscf.alg",
    "pcscf.flow",
    "pcscf.errors",
    "pcscf.admin.counters",
    "pcscf.admission",
    "pcscf.overload",
    "pcscf.ratelimit",
    "iq",
    "agw.control",
    "agw.dtls.api",
    "agw.engine.api",
    "agw.errors",
    "agw.security.api",
    "agw.tcp.api",
    "agw.tcp.msrp",
    "agw.tcp.states",
    "hosting.counters",
)
#: The thin shells inside those rooms.
SHELLS = (
    "pcscf.transaction.runner",
    "iq.association",
    "iq.controller",
    "iq.gateway",
    "iq.peer",
)
#: Who may not know whom: the two processes share nothing but Iq, and the lab would prove little about rules
#: that it takes from what it tests.
STRANGERS = {
    "pcscf": ("agw", "lab"),
    "agw": ("pcscf", "lab"),
    "iq": ("pcscf", "agw", "lab", "hosting"),
    "hosting": ("pcscf", "agw", "lab", "iq"),
    "lab": ("agw", "pcscf.alg", "pcscf.sdp"),
}
MAX_LINES = 400


def modules() -> dict[str, Path]:
    """Dotted name -> file, for every module of the packages."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def inside(module: str, rooms: tuple[str, ...]) -> bool:
    return any(module == room or module.startswith(room + ".") for room in rooms)


def is_pure(module: str) -> bool:
    return inside(module, PURE_ROOMS) and not inside(module, SHELLS)


PURE = sorted(name for name in MODULES if is_pure(name))


@functools.cache
def imports(module: str) -> list[tuple[str, int]]:
    """Every module that ``module`` imports, wherever in the file, with the line."""
    return list(_imports(module))


def _imports(module: str) -> Iterator[tuple[str, int]]:
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            for alias in node.names:
                below = f"{base}.{alias.name}"
                yield (below if below in MODULES else base), node.lineno


def test_the_walk_sees_the_project() -> None:
    assert {"pcscf.sip.message", "iq.procedures", "hosting.daemon"} <= set(MODULES)
    assert ("iq.errors", 3) in set(imports("pcscf.errors"))
    assert len(PURE) > 10


@pytest.mark.parametrize("module", PURE)
def test_a_pure_room_does_no_io(module: str) -> None:
    wrong = [
        f"{MODULES[module].relative_to(ROOT)}:{line}: {name}"
        for name, line in imports(module)
        if name.partition(".")[0] in FORBIDDEN_IN_PURE
    ]
    assert wrong == []


@pytest.mark.parametrize("module", PURE)
def test_a_pure_room_knows_only_pure_rooms_and_the_standard_library(module: str) -> None:
    wrong = [
        f"{MODULES[module].relative_to(ROOT)}:{line}: {name}"
        for name, line in imports(module)
        if name.partition(".")[0] not in sys.stdlib_module_names and not is_pure(name) and not is_root(name)
    ]
    assert wrong == []


def is_root(name: str) -> bool:
    """A bare package such as ``pcscf``, which holds nothing (see the test below)."""
    return name in PACKAGES


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_itself_holds_nothing(package: str) -> None:
    """Else importing a pure room of it would import more than that room."""
    assert list(imports(package)) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_strangers_stay_strangers(package: str) -> None:
    wrong = [
        f"{MODULES[module].relative_to(ROOT)}:{line}: {name}"
        for module in MODULES
        if inside(module, (package,))
        for name, line in imports(module)
        if inside(name, STRANGERS[package])
    ]
    assert wrong == []


def test_no_file_is_too_long_to_read() -> None:
    files = [path for folder in (*PACKAGES, "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    long = {}
    for path in files:
        lines = len(path.read_text().splitlines())
        if lines > MAX_LINES:
            long[str(path.relative_to(ROOT))] = lines
    assert long == {}


def test_no_pattern_has_a_possessive_group() -> None:
    """Python 3.11.2, which Debian 12 has, matches them wrongly (CPython gh-101955)."""
    possessive = re.compile(r"[)}](?:[*+?]|\{[0-9,]+\})\+")
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and possessive.search(node.value)
    ]
    assert found == []
