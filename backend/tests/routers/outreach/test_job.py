import uuid
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.outreach.job import JobName
from app.models import Job, JobLog, Schedule, User
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.routers.problems import assert_anonymous, assert_problem
from tests.support import Api, RollbackDatabase

JOBS = "/operations/jobs"
SCHEDULES = "/operations/schedules"


@pytest.fixture
async def job_ids(database: RollbackDatabase, session: AsyncSession) -> list[int]:
    """Three jobs, the first of which was given up."""
    async with UnitOfWork(database, SYSTEM) as uow:
        for _ in range(3):
            await uow.queue.enqueue(JobName.MEDIA_SWEEP)
    found = list(await session.scalars(select(Job.id).order_by(Job.id)))
    await session.execute(update(Job).where(Job.id == found[0]).values(status="failed", attempts=6))
    failure = {"exception_message": "ValueError at sweep.py:7"}
    entry = {"status": "failed", "priority": 0, "entrypoint": "media:sweep", "traceback": failure}
    session.add(JobLog(job_id=found[0], **entry))
    await session.commit()
    return found


class TestListJobs:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get(JOBS))

    async def test_only_admins(self, api: Api, manager: User) -> None:
        assert_problem(await api.get(JOBS, manager), 403, "forbidden")

    async def test_the_newest_first_by_page(
        self, api: Api, admin: User, job_ids: list[int]
    ) -> None:
        first = (await api.get(f"{JOBS}?limit=2&include_total=true", admin)).json()
        rest = (await api.get(f"{JOBS}?limit=2&cursor={first['next_cursor']}", admin)).json()
        listed = [item["id"] for item in (*first["items"], *rest["items"])]
        assert (listed, first["total"], rest["next_cursor"]) == (job_ids[::-1], 3, None)

    async def test_what_was_given_up(self, api: Api, admin: User, job_ids: list[int]) -> None:
        (item,) = (await api.get(f"{JOBS}?status=failed", admin)).json()["items"]
        assert {name: item[name] for name in item if not name.endswith(("_at", "_after"))} == {
            "id": job_ids[0],
            "name": "media:sweep",
            "status": "failed",
            "failures": 6,
            "last_failure": "ValueError at sweep.py:7",
        }
        assert set(item) > {"created_at", "run_after"}


class TestRetryJob:
    async def test_anonymous(self, api: Api, job_ids: list[int]) -> None:
        assert_anonymous(await api.post(f"{JOBS}/{job_ids[0]}/retry"))

    async def test_once(self, api: Api, admin: User, job_ids: list[int]) -> None:
        path = f"{JOBS}/{job_ids[0]}/retry"
        answer = await api.post(path, admin)
        assert (answer.status_code, answer.json()["status"]) == (200, "queued")
        listed = (await api.get(f"{JOBS}?status=queued", admin)).json()["items"]
        assert [item["id"] for item in listed] == job_ids[::-1]
        assert_problem(await api.post(path, admin), 409, "job_not_given_up")

    async def test_the_trail_tells_who_did_it(
        self, api: Api, admin: User, job_ids: list[int]
    ) -> None:
        await api.post(f"{JOBS}/{job_ids[0]}/retry", admin)
        target = uuid.UUID(int=job_ids[0])
        (event,) = (await api.get(f"/audit-events?target_id={target}", admin)).json()["items"]
        assert (event["action"], event["actor_id"]) == ("job:retried", str(admin.id))
        assert event["before"] == {
            "job_id": job_ids[0],
            "name": "media:sweep",
            "last_failure": "ValueError at sweep.py:7",
        }

    async def test_not_beside_another_that_does_the_same(
        self, api: Api, admin: User, database: RollbackDatabase, session: AsyncSession
    ) -> None:
        async with UnitOfWork(database, SYSTEM) as uow:
            await uow.queue.enqueue(JobName.MEDIA_SWEEP, key="night")
        await session.execute(update(Job).values(status="failed"))
        await session.commit()
        job_id = (await session.scalars(select(Job.id))).one()
        async with UnitOfWork(database, SYSTEM) as uow:
            await uow.queue.enqueue(JobName.MEDIA_SWEEP, key="night")
        answer = await api.post(f"{JOBS}/{job_id}/retry", admin)
        assert_problem(answer, 409, "job_not_given_up")

    async def test_unknown(self, api: Api, admin: User) -> None:
        assert_problem(await api.post(f"{JOBS}/{2**62}/retry", admin), 404, "job_not_found")


class TestListSchedules:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get(SCHEDULES))

    async def test_how_late_one_is(self, api: Api, admin: User, session: AsyncSession) -> None:
        due = datetime.now(UTC) - timedelta(hours=1)
        row = Schedule(
            name="records:seal",
            at=time(3, 0),
            time_zone="UTC",
            next_run_at=due + timedelta(days=1),
            due_at=due,
            last_run_at=due,
            last_failure="ValueError at seal.py:7",
        )
        session.add(row)
        await session.commit()
        (item,) = (await api.get(SCHEDULES, admin)).json()["items"]
        late = item.pop("late_seconds")
        assert item.pop("next_run_at")
        assert item.pop("last_run_at")
        assert item == {
            "name": "records:seal",
            "at": "03:00",
            "every_minutes": None,
            "time_zone": "UTC",
            "last_success_at": None,
            "last_failure": "ValueError at seal.py:7",
        }
        assert 3600 <= late < 7200


async def test_metrics_tell_what_waits(api: Api, job_ids: list[int], session: AsyncSession) -> None:
    session.add(Schedule(name="records:seal", time_zone="UTC", next_run_at=datetime.now(UTC)))
    await session.commit()
    text = (await api.client.get("/metrics")).text
    assert 'training_jobs{job="media:sweep",state="given_up"} 1.0' in text
    assert 'training_jobs{job="media:sweep",state="waiting"} 2.0' in text
    assert 'training_schedule_late_seconds{schedule="records:seal"}' in text
    assert 'training_jobs_oldest_seconds{job="media:sweep"}' in text
