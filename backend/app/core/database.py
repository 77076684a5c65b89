"""The async engine, the declarative bases and the way sessions are opened.

Only `app.services.unit_of_work` (and, for commands, the services it feeds) opens sessions.
Conventions of names, keys, deletion and indexes are described in docs/database.md.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, ClassVar

import asyncpg
import structlog
from sqlalchemy import DateTime, Integer, MetaData, Uuid, event, func, text
from sqlalchemy.exc import MissingGreenlet
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Mapper, declared_attr, mapped_column
from sqlalchemy.pool import PoolProxiedConnection, QueuePool
from sqlalchemy.util import greenlet_spawn

from app.core.config import Settings
from app.core.ids import new_id
from app.core.postgres.dropped_connection import (
    MAY_BE_DROPPED,
    ReadingSession,
    is_dropped,
    leaves_usable,
)
from app.core.postgres.engine import create_engine, log_if_slow
from app.core.postgres.table_security import APPEND_ONLY, MUTABLE
from app.core.postgres.url import PoolerMode

log = structlog.get_logger(__name__)

Fetch = Callable[..., Awaitable[list[asyncpg.Record]]]
"""`await fetch(statement, *arguments)`: the rows of a statement with $1, $2, ..."""

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all tables. Row security and triggers are derived from the attributes below.

    Every table gets row-level security and, for the API's role, `__rights__`. What is `__stamped__`
    is the database's alone to write: the role has no right to these columns. Where `__edited__`
    names columns, the role can change only those. Where `__kept_by__` names a trigger function, it
    decides about every UPDATE and DELETE, and TRUNCATE is refused.
    """

    __rights__: ClassVar[str] = MUTABLE
    __stamped__: ClassVar[Collection[str]] = ()
    __edited__: ClassVar[Collection[str] | None] = None
    __kept_by__: ClassVar[str | None] = None

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        uuid.UUID: Uuid(),
        datetime: DateTime(timezone=True),
    }


class UUIDModel(Base):
    """A row with a time-ordered UUID made by the client, or by the database as a fallback."""

    __abstract__ = True

    id: Mapped[uuid.UUID] = mapped_column(
        primary_key=True, default=new_id, server_default=text("new_id()"), sort_order=-10
    )


class TimestampedUUIDModel(UUIDModel):
    """Base of mutable rows. Both instants are UTC and come from the database."""

    __abstract__ = True

    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=90)
    updated_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), sort_order=91
    )

    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012  # SQLAlchemy declares it so


class RevisionedModel(TimestampedUUIDModel):
    """A mutable resource of the API: `revision` counts its edits and makes its ETag.

    A concurrent edit of the same revision raises StaleDataError at flush.
    """

    __abstract__ = True

    revision: Mapped[int] = mapped_column(Integer, server_default=text("1"), sort_order=92)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"eager_defaults": True, "version_id_col": cls.revision}

    @property
    def etag(self) -> str:
        return f'"{self.id}.{self.revision}"'

    def touch(self) -> None:
        """Count an edit of the row's parts as an edit of the row."""
        self.updated_at = func.now()


class SoftDeletable:
    """Rows that are only marked as deleted, so that they can be restored.

    Their unique indexes are partial: they cover only rows that are not deleted.
    """

    deleted_at: Mapped[datetime | None] = mapped_column(sort_order=93)


class AppendOnly:
    """Rows that no database role can change, not even the owner. Goes before the base class."""

    __rights__: ClassVar[str] = APPEND_ONLY
    __kept_by__: ClassVar[str | None] = "refuse_change()"


class AppendOnlyModel(AppendOnly, UUIDModel):
    """Base of evidence. The database refuses UPDATE, DELETE and TRUNCATE; so does the mapper."""

    __abstract__ = True
    __stamped__: ClassVar[Collection[str]] = ("created_at",)

    created_at: Mapped[datetime] = mapped_column(
        server_default=func.clock_timestamp(), sort_order=90
    )


class AppendOnlyError(RuntimeError):
    pass


@event.listens_for(AppendOnlyModel, "before_update", propagate=True)
@event.listens_for(AppendOnlyModel, "before_delete", propagate=True)
def _refuse_change(mapper: Mapper[Any], _connection: object, _target: object) -> None:
    msg = f"{mapper.class_.__name__} rows are evidence: they are never changed or deleted"
    raise AppendOnlyError(msg)


FAREWELL_SECONDS = 3.0
"""How long closing all connections may take at the end of a process."""


