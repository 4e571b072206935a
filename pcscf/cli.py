"""The command line of the P-CSCF."""

from hosting.cli import application
from pcscf.config import Config

app = application(
    "pcscf",
    Config,
    "pcscf.app:serve",
    about="P-CSCF with IMS-ALG: media plane security on the access leg (3GPP TS 33.328).",
)


def main() -> None:
    app()
