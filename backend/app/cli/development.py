"""`training dev`: everything on one machine, without Docker, a database or an account."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli.report import err


def dev(  # noqa: PLR0913, PLR0917  # typer reads options from parameters
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the one origin.")] = 8000,
    host: Annotated[
        str,
        typer.Option(help="Address of this machine to listen at, for phones in the same network."),
    ] = "127.0.0.1",
    data_dir: Annotated[
        Path, typer.Option(help="Where the database, keys and files are kept.")
    ] = Path(".training-dev"),
    seed: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool, typer.Option("--seed/--no-seed", help="Load modules, organisation and identities.")
    ] = True,
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
    if os.environ.get("ENVIRONMENT", "development") == "production":
        err.print("The development stack refuses to start: ENVIRONMENT is production.")
        raise typer.Exit(2)
    try:
        # Imported here because it is installed with the development dependencies only.
        from devstack.run import DevStackError, LogForm, Options, run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        err.print(f"The development stack is not installed ({error.name} is missing).")
        raise typer.Exit(2) from None
    try:
        run(Options(host, port, data_dir, seed, access_token_seconds, site_url, LogForm(log)))
    except DevStackError as error:
        err.print(str(error), markup=False)
        raise typer.Exit(1) from None
