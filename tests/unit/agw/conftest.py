"""Engines that the contract tests run against: what ``agw.engine.api`` says holds for each of them."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from agw.engine.api import Engine
from tests.support import engines
from tests.support.media_peer import Relay, open_descriptors
from tests.support.tcp_media import Call, make_relay


@pytest.fixture(params=engines.NAMES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def make(kind: str) -> AsyncIterator[Callable[..., Engine]]:
    """Makes engines of one kind (see tests.support.engines.make); they are stopped after the test."""
    made = []

    def one(**options: int) -> Engine:
        made.append(engines.make(kind, **options))
        return made[-1]

    yield one
    for engine in made:
        engine.stop()


@pytest.fixture
async def engine(make: Callable[..., Engine]) -> Engine:
    return make()


@pytest.fixture
def relay(engine: Engine) -> Iterator[Relay]:
    made = Relay(engine)
    yield made
    made.close()


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    """A UE and a far end with a relay of TCP between them."""
    before = open_descriptors()
    relay = make_relay()
    made = Call(relay)
    yield made
    relay.stop()
    made.close()
    assert open_descriptors() == before
