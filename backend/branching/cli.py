"""`python -m branching`: a Supabase branch for one run of the integration tests."""

import asyncio
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import httpx
import typer
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.cli.report import err, out
from branching import BranchError, ManagementApi, NetworkProbe
from branching.branch import (
    READY_SECONDS,
    BranchEnvironment,
    BranchService,
    Patience,
    Platform,
    admit_api_role,
)

T = TypeVar("T")
S = TypeVar("S", bound=BaseSettings)

SIGNAL_EXIT = 128
PREFIX = "ci-"
MINIMUM_PREFIX = 3
HTTP_SECONDS = 30.0
ADMISSION_SECONDS = 120.0

cli = typer.Typer(no_args_is_help=True, help="Ephemeral Supabase branches for CI.")
Name = Annotated[str, typer.Argument(envvar="BRANCH_NAME", help="Name of the branch.")]


class BranchSettings(BaseSettings):
    """Each field is read from the environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    supabase_access_token: SecretStr = Field(min_length=1)
    supabase_project_ref: str = Field(pattern=r"^[a-z]{20}$")
    supabase_api_url: str = "https://api.supabase.com"
    supabase_project_url: str = "https://{ref}.supabase.co"
    supabase_session_port: int = Field(5432, ge=1, le=65535)


class DatabaseSettings(BaseSettings):
    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    database_url: SecretStr
    migration_database_url: SecretStr


@cli.command()
def create(name: Name) -> None:
    """Create the branch. If the command is interrupted, the branch is deleted again."""
    branch = _run(lambda branches: branches.create(_checked(name)))
    out.print(f"{branch.name} {branch.project_ref}", markup=False)


@cli.command()
def wait(
    name: Name,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds.")] = READY_SECONDS,
    delete_on_failure: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool, typer.Option("--delete-on-failure", help="Also when interrupted.")
    ] = False,
) -> None:
    """Wait until the branch's database and Auth answer."""
    branch = _run(
        lambda branches: branches.wait(name, seconds=timeout, delete_on_failure=delete_on_failure)
    )
    out.print(f"{branch.name} {branch.project_ref} is ready.", markup=False)


@cli.command()
def env(
    name: Name,
    github_env: Annotated[
        Path | None, typer.Option(help="File to append to. The secrets are masked in the log.")
    ] = None,
) -> None:
    """Print KEY=VALUE lines for a shell, or write them to GitHub's environment file."""
    environment = _run(lambda branches: branches.environment(name))
    if github_env is None:
        for key, value in environment.variables.items():
            typer.echo(f"{key}={shlex.quote(value)}")
        return
    _mask(environment)
    with github_env.open("a") as file:
        file.writelines(f"{key}={value}\n" for key, value in environment.variables.items())


@cli.command()
def migrate() -> None:
    """Migrate the database, compare it with the models, and let the API's role sign in.

    Alembic uses MIGRATION_DATABASE_URL; the API's role is the one in DATABASE_URL.
    """
    settings = _settings(DatabaseSettings)
    owner = settings.migration_database_url.get_secret_value()
    role = settings.database_url.get_secret_value()
    for arguments in (["upgrade", "head"], ["check"]):
        _alembic(arguments)

    async def admit() -> None:
        async with httpx.AsyncClient() as http:
            probe, patience = NetworkProbe(http), Patience(report=_report)
            await admit_api_role(probe, patience, owner, role, seconds=ADMISSION_SECONDS)

    _finish(admit())


@cli.command()
def delete(name: Name) -> None:
    """Delete the branch. It is no error if it does not exist any more."""
    deleted = _run(lambda branches: branches.delete(name))
    out.print(f"{name} {'deleted' if deleted else 'is gone'}.", markup=False)


@cli.command()
def sweep(
    prefix: Annotated[str, typer.Option(help="What the names begin with.")] = PREFIX,
    older_than: Annotated[float, typer.Option(min=0, help="Minutes since creation.")] = 180,
    dry_run: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool, typer.Option("--dry-run", help="Only say what would be deleted.")
    ] = False,
) -> None:
    """Delete branches that ended jobs have left behind.

    The default branch and persistent branches are never deleted.
    """
    if len(prefix) < MINIMUM_PREFIX:
        err.print(f"--prefix must have at least {MINIMUM_PREFIX} characters.")
        raise typer.Exit(2)
    age = timedelta(minutes=older_than)
    result = _run(lambda branches: branches.sweep(prefix, age, dry_run=dry_run))
    for branch in result.found:
        out.print(f"{'would delete' if dry_run else 'deleting'} {branch.name}", markup=False)
    for failure in result.failures:
        err.print(str(failure), markup=False)
    if result.failures:
        raise typer.Exit(1)


def _checked(name: str) -> str:
    if re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name) is None:
        err.print("A branch is named with lower-case letters, digits and dashes.")
        raise typer.Exit(2)
    return name


def _settings(kind: type[S]) -> S:
    try:
        return kind()
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in fault["loc"]).upper()
            err.print(f"{name}: {fault['msg']}", markup=False)
        raise typer.Exit(2) from None


def _run(use: Callable[[BranchService], Awaitable[T]]) -> T:
    settings = _settings(BranchSettings)

    async def with_service() -> T:
        async with _service(settings) as branches:
            return await use(branches)

    return _finish(with_service())


@asynccontextmanager
async def _service(settings: BranchSettings) -> AsyncIterator[BranchService]:
    token = settings.supabase_access_token.get_secret_value()
    async with (
        httpx.AsyncClient(
            base_url=settings.supabase_api_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=HTTP_SECONDS,
        ) as http,
        # A second client, because the access token must go to nobody but the Management API.
        httpx.AsyncClient(timeout=HTTP_SECONDS) as anonymous,
    ):
        yield BranchService(
            ManagementApi(http, settings.supabase_project_ref),
            NetworkProbe(anonymous),
            platform=Platform(settings.supabase_project_url, settings.supabase_session_port),
            patience=Patience(report=_report),
        )


def _finish(use: Coroutine[None, None, T]) -> T:
    """Run `use` to its end. The first SIGINT or SIGTERM cancels it, and it can still clean up."""
    received: list[int] = []

    async def interruptible() -> T:
        task = asyncio.ensure_future(use)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, _stop, task, received, number)
        return await task

    try:
        return asyncio.run(interruptible())
    except asyncio.CancelledError:
        raise typer.Exit(SIGNAL_EXIT + received[0]) from None
    except BranchError as error:
        err.print(str(error), markup=False)
        raise typer.Exit(1) from None


def _stop(task: asyncio.Future[T], received: list[int], number: int) -> None:
    # GitHub sends the signal several times. A second cancellation would interrupt the cleaning up.
    if not received:
        task.cancel()
    received.append(number)


def _report(line: str) -> None:
    err.print(line, markup=False, highlight=False)


def _mask(environment: BranchEnvironment) -> None:
    """Tell GitHub's runner which values to hide in the log, before anything can print them."""
    for value in environment.secrets:
        typer.echo(f"::add-mask::{value}")
    sys.stdout.flush()


def _alembic(arguments: list[str]) -> None:
    """Run Alembic as on the command line. It reads MIGRATION_DATABASE_URL itself."""
    command = [sys.executable, "-m", "alembic", *arguments]
    status = subprocess.run(command, check=False).returncode  # noqa: S603  # constant arguments
    if status:
        raise typer.Exit(status)
