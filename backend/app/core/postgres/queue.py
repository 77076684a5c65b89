"""PgQueuer on this application's own connections, with tables of names of our own."""

import asyncio
from typing import Final, Self

from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.core.tm import TaskManager
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.ports.driver import Driver, NotifyCallback, TaskManagerPort
from pgqueuer.queries import Queries
from pgqueuer.types import Channel

from app.core.database import Fetch

CHANNEL: Final = Channel("jobs")

# Every name is given, since PgQueuer would read variables such as CHANNEL or FUNCTION otherwise.
NAMES: Final = DBSettings(
    prefix="",
    db_schema="public",
    channel=CHANNEL,
    function="announce_jobs",
    trigger="announce_new",
    queue_table="jobs",
    queue_table_log="job_log",
    queue_status_type="job_status",
    statistics_table="job_statistics",
    schedules_table="job_schedules",
    durability=Durability.durable,
)
_ENVIRONMENT: Final = QueryBuilderEnvironment(NAMES)
_QUEUE: Final = QueryQueueBuilder(NAMES)
_SCHEDULER: Final = QuerySchedulerBuilder(NAMES)


def queue_on(driver: Driver) -> Queries:
    """Return PgQueuer's statements, run by a driver."""
    return Queries(driver, _ENVIRONMENT, _QUEUE, _SCHEDULER)


class FetchDriver(Driver):
    """Runs PgQueuer's statements by `fetch`: in a unit of work, or each by itself."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._shutdown = asyncio.Event()

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        return [dict(row) for row in await self._fetch(query, *args)]

    async def execute(self, query: str, *args: object) -> str:
        await self.fetch(query, *args)
        return ""

    async def notify(self, channel: str, payload: str) -> None:
        await self.fetch("SELECT pg_notify($1, $2)", channel, payload)

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        """Listen to nothing: whoever has no connection of their own looks now and then."""

    @property
    def shutdown(self) -> asyncio.Event:
        return self._shutdown

    @property
    def tm(self) -> TaskManagerPort:
        return TaskManager()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass
