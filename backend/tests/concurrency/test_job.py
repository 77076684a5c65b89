import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.outreach.job import JobName
from app.models import Job, User
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.concurrency.race import ROUNDS, race, statuses
from tests.support import Api

pytestmark = pytest.mark.full


async def test_of_jobs_that_do_the_same_one_is_done_again(
    committed_api: Api, committed_database: Database, session: AsyncSession, admin: User
) -> None:
    for _ in range(ROUNDS):
        await session.execute(delete(Job))
        await session.commit()
        for _ in range(2):
            async with UnitOfWork(committed_database, SYSTEM) as uow:
                await uow.queue.enqueue(JobName.MEDIA_SWEEP, key="night")
            await session.execute(update(Job).values(status="failed"))
            await session.commit()
        given_up = list(await session.scalars(select(Job.id)))
        await session.commit()
        calls = [committed_api.post(f"/operations/jobs/{each}/retry", admin) for each in given_up]
        assert statuses(await race(calls)) == {200: 1, 409: 1}
