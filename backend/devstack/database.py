import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

_DDL_LOCK: Final = 0x64657673


@asynccontextmanager
async def open_pool(dsn: str, ddl: str, *, max_connections: int) -> AsyncIterator[asyncpg.Pool]:
    """Connect as a role that may create schemas, and create the tables that are missing."""
    async with asyncpg.create_pool(
        dsn, min_size=1, max_size=max_connections, init=_use_json
    ) as pool:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _DDL_LOCK)
            await connection.execute(ddl)
        yield pool


async def _use_json(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
    )
