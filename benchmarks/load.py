"""The load generator: one process for each relay, on a CPU of its own, told what to do line by line."""

import asyncio
import contextlib
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkFailed
from benchmarks.peers import programs
from benchmarks.processes import DRIVER, Group, free_port, quiet

UE, FAR = "127.0.0.1", "127.0.0.4"
"""Where UEs and the core send from."""
PACKETS = 100
"""A second, of one two-way stream."""
HELD = 0.001
"""Share of packets that may be late before a step counts as not held."""
_NICE = -15

Leg = tuple[str, int, str, int, bytes, bytes]
"""Of one stream: the relay's address and port for the UE and for the core, key from the UE, key to the UE."""


@dataclass(frozen=True, slots=True)
class Step:
    """A measured run.

    late: not back 50 ms after its end. slow: took longer than 20 ms; p50, p99, worst: ms. stray: came back,
    but belongs to an earlier run. busy: sends that failed. cpu: seconds of the relay; user: its share in user
    mode. cores, generator: used by the relay and by the load generator. lag: seconds that the generator was
    behind.
    """

    streams: int
    seconds: float
    sent: int
    back: int
    late: int
    bad: int
    stray: int
    slow: int
    busy: int
    cpu: float
    cores: float
    user: float
    generator: float
    lag: float
    p50: float
    p99: float
    worst: float
    stolen: float

    @property
    def cost(self) -> float:
        """us of CPU per packet relayed."""
        return self.cpu * 1e6 / max(self.back, 1)

    @property
    def held(self) -> bool:
        return self.late <= HELD * self.sent

    @property
    def rate(self) -> float:
        return self.back / self.seconds

    @property
    def per_core(self) -> float:
        return self.rate / max(self.cores, 0.001)


class Load:
    """The load generator of one relay. mode: cm80, gcm or plain; ue, core: the ports that it sends from."""

    def __init__(self, group: Group, mode: str) -> None:
        self.mode = mode
        self.ue, self.core = free_port(), free_port()
        self._errors = group.directory / f"loadgen-{self.ue}.log"
        self._process: Process | None = None
        self.working = asyncio.Event()  # the generator: it has the machine for itself then

    async def start(self, relay: int) -> None:
        """relay: process identifier of what is measured."""
        program = programs.build("loadgen", "-lcrypto")
        with self._errors.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                program, str(relay), self.mode, str(self.ue), str(self.core),
                stdin=PIPE, stdout=PIPE, stderr=errors, limit=1 << 20,
            )  # fmt: skip
        place(self._process.pid, {DRIVER})

    async def close(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None

    def add(self, legs: Iterable[Leg]) -> None:
        for ue, ue_port, core, core_port, there, back in legs:
            keys = f"{there.hex() or '-'} {back.hex() or '-'}"
            self._tell(f"stream {ue} {ue_port} {core} {core_port} {keys}")

    async def run(self, streams: int, warm_up: float, seconds: float) -> Step:
        return Step(**await self._ask(f"run {streams} {warm_up} {seconds}"))

    async def stall(self, streams: int, before: float, stop: float, after: float) -> dict[str, Any]:
        """Stop the relay for ``stop`` seconds. again: seconds until each stream flowed, never: streams."""
        return await self._ask(f"stall {streams} {before} {stop} {after}")

    async def backlog(self, streams: int, packets: int, seconds: float) -> dict[str, Any]:
        """Stop the relay while ``packets`` are sent in each direction; at most ``seconds``, which includes
        sending. Returns in seconds how long all took to come back after that."""
        return await self._ask(f"backlog {streams} {packets} {seconds}")

    def _tell(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    async def _ask(self, line: str) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        async with alone():
            self._tell(line)
            self.working.set()
            answer = await self._process.stdout.readline()
            self.working.clear()
        if not answer:
            raise BenchmarkFailed(f"load generator: {self._errors.read_text(encoding='ascii')[-300:]}")
        answered: dict[str, Any] = json.loads(answer)
        return answered


@asynccontextmanager
async def alone() -> AsyncIterator[None]:
    """Hold the machine, as ``quiet``, without holding the loop."""
    lock = quiet()
    await asyncio.to_thread(lock.__enter__)
    try:
        with _precedence():
            yield
    finally:
        lock.__exit__(None, None, None)


@contextlib.contextmanager
def _precedence() -> Iterator[None]:
    """Go before other sessions: where the kernel groups by session, nice counts inside of one (sched(7))."""
    group = Path("/proc/self/autogroup")
    before = group.read_text(encoding="ascii").rpartition(" ")[2] if group.exists() else ""
    with contextlib.suppress(OSError):
        group.write_text(str(_NICE), encoding="ascii")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            group.write_text(before, encoding="ascii")


def place(pid: int, cpus: set[int]) -> None:
    """Give every thread of a process its CPUs, and precedence where that is permitted."""
    for entry in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # it has ended, or we are not root
            os.sched_setaffinity(int(entry.name), cpus)
            os.setpriority(os.PRIO_PROCESS, int(entry.name), _NICE)
