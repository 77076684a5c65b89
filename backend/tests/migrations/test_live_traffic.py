"""The newest revision is taken back and applied again under traffic, beside a million rows."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable

import asyncpg
import httpx
import pytest
from alembic import command

from app.core.database import Database
from app.models import TrainingModule, User
from devstack.migrate import configuration, migrate
from devstack.postgres import EmbeddedPostgres
from tests.cli.processes import PATIENCE_SECONDS
from tests.factories.module import make_module, publish
from tests.factories.user import make_user
from tests.support import Api

pytestmark = pytest.mark.full

ROWS = 1_000_000
CALLERS = 2
LONGEST_MS = 10_000
"""Ten times the limit for a machine that does nothing else: what it is about, a revision that holds
a lock while it goes through a million rows, takes callers longer than any busy machine."""
EVENTS = """
INSERT INTO audit_events (id, actor_id, action, target_type, target_id, after)
SELECT gen_random_uuid(), $1, 'module:updated', 'module', $2, '{"title": "Title"}'
  FROM generate_series(1, $3)
"""


class Traffic:
    """People who enroll, withdraw and look, one request after the other."""

    def __init__(self, api: Api, module: TrainingModule) -> None:
        self._api = api
        self._module_id = str(module.id)
        self.over = asyncio.Event()
        self.answers: Counter[int] = Counter()
        self.longest_ms = 0.0

    async def call(self, person: User) -> None:
        body = {"module_id": self._module_id}
        while not self.over.is_set():
            enrolled = await self._timed(self._api.post("/enrollments", person, json=body))
            if enrolled.is_success:
                path = f"/enrollments/{enrolled.json()['id']}"
                await self._timed(self._api.get(path, person))
                await self._timed(self._api.post(f"{path}/withdraw", person))
            await self._timed(self._api.get("/modules", person))

    async def _timed(self, call: Awaitable[httpx.Response]) -> httpx.Response:
        started = time.perf_counter()
        response = await call
        self.longest_ms = max(self.longest_ms, (time.perf_counter() - started) * 1000)
        self.answers[response.status_code] += 1
        return response


async def fill(dsn: str, actor: User, module: TrainingModule) -> None:
    owner = await asyncpg.connect(dsn)
    try:
        await owner.execute("SET session_replication_role = replica")
        await owner.execute(EVENTS, actor.id, module.id, ROWS)
        await owner.execute("RESET session_replication_role")
        await owner.execute("VACUUM ANALYZE audit_events")
    finally:
        await owner.close()


def downgrade(dsn: str) -> None:
    command.downgrade(configuration(dsn), "-1")


async def until(traffic: Traffic, count: int) -> None:
    """Wait until so many more requests were answered."""
    target = traffic.answers.total() + count
    while traffic.answers.total() < target:  # noqa: ASYNC110  # a counter sets no event
        await asyncio.sleep(0.01)


async def test_the_newest_revision(
    committed_api: Api, committed_database: Database, postgres: EmbeddedPostgres
) -> None:
    dsn = postgres.dsn(committed_database.engine.url.database or "")
    async with committed_database.writing() as session:
        people = [await make_user(session) for _ in range(CALLERS)]
        module = await make_module(session)
    await publish(committed_database, module)
    await fill(dsn, people[0], module)
    traffic = Traffic(committed_api, module)
    calls = [asyncio.create_task(traffic.call(person)) for person in people]
    took = []
    for step in (downgrade, migrate, downgrade, migrate):
        await asyncio.wait_for(until(traffic, 20 * CALLERS), PATIENCE_SECONDS)
        started = time.perf_counter()
        await asyncio.to_thread(step, dsn)
        took.append(round(time.perf_counter() - started, 2))
    await asyncio.wait_for(until(traffic, 20 * CALLERS), PATIENCE_SECONDS)
    traffic.over.set()
    await asyncio.gather(*calls)
    print(f"{took} s; longest of {dict(traffic.answers)}: {traffic.longest_ms:.0f} ms")  # noqa: T201  # figures to look at with `pytest -rP`
    assert set(traffic.answers) == {200, 201}
    assert traffic.longest_ms < LONGEST_MS
    await asyncio.to_thread(command.check, configuration(dsn))
