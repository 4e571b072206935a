"""The engines that tests run against, by name, and when the native one may be missing."""

import asyncio
import functools
import subprocess
import tomllib
from pathlib import Path

import pytest

from agw.config import EngineSection
from agw.engine.api import Engine
from agw.engine.choice import make_engine, native_missing

NAMES = ("portable", "native")
MANIFEST = Path(__file__).parents[2] / "native" / "Cargo.toml"


def make(name: str, *, workers: int = 1, replay_window: int = 128, ssrcs: int = 64) -> Engine:
    """An engine on the running loop; the caller stops it. Skips or fails as ``require_native``."""
    if name == "native":
        require_native()
    wanted = EngineSection.model_validate({"kind": name, "workers": workers, "replay_window": replay_window})
    return make_engine(asyncio.get_running_loop(), wanted, ssrcs)


def require_native() -> None:
    """Skip where the native engine is missing because nothing could build it; fail where something could."""
    if missing := native_missing():
        without = no_cargo()
        if without is None:
            pytest.fail(f"the native engine {missing}, though there is a cargo: make setup tells why")
        pytest.skip(f"the native engine is not built: {without}")


@functools.cache
def no_cargo() -> str | None:
    """Why the native engine cannot be built here; None: it can."""
    needed = tomllib.loads(MANIFEST.read_text())["workspace"]["package"]["rust-version"]
    try:
        said = subprocess.run(["cargo", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "no cargo here"
    found = said.split()[1]
    return None if _version(found) >= _version(needed) else f"cargo {found} is older than {needed}"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.partition("-")[0].split("."))
