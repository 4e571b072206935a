"""hosting.logs: form, level, what libraries say."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from hosting import logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    structlog.reset_defaults()
    root.setLevel(level)
    for handler in list(root.handlers):
        if handler not in handlers:
            root.removeHandler(handler)


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_one_json_object_per_line_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup("info", "json")
    structlog.get_logger().info("ready", port=5060, text="two\nlines")
    (event,) = events(capsys)
    assert list(event)[:3] == ["timestamp", "level", "event"]
    assert event["timestamp"].endswith("Z")
    assert (event["level"], event["event"], event["port"], event["text"]) == (
        "info",
        "ready",
        5060,
        "two\nlines",
    )


def test_auto_is_json_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup("info", "auto")
    structlog.get_logger().info("ready")
    assert events(capsys)[0]["event"] == "ready"


def test_auto_is_for_people_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    logs.setup("info", "auto")
    structlog.get_logger().info("ready")
    assert "ready" in terminal.getvalue()
    assert "{" not in terminal.getvalue()


def test_the_level_reaches_loggers_that_are_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    log = structlog.get_logger()
    logs.setup("warning", "json")
    log.info("not yet")
    log.warning("seen")
    logs.setup("debug", "json")
    log.debug("now")
    logs.setup("error", "json")
    log.warning("no more")
    assert [event["event"] for event in events(capsys)] == ["seen", "now"]


def test_below_the_level_nothing_is_rendered(capsys: pytest.CaptureFixture[str]) -> None:
    class Costly:
        def __repr__(self) -> str:
            raise AssertionError

    logs.setup("info", "json")
    structlog.get_logger().debug("call", value=Costly())
    assert events(capsys) == []


def test_libraries_log_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup("info", "json")
    logs.setup("info", "json")
    logging.getLogger("asyncio").warning("100%% of %s", "it", extra={"x": 1})
    logging.getLogger("asyncio").debug("not this")
    (event,) = events(capsys)
    assert (event["event"], event["logger"], event["level"]) == ("100% of it", "asyncio", "warning")


def test_a_reader_that_went_away_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Broken())
    logs.setup("info", "json")
    structlog.get_logger().info("lost")
