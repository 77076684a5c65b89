import asyncio
import tomllib
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import asyncpg
import pytest
import structlog
from sqlalchemy import DateTime, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.util import greenlet_spawn

from app.core.config import PoolSettings
from app.core.database import (
    AppendOnlyError,
    Base,
    Database,
)
from app.core.ids import new_id
from app.core.postgres.engine import create_engine
from app.core.postgres.failure import constraint_name, unavailable
from app.core.postgres.table_security import API_ROLE
from app.core.postgres.url import PoolerMode, parse_database_url
from app.models import AuditEvent, Location, User
from devstack.postgres import EmbeddedPostgres
from tests.factories.user import make_location, make_user
from tests.planting import plant

POOL = PoolSettings(size=1, overflow=0, timeout=0.05, recycle=60)


@pytest.fixture
def small(postgres: EmbeddedPostgres, template: str) -> Database:
    """A pool of one connection; a request for a second one fails at once."""
    url = parse_database_url(postgres.dsn("postgres", API_ROLE))
    return Database(create_engine(url, POOL, statement_timeout_ms=200))


class TestTypes:
    def test_every_instant_has_its_zone(self) -> None:
        """A naive instant depends on the machine, and asyncpg would accept it."""
        naive = [
            f"{table.name}.{column.name}"
            for table in Base.metadata.tables.values()
            for column in table.columns
            if isinstance(column.type, DateTime) and not column.type.timezone
        ]
        assert naive == []

    async def test_ids_from_the_driver_become_json(self, session: AsyncSession) -> None:
        """asyncpg makes UUIDs of its own subclass, which orjson does not know."""
        made = (await session.execute(text("SELECT gen_random_uuid()"))).scalar_one()
        assert await session.scalar(select(literal({"id": made}, JSONB))) == {"id": str(made)}

    def test_ids_are_in_the_order_of_time(self) -> None:
        ids = [new_id() for _ in range(1000)]
        assert ids == sorted(ids)
        assert {each.version for each in ids} == {7}
        assert {type(each) for each in ids} == {uuid.UUID}

    def test_greenlet_is_asked_for(self) -> None:
        """SQLAlchemy 2.1 does not install it by itself."""
        project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
        assert any(
            each.startswith("sqlalchemy[asyncio]") for each in project["project"]["dependencies"]
        )


class TestRevisions:
    async def test_edits_are_counted(self, session: AsyncSession) -> None:
        location = await make_location(session)
        assert location.etag == f'"{location.id}.1"'
        location.name = "Renamed"
        await session.flush()
        location.touch()
        await session.flush()
        assert location.etag == f'"{location.id}.3"'
        assert isinstance(location.updated_at, datetime)

    async def test_a_lost_update_is_noticed(self, committed_database: Database) -> None:
        async with committed_database.writing() as first, committed_database.writing() as second:
            made = await make_location(first)
            seen = await second.get_one(Location, made.id)
            made.name = "First"
            await first.commit()
            seen.name = "Second"
            with pytest.raises(StaleDataError):
                await second.flush()


class TestAppendOnly:
    async def test_the_mapper_refuses_before_the_database(
        self, session: AsyncSession, learner: User
    ) -> None:
        event = await plant(
            session, AuditEvent, action="user:updated", target_type="user", target_id=learner.id
        )
        event.action = "user:created"
        with pytest.raises(AppendOnlyError, match="AuditEvent rows are evidence"):
            await session.flush()

    async def test_deleting_is_refused_too(self, session: AsyncSession, learner: User) -> None:
        event = await plant(
            session, AuditEvent, action="user:updated", target_type="user", target_id=learner.id
        )
        await session.delete(event)
        with pytest.raises(AppendOnlyError):
            await session.flush()


