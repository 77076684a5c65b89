from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, select, text, update
from sqlalchemy.orm import aliased

from app.core.database import Fetch
from app.core.pagination import Page, PageRequest, decode_cursor, encode_cursor
from app.core.postgres.queue import FetchDriver, queue_on
from app.domain.outreach.job import JobName, JobStatus
from app.models import Job, JobLog
from app.repositories.base import Repository, any_of

_BACKLOG = text(
    """
    SELECT entrypoint,
           count(*) FILTER (WHERE status = 'queued' AND execute_after <= now()) AS waiting,
           count(*) FILTER (WHERE status = 'picked') AS under_way,
           count(*) FILTER (WHERE status = 'failed') AS given_up,
           count(*) FILTER (WHERE status = 'queued' AND attempts > 0) AS failing,
           coalesce(extract(epoch FROM now() - min(execute_after)
               FILTER (WHERE status = 'queued' AND execute_after <= now())), 0) AS oldest_seconds
      FROM jobs GROUP BY entrypoint ORDER BY entrypoint
    """
)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What there is to do of one kind of job."""

    name: str
    waiting: int
    under_way: int
    given_up: int
    failing: int
    """Those that failed and will be tried again."""

    oldest_seconds: float
    """How long the first of those that wait could have been begun."""


@dataclass(frozen=True, slots=True)
class JobEntry:
    id: int
    name: str
    status: JobStatus
    failures: int
    created_at: datetime
    run_after: datetime
    last_failure: str | None


class JobQueue:
    """Enqueues jobs in the transaction of a unit of work: a rollback removes them."""

    def __init__(self, fetch: Fetch) -> None:
        self._queue = queue_on(FetchDriver(fetch))

    async def enqueue(self, name: JobName, *, key: str | None = None) -> None:
        """Enqueue a job; with a `key`, unless one with the same key waits or is under way."""
        await self._queue.enqueue(name, None, dedupe_key=key, on_conflict="skip")


class JobRepository(Repository[Job]):
    model = Job

    async def list_all(
        self, request: PageRequest, *, statuses: Collection[JobStatus]
    ) -> Page[JobEntry]:
        """List the newest first."""
        statement = _entries().where(*any_of(Job.status, statuses))
        total = await self._total(statement) if request.include_total else None
        if request.cursor is not None:
            (last,) = decode_cursor(request.cursor, (int,))
            statement = statement.where(Job.id < last)
        limited = statement.order_by(Job.id.desc()).limit(request.limit + 1)
        entries = [_entry(row) for row in await self.session.execute(limited)]
        page = entries[: request.limit]
        cursor = encode_cursor((page[-1].id,)) if len(entries) > request.limit else None
        return Page(page, cursor, total)

    async def get(self, job_id: int) -> JobEntry | None:
        row = (await self.session.execute(_entries().where(Job.id == job_id))).one_or_none()
        return None if row is None else _entry(row)

    async def requeue(self, job_id: int) -> bool:
        """Let a job that was given up be done at once; not while another with its key is to be."""
        other = aliased(Job)
        same = select(other.id).where(
            other.dedupe_key == Job.dedupe_key, other.status.in_(["queued", "picked"])
        )
        statement = (
            update(Job)
            .where(Job.id == job_id, Job.status == "failed", ~same.exists())
            .values(
                status="queued",
                attempts=0,
                headers=None,
                execute_after=func.now(),
                updated=func.now(),
            )
            .returning(Job.id)
        )
        return await self.session.scalar(statement) is not None

    async def drop(self, job_id: int) -> bool:
        """Remove a job that was given up."""
        statement = delete(Job).where(Job.id == job_id, Job.status == "failed").returning(Job.id)
        return await self.session.scalar(statement) is not None

    async def backlog(self) -> list[Backlog]:
        return [Backlog(*row) for row in await self.session.execute(_BACKLOG)]

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


def _entries() -> Select[*tuple[Any, ...]]:
    failure = (
        select(JobLog.traceback["exception_message"].astext)
        .where(JobLog.job_id == Job.id, JobLog.traceback.is_not(None))
        .order_by(JobLog.created.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(
        Job.id, Job.entrypoint, Job.status, Job.attempts, Job.created, Job.execute_after, failure
    )


def _entry(row: Row[*tuple[Any, ...]]) -> JobEntry:
    job_id, name, status, *rest = tuple(row)
    return JobEntry(job_id, name, JobStatus(status), *rest)
