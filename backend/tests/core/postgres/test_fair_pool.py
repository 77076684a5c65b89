import asyncio
import itertools

import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.util import greenlet_spawn

from app.core.config import PoolSettings
from app.core.database import Database
from app.core.postgres.engine import create_engine
from app.core.postgres.fair_pool import FairQueue
from app.core.postgres.table_security import API_ROLE
from app.core.postgres.url import DatabaseUrl, parse_database_url
from devstack.postgres import EmbeddedPostgres

MANY = 500


@pytest.fixture
def server(postgres: EmbeddedPostgres, template: str) -> DatabaseUrl:  # it makes the role
    return parse_database_url(postgres.dsn("postgres", API_ROLE))


def of_one(server: DatabaseUrl, *, patience: float) -> Database:
    pool = PoolSettings(size=1, overflow=0, timeout=patience, recycle=60)
    return Database(create_engine(server, pool))


@pytest.fixture
async def database(
    postgres: EmbeddedPostgres, template: str
) -> Database:  # its role has to be there
    url = parse_database_url(postgres.dsn("postgres", API_ROLE))
    pool = PoolSettings(size=1, overflow=0, timeout=30, recycle=60)
    return Database(create_engine(url, pool))


async def test_whoever_waits_comes_before_whoever_comes_back(database: Database) -> None:
    """Two that ask again at once must not keep a third away."""
    served = itertools.count()
    going, done = asyncio.Event(), asyncio.Event()

    async def come_back() -> None:
        while not done.is_set() and next(served) < MANY:
            await database.fetch("SELECT 1")
            going.set()

    async def come_once() -> int:
        await going.wait()
        before = next(served)
        await ask_in_session(database)
        done.set()
        return next(served) - before

    _, _, others = await asyncio.gather(come_back(), come_back(), come_once())
    await database.close()
    assert others < 10


async def ask_in_session(database: Database) -> None:
    async with database.reading() as session:
        await session.execute(text("SELECT 1"))


async def test_a_wait_that_ends_too_soon_loses_nothing(database: Database) -> None:
    """However a wait ends, the connection is there for the next one."""
    for turns in range(12):
        held = await database.engine.connect()
        waiting = asyncio.create_task(ask_in_session(database))
        next_one = asyncio.create_task(ask_in_session(database))
        await asyncio.sleep(0)
        await held.close()
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.wait_for(next_one, 10)
    assert database.pool_status() == {"size": 1, "checked_out": 0, "overflow": 0}
    await database.close()


async def test_a_wait_has_its_end(server: DatabaseUrl) -> None:
    database = of_one(server, patience=0.01)
    async with database.engine.connect():
        for _ in range(3):
            with pytest.raises(PoolTimeoutError):
                await ask_in_session(database)
    await ask_in_session(database)
    await database.close()


async def test_a_hand_over_in_the_same_turn_as_a_cancellation_goes_on_to_the_next() -> None:
    queue: FairQueue[str] = FairQueue(1)
    first, second = (asyncio.create_task(greenlet_spawn(queue.get)) for _ in range(2))
    await asyncio.sleep(0)
    queue.put_nowait("connection")
    first.cancel()
    assert await asyncio.wait_for(second, 10) == "connection"
    assert first.cancelled()
    assert queue.empty()