class TestUnavailable:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (ConnectionRefusedError(), "database_unavailable"),
            (TimeoutError(), "database_unavailable"),
            (asyncpg.CannotConnectNowError(), "database_unavailable"),
            (asyncpg.AdminShutdownError(), "database_unavailable"),
            (asyncpg.TooManyConnectionsError(), "database_unavailable"),
            (PoolTimeoutError(), "overloaded"),
            (asyncpg.LockNotAvailableError(), "overloaded"),
            (asyncpg.DeadlockDetectedError(), "overloaded"),
        ],
    )
    def test_is_worth_another_try(self, error: BaseException, code: str) -> None:
        known = unavailable(error)
        assert known is not None
        assert (known.status, known.code, known.headers) == (503, code, {"Retry-After": "1"})

    @pytest.mark.parametrize("error", [ValueError(), asyncpg.UniqueViolationError()])
    def test_a_fault_of_ours_is_not(self, error: BaseException) -> None:
        assert unavailable(error) is None

    async def test_nobody_listens(self) -> None:
        url = parse_database_url("postgresql://api@127.0.0.1:1/app")
        database = Database(create_engine(url, POOL))
        with pytest.raises(OSError, match="Connect call failed") as caught:
            async with database.reading() as session:
                await session.execute(text("SELECT 1"))
        assert unavailable(caught.value) is not None
        await database.close()

    async def test_the_pool_is_exhausted(self, small: Database) -> None:
        async with small.engine.connect():
            with pytest.raises(PoolTimeoutError) as caught:
                await small.engine.connect()
        known = unavailable(caught.value)
        assert known is not None
        assert known.code == "overloaded"
        await small.close()

    async def test_a_greenlet_is_made_for_a_connection_that_opens_or_closes_alone(
        self, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each greenlet maps memory for its stack, at a sixth of the cost of a hot statement."""
        made = []

        async def counted(
            run: Callable[..., object], *arguments: object, **options: bool
        ) -> object:
            made.append(run)
            return await greenlet_spawn(run, *arguments, **options)

        monkeypatch.setattr("app.core.database.greenlet_spawn", counted)
        monkeypatch.setattr("sqlalchemy.ext.asyncio.engine.greenlet_spawn", counted)
        url = parse_database_url(postgres.dsn("postgres", API_ROLE))
        pool = PoolSettings(size=1, overflow=2, timeout=1, recycle=60)
        database = Database(create_engine(url, pool))
        for _ in range(3):
            await database.fetch("SELECT 1")
        assert len(made) == 1
        await asyncio.gather(*(database.fetch("SELECT pg_sleep(0.05)") for _ in range(3)))
        assert len(made) == 1 + 2 * pool.overflow
        assert database.pool_status() == {"size": 1, "checked_out": 0, "overflow": 0}
        await database.close()

    async def test_a_connection_that_is_too_old_is_replaced(
        self, postgres: EmbeddedPostgres
    ) -> None:
        url = parse_database_url(postgres.dsn("postgres", API_ROLE))
        database = Database(
            create_engine(url, PoolSettings(size=1, overflow=0, timeout=1, recycle=0))
        )
        pids = {(await database.fetch("SELECT pg_backend_pid()"))[0][0] for _ in range(3)}
        assert len(pids) == 3
        assert database.pool_status() == {"size": 1, "checked_out": 0, "overflow": 0}
        await database.close()

    async def test_the_server_ends_the_session(
        self, small: Database, postgres: EmbeddedPostgres
    ) -> None:
        owner = await asyncpg.connect(postgres.dsn())
        async with small.writing() as session:
            pid = await session.scalar(text("SELECT pg_backend_pid()"))
            await owner.execute("SELECT pg_terminate_backend($1)", pid)
            with pytest.raises(Exception) as caught:  # noqa: PT011  # whichever the driver raises first
                await session.execute(text("SELECT 1"))
            assert unavailable(caught.value) is not None
        async with small.reading() as session:
            assert await session.scalar(text("SELECT 1")) == 1
        await owner.close()
        await small.close()


class TestEngine:
    async def test_a_runaway_statement_is_ended(self, small: Database) -> None:
        async with small.reading() as session:
            with pytest.raises(DBAPIError, match="statement timeout"):
                await session.execute(text("SELECT pg_sleep(5)"))
        await small.close()

    @pytest.mark.parametrize("mode", [PoolerMode.DIRECT, PoolerMode.TRANSACTION])
    async def test_reads_are_in_a_transaction_behind_a_transaction_pooler_alone(
        self, postgres: EmbeddedPostgres, template: str, mode: PoolerMode
    ) -> None:
        url = parse_database_url(postgres.dsn("postgres", API_ROLE), pooler=mode)
        database = Database(create_engine(url, POOL), mode=url.mode)
        async with database.reading() as session:
            await session.execute(text("SELECT 1"))
            raw = await (await session.connection()).get_raw_connection()
            assert raw.driver_connection is not None
            begun = raw.driver_connection.is_in_transaction()
            assert begun == (mode is PoolerMode.TRANSACTION)
        await database.close()

    async def test_slow_statements_are_logged_without_their_values(
        self, postgres: EmbeddedPostgres, template: str
    ) -> None:
        url = parse_database_url(postgres.dsn("postgres", API_ROLE))
        database = Database(create_engine(url, POOL, slow_query_ms=0.000_001))
        with structlog.testing.capture_logs() as lines:
            async with database.reading() as session:
                await session.execute(text("SELECT CAST(:value AS text)"), {"value": "canary"})
        slow = [line for line in lines if line["event"] == "slow_query"]
        assert slow
        assert "canary" not in str(slow)
        assert all(line["duration_ms"] >= 0 for line in slow)
        await database.close()


async def test_a_broken_constraint_is_named(session: AsyncSession) -> None:
    await make_user(session, email="ada@unified.example")
    with pytest.raises(IntegrityError) as caught:
        await make_user(session, email="ada@unified.example")
    assert constraint_name(caught.value) == "uq_users_email_active"
    assert unavailable(caught.value) is None
