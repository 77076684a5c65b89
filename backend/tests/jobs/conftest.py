import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import asyncpg
import pytest
from sqlalchemy import select

from app.core.database import Database
from app.domain.outreach.job import JobName
from app.jobs.handlers import Handler
from app.jobs.worker import Worker
from app.models import Job
from app.services.context import SYSTEM
from app.services.factories import Services
from app.services.unit_of_work import UnitOfWork
from tests.conftest import container_for, settings_for
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.support import LocalKeys

PATIENCE_SECONDS = 180


@pytest.fixture
def services(
    committed_database: Database, keys: LocalKeys, auth_admin: InMemoryAuthAdmin
) -> Services:
    url = committed_database.engine.url.render_as_string(hide_password=False)
    return container_for(committed_database, keys, auth_admin, settings_for(url))


@contextlib.asynccontextmanager
async def worker(
    services: Services, handlers: Mapping[JobName, Handler]
) -> AsyncIterator[asyncio.Task[None]]:
    """Run a worker with these handlers within the block; fail if it failed."""
    stop = asyncio.Event()
    task = asyncio.create_task(Worker(services, stop, handlers).run())
    try:
        yield task
    finally:
        stop.set()
        await task


def work(services: Services) -> UnitOfWork:
    return UnitOfWork(services.database, SYSTEM)


async def enqueue(services: Services, name: JobName, *, key: str | None = None) -> None:
    async with work(services) as uow:
        await uow.queue.enqueue(name, key=key)


async def jobs(services: Services) -> list[Job]:
    async with services.database.writing() as session:
        return list(await session.scalars(select(Job).order_by(Job.id)))


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110  # the queue sets no event
            await asyncio.sleep(0.02)


async def until_listening(connection: asyncpg.Connection) -> None:
    """Wait until a worker of this database waits for announcements."""
    listening = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = $1"
    name = await connection.fetchval("SELECT current_database()")
    await until(lambda: connection.fetchval(listening, name))
