"""What the daemons hold, seen from outside: memory, open files, their own gauges, errors in their logs."""

import re
import urllib.request
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.errors import BenchmarkFailed
from benchmarks.growth import Bound
from benchmarks.processes import Child, open_files, resident

RSS, FILES = "RSS kB", "open files"
#: At 20 calls/s 100 octets a call. Two megabytes are a few arenas of the allocator.
_MEMORY = Bound(8192, least=2048)
#: By process: what is sampled, and what it may grow. Gauges by their names in /metrics, which follow the
#: load and are to come back to where they were when it has ended.
WATCHED: dict[str, dict[str, Bound]] = {
    "pcscf": {
        RSS: _MEMORY,
        FILES: Bound(10, rest=0),
        "pcscf_active_calls": Bound(10, rest=0),
        "pcscf_transactions": Bound(100, rest=0),
        "pcscf_timers": Bound(100, rest=0),
        "pcscf_tasks": Bound(10, rest=0),
        "pcscf_bindings": Bound(10, rest=0),
        "pcscf_connections": Bound(10, rest=0),
    },
    "agw": {
        RSS: _MEMORY,
        FILES: Bound(50, rest=0),
        "agw_contexts": Bound(10, rest=0),
        "agw_terminations": Bound(20, rest=0),
        "agw_ports": Bound(20, rest=0),
        "agw_tasks": Bound(10, rest=0),
    },
}
#: Octets of a log after which it is emptied: an hour of calls would fill a disk.
LOG_OCTETS = 8_000_000
#: Lines kept of what was wrong in a log.
KEPT = 5
_WRONG = re.compile(r'"level": ?"(error|critical)"|^Traceback')


@dataclass
class Watched:
    """One daemon. admin: port of its /metrics; series: name -> values, one for each ``look``; errors: lines
    of its log that told of one, ``wrong`` the first of them."""

    name: str
    child: Child
    admin: int
    series: dict[str, list[float]] = field(default_factory=dict)
    errors: int = 0
    wrong: list[str] = field(default_factory=list)
    _read: int = 0

    def look(self) -> None:
        """Take a sample. Raises BenchmarkFailed where the process is gone or does not answer."""
        self.child.alive()
        pids = [self.child.pid]
        files = open_files(pids)  # before our own connection is one of them
        found = {**self._gauges(), RSS: float(resident(pids)), FILES: float(files)}
        for name in WATCHED[self.name]:
            self.series.setdefault(name, []).append(found[name])

    def read_log(self) -> None:
        """Look for errors in what it wrote since the last time; empty a log that is long."""
        log = self.child.log
        with log.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        self._read += len(text)
        for line in text.decode("utf-8", "replace").splitlines():
            if _WRONG.search(line):
                self.errors += 1
                if len(self.wrong) < KEPT:
                    self.wrong.append(line[:300])
        if self._read > LOG_OCTETS:
            log.open("wb").close()  # the daemon appends
            self._read = 0

    def _gauges(self) -> dict[str, float]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=10) as answer:
                text = answer.read().decode()
        except OSError as error:
            raise BenchmarkFailed(f"{self.name} does not tell its metrics: {error}") from None
        return {
            sample.name: sample.value
            for family in text_string_to_metric_families(text)
            if family.type == "gauge"
            for sample in family.samples
            if not sample.labels
        }
