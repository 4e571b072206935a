"""The command line of the gateway."""

from collections.abc import Iterator

from agw.config import Config
from agw.engine.choice import describe
from hosting.cli import application


def facts(config: Config) -> Iterator[str]:
    """What moves the packets on this machine."""
    chosen = describe(config.engine)
    yield f"engine: {chosen.name}, workers: {chosen.workers}, suites: {' '.join(chosen.suites)}"


app = application(
    "agw",
    Config,
    "agw.app:serve",
    about="IMS Access Gateway: terminates protected media of the access leg (3GPP TS 33.328, TS 23.334).",
    facts=facts,
)


def main() -> None:
    app()
