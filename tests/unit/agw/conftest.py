"""Engines that the contract tests run against: what ``agw.engine.api`` says holds for each of them."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from agw.engine.api import Engine
from agw.engine.portable import PortableEngine
from tests.support.media_peer import Relay

ENGINES = [pytest.param(PortableEngine, id="portable")]


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    made: Engine = request.param(asyncio.get_running_loop())
    yield made
    made.stop()


@pytest.fixture
def relay(engine: Engine) -> Iterator[Relay]:
    made = Relay(engine)
    yield made
    made.close()
