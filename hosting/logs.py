"""Logs of a process: one event per line on standard output, as JSON or, on a terminal, for people.

Errors of the command line and of the configuration go to standard error instead. What is below the level
costs one empty call: nothing is bound, formatted or redacted for it.
"""

import json
import logging
import sys
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from hosting.redaction import redact

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "console", "json"]


def setup(level: Level = "info", form: Format = "auto") -> None:
    """Configure structlog and send the standard library's logging the same way. May be called again.

    form "auto": console where standard output is a terminal, else json.
    """
    console = form == "console" or (form == "auto" and sys.stdout.isatty())
    _use_level(level)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,  # before redaction: exceptions quote their input
            redaction,
            _console() if console else _json,
        ],
        wrapper_class=_Logger,
        logger_factory=lambda *_: _StandardOutput(),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(_Bridge())
    root.setLevel(max(logging.INFO, getattr(logging, level.upper())))


def redaction(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor: removes key material from every value, however deep (hosting.redaction).

    When, how grave and what come first in the line.
    """
    line = {key: event.pop(key) for key in ("timestamp", "level") if key in event}
    line["event"] = redact(event.pop("event", ""))
    for key, value in event.items():
        line[key] = redact(value)
    return line


class _Logger(structlog.BoundLogger):
    """The bound logger of every module. Its level methods are exchanged by ``_use_level``, so that a reload
    reaches loggers that are cached already."""


def _use_level(level: Level) -> None:
    template = structlog.make_filtering_bound_logger(getattr(logging, level.upper()))
    for name, member in vars(template).items():
        if not name.startswith("__"):
            setattr(_Logger, name, member)


#: Redaction has left nothing but what JSON knows. (structlog's own renderer makes an encoder for each line.)
_encode = json.JSONEncoder().encode


def _json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return _encode(event)


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
