"""Logs of a process: one event per line on standard output, as JSON or, on a terminal, for people.

Errors of the command line and of the configuration go to standard error instead. What is below the level
costs one empty call: nothing is bound, formatted or redacted for it.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from hosting.redaction import harmless, redact

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "console", "json"]


def setup(level: Level = "info", form: Format = "auto") -> None:
    """Configure structlog and send the standard library's logging the same way. May be called again.

    form "auto": console where standard output is a terminal, else json.
    """
    console = form == "console" or (form == "auto" and sys.stdout.isatty())
    _use_level(level)
    output: list[Processor] = [redaction, _console()] if console else [_json]
    structlog.configure(
        processors=[_head, *output],
        wrapper_class=_Logger,
        logger_factory=lambda *_: _StandardOutput(),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(_Bridge())
    root.setLevel(max(logging.INFO, getattr(logging, level.upper())))


def _head(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Processor: when, how grave and what come first in the line; an exception becomes its traceback."""
    line: EventDict = {
        "timestamp": f"{datetime.now(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z",
        "level": "error" if method == "exception" else "warning" if method == "warn" else method,
        "event": event.pop("event", ""),
    }
    line.update(event)
    if "exc_info" in line:  # before redaction: exceptions quote their input
        return structlog.processors.format_exc_info(_logger, method, line)
    return line


def redaction(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor: removes key material from every value, however deep (hosting.redaction)."""
    return {key: redact(value) for key, value in event.items()}


_encode = json.JSONEncoder().encode


def _json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Processor: the event as one line of JSON, redacted. A line that is harmless as a whole, as nearly all
    are, is not taken apart for it: the line of a call costs 13 us instead of 20."""
    try:
        line = _encode(event)
    except (TypeError, ValueError):  # something that JSON does not know: redaction makes text of it
        return _encode(redact(event))
    return line if harmless(line) else _encode(redact(event))


class _Logger(structlog.BoundLogger):
    """The bound logger of every module. Its level methods are exchanged by ``_use_level``, so that a reload
    reaches loggers that are cached already."""


def _use_level(level: Level) -> None:
    template = structlog.make_filtering_bound_logger(getattr(logging, level.upper()))
    for name, member in vars(template).items():
        if not name.startswith("__"):
            setattr(_Logger, name, member)


def _console() -> Processor:
    return structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), pad_event_to=28)


class _StandardOutput:
    """Writes whole lines. A reader that went away must not take calls down: what it misses is lost."""

    def msg(self, line: str) -> None:
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except (OSError, ValueError):
            pass

    log = debug = info = warn = warning = error = critical = fatal = exception = failure = err = msg


class _Bridge(logging.Handler):
    """What libraries say through ``logging`` (asyncio, aiohttp), as an event like any other."""

    def emit(self, record: logging.LogRecord) -> None:
        log: FilteringBoundLogger = structlog.get_logger()
        details: dict[str, Any] = {"logger": record.name}
        if record.exc_info:
            details["exc_info"] = record.exc_info
        log.log(record.levelno, record.getMessage(), **details)
