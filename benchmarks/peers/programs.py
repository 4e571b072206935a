"""The C programs: built once, kept beside the build's other products."""

import hashlib
import subprocess
from pathlib import Path

from benchmarks.errors import BenchmarkFailed

_SOURCES = Path(__file__).parent
_BUILD = _SOURCES.parents[1] / "build" / "benchmarks"


def build(name: str, *options: str) -> Path:
    """Return the program made of ``name``.c. Raises BenchmarkFailed: no compiler, no AES-NI or SHA-NI."""
    text = b"".join(path.read_bytes() for path in sorted(_SOURCES.glob("*.[ch]")))
    target = _BUILD / f"{name}-{hashlib.blake2s(text, digest_size=6).hexdigest()}"
    if not target.exists():
        _BUILD.mkdir(parents=True, exist_ok=True)
        command = [
            "gcc",
            "-O2",
            "-march=native",
            "-Wall",
            "-o",
            str(target),
            str(_SOURCES / f"{name}.c"),
            *options,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchmarkFailed(f"{name}.c: {done.stderr.strip()[-400:]}")
    return target
