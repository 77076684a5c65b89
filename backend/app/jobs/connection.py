"""How the worker reaches the queue: statements on the pool, and one connection that listens."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, Self, TypeVar

import asyncpg
import structlog
from pgqueuer.ports.driver import NotifyCallback
from sqlalchemy.pool import PoolProxiedConnection

from app.core.database import Database
from app.core.postgres.failure import log_unavailable, unavailable
from app.core.postgres.queue import FetchDriver
from app.core.postgres.url import PoolerMode

log = structlog.get_logger(__name__)

PAUSE_SECONDS: Final = 1.0
"""How long to wait before trying again while the database is away."""

LOOK_SECONDS: Final = 15.0
"""How often the listening connection is asked whether it is still alive."""

T = TypeVar("T")


class WorkerDriver(FetchDriver):
    """Waits for a database that is away, and listens again once it is back.

    All statements of the queue may be repeated: a job that was taken by one whose answer was lost
    has no heartbeat, and is soon taken again.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(self._fetch_patiently)
        self._database = database
        self._listening: asyncio.Task[None] | None = None
        self.given_up = asyncio.Event()
        """Set once this worker has to end whether the database answers or not."""

    @property
    def listens(self) -> bool:
        """Whether new jobs are announced: not through a pooler that shares its connections."""
        return self._database.mode is not PoolerMode.TRANSACTION

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        if self.listens:
            self._listening = asyncio.create_task(self._listen(channel, callback))

    async def __aexit__(self, *_: object) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait({self._listening})

    async def _fetch_patiently(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        return await self._patiently(lambda: self._database.fetch(statement, *arguments))

    async def _patiently(self, step: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await step()
            except Exception as error:
                known = unavailable(error)
                if known is None or self.given_up.is_set():
                    raise
                log_unavailable(known.code, error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.given_up.wait(), PAUSE_SECONDS)

    async def _listen(self, channel: str, callback: NotifyCallback) -> None:
        def tell(*told: object) -> None:
            callback(str(told[-1]))

        while True:
            connection = await self._patiently(self._database.engine.raw_connection)
            try:
                await self._hear(connection, channel, tell)
            except Exception as error:
                if (known := unavailable(error)) is None:
                    raise
                log_unavailable(known.code, error)
            finally:
                connection.invalidate()
                connection.close()
            await asyncio.sleep(PAUSE_SECONDS)

    @staticmethod
    async def _hear(
        connection: PoolProxiedConnection, channel: str, tell: Callable[..., None]
    ) -> None:
        """Listen until the connection ends."""
        driver = connection.driver_connection
        if not isinstance(driver, asyncpg.Connection):
            raise TypeError
        await driver.add_listener(channel, tell)
        # What was announced while nobody listened is found by looking.
        tell(WAKE)
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await driver.execute("SELECT 1")

    async def __aenter__(self) -> Self:
        return self


WAKE: Final = (
    '{"channel":"jobs","type":"table_changed_event","table":"jobs","operation":"insert",'
    '"sent_at":"2000-01-01T00:00:00Z"}'
)
"""What an announcement of a new job looks like to PgQueuer."""
