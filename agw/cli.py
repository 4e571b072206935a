"""The command line of the gateway."""

from agw.config import Config
from hosting.cli import application

app = application(
    "agw",
    Config,
    "agw.app:serve",
    about="IMS Access Gateway: terminates protected media of the access leg (3GPP TS 33.328, TS 23.334).",
)


def main() -> None:
    app()
