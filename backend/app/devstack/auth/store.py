import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self

import asyncpg

from app.devstack.auth.schema import DDL
from app.devstack.auth.sessions import OneTimeTokens, Sessions
from app.devstack.auth.users import Users

_DDL_LOCK: Final = 0x61757468


class AuthStore:
    """The state of the stand-in, in the schema `auth` of the embedded PostgreSQL."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.users = Users(pool)
        self.sessions = Sessions(pool)
        self.one_time_tokens = OneTimeTokens(pool)
        self._pool = pool

    @classmethod
    @asynccontextmanager
    async def open(cls, dsn: str, *, max_connections: int = 4) -> AsyncIterator[Self]:
        """Connect as a role that may create schemas, and create the tables that are missing."""
        async with asyncpg.create_pool(
            dsn, min_size=1, max_size=max_connections, init=_use_json
        ) as pool:
            store = cls(pool)
            await store._create_tables()
            yield store

    async def _create_tables(self) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _DDL_LOCK)
            await connection.execute(DDL)


async def _use_json(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
    )
