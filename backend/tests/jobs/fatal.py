"""A job that kills its worker, and one that does not; as a program, a worker that does both."""

import asyncio
import os
import signal
from datetime import timedelta
from typing import Final

from app.container import Container
from app.core.config import load_settings
from app.core.logging import configure_logging
from app.domain.outreach.job import JobName
from app.jobs import executor, worker
from app.jobs.handlers import Handler
from app.services.factories import Services

FATAL: Final = JobName.RULES_APPLY
HARMLESS: Final = JobName.JOBS_PRUNE
KILLS: Final = 3
"""After as many the job is given up, instead of after ATTEMPTS."""


async def kill(_services: Services) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def end(_services: Services) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


HANDLERS: Final[dict[JobName, Handler]] = {FATAL: kill, HARMLESS: end}


async def main() -> None:
    worker.ABANDONED_AFTER = worker.LOOKS_AFTER = timedelta(seconds=0.5)  # type: ignore[misc]  # no test waits for half a minute
    executor.ATTEMPTS = KILLS  # type: ignore[misc]
    configure_logging("INFO")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Container.opened(load_settings()) as services:
        await worker.Worker(services, stop, HANDLERS).run()


if __name__ == "__main__":
    asyncio.run(main())
