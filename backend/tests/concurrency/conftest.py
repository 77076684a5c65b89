"""Races with real commits. The pool is warm, because waiting for new connections hides races."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from tests.conftest import serving, settings_for
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.support import Api, LocalKeys

CONNECTIONS = 25
PROCESSES = 10


@pytest.fixture
async def committed_database(committed_database: Database) -> AsyncIterator[Database]:
    url = committed_database.engine.url.render_as_string(hide_password=False)
    settings = settings_for(url, database_pool_size=CONNECTIONS, database_max_overflow=0)
    database = Database.from_settings(settings)
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            await stack.enter_async_context(database.engine.connect())
    yield database
    await database.close()


@pytest.fixture
async def session(committed_database: Database) -> AsyncIterator[AsyncSession]:
    """A session of its own, so that the factories and users of this folder are committed."""
    async with committed_database.writing() as session:
        yield session


@pytest.fixture
async def processes(
    committed_database: Database, keys: LocalKeys, auth_admin: InMemoryAuthAdmin
) -> AsyncIterator[list[Api]]:
    """Applications that share the database alone, as the processes of a deployment do."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(serving(committed_database, keys, auth_admin))
            for _ in range(PROCESSES)
        ]
