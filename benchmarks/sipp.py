"""SIPp on both sides: registrar and called side in the core, calling UEs on the access side."""

import csv
import signal
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkFailed
from benchmarks.processes import DRIVER, Child, Group, free_port

#: Share of calls that may be lost before a rate counts as not held.
HELD = 0.001
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

    @property
    def all(self) -> int:
        return self.succeeded + self.lost


class Sipp:
    """The SIPp processes of a benchmark. ``uas`` and ``registrar`` are the ports that they listen on,
    ``children`` the two."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self.uas, self.registrar = free_port(), free_port()
        self._count = 0
        self.children: list[Child] = []

    def serve(self, uas: str = "uas.xml", registrar: str = "registrar_digest.xml") -> None:
        """Start what answers calls and what answers REGISTER, by their scenarios."""
        self.children = [
            # By its octets a repeated ACK is a new one to SIPp, as the branch of the proxy differs: it would
            # be unexpected, the call dropped, its BYE never answered.
            self._start("uas", uas, self.uas, *_OPEN, "-rtcheck", "loose"),
            self._start("registrar", registrar, self.registrar, "-s", str(self.uas), *_OPEN),
        ]

    @property
    def serving(self) -> list[int]:
        """Process ids of what answers."""
        return [child.pid for child in self.children]

    def register(self, edge: int, port: int) -> None:
        """Register the UE at ``port`` through the P-CSCF at ``edge``. Raises BenchmarkFailed."""
        name = self._name("register")
        options = ["-m", "1", "-timeout", "5", "-inf", str(self._users(name, ["ue"]))]
        child = self._start(name, "register_digest.xml", port, f"127.0.0.1:{edge}", *options)
        if child.wait(10) != 0:
            raise BenchmarkFailed(f"registration failed: {child.last_words()}")

    def call(self, edge: int, port: int, rate: float, calls: int, *, hold: int = 0) -> "Run":
        """Start to place ``calls`` calls from ``port`` at ``rate`` a second; hold: ms until BYE."""
        return self.run("uac.xml", edge, port, rate, calls, hold=hold)

    def run(
        self,
        scenario: str,
        edge: int,
        port: int,
        rate: float,
        count: int,
        *,
        hold: int = 0,
        to: str = "bob",
        users: int = 1,
        every: int = 1,
    ) -> "Run":
        """Start to run ``scenario`` ``count`` times at ``rate`` a second towards the P-CSCF at ``edge``.

        hold: ms of each of its pauses; to: the user called; users: how many register in turn; every: seconds
        between two lines of SIPp's counters.
        """
        name = self._name(Path(scenario).stem)
        path = self._group.directory / f"{name}.csv"
        seconds = count / rate + 3 * hold / 1000 + LATE
        child = self._start(
            name, scenario, port, f"127.0.0.1:{edge}", *_OPEN,
            "-r", f"{rate:g}", "-rp", "1000", "-m", str(count), "-d", str(hold), "-s", to,
            "-inf", str(self._users(name, [f"u{number}" for number in range(users)])),
            "-trace_stat", "-stf", str(path), "-fd", str(every), "-timeout", str(int(seconds)),
        )  # fmt: skip
        return Run(child, path, seconds)

    def _users(self, name: str, users: list[str]) -> Path:
        """Write the users of a run, who take turns: what SIPp calls field0."""
        path = self._group.directory / f"{name}.users"
        path.write_text("\n".join(["SEQUENTIAL", *(f"{user};" for user in users), ""]), encoding="ascii")
        return path

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

    @property
    def child(self) -> Child:
        return self._child

    def wait(self, seconds: float | None = None) -> Calls:
        """Wait till all calls have ended, or their time (``seconds``, where that is given) is over."""
        self._child.wait(self._seconds + 5 if seconds is None else seconds)
        return self.calls()

    def no_more(self) -> None:
        """Begin no more calls; those under way go on."""
        self._child.signal(signal.SIGUSR1)

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
