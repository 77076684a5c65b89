"""More callers than connections: they are told to come back, and nothing is left hanging."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import User
from tests.concurrency.race import race, statuses
from tests.conftest import serving, settings_for
from tests.factories.module import make_module, publish
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.support import Api, LocalKeys

pytestmark = pytest.mark.full

CONNECTIONS = 5
CALLERS = 200


@pytest.fixture
async def small(committed_database: Database) -> AsyncIterator[Database]:
    """A pool as production has it: five connections, and one second to wait for one."""
    url = committed_database.engine.url.render_as_string(hide_password=False)
    settings = settings_for(url, database_max_overflow=0, database_pool_timeout=1)
    database = Database.from_settings(settings)
    yield database
    await database.close()


@pytest.fixture
async def small_api(
    small: Database, keys: LocalKeys, auth_admin: InMemoryAuthAdmin
) -> AsyncIterator[Api]:
    async with serving(small, keys, auth_admin) as api:
        yield api


async def until_all_are_taken(database: Database) -> None:
    while database.pool_status()["checked_out"] < CONNECTIONS:  # noqa: ASYNC110  # a pool sets no event
        await asyncio.sleep(0)


async def test_callers_without_a_connection_are_told_to_come_back(
    small_api: Api, small: Database, session: AsyncSession, learner: User
) -> None:
    module = await make_module(session)
    await publish(small, module)
    enrolled = await small_api.post("/enrollments", learner, json={"module_id": str(module.id)})
    enrollment_id = enrolled.json()["id"]
    path = f"/enrollments/{enrollment_id}/sections/{module.sections[0].id}/progress"
    # Reports of one enrollment wait for its lock, each with a connection in its hand.
    await session.execute(
        text("SELECT FROM enrollments WHERE id = :id FOR UPDATE"), {"id": uuid.UUID(enrollment_id)}
    )
    waiting = [
        asyncio.create_task(small_api.put(path, learner, json={"completed": True}))
        for _ in range(CONNECTIONS)
    ]
    await until_all_are_taken(small)
    refused, alive, ready = await asyncio.gather(
        race(small_api.get("/users/me", learner) for _ in range(CALLERS)),
        race(small_api.get("/health/live") for _ in range(CALLERS)),
        race(small_api.get("/health/ready") for _ in range(CONNECTIONS)),
    )
    assert statuses(refused) == {503: CALLERS}
    assert {answer.json()["code"] for answer in refused} == {"overloaded"}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    assert statuses(alive) == {200: CALLERS}
    # Else a load balancer would take all servers out at once, which wait for the same lock.
    assert statuses(ready) == {200: CONNECTIONS}
    assert {answer.json()["status"] for answer in ready} == {"busy"}
    await session.commit()
    assert statuses(await asyncio.gather(*waiting)) == {200: CONNECTIONS}
    assert small.pool_status()["checked_out"] == 0
    assert (await small_api.get("/users/me", learner)).is_success


async def test_callers_who_hang_up_leave_their_connection(
    small_api: Api, small: Database, session: AsyncSession, learner: User
) -> None:
    for _ in range(10):
        calls = [
            asyncio.create_task(small_api.get("/enrollments", learner))
            for _ in range(CONNECTIONS * 4)
        ]
        await until_all_are_taken(small)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert (await small_api.get("/users/me", learner)).is_success
        assert small.pool_status()["checked_out"] == 0


@pytest.fixture
async def overflowing_api(
    committed_database: Database, keys: LocalKeys, auth_admin: InMemoryAuthAdmin
) -> AsyncIterator[Api]:
    """Five connections that are kept, five more that are closed when they come back."""
    url = committed_database.engine.url.render_as_string(hide_password=False)
    database = Database.from_settings(settings_for(url))
    async with serving(database, keys, auth_admin) as api:
        yield api
    await database.close()


async def test_more_callers_than_the_pool_keeps_leave_no_line_in_the_log(
    overflowing_api: Api, learner: User, session: AsyncSession, caplog: pytest.LogCaptureFixture
) -> None:
    await session.commit()
    for path in ("/enrollments", "/users/me"):
        answers = await race(overflowing_api.get(path, learner) for _ in range(50))
        assert statuses(answers) == {200: 50}
    assert [each.getMessage() for each in caplog.records if each.levelno > logging.INFO] == []
