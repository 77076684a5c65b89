"""Runs migrations as the owner of the schema, one process at a time, without long locks."""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import app.models  # noqa: F401  # fills Base.metadata
from app.core.database import Base
from app.core.database_url import DatabaseUrl, parse_database_url

MIGRATION_LOCK = 7_316_204_511
LOCK_TIMEOUT = "5s"
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


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=include_name,
        compare_server_default=False,
    )
    with context.begin_transaction():
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        context.run_migrations()


async def run() -> None:
    target = database()
    engine = create_async_engine(target.url, connect_args=target.connect_args, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


def emit_sql() -> None:
    context.configure(url=database().url, target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    emit_sql()
else:
    asyncio.run(run())
