import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from app.core.database import Fetch
from app.core.postgres.queue import FetchDriver, queue_on
from app.domain.outreach.job import JobName
from app.models import Job, JobLog
from app.repositories.base import Repository


class JobQueue:
    """Enqueues jobs in the transaction of a unit of work: a rollback removes them."""

    def __init__(self, fetch: Fetch) -> None:
        self._queue = queue_on(FetchDriver(fetch))

    async def enqueue(
        self,
        name: JobName,
        payload: Mapping[str, object] | None = None,
        *,
        key: str | None = None,
        after: timedelta = timedelta(0),
    ) -> None:
        """Enqueue a job; with a `key`, unless one with the same key waits or is under way."""
        told = None if payload is None else json.dumps(payload).encode()
        await self._queue.enqueue(
            name, told, execute_after=after, dedupe_key=key, on_conflict="skip"
        )


class JobRepository(Repository[Job]):
    model = Job

    async def prune_log(self, before: datetime, limit: int) -> int:
        """Delete at most `limit` entries of the log from before an instant; return how many."""
        old = select(JobLog.id).where(JobLog.created < before).order_by(JobLog.created).limit(limit)
        statement = (
            delete(JobLog)
            .where(JobLog.id.in_(old))
            .returning(JobLog.id)
            .execution_options(synchronize_session=False)
        )
        return len((await self.session.execute(statement)).all())
