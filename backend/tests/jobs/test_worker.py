"""What becomes of a job, on a real queue."""

import asyncio
import time

import asyncpg
import pytest
from sqlalchemy import func, select, update

from app.core.errors import UnavailableError
from app.domain.outreach.job import JobName
from app.jobs import executor
from app.jobs import worker as module
from app.jobs.connection import LOOK_SECONDS, WAKE
from app.jobs.worker import Worker
from app.models import JobLog, Schedule
from app.services.context import SYSTEM
from app.services.factories import Services
from devstack.postgres import EmbeddedPostgres
from tests.jobs.conftest import (
    PATIENCE_SECONDS,
    enqueue,
    jobs,
    until,
    until_listening,
    work,
    worker,
)

NAME = JobName.RULES_APPLY


class Handler:
    """Counts its runs; fails, or waits, as long as it is told to."""

    def __init__(self, error: Exception | None = None, *, waits: bool = False) -> None:
        self.error = error
        self.runs = 0
        self.running = asyncio.Event()
        self._waits = waits

    async def __call__(self, _services: Services) -> None:
        self.runs += 1
        self.running.set()
        if self._waits:
            await asyncio.Event().wait()
        if self.error:
            raise self.error


async def test_an_announced_job_is_done_at_once_and_leaves_no_row(services: Services) -> None:
    handler = Handler()
    async with worker(services, {NAME: handler}):
        await asyncio.sleep(0.3)  # the worker has looked, and would look again after half a minute
        started = time.monotonic()
        await enqueue(services, NAME)
        await asyncio.wait_for(handler.running.wait(), PATIENCE_SECONDS)
        assert time.monotonic() - started < LOOK_SECONDS
    assert (handler.runs, await jobs(services)) == (1, [])


async def test_what_it_does_not_do_it_does_not_enqueue(services: Services) -> None:
    handler = Handler()
    await services.schedules(SYSTEM).keep()
    async with services.database.writing() as session:
        await session.execute(update(Schedule).values(next_run_at=func.now()))
        await session.commit()
    async with worker(services, {JobName.JOBS_PRUNE: handler}):
        await asyncio.wait_for(handler.running.wait(), PATIENCE_SECONDS)
    assert (handler.runs, await jobs(services)) == (1, [])


async def test_a_rollback_takes_the_job_with_it(services: Services) -> None:
    async with work(services) as uow:
        await uow.queue.enqueue(NAME)
        uow.discard()
    assert await jobs(services) == []


async def test_a_key_keeps_others_out_until_the_job_is_done(services: Services) -> None:
    handler = Handler()
    for _ in range(3):
        await enqueue(services, NAME, key="night")
    assert len(await jobs(services)) == 1
    async with worker(services, {NAME: handler}):
        await asyncio.wait_for(handler.running.wait(), PATIENCE_SECONDS)
    await enqueue(services, NAME, key="night")
    assert len(await jobs(services)) == 1


async def test_a_failure_is_tried_again_later_and_says_no_more_than_its_kind(
    services: Services,
) -> None:
    await enqueue(services, NAME)
    async with worker(services, {NAME: Handler(ValueError("Ada Lovelace"))}):
        await until(lambda: retried(services))
    (job,) = await jobs(services)
    assert (job.status, job.attempts) == ("queued", 1)
    assert job.execute_after > job.updated
    assert "ValueError at test_worker.py" in await logged(services)
    assert "Lovelace" not in await logged(services)


async def test_what_fails_again_and_again_is_given_up_and_kept(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "ATTEMPTS", 1)
    await enqueue(services, NAME)
    async with worker(services, {NAME: Handler(ValueError("Ada Lovelace"))}):
        await until(lambda: given_up(services))
    assert "Lovelace" not in await logged(services)


async def test_what_passes_by_itself_is_never_given_up(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "ATTEMPTS", 1)

    class AwayError(UnavailableError):
        code, title = "away", "Away"

    await enqueue(services, NAME)
    async with worker(services, {NAME: Handler(AwayError())}):
        await until(lambda: retried(services))


async def test_a_stop_hands_back_what_does_not_finish(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.1)
    endless, handler = Handler(waits=True), Handler()
    await enqueue(services, NAME)
    async with worker(services, {NAME: endless}):
        await asyncio.wait_for(endless.running.wait(), PATIENCE_SECONDS)
    (job,) = await jobs(services)
    assert (job.status, job.queue_manager_id) == ("queued", None)
    async with worker(services, {NAME: handler}):
        await asyncio.wait_for(handler.running.wait(), PATIENCE_SECONDS)
    assert await jobs(services) == []


async def test_a_fault_of_the_queue_ends_the_worker(
    services: Services, postgres: EmbeddedPostgres
) -> None:
    owner = await asyncpg.connect(postgres.dsn(services.database.engine.url.database or ""))
    task = asyncio.create_task(Worker(services, asyncio.Event(), {NAME: Handler()}).run())
    await until_listening(owner)
    await owner.execute("ALTER TABLE jobs RENAME COLUMN status TO state")
    await owner.execute("NOTIFY jobs, '" + WAKE + "'")
    await owner.close()
    with pytest.raises(asyncpg.UndefinedColumnError):
        await asyncio.wait_for(task, PATIENCE_SECONDS)


async def retried(services: Services) -> bool:
    return any(job.attempts and job.status == "queued" for job in await jobs(services))


async def given_up(services: Services) -> bool:
    return any(job.status == "failed" for job in await jobs(services))


async def logged(services: Services) -> str:
    async with services.database.writing() as session:
        return str(list(await session.scalars(select(JobLog.traceback))))
