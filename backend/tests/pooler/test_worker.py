"""A worker behind pgbouncer: it listens in session mode and polls in transaction mode."""

import pytest

from app.core.database import Database
from app.core.postgres.url import PoolerMode
from app.services.factories import Services
from devstack.postgres import EmbeddedPostgres
from tests.conftest import container_for, settings_for
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.jobs.conftest import until, worker
from tests.jobs.effects import HANDLERS, done, enqueue_many, prepare, tally
from tests.support import LocalKeys

pytestmark = pytest.mark.full

JOBS = 50


@pytest.fixture
async def services(pooler_dsn: str, mode: PoolerMode, keys: LocalKeys) -> Services:
    dsn = pooler_dsn.replace("//api@", "//training_api@")
    settings = settings_for(dsn, database_pooler=mode)
    return container_for(Database.from_settings(settings), keys, InMemoryAuthAdmin(), settings)


async def test_jobs_are_done(
    services: Services, committed_database: Database, postgres: EmbeddedPostgres
) -> None:
    await prepare(postgres.dsn(committed_database.engine.url.database or ""))

    async with worker(services, HANDLERS):
        for goal in (JOBS, 2 * JOBS):
            await enqueue_many(committed_database, JOBS)
            await until(done(committed_database, goal))
    await services.database.close()
    assert (await tally(committed_database))["left"] == 0
