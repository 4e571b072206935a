"""Processes under measurement: started pinned to a CPU, their CPU clocks and memory read, ended by id."""

import contextlib
import fcntl
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from benchmarks.errors import BenchmarkFailed

#: What is measured runs on the first CPU of this process, what drives it on the last one.
_ALLOWED = sorted(os.sched_getaffinity(0))
SUBJECT, DRIVER = _ALLOWED[0], _ALLOWED[-1]
#: Seconds that a process has to end after SIGTERM.
STOP_WAIT = 10.0
_NICE = -10
#: Above the ephemeral ports of Linux (32768 to 60999).
_PORTS = range(61_000, 65_000)


class Child:
    """A process of ours. ``log`` is all that it wrote."""

    def __init__(self, name: str, command: Sequence[str], directory: Path, cpu: int) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        with self.log.open("ab") as out:
            self._popen = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=directory,
                process_group=0,  # an interrupt is for us alone: we end the others in their order
            )
        os.sched_setaffinity(self.pid, {cpu})
        with contextlib.suppress(OSError):  # needs root; without it others disturb more
            os.setpriority(os.PRIO_PROCESS, self.pid, _NICE)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def status(self) -> int | None:
        """The exit status, None while it runs."""
        return self._popen.poll()

    def expect(self, text: str, seconds: float = 20.0) -> None:
        """Wait till ``text`` is in the log. Raises BenchmarkFailed."""
        deadline = time.monotonic() + seconds
        while text not in self.log.read_text(encoding="utf-8", errors="replace"):
            if self.status is not None or time.monotonic() > deadline:
                raise BenchmarkFailed(f"{self.name} did not get ready: {self.last_words()}")
            time.sleep(0.05)

    def alive(self) -> None:
        """Raises BenchmarkFailed if it has ended."""
        if self.status is not None:
            raise BenchmarkFailed(f"{self.name} ended with status {self.status}: {self.last_words()}")

    def wait(self, seconds: float) -> int:
        """Return the exit status; a process that takes longer is ended."""
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            return -1

    def signal(self, number: signal.Signals) -> None:
        if self.status is None:
            self._popen.send_signal(number)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that does not help."""
        if self.status is None:
            self._popen.terminate()
            try:
                self._popen.wait(STOP_WAIT)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait()

    def pids(self) -> list[int]:
        """Return its id and those of its descendants."""
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    parent = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
                    children.setdefault(int(parent), []).append(int(entry.name))
        found = [self.pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    def last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return " / ".join(lines[-3:])[-600:] or "it wrote nothing"


class Group:
    """Processes with one directory for their files; ending the block ends them, the last one first."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="edge-bench-")
        self.directory = Path(self._temporary.name)
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        signal.signal(signal.SIGTERM, _interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        for child in reversed(self._children):
            child.stop()
        self._temporary.cleanup()

    def start(self, name: str, *command: str, cpu: int = SUBJECT) -> Child:
        child = Child(name, command, self.directory, cpu)
        self._children.append(child)
        return child

    def drop(self, child: Child) -> None:
        """End one process before the others."""
        child.stop()
        self._children.remove(child)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return utime + stime of processes, exact to nanoseconds (their CPU clocks, clock_getcpuclockid(3))."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def resident(pids: Sequence[int]) -> int:
    """Return the resident memory of processes, in kB."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Rss:"):
                total += int(line.split()[1])
    return total


def forget_peak(pids: Sequence[int]) -> int:
    """Let ``peak`` begin anew; return the resident memory of processes now, in kB."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
    return peak(pids)


def peak(pids: Sequence[int]) -> int:
    """Return the most resident memory that processes had, each at its own time, in kB."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1])
    return total


def open_files(pids: Sequence[int]) -> int:
    """Return how many file descriptors processes have open."""
    return sum(1 for pid in pids for _ in Path(f"/proc/{pid}/fd").iterdir())


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold the machine: two benchmarks at a time would measure each other."""
    with (Path(tempfile.gettempdir()) / "bench.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def driving() -> Iterator[None]:
    """Keep this process beside the load, away from what is measured."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {DRIVER})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free for UDP and TCP, and that the kernel gives nobody by itself."""
    for port in random.sample(_PORTS, 200):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BenchmarkFailed("no free port")
