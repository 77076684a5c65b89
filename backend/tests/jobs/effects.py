"""Jobs with an effect that can be counted; as a program, a worker that does them.

Each job adds a delivery, which is committed at once, and then its effect, under a key of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg
from sqlalchemy import text
from structlog.contextvars import get_contextvars

from app.container import Container
from app.core.config import load_settings
from app.core.database import Database
from app.core.logging import configure_logging
from app.core.postgres.queue import FetchDriver, queue_on
from app.domain.outreach.job import JobName
from app.jobs.handlers import Handler
from app.jobs.worker import Worker
from app.services.factories import Services

NAME: Final = JobName.RULES_APPLY
"""No schedule adds another at some time of the day."""

TABLES: Final = """
CREATE TABLE deliveries (job_id bigint NOT NULL);
CREATE TABLE effects (job_id bigint PRIMARY KEY);
CREATE TABLE counted (total bigint NOT NULL);
INSERT INTO counted VALUES (0);
GRANT ALL ON deliveries, effects, counted TO training_api
"""
_DELIVER = text("INSERT INTO deliveries VALUES (:job_id)")
_CLAIM = text("INSERT INTO effects VALUES (:job_id) ON CONFLICT DO NOTHING RETURNING job_id")
_COUNT = text("UPDATE counted SET total = total + 1")


async def act(services: Services) -> None:
    """Count a job once, however often it is delivered."""
    job = {"job_id": get_contextvars()["job_id"]}
    async with services.database.writing() as session:
        await session.execute(_DELIVER, job)
        await session.commit()
        if await session.scalar(_CLAIM, job) is not None:
            await session.execute(_COUNT)
        await session.commit()


HANDLERS: Final[dict[JobName, Handler]] = {NAME: act}


async def prepare(owner_dsn: str) -> None:
    owner = await asyncpg.connect(owner_dsn)
    await owner.execute(TABLES)
    await owner.close()


async def enqueue_many(database: Database, count: int) -> None:
    queue = queue_on(FetchDriver(database.fetch))
    await queue.enqueue([NAME] * count, [None] * count, [0] * count)


async def tally(database: Database) -> dict[str, int]:
    counts = (
        "SELECT (SELECT count(*) FROM jobs) AS left,"
        " (SELECT count(*) FROM jobs WHERE status = 'failed') AS given_up,"
        " (SELECT count(*) FROM effects) AS effects, (SELECT total FROM counted) AS counted,"
        " (SELECT count(*) FROM deliveries) AS deliveries"
    )
    return dict((await database.read(counts))[0])


def done(database: Database, count: int) -> Callable[[], Awaitable[bool]]:
    """Return a condition: so many jobs have had their effect."""

    async def reached() -> bool:
        return (await tally(database))["effects"] >= count

    return reached


async def main() -> None:
    settings = load_settings()
    configure_logging("WARNING")
    async with Container.opened(settings) as services:
        await Worker(services, asyncio.Event(), HANDLERS).run()


if __name__ == "__main__":
    asyncio.run(main())
