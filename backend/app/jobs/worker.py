"""Does the jobs of the queue, and enqueues what schedules say is due."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Final

import structlog
from pgqueuer.qm import QueueManager

from app.core.errors import UnavailableError
from app.core.postgres.failure import log_unavailable, unavailable
from app.core.postgres.queue import CHANNEL, queue_on
from app.domain.outreach.job import JobName
from app.jobs.connection import WorkerDriver
from app.jobs.executor import Executor
from app.jobs.handlers import HANDLERS, Handler
from app.services.context import SYSTEM
from app.services.factories import Services
from app.services.health import check_readiness

log = structlog.get_logger(__name__)

AT_ONCE: Final = 8
"""Jobs that one worker does at the same time; its pool has more connections."""

TAKEN_AT_ONCE: Final = AT_ONCE // 2
ABANDONED_AFTER: Final = timedelta(seconds=30)
"""A worker tells twice as often that it is still at a job. After a kill others wait for this."""

LOOKS_AFTER: Final = timedelta(seconds=30)
"""How often to look for jobs that nobody has announced."""

POLLS_AFTER: Final = timedelta(seconds=2)
"""The same where a pooler lets nobody listen."""

TICK_SECONDS: Final = 10.0
GRACE_SECONDS: Final = 25.0
"""How long jobs under way may take to finish once the worker is to stop."""

FAREWELL_SECONDS: Final = 5.0
"""How long handing back may take after that."""

RESTART_SECONDS: Final = 5.0


class Worker:
    """Works until `stop` is set; then it takes no more jobs, and ends once those under way have.

    What takes longer than GRACE_SECONDS is handed back.
    """

    def __init__(
        self,
        services: Services,
        stop: asyncio.Event,
        handlers: Mapping[JobName, Handler] = HANDLERS,
    ) -> None:
        self._services = services
        self._stop = stop
        self._driver = WorkerDriver(services.database)
        self._executors = {
            name: Executor(name, handler, services) for name, handler in handlers.items()
        }
        self._queue = QueueManager(queue_on(self._driver), CHANNEL)
        for name, executor in self._executors.items():
            self._queue.register_executor(name, executor)

    async def run(self) -> None:
        """Work; whatever part of it dies ends the whole with its error."""
        await self._services.schedules(SYSTEM).keep()
        log.info("worker_started", listens=self._driver.listens)
        parts = [asyncio.create_task(part) for part in (self._work(), self._tick())]
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({*parts, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            await self._end(*parts)
        for part in parts:
            if not part.cancelled() and (error := part.exception()) is not None:
                raise error
        log.info("worker_stopped")

    async def _work(self) -> None:
        await self._queue.run(
            batch_size=TAKEN_AT_ONCE,
            max_concurrent_tasks=AT_ONCE,
            dequeue_timeout=LOOKS_AFTER if self._driver.listens else POLLS_AFTER,
            heartbeat_timeout=ABANDONED_AFTER,
            log_aggregation_interval=timedelta(0),
        )

    async def _tick(self) -> None:
        while True:
            try:
                await self._services.schedules(SYSTEM).run_due(among=self._executors)
            except Exception as error:
                if (known := unavailable(error)) is None:
                    raise
                log_unavailable(known.code, error)
            await asyncio.sleep(TICK_SECONDS)

    async def _end(self, working: asyncio.Task[None], ticking: asyncio.Task[None]) -> None:
        ticking.cancel()
        self._queue.shutdown.set()
        await asyncio.wait({working, ticking}, timeout=GRACE_SECONDS)
        self._driver.given_up.set()
        for executor in self._executors.values():
            executor.hand_back()
        await asyncio.wait({working}, timeout=FAREWELL_SECONDS)
        working.cancel()
        await asyncio.wait({working}, timeout=FAREWELL_SECONDS)


async def work(services: Services, stop: asyncio.Event) -> None:
    await Worker(services, stop).run()


@contextlib.asynccontextmanager
async def working(services: Services) -> AsyncIterator[None]:
    """Work beside whatever else the process does within the block."""
    stop = asyncio.Event()
    task = asyncio.create_task(_keep_working(services, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def _keep_working(services: Services, stop: asyncio.Event) -> None:
    """Begin anew where a worker fails: the process has more to do, and must not end for it."""
    while not stop.is_set():
        try:
            await check_readiness(services.database)
            await Worker(services, stop).run()
        except Exception as error:
            if known := error if isinstance(error, UnavailableError) else unavailable(error):
                log_unavailable(known.code, error)
            else:
                log.exception("worker_failed")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RESTART_SECONDS)