class Database:
    """One process's connection pool.

    It opens three kinds of session, and runs single statements without one (`fetch`, `read`).
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        mode: PoolerMode = PoolerMode.DIRECT,
        slow_query_ms: float = 0,
    ) -> None:
        self.engine = engine
        self.mode = mode
        self._slow_query_ms = slow_query_ms
        # Using a closed session is an error. By default it would silently open a new transaction.
        self._writing = async_sessionmaker(engine, expire_on_commit=False, close_resets_only=False)
        self._autocommitting = async_sessionmaker(
            self._autocommit_engine(), expire_on_commit=False, close_resets_only=False
        )
        self._reading = async_sessionmaker(
            self._autocommit_engine(),
            expire_on_commit=False,
            close_resets_only=False,
            sync_session_class=ReadingSession,
        )

    @classmethod
    def from_settings(cls, settings: Settings, *, owner: bool = False) -> "Database":
        """Connect as the API's role, or as the owner of the schema."""
        database = settings.migration_database() if owner else settings.api_database()
        engine = create_engine(
            database,
            settings.pool,
            connect_timeout=settings.database_connect_timeout,
            statement_timeout_ms=settings.database_statement_timeout_ms,
            slow_query_ms=settings.slow_query_ms,
            reread=None if owner else settings.reread_credentials(),
        )
        return cls(engine, mode=database.mode, slow_query_ms=settings.slow_query_ms)

    def _autocommit_engine(self) -> AsyncEngine:
        # Autocommit saves the round trips of BEGIN and ROLLBACK. Behind a transaction pooler it
        # cannot be used: preparing and executing a statement are two round trips, which the pooler
        # may send to two different server connections unless a transaction holds them together.
        if self.mode is PoolerMode.TRANSACTION:
            return self.engine
        return self.engine.execution_options(isolation_level="AUTOCOMMIT")

    def writing(self) -> AsyncSession:
        return self._writing()

    def autocommitting(self) -> AsyncSession:
        """Return a session in which every statement is its own transaction."""
        return self._autocommitting()

    def reading(self) -> AsyncSession:
        """Return an autocommitting session for reads, which repeats one on a dropped connection."""
        return self._reading()

    async def read(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a statement that changes nothing; repeat it once if the connection was dropped."""
        try:
            return await self.fetch(statement, *arguments)
        except MAY_BE_DROPPED as error:
            if not is_dropped(error):
                raise
        return await self._fetch(await self._checkout_alive(), statement, *arguments)

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Run one statement on the driver, which commits it; return its rows.

        For the statements of the hot operations: a session's own work costs several times as much
        processor time as such a statement does (docs/performance.md).
        """
        return await self._fetch(await self._checkout(), statement, *arguments)

    async def _fetch(
        self,
        checked_out: tuple[PoolProxiedConnection, asyncpg.Connection],
        statement: str,
        *arguments: object,
    ) -> list[asyncpg.Record]:
        connection, driver = checked_out
        started = time.perf_counter()
        try:
            if self.mode is not PoolerMode.TRANSACTION:
                return await driver.fetch(statement, *arguments)
            return await _fetch_in_transaction(driver, statement, *arguments)
        except BaseException as error:
            if driver.is_closed() or not leaves_usable(error):
                connection.invalidate()
            raise
        finally:
            await self._give_back(connection)
            if self._slow_query_ms:
                log_if_slow(statement, started, self._slow_query_ms)

    async def _checkout(self) -> tuple[PoolProxiedConnection, asyncpg.Connection]:
        """Return a pooled connection and the driver's below it."""
        try:
            connection = self._idle_connection() or await self.engine.raw_connection()
        except self.engine.dialect.loaded_dbapi.Error as error:
            # SQLAlchemy wraps the driver's error; callers translate the driver's own.
            raise error.__cause__ or error from None
        driver = connection.driver_connection
        if not isinstance(driver, asyncpg.Connection):
            connection.close()
            raise TypeError
        return connection, driver

    def _idle_connection(self) -> PoolProxiedConnection | None:
        """Return an idle connection of the pool, or None if a new one has to be made.

        To connect and to close is I/O, which SQLAlchemy's async engine only does within a greenlet.
        Not every statement gets one: Python maps memory for each new greenlet, and unmaps it at its
        end, which would take a sixth of all the processor time of a hot operation.
        """
        pool = self.engine.pool
        if not isinstance(pool, QueuePool) or not pool.checkedin():
            return None
        try:
            return pool.connect()
        except MissingGreenlet:
            # The connection was closed by the server or is too old, so the pool had to replace it.
            return None

    async def _give_back(self, connection: PoolProxiedConnection) -> None:
        """Return a connection to the pool, or close it, in a greenlet, where the pool is full."""
        pool = self.engine.pool
        if isinstance(pool, QueuePool) and pool.checkedin() < pool.size():
            connection.close()
        else:
            await greenlet_spawn(connection.close)

    async def _checkout_alive(self) -> tuple[PoolProxiedConnection, asyncpg.Connection]:
        """Return a connection that answers `SELECT 1`.

        When the server dropped one connection, it may have dropped others of the pool as well.
        """
        while True:
            connection, driver = await self._checkout()
            try:
                await driver.execute("SELECT 1")
            except BaseException as error:
                connection.invalidate()
                connection.close()
                if not is_dropped(error):
                    raise
            else:
                return connection, driver

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction outside of requests (commands); a clean exit commits."""
        async with self._writing.begin() as session:
            yield session

    def pool_status(self) -> dict[str, int]:
        pool = self.engine.pool
        if not isinstance(pool, QueuePool):
            return {}
        return {
            "size": pool.size(),
            "checked_out": pool.checkedout(),
            "overflow": max(pool.overflow(), 0),
        }

    async def close(self) -> None:
        """Close all connections, but give up after FAREWELL_SECONDS: the server may not answer."""
        try:
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self.engine.dispose()
        except TimeoutError:
            log.warning("connections_left")


async def _fetch_in_transaction(
    driver: asyncpg.Connection, statement: str, *arguments: object
) -> list[asyncpg.Record]:
    try:
        async with driver.transaction():
            return await driver.fetch(statement, *arguments)
    except asyncpg.InterfaceError as error:
        # The rollback failed because the connection is gone, and its error replaced the first one,
        # which says why the connection ended.
        raise error.__context__ or error from None


async def fetch_within(
    connection: AsyncConnection, statement: str, *arguments: object
) -> list[asyncpg.Record]:
    """Run a statement on the driver within the connection's transaction."""
    raw = await connection.get_raw_connection()
    if not isinstance(raw.driver_connection, asyncpg.Connection):
        raise TypeError
    if not raw.driver_connection.is_in_transaction():
        # SQLAlchemy sends BEGIN with the first statement that goes through it, and the statement
        # below does not.
        await connection.execute(text("SELECT 1"))
    return await raw.driver_connection.fetch(statement, *arguments)
