"""SIPp on both sides: registrar and called side in the core, calling UEs on the access side."""

import csv
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkFailed
from benchmarks.processes import DRIVER, Child, Group, free_port

_SCENARIOS = Path(__file__).with_name("scenarios")
#: Seconds that a run may take longer than its calls: Timer B and F are 32 s, a broken run is not worth them.
LATE = 10
_COMMON = ["-i", "127.0.0.1", "-mi", "127.0.0.1", "-nostdin", "-buff_size", "4000000"]
#: Calls at a time that SIPp may have.
_OPEN = ["-l", "100000"]


@dataclass
class Calls:
    """What became of the calls of one run."""

    succeeded: int
    failed: int
    retransmissions: int
    current: int

    @property
    def lost(self) -> int:
        return self.failed + self.current


class Sipp:
    """The SIPp processes of a benchmark. ``uas`` and ``registrar`` are the ports that they listen on."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self.uas, self.registrar = free_port(), free_port()
        self._count = 0

    def serve(self) -> None:
        """Start what answers REGISTER and what answers calls."""
        self._start("uas", "uas.xml", self.uas, *_OPEN)
        self._start("registrar", "registrar.xml", self.registrar, "-s", str(self.uas))

    def register(self, edge: int, port: int) -> None:
        """Register the UE at ``port`` through the P-CSCF at ``edge``. Raises BenchmarkFailed."""
        name = self._name("register")
        child = self._start(name, "register.xml", port, f"127.0.0.1:{edge}", "-m", "1", "-timeout", "5")
        if child.wait(10) != 0:
            raise BenchmarkFailed(f"registration failed: {child.last_words()}")

    def call(self, edge: int, port: int, rate: int, calls: int, *, hold: int = 0) -> "Run":
        """Start to place ``calls`` calls from ``port`` at ``rate`` a second; hold: ms until BYE."""
        name = self._name("uac")
        path = self._group.directory / f"{name}.csv"
        seconds = calls / rate + hold / 1000 + LATE
        child = self._start(
            name, "uac.xml", port, f"127.0.0.1:{edge}", *_OPEN,
            "-r", str(rate), "-rp", "1000", "-m", str(calls), "-d", str(hold), "-s", "bob",
            "-trace_stat", "-stf", str(path), "-fd", "1", "-timeout", str(int(seconds)),
        )  # fmt: skip
        return Run(child, path, seconds)

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"

    def _start(self, name: str, scenario: str, port: int, *options: str) -> Child:
        command = ["sipp", "-sf", str(_SCENARIOS / scenario), "-p", str(port), *_COMMON, *options]
        return self._group.start(name, *command, cpu=DRIVER)


class Run:
    """Calls under way."""

    def __init__(self, child: Child, path: Path, seconds: float) -> None:
        self._child = child
        self._path = path
        self._seconds = seconds

    def wait(self) -> Calls:
        """Wait till all calls have ended, or their time is over."""
        self._child.wait(self._seconds + 5)
        return self.calls()

    def calls(self) -> Calls:
        """Return what SIPp has counted (it writes once a second). Raises BenchmarkFailed."""
        try:
            with self._path.open(encoding="ascii", newline="") as file:
                head, *rows = list(csv.reader(file, delimiter=";"))
        except (OSError, ValueError) as error:
            raise BenchmarkFailed(f"SIPp counted nothing ({error}): {self._child.last_words()}") from None
        last = dict(zip(head, rows[-1], strict=False))
        return Calls(
            int(last["SuccessfulCall(C)"]),
            int(last["FailedCall(C)"]),
            int(last["Retransmissions(C)"]),
            int(last["CurrentCall"]),
        )
