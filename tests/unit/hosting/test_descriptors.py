"""The limit of open files."""

import resource
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from hosting.descriptors import raise_descriptor_limit
from pcscf import app


@pytest.fixture
def limits() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_becomes_the_hard_one(limits: tuple[int, int]) -> None:
    _, hard = limits
    if hard == resource.RLIM_INFINITY:
        hard = 1 << 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard // 2, limits[1]))
    assert raise_descriptor_limit() == hard
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
    assert raise_descriptor_limit() == hard


def test_what_the_system_refuses_stays(limits: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    soft = limits[1] // 2 if limits[1] != resource.RLIM_INFINITY else 1 << 16
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, limits[1]))
    with monkeypatch.context() as patch:
        patch.setattr(resource, "setrlimit", refuse)
        assert raise_descriptor_limit() == soft


@pytest.mark.parametrize(("wanted", "most"), [(20_000, 744), (744, 744), (500, 500)])
def test_connections_leave_some_of_them(wanted: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "raise_descriptor_limit", lambda: 1000)
    with capture_logs() as logs:
        assert app._connections(wanted) == most
    assert [line["event"] for line in logs] == (
        ["fewer connections than limits.max_connections"] if most < wanted else []
    )
