"""Follows the write-ahead log, and reads a changed row as whoever subscribed would."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol, Self

import asyncpg

from devstack.realtime.pgoutput import Change, changes

PUBLICATION: Final = "supabase_realtime"
_SLOT: Final = "devstack_realtime"
_PAUSE_SECONDS: Final = 0.1
_READ: Final = (
    "SELECT data FROM pg_logical_slot_get_binary_changes($1, NULL, NULL,"
    " 'proto_version', '1', 'publication_names', $2)"
)
_PUBLISHED: Final = (
    "SELECT EXISTS (SELECT FROM pg_publication_tables"
    " WHERE pubname = $1 AND schemaname = $2 AND ($3 = '*' OR tablename = $3))"
)
_READABLE: Final = """
    SELECT a.attname AS name, t.typname AS type
      FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid
     WHERE attrelid = format('%I.%I', $1::text, $2::text)::regclass
       AND attnum > 0 AND NOT attisdropped
       AND has_column_privilege('authenticated', attrelid, attnum, 'SELECT')
     ORDER BY attnum
"""
_logger = logging.getLogger(__name__)


class Subscriber(Protocol):
    async def tell(self, change: Change) -> None: ...


class Feed:
    """Reads nothing before somebody subscribes."""

    def __init__(self, dsn: str, pool: asyncpg.Pool) -> None:
        self._dsn = dsn
        self._pool = pool
        self._subscribers: set[Subscriber] = set()
        self._following: asyncio.Task[None] | None = None
        self._begin = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, dsn: str) -> AsyncIterator[Self]:
        """Connect as a role that may read the log and become `authenticated`."""
        async with asyncpg.create_pool(dsn, min_size=0, max_size=4) as pool:
            feed = cls(dsn, pool)
            try:
                yield feed
            finally:
                await feed._stop()  # its own

    async def _stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following

    async def add(self, subscriber: Subscriber) -> None:
        """Tell it of what is committed from now on."""
        async with self._begin:
            if self._following is None or self._following.done():
                connection = await asyncpg.connect(self._dsn)
                await connection.execute(
                    "SELECT pg_create_logical_replication_slot($1, 'pgoutput', true)", _SLOT
                )
                self._following = asyncio.create_task(self._follow(connection))
        self._subscribers.add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)

    async def is_published(self, schema: str, table: str) -> bool:
        return bool(await self._pool.fetchval(_PUBLISHED, PUBLICATION, schema, table))

    async def columns(self, schema: str, table: str) -> list[dict[str, str]]:
        return [dict(row) for row in await self._pool.fetch(_READABLE, schema, table)]

    async def read(self, change: Change, claims: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the row as the claims' owner may read it, or nothing."""
        names = [column["name"] for column in await self.columns(change.schema, change.table)]
        if not names:
            return None
        where = " AND ".join(
            f"{_quoted(name)}::text = ${number}" for number, name in enumerate(change.key, 1)
        )
        table = f"{_quoted(change.schema)}.{_quoted(change.table)}"
        pairs = ", ".join(f"'{name}', {_quoted(name)}" for name in names)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "SELECT set_config('request.jwt.claims', $1, true)", json.dumps(claims)
            )
            await connection.execute("SET LOCAL ROLE authenticated")
            row = await connection.fetchval(
                f"SELECT jsonb_build_object({pairs}) FROM {table} WHERE {where}",  # noqa: S608  # names of the catalogue
                *change.key.values(),
            )
        return None if row is None else dict(json.loads(row))

    async def _follow(self, connection: asyncpg.Connection) -> None:
        # The slot is of the connection: it is gone when that is closed, or the stack killed.
        try:
            while True:
                rows = await connection.fetch(_READ, _SLOT, PUBLICATION)
                for change in changes(row["data"] for row in rows):
                    for subscriber in [*self._subscribers]:
                        await subscriber.tell(change)
                await asyncio.sleep(_PAUSE_SECONDS)
        except Exception:
            _logger.exception("Realtime stopped; it begins again with the next subscription")
            raise
        finally:
            await connection.close()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
