"""Real peers from Debian as subprocesses: watched by their output and sockets, ended by their pid."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self, TypeVar

import pytest

#: Seconds between two looks at what tells of no change by itself (metrics, sockets of other processes).
LOOK = 0.03
#: Seconds that a program gets to end after SIGTERM.
STOP_WAIT = 10.0

T = TypeVar("T")


def need(*programs: str, root: bool = False) -> None:
    """Skip the test where a program is not installed; with CI set in the environment it fails instead."""
    missing = [name for name in programs if shutil.which(name) is None]
    reason = f"not installed: {', '.join(missing)} (make setup installs it)" if missing else ""
    if root and not reason and os.geteuid() != 0:
        reason = "needs root for raw sockets"
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


async def until(look: Callable[[], Awaitable[T]], good: Callable[[T], bool], within: float = 10.0) -> T:
    """Look again and again until what is seen is good, and return it; fail with what was seen last."""
    deadline = asyncio.get_running_loop().time() + within
    while not good(seen := await look()):
        assert asyncio.get_running_loop().time() < deadline, f"after {within:g} s still: {seen}"
        await asyncio.sleep(LOOK)
    return seen


class Program:
    """A running program; ``lines`` is what it wrote on standard output and standard error."""

    def __init__(self, *command: str | Path, directory: Path) -> None:
        self.command = [str(part) for part in command]
        self.lines: list[str] = []
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self.command,
            cwd=self._directory,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=1 << 20,
        )
        self._reader = asyncio.get_running_loop().create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def text(self) -> str:
        return "".join(self.lines)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def line(self, pattern: str, within: float = 15.0) -> re.Match[str]:
        """Wait for a line of its output that matches, from the first one on."""
        expression = re.compile(pattern)
        seen = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while True:
                    self._news.clear()
                    for text in self.lines[seen:]:
                        if found := expression.search(text):
                            return found
                    seen = len(self.lines)
                    assert self.running, f"{self.command[0]} ended: {self.text[-2000:]}"
                    await self._news.wait()
        raise AssertionError(f"{self.command[0]} did not say {pattern!r}: {self.text[-2000:]}")

    async def listening(self, port: int, protocol: str = "udp") -> None:
        """Wait until somebody has bound ``port``, while the program runs."""

        async def look() -> bool:
            assert self.running, f"{self.command[0]} ended: {self.text[-2000:]}"
            return bound(port, protocol)

        await until(look, bool, 15.0)

    async def ended(self, within: float) -> int:
        """Wait for its own end and return the exit status."""
        assert self._process is not None
        assert self._reader is not None
        try:
            status = await asyncio.wait_for(self._process.wait(), within)
        except TimeoutError:
            raise AssertionError(f"{self.command[0]} goes on: {self.text[-2000:]}") from None
        await self._reader
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Signal this one process."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, by force where it does not end by itself."""
        if self._process is None:
            return
        self.send_signal(number)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_WAIT)
        except TimeoutError:
            self.send_signal(signal.SIGKILL)
            await self._process.wait()
        if self._reader is not None:
            await self._reader

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                self.lines.append(line.decode("utf-8", "replace"))
                self._news.set()
        finally:
            self._news.set()


def bound(port: int, protocol: str) -> bool:
    """Tell whether a local IPv4 socket has ``port`` (tcp: listens on it)."""
    for line in Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]:
        _, local, _, state, *_ = line.split()
        if int(local.rpartition(":")[2], 16) == port and (protocol == "udp" or state == "0A"):
            return True
    return False


def udp_ports(pid: int) -> list[int]:
    """Return the local ports of the IPv4 UDP sockets of a process, in order."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(entry.readlink().name)
    rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return sorted(int(row[1].rpartition(":")[2], 16) for row in rows if f"socket:[{row[9]}]" in inodes)
