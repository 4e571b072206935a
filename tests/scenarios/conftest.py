"""Every scenario ends with nothing left: no call, no context, no port, each request answered once."""

from collections.abc import Iterator

import pytest

from tests.support.stage import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.check_forgotten()
