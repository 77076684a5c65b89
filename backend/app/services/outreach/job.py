import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta

from app.core.errors import ConflictError
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.domain.outreach.job import JobStatus
from app.repositories.outreach.job import Backlog, JobEntry
from app.schemas.base import ListOf
from app.schemas.outreach.job import JobRead
from app.services.answer import Answer
from app.services.base import Service, found, listed
from app.services.unit_of_work import UnitOfWork

BATCH = 5_000
"""Rows of the log deleted in one transaction."""


class JobNotGivenUpError(ConflictError):
    code = "job_not_given_up"
    title = "Only a job that was given up can be done again or dropped"
    detail = "It waits or is under way, or another one that does the same does."


class JobService(Service):
    async def list(
        self, request: PageRequest, *, statuses: Collection[JobStatus]
    ) -> ListOf[JobRead]:
        async with self.reading() as uow:
            page = await uow.jobs.list_all(request, statuses=statuses)
            return listed(page, JobRead.model_validate)

    async def retry(self, job_id: int) -> Answer[JobRead]:
        """Have a job that was given up done again, with as many tries as a new one."""
        async with self.work() as uow:
            given_up = found(await uow.jobs.get(job_id), "job")
            if not await uow.jobs.requeue(job_id):
                raise JobNotGivenUpError
            await _audit(uow, AuditAction.JOB_RETRIED, given_up)
            waiting = found(await uow.jobs.get(job_id), "job")
            return await uow.answer(Answer(JobRead.model_validate(waiting)))

    async def drop(self, job_id: int) -> None:
        """Remove a job that was given up."""
        async with self.work() as uow:
            given_up = found(await uow.jobs.get(job_id), "job")
            if not await uow.jobs.drop(job_id):
                raise JobNotGivenUpError
            await _audit(uow, AuditAction.JOB_DROPPED, given_up)

    async def backlog(self) -> Sequence[Backlog]:
        async with self.reading() as uow:
            return await uow.jobs.backlog()

    async def prune_log(self, kept: timedelta, *, batch: int = BATCH) -> int:
        """Delete entries of the log by age; return how many."""
        pruned = 0
        while True:
            async with self.work() as uow:
                done = await uow.jobs.prune_log(await uow.now() - kept, batch)
            pruned += done
            if done < batch:
                return pruned


async def _audit(uow: UnitOfWork, action: AuditAction, job: JobEntry) -> None:
    """Tell of a job that was given up. Targets are UUIDs; a job's is its number, written as one."""
    before = {"job_id": job.id, "name": job.name, "last_failure": job.last_failure}
    await uow.audit(action, uuid.UUID(int=job.id), before=before)
