"""Commands within this process, against a database of their own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner, Result

from app.__main__ import ENTRY_POINT
from app.cli.app import cli
from app.core.database import Database
from tests.conftest import POOLER

Invoke = Callable[..., Awaitable[Result]]

VARIABLES = ("ENVIRONMENT", "DATABASE_URL", "SUPABASE_URL", "SUPABASE_SECRET_KEY")


@pytest.fixture
def invoke_bare(monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run a command where nothing is configured."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    # The command would log to the runner's own stream, which is closed when it ends.
    monkeypatch.setattr("app.cli.environment.configure_logging", lambda _level: None)

    async def run(*arguments: str) -> Result:
        # In a thread: a command runs an event loop of its own.
        return await asyncio.to_thread(CliRunner().invoke, cli, arguments, obj=ENTRY_POINT)

    return run


@pytest.fixture
def invoke(
    invoke_bare: Invoke, monkeypatch: pytest.MonkeyPatch, committed_database: Database
) -> Invoke:
    """Run a command as an operator of `committed_database`."""
    url = committed_database.engine.url.render_as_string(hide_password=False)
    values = ("test", url, "http://127.0.0.1:9999", "sb_secret_test")
    for name, value in zip(VARIABLES, values, strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABASE_POOLER", POOLER)
    return invoke_bare


@pytest.fixture
async def session(committed_database: Database) -> AsyncIterator[AsyncSession]:
    """A session of its own, so that the factories and users of this folder are committed."""
    async with committed_database.writing() as session:
        yield session
