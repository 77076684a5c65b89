"""Statements that end their own session: a read is repeated, and nothing else is."""

from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import PoolSettings
from app.core.database import Database
from app.core.postgres.dropped_connection import is_dropped
from app.core.postgres.engine import create_engine
from app.core.postgres.failure import unavailable
from app.core.postgres.table_security import API_ROLE
from app.core.postgres.url import PoolerMode, parse_database_url
from app.models import Location
from devstack.postgres import EmbeddedPostgres
from tests.factories.user import make_location

POOL = PoolSettings(size=3, overflow=0, timeout=1, recycle=60)
PID = "SELECT pg_backend_pid() AS pid"
# Ends the session that runs it if it is the one that is named.
SUICIDE = "SELECT pg_terminate_backend(pg_backend_pid()) WHERE pg_backend_pid() = "


@pytest.fixture(params=[PoolerMode.DIRECT, PoolerMode.TRANSACTION])
async def small(
    postgres: EmbeddedPostgres, committed_database: Database, request: pytest.FixtureRequest
) -> AsyncIterator[Database]:
    dsn = postgres.dsn(committed_database.engine.url.database or "", API_ROLE)
    url = parse_database_url(dsn, pooler=request.param)
    database = Database(create_engine(url, POOL), mode=url.mode)
    yield database
    await database.close()


async def backend(session: AsyncSession) -> int:
    return int((await session.execute(text(PID))).scalar_one())


class TestReads:
    async def test_on_the_driver_are_repeated(self, small: Database) -> None:
        (row,) = await small.read(PID)
        assert await small.read(SUICIDE + str(row["pid"])) == []
        (again,) = await small.read(PID)
        assert again["pid"] != row["pid"]
        assert small.pool_status()["checked_out"] == 0

    async def test_of_a_session_are_repeated(self, small: Database) -> None:
        async with small.reading() as session:
            pid = await backend(session)
            ended = await session.execute(text(SUICIDE + str(pid)))
            assert ended.all() == []
            assert await backend(session) != pid

    async def test_keep_what_was_loaded_before(self, small: Database) -> None:
        async with small.writing() as session:
            await make_location(session, name="Main Street")
        async with small.reading() as session:
            location = (await session.scalars(select(Location))).one()
            await session.execute(text(SUICIDE + str(await backend(session))))
            assert location.name == "Main Street"
            assert (await session.scalars(select(Location))).one().id == location.id

    async def test_are_repeated_once(self, small: Database) -> None:
        for _ in range(3):
            with pytest.raises(Exception) as caught:  # noqa: PT011  # whichever the driver raises
                await small.read("SELECT pg_terminate_backend(pg_backend_pid())")
            assert is_dropped(caught.value)
        assert small.pool_status()["checked_out"] == 0


class TestEverythingElse:
    @pytest.mark.parametrize("open_session", [Database.writing, Database.autocommitting])
    async def test_is_not_repeated(
        self, small: Database, open_session: Callable[[Database], AsyncSession]
    ) -> None:
        async with open_session(small) as session:
            pid = await backend(session)
            with pytest.raises(Exception) as caught:  # noqa: PT011  # whichever the driver raises
                await session.execute(text(SUICIDE + str(pid)))
            assert is_dropped(caught.value)
            assert unavailable(caught.value) is not None
        async with open_session(small) as session:
            assert await backend(session) != pid

    async def test_on_the_driver_neither(self, small: Database) -> None:
        (row,) = await small.fetch(PID)
        with pytest.raises(Exception) as caught:  # noqa: PT011  # whichever the driver raises
            await small.fetch(SUICIDE + str(row["pid"]))
        assert is_dropped(caught.value)

    async def test_a_fault_of_the_statement_is_no_dropped_connection(self, small: Database) -> None:
        with pytest.raises(Exception, match="division by zero") as caught:
            await small.read("SELECT 1 / 0")
        assert not is_dropped(caught.value)
        assert unavailable(caught.value) is None

    async def test_an_idle_connection_that_ended_is_replaced_before_its_use(
        self, small: Database, postgres: EmbeddedPostgres
    ) -> None:
        """This is safe for writes too, because nothing has been sent yet."""
        async with small.writing() as session:
            pid = await backend(session)
        connection = await small.engine.raw_connection()
        assert connection.driver_connection is not None
        connection.driver_connection.terminate()
        connection.close()
        async with small.writing() as session:
            assert await backend(session) != pid
