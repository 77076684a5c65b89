"""The newest revision is taken back and applied again under traffic, beside a million rows.

Without the revision this code is not ready: it may answer 500 to whatever needs something new. What
code of before writes goes on all the time: something of a person, and an event of the audit trail.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable
from typing import TypeVar

import asyncpg
import httpx
import pytest
from alembic import command
from sqlalchemy import event
from sqlalchemy.engine import AdaptedConnection, ExceptionContext

from app.core.database import Database
from app.models import TrainingModule, User
from devstack.migrate import configuration, migrate
from devstack.postgres import EmbeddedPostgres
from tests.cli.processes import PATIENCE_SECONDS
from tests.factories.module import make_module, publish
from tests.factories.user import make_user
from tests.support import Api

pytestmark = pytest.mark.full

T = TypeVar("T")
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
TOUCH = "UPDATE users SET updated_at = updated_at WHERE id = $1"
MISSING = {"42703", "42P01", "42883"}
"""No such column, table, function."""


class Traffic:
    """People who enroll, withdraw and look, one request after the other; and older code."""

    def __init__(self, api: Api, module: TrainingModule) -> None:
        self._api = api
        self._module_id = module.id
        self.over = asyncio.Event()
        self.fits = True
        self.answers: Counter[int] = Counter()
        self.answers_when_unready: Counter[int] = Counter()
        self.missed = 0
        self.written = 0
        self.longest_ms = 0.0

    @property
    def total(self) -> int:
        return self.answers.total() + self.answers_when_unready.total()

    async def call(self, person: User) -> None:
        body = {"module_id": str(self._module_id)}
        while not self.over.is_set():
            enrolled = await self._timed(self._api.post("/enrollments", person, json=body))
            if enrolled.is_success:
                path = f"/enrollments/{enrolled.json()['id']}"
                await self._timed(self._api.get(path, person))
                await self._timed(self._api.post(f"{path}/withdraw", person))
            await self._timed(self._api.get("/modules", person))

    async def write(self, dsn: str, person: User) -> None:
        older = await asyncpg.connect(dsn)
        try:
            while not self.over.is_set():
                await self._timing(self._write_once(older, person))
                self.written += 1
        finally:
            await older.close()

    async def _write_once(self, older: asyncpg.Connection, person: User) -> None:
        async with older.transaction():
            await older.execute(TOUCH, person.id)
            await older.execute(EVENTS, person.id, self._module_id, 1)

    def note(self, failure: ExceptionContext) -> None:
        self._note(failure.original_exception)

    def listen(self, adapted: AdaptedConnection, _record: object) -> None:
        """Note what fails on the driver too, where the hot operations run their statements."""
        adapted.driver_connection.add_query_logger(lambda query: self._note(query.exception))

    def _note(self, failure: BaseException | None) -> None:
        if getattr(failure, "sqlstate", None) in MISSING:
            self.missed += 1

    async def _timed(self, call: Awaitable[httpx.Response]) -> httpx.Response:
        fitted = self.fits
        response = await self._timing(call)
        answers = self.answers if fitted and self.fits else self.answers_when_unready
        answers[response.status_code] += 1
        return response

    async def _timing(self, call: Awaitable[T]) -> T:
        started = time.perf_counter()
        result = await call
        self.longest_ms = max(self.longest_ms, (time.perf_counter() - started) * 1000)
        return result


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
    """Wait until so many more requests were answered, and so many more events written."""
    target, written = traffic.total + count, traffic.written + count
    while traffic.total < target or traffic.written < written:  # noqa: ASYNC110  # a counter sets no event
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
    engine = committed_database.engine
    event.listen(engine.sync_engine, "handle_error", traffic.note)
    event.listen(engine.sync_engine, "connect", traffic.listen)
    await engine.dispose()
    calls = [asyncio.create_task(traffic.call(person)) for person in people]
    calls.append(asyncio.create_task(traffic.write(dsn, people[0])))
    took = []
    for step in (downgrade, migrate, downgrade, migrate):
        await asyncio.wait_for(until(traffic, 20 * CALLERS), PATIENCE_SECONDS)
        traffic.fits = False
        started = time.perf_counter()
        await asyncio.to_thread(step, dsn)
        traffic.fits = step is migrate
        took.append(round(time.perf_counter() - started, 2))
    await asyncio.wait_for(until(traffic, 20 * CALLERS), PATIENCE_SECONDS)
    traffic.over.set()
    await asyncio.gather(*calls)
    answered = f"{dict(traffic.answers)}, unready {dict(traffic.answers_when_unready)}"
    print(f"{took} s; longest of {answered}: {traffic.longest_ms:.0f} ms")  # noqa: T201  # figures to look at with `pytest -rP`
    assert set(traffic.answers) == {200, 201}
    assert set(traffic.answers_when_unready) <= {200, 201, 500}
    assert traffic.answers_when_unready[500] <= traffic.missed
    assert traffic.longest_ms < LONGEST_MS
    await asyncio.to_thread(command.check, configuration(dsn))
