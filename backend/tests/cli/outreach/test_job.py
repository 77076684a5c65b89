import uuid
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.outreach.job import JobName
from app.models import AuditEvent, Job, Schedule
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.cli.conftest import Invoke


async def given_up(database: Database, session: AsyncSession) -> int:
    async with UnitOfWork(database, SYSTEM) as uow:
        await uow.queue.enqueue(JobName.MEDIA_SWEEP)
    await session.execute(update(Job).values(status="failed", attempts=6))
    await session.commit()
    return (await session.scalars(select(Job.id))).one()


async def test_what_was_given_up_is_done_again_or_dropped(
    invoke: Invoke, committed_database: Database, session: AsyncSession
) -> None:
    job_id = str(await given_up(committed_database, session))
    assert f"{job_id}\tmedia:sweep\tfailed\t6" in (await invoke("jobs", "list")).stdout
    assert (await invoke("jobs", "retry", job_id)).exit_code == 0
    assert f"{job_id}\tmedia:sweep\tqueued\t0" in (await invoke("jobs", "list")).stdout
    for command in ("retry", "drop"):
        refused = await invoke("jobs", command, job_id)
        assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    await session.execute(update(Job).values(status="failed"))
    await session.commit()
    assert (await invoke("jobs", "drop", job_id)).exit_code == 0
    assert (await invoke("jobs", "drop", job_id)).exit_code == 1
    told = select(AuditEvent.action, AuditEvent.target_id).order_by(AuditEvent.created_at)
    target = uuid.UUID(int=int(job_id))
    assert [*await session.execute(told)] == [("job:retried", target), ("job:dropped", target)]


async def test_a_schedule_that_is_late_is_looked_at(invoke: Invoke, session: AsyncSession) -> None:
    due = datetime.now(UTC) - timedelta(hours=1)
    session.add(Schedule(name="records:seal", time_zone="UTC", next_run_at=due))
    await session.commit()
    late = await invoke("jobs", "schedules")
    assert (late.exit_code, late.stderr) == (1, "Late: records:seal\n")
    assert (await invoke("jobs", "schedules", "--late-after", "7200")).exit_code == 0
