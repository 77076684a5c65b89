"""Every idle session is ended by the server: reads never notice, writes happen once or not."""

import os
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import TrainingModule, User
from devstack.postgres import EmbeddedPostgres
from tests.concurrency.conftest import CONNECTIONS
from tests.concurrency.race import count, race, statuses
from tests.factories.module import make_module, publish
from tests.support import Api

ROUNDS = 5
END_IDLE = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE datname = $1 AND state = 'idle'
"""


class Observer:
    """A session of the superuser, in another database."""

    def __init__(self, connection: asyncpg.Connection, database: str) -> None:
        self._connection = connection
        self._database = database

    async def end_idle_sessions(self) -> int:
        return int(await self._connection.fetchval(END_IDLE, self._database))


@pytest.fixture
async def observer(
    postgres: EmbeddedPostgres, committed_database: Database
) -> AsyncIterator[Observer]:
    connection = await asyncpg.connect(postgres.dsn())
    yield Observer(connection, committed_database.engine.url.database or "")
    await connection.close()


@pytest.mark.full
async def test_a_burst_of_reads_never_notices(
    committed_api: Api,
    committed_database: Database,
    observer: Observer,
    session: AsyncSession,
    learner: User,
) -> None:
    module = await make_module(session)
    await publish(committed_database, module)
    body = {"module_id": str(module.id)}
    enrolled = await committed_api.post("/enrollments", learner, json=body)
    path = f"/enrollments/{enrolled.json()['id']}"
    reads = ("/users/me", "/enrollments", path, f"{path}/content", "/modules", "/training-records")
    for _ in range(ROUNDS):
        # A pooler in between (TEST_POOLER) holds fewer than our own pool.
        least = 1 if os.environ.get("TEST_POOLER") else CONNECTIONS - 1
        assert await observer.end_idle_sessions() >= least
        calls = [committed_api.get(read, learner) for read in reads for _ in range(CONNECTIONS)]
        answers = await race(calls)
        assert statuses(answers) == {200: len(calls)}
    assert committed_database.pool_status()["checked_out"] == 0


@pytest.mark.full
async def test_writes_happen_once_or_are_told_to_come_back(
    committed_api: Api, observer: Observer, session: AsyncSession, author: User
) -> None:
    created = 0
    for turn in range(ROUNDS):
        await session.commit()
        await observer.end_idle_sessions()
        calls = [
            committed_api.post("/modules", author, json={"title": f"Title {turn}-{number}"})
            for number in range(CONNECTIONS * 2)
        ]
        answers = await race(calls)
        assert set(statuses(answers)) <= {httpx.codes.CREATED, httpx.codes.SERVICE_UNAVAILABLE}
        assert all("Retry-After" in each.headers for each in answers if each.is_error)
        created += statuses(answers)[httpx.codes.CREATED]
    assert created == await count(session, TrainingModule)
