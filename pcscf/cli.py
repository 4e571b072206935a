"""The command line of the P-CSCF."""

import importlib
from typing import Annotated

import typer

from hosting.cli import ConfigFile, application, load_or_exit
from pcscf.config import Config

app = application(
    "pcscf",
    Config,
    "pcscf.app:serve",
    about="P-CSCF with IMS-ALG: media plane security on the access leg (3GPP TS 33.328).",
)


@app.command()
def explain(
    config: ConfigFile,
    offer: Annotated[str, typer.Argument(metavar="SDP-FILE", help="The offer; - reads standard input.")],
    registered: Annotated[
        str, typer.Option(metavar="NAMES", help="What the UE announced: sdes-srtp,msrp-tls,...")
    ] = "",
    sender: Annotated[
        str, typer.Option("--from", metavar="SIDE", help="access (the UE) or core.")
    ] = "access",
    listener: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Of access.listen, where they differ: 0, 1, ...")
    ] = None,
    trunk: Annotated[
        str | None, typer.Option(metavar="AOR", help="Instead of a UE: this one of access.static.")
    ] = None,
    emergency: Annotated[bool, typer.Option("--emergency", help="An emergency call.")] = False,
) -> None:
    """Say what would be done with each m-line of an offer, and why; start nothing."""
    settings = load_or_exit(config, Config, lambda line: typer.echo(f"{line} (warning)", err=True))
    # Imported here, since it knows the whole process: check and run go without.
    text, status = importlib.import_module("pcscf.explain").answer(
        settings,
        offer,
        registered=registered,
        sender=sender,
        listener=listener,
        trunk=trunk,
        emergency=emergency,
    )
    typer.echo(text, err=status != 0)
    raise typer.Exit(status)


def main() -> None:
    app()
