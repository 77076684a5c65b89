"""Thousands of mixed requests from four processes through pgbouncer, to four worker processes."""

import asyncio
import uuid
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from multiprocessing import get_context

import asyncpg
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.core.postgres.url import PoolerMode
from app.domain.actor import Role
from app.models import (
    Enrollment,
    QuizAttempt,
    TrainingModule,
    TrainingRecord,
    User,
)
from app.services.context import SYSTEM
from app.services.evidence.training_record import TrainingRecordService
from devstack.postgres import EmbeddedPostgres
from tests.cli.processes import PATIENCE_SECONDS
from tests.concurrency.race import audited, count
from tests.factories.module import (
    acknowledgement_section,
    make_module,
    publish,
    quiz_section,
    single_choice,
    text_section,
)
from tests.factories.user import make_location, make_user
from tests.pooler.client import Course, Person, Plan, Report, run
from tests.pooler.conftest import SERVERS, Pooled
from tests.support import LocalKeys

pytestmark = pytest.mark.full

PROCESSES = 4
# 22 requests each, 5,016 in all.
LEARNERS = {PoolerMode.TRANSACTION: 152, PoolerMode.SESSION: 76}
REQUESTS_EACH = 22

LEFT_IN_SESSIONS = """
SELECT (SELECT count(*) FROM pg_prepared_statements) AS statements,
       (SELECT count(*) FROM pg_cursors WHERE name <> '') AS cursors,
       current_setting('lock_timeout') AS lock_timeout
"""
LEFT_ON_SERVER = """
SELECT (SELECT count(*) FROM pg_stat_activity
         WHERE datname = $1 AND state LIKE 'idle in transaction%') AS idle_in_transaction,
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS advisory_locks
"""


async def make_course(session: AsyncSession, database: Database) -> Course:
    sections = (text_section(), acknowledgement_section(), quiz_section(single_choice()))
    module = await make_module(session, *sections)
    await publish(database, module)
    return Course(str(module.id), *(str(section.id) for section in sections))


async def make_learners(session: AsyncSession, learners: int) -> list[User]:
    office = await make_location(session)
    example = await make_user(session, location_id=office.id)
    people = [
        User(
            supabase_id=uuid.uuid4(),
            email=f"learner{number}@unified.example",
            full_name=f"Learner {number}",
            email_confirmed=True,
            last_sign_in=example.last_sign_in,
            location_id=office.id,
        )
        for number in range(learners)
    ]
    session.add_all(people)
    await session.commit()
    return people


async def plans(
    pooled: Pooled, keys: LocalKeys, session: AsyncSession, database: Database
) -> list[Plan]:
    def person(user: User) -> Person:
        assert user.supabase_id is not None
        token = keys.token(user.supabase_id, user.email, iss=pooled.issuer)
        return Person(str(user.id), user.display_name, token)

    course = await make_course(session, database)
    learners = [person(user) for user in await make_learners(session, LEARNERS[pooled.mode])]
    author = person(await make_user(session, role=Role.AUTHOR))
    admin = person(await make_user(session, role=Role.ADMIN))
    return [
        Plan(pooled.origin, course, learners[number::PROCESSES], author, admin)
        for number in range(PROCESSES)
    ]


async def run_all(plans: list[Plan]) -> list[Report]:
    """Run each plan in a process of its own."""
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(len(plans), mp_context=get_context("spawn")) as processes:
        return await asyncio.gather(*(loop.run_in_executor(processes, run, plan) for plan in plans))


async def test_every_request_is_answered_and_nothing_is_left(
    pooled: Pooled,
    postgres: EmbeddedPostgres,
    keys: LocalKeys,
    session: AsyncSession,
    committed_database: Database,
) -> None:
    planned = await plans(pooled, keys, session, committed_database)
    await session.commit()
    reports = await run_all(planned)
    assert [line for report in reports for line in report.unexpected] == []
    answers = sum((report.answers for report in reports), Counter[int]())
    acknowledged = sum((report.acknowledged for report in reports), Counter[str]())
    print(pooled.mode, dict(answers), dict(acknowledged))  # noqa: T201  # figures to look at with `pytest -rP`
    assert answers.total() == LEARNERS[pooled.mode] * REQUESTS_EACH
    assert set(answers) == {200, 201}
    assert set(acknowledged.values()) == {LEARNERS[pooled.mode]}
    assert await stored(session, committed_database) == acknowledged
    await session.commit()
    await stop(pooled)
    assert await left_in_sessions(pooled.dsn, SERVERS[pooled.mode]) == {(0, 0, "10s")}
    assert await left_on_server(postgres, committed_database) == (0, 0)


async def stored(session: AsyncSession, database: Database) -> Counter[str]:
    verified = await TrainingRecordService(database, SYSTEM).verify()
    assert verified.broken is None
    drafts = select(func.count()).where(TrainingModule.current_version_id.is_(None))
    return Counter(
        enrolled=await count(session, Enrollment),
        completed=await count(session, Enrollment, Enrollment.status == "completed"),
        passed=await count(session, QuizAttempt, QuizAttempt.passed.is_(True)),
        records=await count(session, TrainingRecord),
        edited=await audited(session, "user:updated"),
        modules=await session.scalar(drafts) or 0,
    )


async def stop(pooled: Pooled) -> None:
    """End the clients of the pooler, which keeps its connections to the server."""
    pooled.process.terminate()
    assert await asyncio.wait_for(pooled.process.wait(), PATIENCE_SECONDS) == 0


async def left_in_sessions(dsn: str, servers: int) -> set[tuple[int, int, str]]:
    """Look into all sessions that the pooler has with the server, each held by a transaction."""
    found = set()
    async with AsyncExitStack() as stack:
        for _ in range(servers):
            connection = await asyncpg.connect(dsn, statement_cache_size=0)
            stack.push_async_callback(connection.close)
            await stack.enter_async_context(connection.transaction())
            row = await connection.fetchrow(LEFT_IN_SESSIONS)
            assert row is not None
            found.add((row["statements"], row["cursors"], row["lock_timeout"]))
    return found


async def left_on_server(postgres: EmbeddedPostgres, database: Database) -> tuple[int, int]:
    connection = await asyncpg.connect(postgres.dsn())
    try:
        row = await connection.fetchrow(LEFT_ON_SERVER, database.engine.url.database)
    finally:
        await connection.close()
    assert row is not None
    return row["idle_in_transaction"], row["advisory_locks"]
