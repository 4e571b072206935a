"""The command line that both processes have: ``run -c FILE``, ``check -c FILE``, ``--version``.

    main = application("pcscf", Config, "pcscf.app:serve", help="...")

``serve(config, stopping)`` is imported only when it runs: ``check`` opens nothing and starts fast.
"""

import importlib
import importlib.metadata
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Annotated, TypeVar

import structlog
import typer

from hosting import daemon, logs
from hosting.config import ConfigError, load
from hosting.sections import Root

DISTRIBUTION = "ims-media-edge"
C = TypeVar("C", bound=Root)

ConfigFile = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration (YAML).")]


def application(
    name: str,
    model: type[C],
    serve: str,
    *,
    about: str,
    facts: Callable[[C], Iterable[str]] | None = None,
) -> typer.Typer:
    """Build the command line of process ``name``.

    serve: "module:function" of ``async def serve(config: C, stopping: daemon.Stopping) -> None``.
    facts: lines that ``check`` prints of a valid configuration: what it comes to on this machine.
    Exit status: 0 done (``run``: drained after SIGTERM), 1 start failed or broken down, 2 wrong
    configuration or wrong usage.
    """
    app = typer.Typer(name=name, help=about, no_args_is_help=True, add_completion=False)

    @app.callback()
    def options(
        version: Annotated[
            bool, typer.Option("--version", help="Print the version.", callback=_version(name), is_eager=True)
        ] = False,
    ) -> None:
        pass

    @app.command()
    def run(config: ConfigFile) -> None:
        """Serve in the foreground until SIGTERM; SIGHUP reads the file again."""
        warnings: list[str] = []
        settings = load_or_exit(config, model, warnings.append)
        logs.setup(settings.log.level, settings.log.format)
        log = structlog.get_logger()
        log.info("starting", name=name, version=_release(), config=str(config))
        for line in warnings:
            log.warning("configuration", warning=line)
        raise typer.Exit(
            daemon.run(
                lambda stopping: _function(serve)(settings, stopping),
                name=name,
                drain=settings.drain,
                reload=lambda: _reload(config, model),
            )
        )

    @app.command()
    def check(config: ConfigFile) -> None:
        """Validate FILE and start nothing: one line for each error, exit status 2."""
        settings = load_or_exit(config, model, lambda line: typer.echo(f"{line} (warning)", err=True))
        typer.echo(f"{config}: valid")
        for line in facts(settings) if facts is not None else ():
            typer.echo(line)

    return app


def load_or_exit(path: Path, model: type[C], warn: Callable[[str], None]) -> C:
    """Return the configuration; where it is wrong print one line for each error and end with status 2."""
    try:
        return load(path, model, warn)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(daemon.EXIT_CONFIGURATION) from None


def _reload(path: Path, model: type[C]) -> C:
    log = structlog.get_logger()
    settings = load(path, model, lambda line: log.warning("configuration", warning=line))
    logs.setup(settings.log.level, settings.log.format)
    return settings


def _function(reference: str) -> Callable[[Root, daemon.Stopping], Awaitable[None]]:
    module, _, name = reference.partition(":")
    function: Callable[[Root, daemon.Stopping], Awaitable[None]]
    function = getattr(importlib.import_module(module), name)
    return function


def _release() -> str:
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _version(name: str) -> Callable[[bool], None]:
    def show(wanted: bool) -> None:
        if wanted:
            sys.stdout.write(f"{name} {_release()}\n")
            raise typer.Exit

    return show
