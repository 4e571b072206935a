"""hosting.daemon: signals, readiness, exit status. In this process: ``run`` owns its loop."""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from hosting import daemon
from hosting.config import ConfigError
from hosting.daemon import StartError, Stopping, run
from hosting.notify import notify

Events = list[Any]


@pytest.fixture
def logged() -> Iterator[Events]:
    with structlog.testing.capture_logs() as seen:
        yield seen
    gc.unfreeze()


def me(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def names(logged: Events) -> list[str]:
    return [event["event"] for event in logged]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_with_0(logged: Events, number: signal.Signals) -> None:
    drained = []

    async def serve(stopping: Stopping) -> None:
        stopping.ready(port=5060)
        stopping.ready(port=5060)
        assert not stopping.requested
        me(number)
        await stopping.wait()
        drained.append(stopping.requested)

    assert run(serve, name="x") == 0
    assert drained == [True]
    assert names(logged) == ["ready", "stopping", "stopped"]
    assert logged[0]["port"] == 5060


def test_a_second_signal_forces(logged: Events, capsys: pytest.CaptureFixture[str]) -> None:
    async def serve(stopping: Stopping) -> None:
        stopping.ready()
        me(signal.SIGTERM)
        await stopping.wait()
        me(signal.SIGTERM)
        await asyncio.Event().wait()

    assert run(serve, name="x") == 1
    assert names(logged)[-1] == "stopping at once"
    assert capsys.readouterr().err == ""


def test_a_drain_without_end_is_cut(logged: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "STOP_GRACE", 0.01)

    async def serve(stopping: Stopping) -> None:
        stopping.ready()
        me(signal.SIGTERM)
        await asyncio.Event().wait()

    assert run(serve, name="x", drain=0.0) == 0
    assert names(logged)[-1] == "drain took too long, ending now"


def test_a_port_in_use_is_one_line(logged: Events, capsys: pytest.CaptureFixture[str]) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]

    async def serve(_stopping: Stopping) -> None:
        await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", port)

    with taken:
        assert run(serve, name="x") == 1
    error = capsys.readouterr().err
    assert error.startswith("x: cannot start: ")
    assert "address already in use" in error
    assert error.count("\n") == 1
    assert names(logged) == []


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (StartError("admin: taken"), 1, "x: cannot start: admin: taken\n"),
        (
            ExceptionGroup("start", [StartError("one"), ExceptionGroup("", [OSError(98, "in use", "two")])]),
            1,
            "x: cannot start: one; two: in use\n",
        ),
        (ConfigError(["f:1: a: b", "f:2: c: d"]), 2, "f:1: a: b\nf:2: c: d\n"),
        (ZeroDivisionError("oops"), 1, "x: broken down: ZeroDivisionError, see the log\n"),
    ],
)
@pytest.mark.usefixtures("logged")
def test_failures_at_start(
    error: Exception, status: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def serve(_stopping: Stopping) -> None:
        raise error

    assert run(serve, name="x") == status
    assert capsys.readouterr().err == text


@pytest.mark.usefixtures("logged")
def test_a_part_that_cannot_be_imported(capsys: pytest.CaptureFixture[str]) -> None:
    def serve(_stopping: Stopping) -> Any:
        raise ImportError("no such part")

    assert run(serve, name="x") == 1
    assert capsys.readouterr().err == "x: broken down: ImportError, see the log\n"


def test_breaking_down_later_is_logged(logged: Events, capsys: pytest.CaptureFixture[str]) -> None:
    async def serve(stopping: Stopping) -> None:
        stopping.ready()
        raise OSError(5, "later")

    assert run(serve, name="x") == 1
    assert names(logged) == ["ready", "broken down"]
    assert capsys.readouterr().err == "x: broken down: OSError, see the log\n"


@pytest.mark.usefixtures("logged")
def test_ending_without_being_asked_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    async def serve(_stopping: Stopping) -> None:
        pass

    assert run(serve, name="x") == 1
    assert capsys.readouterr().err == "x: ended without being asked to\n"


def test_reload_hands_over_the_new_configuration(logged: Events) -> None:
    seen: list[object] = []

    async def serve(stopping: Stopping) -> None:
        reloaded = asyncio.Event()

        def on_reload(config: object) -> None:
            seen.append(config)
            reloaded.set()

        stopping.on_reload = on_reload
        stopping.ready()
        me(signal.SIGHUP)
        await reloaded.wait()
        me(signal.SIGTERM)
        await stopping.wait()

    assert run(serve, name="x", reload=lambda: "new") == 0
    assert seen == ["new"]
    assert "configuration reloaded" in names(logged)


def test_a_wrong_configuration_keeps_the_old_one(logged: Events) -> None:
    def reload() -> object:
        me(signal.SIGTERM)
        raise ConfigError(["f:3: a: no"])

    async def serve(stopping: Stopping) -> None:
        stopping.on_reload = pytest.fail
        stopping.ready()
        me(signal.SIGHUP)
        await stopping.wait()

    assert run(serve, name="x", reload=reload) == 0
    assert {
        "event": "configuration refused, the old one stays",
        "error": "f:3: a: no",
        "log_level": "error",
    } in logged


@pytest.mark.parametrize("abstract", [False, True])
@pytest.mark.usefixtures("logged")
def test_systemd_is_told(abstract: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"@ims-media-edge-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if abstract else name)
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", name)

        async def serve(stopping: Stopping) -> None:
            stopping.ready()
            me(signal.SIGHUP)
            me(signal.SIGTERM)
            await stopping.wait()

        assert run(serve, name="x", reload=lambda: None) == 0
        told = []
        while True:
            try:
                told.append(manager.recv(200).split(b"\n")[0])
            except BlockingIOError:
                break
    assert told[0] == b"READY=1"
    assert sorted(told[1:]) == [b"READY=1", b"RELOADING=1", b"STOPPING=1"]


def test_no_manager_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert notify("READY=1") is False
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert notify("READY=1") is False
