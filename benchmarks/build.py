"""Which code is measured: the compiled tree where it was built, else the source tree."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.errors import BenchmarkFailed

SOURCE = Path(__file__).parents[1]
COMPILED = SOURCE / "build" / "compiled"


def choose(build: str | None) -> str:
    """Import from ``build``, here and in all processes started from now on; return which file that finds.

    build: a directory, "source" for the source tree, None for the compiled tree where there is one. Packages
    that the directory does not have come from the source tree. Raises BenchmarkFailed.
    """
    tree = SOURCE if build == "source" else Path(build) if build else COMPILED
    if build is None and not tree.is_dir():
        tree = SOURCE
    if not tree.is_dir():
        raise BenchmarkFailed(f"there is no directory {tree}")
    trees = dict.fromkeys([tree.resolve(), SOURCE])
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, trees))
    sys.path[:0] = map(str, trees)
    return _imported()


def _imported() -> str:
    """Ask an interpreter that is started as the daemons are: in a directory that is not the project's."""
    done = subprocess.run(
        [sys.executable, "-c", "import pcscf.sip.message as module; print(module.__file__)"],
        capture_output=True,
        text=True,
        cwd=tempfile.gettempdir(),
        check=False,
    )
    if done.returncode:
        raise BenchmarkFailed(f"the daemons cannot be imported: {done.stderr.strip()[-400:]}")
    return done.stdout.strip()
