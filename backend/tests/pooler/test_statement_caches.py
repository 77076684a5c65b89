"""In transaction mode statements must not be cached, because the next is on another connection."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.config import PoolSettings
from app.core.database import Database
from app.core.postgres.dropped_connection import driver_error
from app.core.postgres.engine import create_engine
from app.core.postgres.url import PoolerMode, parse_database_url
from devstack.postgres import EmbeddedPostgres
from tests.pooler.pgbouncer import pgbouncer

pytestmark = pytest.mark.full

POOL = PoolSettings(size=6, overflow=0, timeout=30, recycle=60)
CALLERS = 6
TURNS = 20
SERVERS = 2
MISTAKEN = {asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError}


@pytest.fixture
def transaction_pooler(
    postgres: EmbeddedPostgres, committed_database: Database, tmp_path: Path
) -> Iterator[str]:
    mode = PoolerMode.TRANSACTION
    with pgbouncer(tmp_path, postgres.port, mode, servers=SERVERS) as port:
        yield f"postgresql://api@127.0.0.1:{port}/{committed_database.engine.url.database}"


async def faults(dsn: str, mode: PoolerMode) -> Counter[type[BaseException]]:
    """Count what goes wrong when the pooler is taken to be in the mode."""
    url = parse_database_url(dsn, pooler=mode)
    database = Database(create_engine(url, POOL), mode=url.mode)
    try:
        found = await asyncio.gather(*(_call(database, number) for number in range(CALLERS)))
    finally:
        await database.close()
    return sum(found, Counter[type[BaseException]]())


async def _call(database: Database, number: int) -> Counter[type[BaseException]]:
    found = Counter[type[BaseException]]()
    for turn in range(TURNS):
        statement = f"SELECT {(number + turn) % 5} + count(*) FROM users"  # noqa: S608  # numbers
        try:
            await database.fetch(statement)
            async with database.writing() as session:
                await session.execute(text(statement))
        except asyncpg.PostgresError as error:
            found[type(error)] += 1
        except DBAPIError as error:
            found[type(driver_error(error) or error)] += 1
    return found


async def test_transaction_mode_caches_nothing(transaction_pooler: str) -> None:
    assert await faults(transaction_pooler, PoolerMode.TRANSACTION) == {}


async def test_caching_all_the_same_fails(transaction_pooler: str) -> None:
    """This shows that the rule is needed, and that this pooler detects a breach of it."""
    found = await faults(transaction_pooler, PoolerMode.SESSION)
    assert set(found) & MISTAKEN
