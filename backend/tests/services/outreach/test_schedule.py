"""A schedule is run once, whatever the number of workers, and caught up once after downtime."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.outreach.job import JobName
from app.domain.outreach.schedule import SCHEDULES
from app.models import Job, Schedule
from app.services.context import SYSTEM
from app.services.outreach.schedule import ScheduleService
from tests.support import RollbackDatabase

NAME = JobName.RECORDS_SEAL
WORKERS = 8


def service(database: Database, zone: str = "UTC") -> ScheduleService:
    return ScheduleService(database, SYSTEM, ZoneInfo(zone))


async def enqueued(session: AsyncSession) -> list[str]:
    return list(await session.scalars(select(Job.entrypoint).order_by(Job.entrypoint)))


async def row(session: AsyncSession) -> Schedule:
    return (await session.scalars(select(Schedule).where(Schedule.name == NAME))).one()


@pytest.fixture
async def kept(database: RollbackDatabase) -> ScheduleService:
    found = service(database)
    await found.keep()
    return found


async def test_days_without_a_worker_are_caught_up_once(
    kept: ScheduleService, session: AsyncSession
) -> None:
    first = (await row(session)).next_run_at
    later = first + timedelta(days=5)
    assert set(await kept.run_due(later)) == set(SCHEDULES)
    assert await kept.run_due(later) == []
    assert await enqueued(session) == sorted(SCHEDULES)
    session.expire_all()
    found = await row(session)
    assert (found.due_at, found.next_run_at) == (first, later + timedelta(days=1))


async def test_one_that_is_still_to_be_done_is_not_enqueued_twice(
    kept: ScheduleService, session: AsyncSession
) -> None:
    due = (await row(session)).next_run_at
    await kept.run_due(due)
    await kept.run_due(due + timedelta(days=1))
    assert (await enqueued(session)).count(NAME) == 1


async def test_a_success_settles_what_was_due_when_it_started(
    kept: ScheduleService, session: AsyncSession
) -> None:
    due = (await row(session)).next_run_at
    await kept.run_due(due)
    await kept.failed(NAME, "ValueError")
    session.expire_all()
    found = await row(session)
    assert (found.due_at, found.last_failure, found.last_success_at) == (due, "ValueError", None)
    await kept.succeeded(NAME, due - timedelta(seconds=1))
    session.expire_all()
    assert (await row(session)).due_at == due
    await kept.succeeded(NAME, due + timedelta(seconds=1))
    session.expire_all()
    found = await row(session)
    assert (found.due_at, found.last_failure) == (None, None)
    assert found.last_success_at is not None


async def test_rows_follow_settings_and_are_left_alone_otherwise(
    kept: ScheduleService, session: AsyncSession, database: RollbackDatabase
) -> None:
    found = await row(session)
    missed = found.next_run_at = datetime(2026, 1, 1, tzinfo=UTC)
    session.add(Schedule(name="retired", time_zone="UTC", next_run_at=missed))
    await session.commit()
    await kept.keep()
    session.expire_all()
    assert (await row(session)).next_run_at == missed
    assert set(await session.scalars(select(Schedule.name))) == set(SCHEDULES)
    await service(database, "America/Los_Angeles").keep()
    session.expire_all()
    assert (await row(session)).time_zone == "America/Los_Angeles"


async def test_many_workers_enqueue_it_once(committed_database: Database) -> None:
    await asyncio.gather(*(service(committed_database).keep() for _ in range(WORKERS)))
    later = datetime.now(UTC) + timedelta(days=2)
    found = await asyncio.gather(
        *(service(committed_database).run_due(later) for _ in range(WORKERS))
    )
    assert sorted(name for names in found for name in names) == sorted(SCHEDULES)
    async with committed_database.writing() as session:
        assert await enqueued(session) == sorted(SCHEDULES)
