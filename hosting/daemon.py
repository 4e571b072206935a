"""A process in the foreground: loop, signals, readiness, exit status. What it serves is given to it."""

import asyncio
import contextlib
import importlib
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol

import structlog

from hosting.garbage import Garbage
from hosting.notify import notify
from hosting.yaml_source import ConfigError

log = structlog.get_logger()

EXIT_DRAINED = 0
EXIT_FAILED = 1
EXIT_CONFIGURATION = 2

STOP_GRACE = 5.0
"""Seconds after ``drain`` in which what is served may still end by itself before it is cancelled."""


class StartError(Exception):
    """Serving cannot begin; the text is one line for the operator (which socket, which file, why)."""


class Stopping:
    """Between the process and what it serves: "I am ready" goes out, stop and reload come in."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._ready = False
        self.on_reload: Callable[[Any], None] | None = None
        """Set by what is served: is called with the new, valid configuration at SIGHUP."""

    @property
    def requested(self) -> bool:
        """A stop was asked for: take nothing new, drain."""
        return self._event.is_set()

    @property
    def is_ready(self) -> bool:
        return self._ready

    def request(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        """Until a stop is asked for."""
        await self._event.wait()

    def ready(self, **details: object) -> None:
        """Say once that the process serves its own sockets: event ``ready``, READY=1. details: for the log.

        On the loop: from here on the collector of cycles looks when there is time.
        """
        if self._ready:
            return
        self._ready = True
        Garbage(asyncio.get_running_loop()).start()
        log.info("ready", **details)
        notify("READY=1")


Serve = Callable[[Stopping], Awaitable[None]]


class Process(Protocol):
    """The parts of one process and their common life."""

    async def start(self, stopping: Stopping) -> None:
        """Open the sockets and say ``stopping.ready()``. Raises OSError or StartError."""

    async def drain(self) -> None:
        """Take nothing new; return when what was under way has ended, or its time is up."""

    async def close(self) -> None:
        """Close what is open; ``start`` may have failed halfway."""


async def live(process: Process, stopping: Stopping) -> None:
    """Start, serve until a stop is asked for, drain, close."""
    try:
        await process.start(stopping)
        await stopping.wait()
        await process.drain()
    finally:
        await process.close()


def run(
    serve: Serve,
    *,
    name: str,
    drain: float = 30.0,
    reload: Callable[[], Any] | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit status of the process.

    serve: opens its sockets, calls ``stopping.ready()``, waits for ``stopping.wait()``, drains (at most
    ``drain`` seconds, else it is cancelled a little later) and returns. A second signal cancels it at once.
    reload: reads the configuration again at SIGHUP; ConfigError keeps the old one. Its result goes to
    ``stopping.on_reload``, which may raise ConfigError too.
    Returns 0 after a stop that was asked for, 1 where start failed or serving broke down: one line on
    standard error says why, and a traceback is logged only for what has no better explanation.
    """
    with _runner() as runner:
        return runner.run(_Process(serve, name, drain, reload).main())


def _runner() -> asyncio.Runner:
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:  # it is not built for every platform
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


class _Process:
    def __init__(self, serve: Serve, name: str, drain: float, reload: Callable[[], Any] | None) -> None:
        self._serve = serve
        self._name = name
        self._drain = drain
        self._reload = reload
        self._stopping = Stopping()
        self._forced = False

    async def main(self) -> int:
        serving = asyncio.ensure_future(self._serving())
        with self._signals(serving):
            backstop = asyncio.ensure_future(self._backstop(serving))
            try:
                await asyncio.wait([serving])
            finally:
                backstop.cancel()
        return self._status(serving)

    async def _serving(self) -> None:
        await self._serve(self._stopping)

    @contextlib.contextmanager
    def _signals(self, serving: asyncio.Future[None]) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop, number, serving)
        loop.add_signal_handler(signal.SIGHUP, self._on_reload)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def _on_stop(self, number: signal.Signals, serving: asyncio.Future[None]) -> None:
        if self._stopping.requested:
            log.warning("stopping at once", signal=number.name)
            self._forced = True
            serving.cancel()
            return
        log.info("stopping", signal=number.name, drain=self._drain)
        notify("STOPPING=1")
        self._stopping.request()

    def _on_reload(self) -> None:
        if self._reload is None:
            log.warning("no configuration to reload")
            return
        notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        refused: list[str] = []
        try:
            config = self._reload()
            if self._stopping.on_reload is not None:
                self._stopping.on_reload(config)
            log.info("configuration reloaded")
        except ConfigError as error:
            refused = error.lines
        finally:
            notify("READY=1")
        for line in refused:
            log.error("configuration refused, the old one stays", error=line)

    async def _backstop(self, serving: asyncio.Future[None]) -> None:
        await self._stopping.wait()
        await asyncio.sleep(self._drain + STOP_GRACE)
        log.warning("drain took too long, ending now", drain=self._drain)
        serving.cancel()

    def _status(self, serving: asyncio.Future[None]) -> int:
        if serving.cancelled():
            return EXIT_FAILED if self._forced else EXIT_DRAINED
        error = serving.exception()
        if error is None:
            if self._stopping.requested:
                log.info("stopped")
                return EXIT_DRAINED
            self._say("ended without being asked to")
            return EXIT_FAILED
        if isinstance(error, ConfigError):
            sys.stderr.write(f"{error}\n")
            return EXIT_CONFIGURATION
        reasons = list(_leaves(error))
        if not self._stopping.is_ready and all(isinstance(one, OSError | StartError) for one in reasons):
            self._say("cannot start: " + "; ".join(_in_words(one) for one in reasons))
        else:
            log.critical("broken down", exc_info=error)
            self._say(f"broken down: {type(error).__name__}, see the log")
        return EXIT_FAILED

    def _say(self, text: str) -> None:
        sys.stderr.write(f"{self._name}: {text}\n")


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


def _in_words(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if isinstance(error, OSError) and error.filename:
        text = f"{error.filename}: {text}"
    return " ".join(text.split()) or type(error).__name__
