"""Makes the database of the stack, or brings it to the newest revision."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Final

import asyncpg
from rich.console import Console
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette

from app.core.clock import Clock, utc_now
from app.core.database import Database
from app.core.postgres.failure import lacking
from app.services.context import SYSTEM
from app.services.study.realtime import RealtimeService
from devstack.options import DATABASE, ELSEWHERE, DevStackError, Options, Seed
from devstack.postgres import HOST, EmbeddedPostgres
from devstack.revisions import NEWEST
from devstack.serving import OneOrigin, serving
from devstack.stand_ins import settings_at, stand_ins

_MAKING: Final = f"{DATABASE}_making"
"""The name of a database until it is whole, so that a start that is broken off leaves no half."""


async def prepare_database(
    postgres: EmbeddedPostgres, options: Options, now: Clock = utc_now
) -> None:
    if not await _is_there(postgres):
        await _make(postgres, options, now)
    revision = await _revision(postgres)
    if revision is not None and revision > NEWEST:
        message = (
            f"The database was made by a later release (schema {revision}; this one knows "
            f"{NEWEST}). Check that release out again. {ELSEWHERE}"
        )
        raise DevStackError(message)
    if revision != NEWEST:
        await _migrate(postgres, DATABASE)
        await _open_for_realtime(postgres, DATABASE)


async def _is_there(postgres: EmbeddedPostgres) -> bool:
    query = "SELECT true FROM pg_database WHERE datname = $1"
    async with _connected(postgres.dsn()) as connection:
        return bool(await connection.fetchval(query, DATABASE))


async def _make(postgres: EmbeddedPostgres, options: Options, now: Clock) -> None:
    await _make_empty(postgres)
    if options.seed is Seed.TOWN:
        try:
            await _make_town(postgres, options, now)
        except DBAPIError as error:
            if lacking(error) is None:
                raise
            # The models are ahead of the revisions: the stack starts, so that one can be written.
            await _make_empty(postgres)
    await _open_for_realtime(postgres, _MAKING)
    async with _connected(postgres.dsn()) as connection:
        await connection.execute(f"ALTER DATABASE {_MAKING} RESET synchronous_commit")
        await connection.execute(f"ALTER DATABASE {_MAKING} RENAME TO {DATABASE}")


async def _make_empty(postgres: EmbeddedPostgres) -> None:
    async with _connected(postgres.dsn()) as connection:
        await connection.execute(f"DROP DATABASE IF EXISTS {_MAKING} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {_MAKING}")
        # Nobody misses what is lost of it before it has its name.
        await connection.execute(f"ALTER DATABASE {_MAKING} SET synchronous_commit = off")
    await _migrate(postgres, _MAKING)


async def _migrate(postgres: EmbeddedPostgres, database: str) -> None:
    # Alembic takes half a second to import, and is needed after an upgrade only.
    from devstack.migrate import migrate  # noqa: PLC0415

    await asyncio.to_thread(migrate, postgres.dsn(database))


async def _open_for_realtime(postgres: EmbeddedPostgres, database: str) -> None:
    """Let people read their own rows directly, as an operator does by `realtime enable`."""
    owner = Database.from_settings(settings_at("http://stack", postgres, database), owner=True)
    try:
        await RealtimeService(owner, SYSTEM).enable()
    finally:
        await owner.close()


async def _make_town(postgres: EmbeddedPostgres, options: Options, now: Clock) -> None:
    """Make it while the stand-ins answer at a port of their own, as the services ask them."""
    Console().print("Making twelve months of history. It takes some seconds, and only once.")
    # It imports all schemas and services, and is needed once.
    from devstack.town import identities, make_town  # noqa: PLC0415

    dsn = postgres.dsn(_MAKING)
    with socket.create_server((HOST, 0)) as listener:
        settings = settings_at(f"http://{HOST}:{listener.getsockname()[1]}", postgres, _MAKING)
        async with (
            stand_ins(settings, dsn, options, identities()) as apps,
            serving(OneOrigin(apps, Starlette()), listener),
        ):
            await make_town(settings, dsn, now())


async def _revision(postgres: EmbeddedPostgres) -> str | None:
    async with _connected(postgres.dsn(DATABASE)) as connection:
        try:
            revision = await connection.fetchval("SELECT version_num FROM alembic_version")
        except asyncpg.UndefinedTableError:
            return None
    return None if revision is None else str(revision)


@contextlib.asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()
