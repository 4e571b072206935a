"""On what the figures were taken: without it no figure means anything."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

#: Command that prints the version of a peer, by the name it has here.
_VERSIONS = {
    "Kamailio": ["kamailio", "-v"],
    "rtpengine": ["rtpengine", "--version"],
    "SIPp": ["sipp", "-v"],
    "socat": ["socat", "-V"],
    "stunnel": ["stunnel4", "-version"],
}
_LIBRARIES = ("uvloop", "pylibsrtp", "structlog")


def describe(peers: Iterable[str] = ()) -> str:
    """Return a paragraph: processor, kernel, versions, and what else the machine is doing."""
    lines = [
        f"machine   {_cpu_model()}, {os.cpu_count()} CPUs, {_memory()} of memory, {_virtual()}",
        f"system    {_release()}, kernel {platform.release()}",
        f"Python    {platform.python_version()}, "
        + ", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES),
    ]
    lines += [f"{name:9s} {_version(_VERSIONS[name])}" for name in peers]
    lines.append(f"load      {' '.join(f'{value:.2f}' for value in os.getloadavg())} before the first run")
    return "\n".join(lines)


class Steal:
    """Seconds that the hypervisor took from this machine, and that others used its processors."""

    def __init__(self) -> None:
        self._before = _stolen()

    def seconds(self) -> float:
        return _stolen() - self._before


def _stolen() -> float:
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    return int(fields[8]) / os.sysconf("SC_CLK_TCK")


def _cpu_model() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory() -> str:
    found = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE)
    return f"{int(found[1]) / 1048576:.0f} GiB" if found else "?"


def _virtual() -> str:
    virtual = re.search(
        r"^flags\s*:.*\bhypervisor\b", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE
    )
    return "virtual machine" if virtual else "no hypervisor"


def _release() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def _version(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "not installed"
    text = f"{done.stdout}\n{done.stderr}"
    found = re.search(r"\bv?(\d+\.\d+[^\s,()]*)", text)
    return found[1] if found else "?"
