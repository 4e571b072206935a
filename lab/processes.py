"""A real process of the edge under the demo: started, watched by its log, stopped by SIGTERM."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.errors import ProcessFailed

#: Seconds that a process has to get ready, and to end after SIGTERM.
START_WAIT = 20.0
STOP_WAIT = 15.0
#: Longest line that is read, and most lines that are kept.
MAX_LINE = 1 << 20
MAX_LINES = 100_000

Event = dict[str, Any]


class Process:
    """``python -m MODULE run -c FILE``. ``lines`` is all that it wrote, ``events`` what of it is JSON."""

    def __init__(self, module: str, config: Path) -> None:
        self.module = module
        self.config = config
        self.lines: list[str] = []
        self.events: list[Event] = []
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()

    @property
    def pid(self) -> int:
        """The process id, 0 before the start."""
        return self._process.pid if self._process is not None else 0

    async def start(self) -> Event:
        """Start it and wait for its log event ``ready``, which is returned. Raises ProcessFailed."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self.module, "run", "-c", str(self.config),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MAX_LINE,
        )  # fmt: skip
        loop = asyncio.get_running_loop()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            self._readers.append(loop.create_task(self._read(stream)))
        return await self.wait_for(lambda event: event.get("event") == "ready", START_WAIT)

    async def wait_for(
        self,
        wanted: Callable[[Event], bool],
        timeout: float,  # noqa: ASYNC109
        *,
        since: int = 0,
    ) -> Event:
        """Return the first event from index ``since`` on that is wanted. Raises ProcessFailed."""
        seen = since
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while True:
                    self._news.clear()
                    for event in self.events[seen:]:
                        if wanted(event):
                            return event
                    seen = len(self.events)
                    if all(reader.done() for reader in self._readers):
                        raise ProcessFailed(f"{self.module} ended too early: {self.last_words()}")
                    await self._news.wait()
        raise ProcessFailed(f"{self.module}: no such event in {timeout:g} s; last: {self.last_words()}")

    async def stop(self) -> int:
        """Send SIGTERM, wait, and return the exit status; what does not end is killed (-9)."""
        if self._process is None:
            return 0
        self._signal(self._process, signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_WAIT)
        except TimeoutError:
            self._signal(self._process, signal.SIGKILL)
            await self._process.wait()
        await asyncio.gather(*self._readers)
        status = self._process.returncode
        return -1 if status is None else status

    def _signal(self, process: asyncio.subprocess.Process, number: signal.Signals) -> None:
        """Send a signal. Process.terminate() looks for the exit status itself, and asyncio then misses it."""
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)

    def last_words(self) -> str:
        """Return the end of what it wrote, words for people before log lines."""
        words = [line.strip() for line in self.lines if not line.startswith("{")]
        exceptions = [str(event["exception"]) for event in self.events if "exception" in event]
        words += [text.strip().splitlines()[-1] for text in exceptions[-1:] if text.strip()]
        return " / ".join((words or [line.strip()[:500] for line in self.lines])[-3:]) or "it wrote nothing"

    async def _read(self, stream: asyncio.StreamReader) -> None:
        try:
            while line := await stream.readline():
                if len(self.lines) < MAX_LINES:
                    self._take(line.decode("utf-8", "replace"))
        finally:
            self._news.set()

    def _take(self, line: str) -> None:
        self.lines.append(line)
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict):
                self.events.append(event)
        self._news.set()
