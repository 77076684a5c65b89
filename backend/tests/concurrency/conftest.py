"""Races with real commits on a warm pool: behind a cold one callers queue, which hides them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.integrations.auth_admin import InMemoryAuthAdmin
from app.main import create_app
from tests.conftest import container_for, settings_for
from tests.support import ORIGIN, Api, LocalKeys

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
    settings = settings_for(
        committed_database.engine.url.render_as_string(hide_password=False),
    )
    async with AsyncExitStack() as stack:
        apis = []
        for _ in range(PROCESSES):
            container = container_for(committed_database, keys, auth_admin, settings)
            stack.push_async_callback(container.http.aclose)
            transport = httpx.ASGITransport(create_app(container), raise_app_exceptions=False)
            client = httpx.AsyncClient(transport=transport, base_url=ORIGIN)
            apis.append(Api(await stack.enter_async_context(client), keys))
        yield apis
