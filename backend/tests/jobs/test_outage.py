"""PostgreSQL dies again and again beside a worker, which goes on by itself.

TEST_OUTAGES=10 is the longer run of docs/reliability.md.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.core.database import Database
from app.core.postgres.table_security import API_ROLE
from app.jobs import executor
from app.services.factories import Services
from devstack.migrate import migrate
from devstack.postgres import EmbeddedPostgres
from tests.cli.processes import free_port
from tests.concurrency.test_outage import restart_at_once
from tests.conftest import settings_for
from tests.jobs.conftest import until, worker
from tests.jobs.effects import HANDLERS, done, enqueue_many, prepare, tally

pytestmark = pytest.mark.full

OUTAGES = int(os.environ.get("TEST_OUTAGES", "2"))
JOBS = 200


@pytest.fixture
async def mortal(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "data", port=free_port())
    await asyncio.to_thread(server.start)
    await asyncio.to_thread(migrate, server.dsn())
    yield server
    await asyncio.to_thread(server.stop)


@pytest.fixture
async def committed_database(mortal: EmbeddedPostgres) -> AsyncIterator[Database]:
    database = Database.from_settings(settings_for(mortal.dsn(user=API_ROLE)))
    yield database
    await database.close()


async def test_jobs_outlive_the_database(
    services: Services, mortal: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "FIRST_PAUSE", executor.FIRST_PAUSE / 100)
    database = services.database
    await prepare(mortal.dsn())

    async with worker(services, HANDLERS) as running:
        for outage in range(OUTAGES):
            await enqueue_many(database, JOBS)
            await until(done(database, outage * JOBS + JOBS // 2))
            await restart_at_once(mortal)
            await until(done(database, (outage + 1) * JOBS))
            assert not running.done()
    found = await tally(database)
    print(f"{OUTAGES} restarts, {found}")  # noqa: T201  # the figure of docs/reliability.md
    goal = OUTAGES * JOBS
    assert (found["effects"], found["counted"], found["given_up"]) == (goal, goal, 0)
