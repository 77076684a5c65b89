"""Runs migrations as the owner of the schema, one process at a time, without long locks."""

import asyncio
import os
from collections.abc import Collection

import asyncpg
from alembic import context
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import app.models  # noqa: F401  # fills Base.metadata
from app.core.database import Base
from app.core.postgres.autogenerate import PLUGIN
from app.core.postgres.dropped_connection import driver_error
from app.core.postgres.schema import NOTE_OLDEST_CODE
from app.core.postgres.url import DatabaseUrl, parse_database_url

MIGRATION_LOCK = 7_316_204_511
# Whoever comes after a migration that waits for a lock waits too, and whoever holds a lock that it
# wants may want one that it has. So it gives up before either is noticed, and tries again.
LOCK_TIMEOUT = "500ms"
ATTEMPTS = 40
PAUSE_SECONDS = 0.5
IN_THE_WAY = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)
STATEMENT_TIMEOUT = "15min"
# Expression indexes that autogenerate cannot compare with a model; the revisions own them.
UNCOMPARED_INDEXES = {"ix_training_modules_search", "ix_module_versions_search"}


def database() -> DatabaseUrl:
    """Return the owner's database: `-x url=...`, MIGRATION_DATABASE_URL or DATABASE_URL."""
    url = (
        context.get_x_argument(as_dictionary=True).get("url")
        or context.config.attributes.get("url")
        or os.environ.get("MIGRATION_DATABASE_URL")
        or os.environ.get("DATABASE_URL")
    )
    if not url:
        message = "Set MIGRATION_DATABASE_URL or DATABASE_URL, or pass -x url=postgresql://..."
        raise SystemExit(message)
    return parse_database_url(url, ca_file=os.environ.get("DATABASE_CA_FILE"))


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "index" and name in UNCOMPARED_INDEXES)


def oldest_code(revision: str | None) -> str | None:
    """Return the revision of the oldest code that the schema at `revision` can be used by.

    Each revision says by `compatible` whether code of the one before works on with it.
    """
    while revision is not None:
        script = context.script.get_revision(revision)
        if not getattr(script.module, "compatible", False):
            return revision
        revision = str(script.down_revision)
    return None


def note_oldest_code(ctx: MigrationContext, heads: Collection[str], **_: object) -> None:
    """Leave word for running processes, which know nothing of revisions after their own."""
    oldest = oldest_code(next(iter(heads), None))
    ctx.impl.execute(text(NOTE_OLDEST_CODE.format(revision=oldest or "")))


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        on_version_apply=note_oldest_code,  # type: ignore[arg-type]  # called by keyword
        target_metadata=Base.metadata,
        include_name=include_name,
        compare_server_default=False,
        autogenerate_plugins=["alembic.autogenerate.*", PLUGIN],
    )
    with context.begin_transaction():
        connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
        context.run_migrations()


async def run() -> None:
    target = database()
    engine = create_async_engine(target.url, connect_args=target.connect_args, poolclass=NullPool)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with engine.connect() as connection:
                await connection.run_sync(migrate)
        except DBAPIError as error:
            if attempt == ATTEMPTS or not isinstance(driver_error(error), IN_THE_WAY):
                raise
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return


def emit_sql() -> None:
    context.configure(
        url=database().url,
        on_version_apply=note_oldest_code,  # type: ignore[arg-type]  # called by keyword
        target_metadata=Base.metadata,
        literal_binds=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    emit_sql()
else:
    asyncio.run(run())
