"""`training dev`: everything on one machine, without Docker, a database or an account."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli.report import err, report

cli = typer.Typer()
DataDir = Annotated[Path, typer.Option(help="Where the database, keys and files are kept.")]
FOLDER = Path(".training-dev")


@cli.callback(invoke_without_command=True)
def dev(  # noqa: PLR0913, PLR0917  # typer reads options from parameters
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the one origin.")] = 8000,
    host: Annotated[
        str,
        typer.Option(help="Address of this machine to listen at, for phones in the same network."),
    ] = "127.0.0.1",
    data_dir: DataDir = FOLDER,
    seed: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool, typer.Option("--seed/--no-seed", help="Load modules, organisation and identities.")
    ] = True,
    small: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool, typer.Option("--small", help="Begin without the town's twelve months of history.")
    ] = False,
    site_url: Annotated[
        str | None,
        typer.Option(help="Where the links of mails lead, such as http://localhost:5173."),
    ] = None,
    log: Annotated[
        Literal["text", "json"], typer.Option(help="Lines for people, or for machines.")
    ] = "text",
    access_token_seconds: Annotated[
        int, typer.Option(min=1, max=86_400, hidden=True, help="Lifetime of access tokens.")
    ] = 3600,
) -> None:
    """Start PostgreSQL, a Supabase stand-in and the API on http://HOST:PORT."""
    if context.invoked_subcommand is not None:
        return
    with _installed():
        from devstack.options import LogForm, Options, Seed  # noqa: PLC0415
        from devstack.run import run  # noqa: PLC0415
    begins = Seed.NOTHING if not seed else Seed.SMALL if small else Seed.TOWN
    with _told():
        run(Options(host, port, data_dir, begins, access_token_seconds, site_url, LogForm(log)))


@cli.command()
def reset(data_dir: DataDir = FOLDER) -> None:
    """Remove the database, keys and files, so that the next start is a first one."""
    with _installed():
        from devstack.reset import reset as remove  # noqa: PLC0415
    with _told():
        removed = [str(path) for path in remove(data_dir)]
    report(removed, f"Removed: {', '.join(removed)}." if removed else "There was nothing.")


@contextlib.contextmanager
def _installed() -> Iterator[None]:
    """Refuse in production, and say so where the development dependencies are missing."""
    if os.environ.get("ENVIRONMENT", "development") == "production":
        err.print("The development stack refuses to start: ENVIRONMENT is production.")
        raise typer.Exit(2)
    try:
        yield
    except ModuleNotFoundError as error:
        err.print(f"The development stack is not installed ({error.name} is missing).")
        raise typer.Exit(2) from None


@contextlib.contextmanager
def _told() -> Iterator[None]:
    from devstack.options import DevStackError  # noqa: PLC0415  # it is installed

    try:
        yield
    except DevStackError as error:
        err.print(str(error), markup=False)
        raise typer.Exit(1) from None
