"""Runs one job: what its failure means, and how it is handed back when the worker has to stop."""

import asyncio
import random
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from traceback import extract_tb
from typing import Final

import structlog
from pgqueuer.errors import RetryRequested
from pgqueuer.executors import AbstractEntrypointExecutor, EntrypointExecutorParameters
from pgqueuer.models import Context, Job
from structlog.contextvars import bind_contextvars

from app.core.errors import UnavailableError
from app.core.postgres.failure import unavailable
from app.domain.outreach.job import JobName
from app.jobs.handlers import Handler
from app.services.context import SYSTEM
from app.services.factories import Services

log = structlog.get_logger(__name__)

ATTEMPTS: Final = 6
"""After as many failures, or dead workers, a job is given up and kept for somebody to look at."""

FIRST_PAUSE: Final = timedelta(seconds=15)
LONGEST_PAUSE: Final = timedelta(minutes=15)


class JobFailedError(Exception):
    """What is kept of a failure: the kind of error and its place, never its message."""


class WorkersDiedError(Exception):
    """Each worker that took up the job has died, or lost the database, before it was done."""


class Executor(AbstractEntrypointExecutor):
    """Runs the handler of a job in a task of its own, which `hand_back` may cancel."""

    def __init__(self, name: JobName, handler: Handler, services: Services) -> None:
        # Nothing calls `func`: it is for PgQueuer's own executor. A failed job is kept.
        super().__init__(EntrypointExecutorParameters(0, self._never, False, "hold"))  # noqa: FBT003
        self._name = name
        self._handler = handler
        self._services = services
        self._under_way = set[asyncio.Task[None]]()

    @staticmethod
    async def _never(_job: Job) -> None:
        raise NotImplementedError

    def hand_back(self) -> None:
        """Cancel what is under way; another worker does it anew."""
        for task in self._under_way:
            task.cancel()

    async def execute(self, job: Job, context: Context) -> None:  # noqa: ARG002  # as in PgQueuer
        started = time.monotonic()
        task = asyncio.create_task(self._run(job))
        self._under_way.add(task)
        try:
            await task
        except asyncio.CancelledError:
            log.info("job_handed_back", job=self._name, job_id=job.id)
            raise RetryRequested(reason="handed back") from None
        except Exception as error:  # noqa: BLE001  # whatever it is, the queue has to know
            raise await self._failed(job, error) from None
        finally:
            self._under_way.discard(task)
        seconds = round(time.monotonic() - started, 3)
        log.info(
            "job_done", job=self._name, job_id=job.id, attempts=job.attempts + 1, seconds=seconds
        )

    async def _run(self, job: Job) -> None:
        started_at = datetime.now(UTC)
        bind_contextvars(job=self._name, job_id=job.id)
        if losses(job) >= ATTEMPTS:
            raise WorkersDiedError
        await self._handler(self._services)
        await self._services.schedules(SYSTEM).succeeded(self._name, started_at)

    async def _failed(self, job: Job, error: Exception) -> Exception:
        """Return what tells the queue to try again, or to give up."""
        kind = kind_of(error)
        is_passing = isinstance(error, UnavailableError) or unavailable(error) is not None
        gives_up = job.attempts + 1 >= ATTEMPTS and not is_passing
        log.error(
            "job_given_up" if gives_up else "job_failed",
            job=self._name,
            job_id=job.id,
            attempts=job.attempts + 1,
            exc_info=error,
        )
        with suppress(Exception):  # the database may be what fails
            await self._services.schedules(SYSTEM).failed(self._name, kind)
        if gives_up:
            return JobFailedError(kind)
        return RetryRequested(pause(0 if is_passing else job.attempts), kind)


def losses(job: Job) -> int:
    """Return how often the job was taken from a worker that had died, as count_loss.sql counts."""
    found = (job.headers or {}).get("losses")
    return found if isinstance(found, int) else 0


def pause(attempts: int) -> timedelta:
    """Return how long to wait after a failure: twice as long each time, and a little at random."""
    longest = min(FIRST_PAUSE * (1 << min(attempts, 16)), LONGEST_PAUSE)
    return longest * random.uniform(0.75, 1.25)  # noqa: S311  # so that not all come at once


def kind_of(error: BaseException) -> str:
    """Return the class and the place of an error; its message may quote personal data."""
    frames = extract_tb(error.__traceback__)
    place = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
