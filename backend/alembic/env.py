"""Runs migrations as the owner of the schema, one process at a time, without long locks."""

import asyncio
import logging
import os
from collections.abc import Callable, Collection

import asyncpg
from alembic import command, context
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

import app.models  # noqa: F401  # fills Base.metadata
from app.core.database import Base
from app.core.postgres.autogenerate import PLUGIN
from app.core.postgres.dropped_connection import driver_error
from app.core.postgres.failure import lacking, to_mend
from app.core.postgres.lock_watch import watched
from app.core.postgres.schema import NOTE_OLDEST_CODE
from app.core.postgres.url import DatabaseUrl, parse_database_url

MIGRATION_LOCK = 7_316_204_511
# While a migration waits for a lock, later statements on the same table wait behind it, and it may
# deadlock with the holder of the lock. So it soon gives up all its locks and tries again.
LOCK_TIMEOUT = "500ms"
ATTEMPTS = 40
PAUSE_SECONDS = 0.5
IN_THE_WAY = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)
STATEMENT_TIMEOUT = "15min"
APPLICATION = "training migration"
# Until a revision is committed, nobody can use the tables that it changed. So revisions add checks
# NOT VALID, and what that left is validated afterwards, while people go on reading and writing.
# What was interrupted is done by the next upgrade.
VALIDATE = """
DO $$
DECLARE
    left_over record;
BEGIN
    FOR left_over IN
        SELECT conrelid::regclass AS name, conname FROM pg_constraint
         WHERE NOT convalidated AND connamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', left_over.name, left_over.conname);
    END LOOP;
END $$
"""
# Expression indexes that autogenerate cannot compare with a model; the revisions own them.
UNCOMPARED_INDEXES = {"ix_training_modules_search", "ix_module_versions_search"}

log = logging.getLogger("alembic.env")


class NewSteps(logging.Filter):
    """Passes on the message of each step once, because steps may be tried repeatedly."""

    def __init__(self) -> None:
        super().__init__()
        self._told = set[str]()

    def filter(self, record: logging.LogRecord) -> bool:
        line = record.getMessage()
        is_new = line.startswith("Running ") and line not in self._told
        self._told.add(line)
        return is_new


def tell_people() -> None:
    """Write on standard error which revisions run, and what they wait for."""
    lines = logging.StreamHandler()
    log.addHandler(lines)
    steps = logging.getLogger("alembic.runtime.migration")
    steps.addFilter(NewSteps())
    steps.addHandler(lines)
    for logger in (log, steps):
        logger.setLevel(logging.INFO)
        logger.propagate = False


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
        raise CommandError(message)
    try:
        return parse_database_url(url, ca_file=os.environ.get("DATABASE_CA_FILE"))
    except ValueError as error:
        message = f"The database's URL {error}"
        raise CommandError(message) from None


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
    """Note the oldest code for running processes, which do not know the revisions after theirs."""
    oldest = oldest_code(next(iter(heads), None))
    ctx.impl.execute(text(NOTE_OLDEST_CODE.format(revision=oldest or "")))


def called() -> object:
    """Return the command that was given to `alembic`, or None where a program called it."""
    return getattr(context.config.cmd_opts, "cmd", (None,))[0]


def changes_revision() -> bool:
    return called() in {command.upgrade, command.downgrade}


def upgrades() -> bool:
    return called() in {command.upgrade, None}


def number(_context: MigrationContext, _head: object, directives: list[MigrationScript]) -> None:
    """Give a new revision the number after the head's, unless one was chosen."""
    head = context.script.get_current_head()
    if directives and getattr(context.config.cmd_opts, "rev_id", None) is None:
        directives[0].rev_id = f"{int(head or 0) + 1:04}"


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        on_version_apply=note_oldest_code,  # type: ignore[arg-type]  # called by keyword
        target_metadata=Base.metadata,
        include_name=include_name,
        compare_server_default=False,
        process_revision_directives=number,
        autogenerate_plugins=["alembic.autogenerate.*", PLUGIN],
    )
    with context.begin_transaction():
        take_turns(connection)
        context.run_migrations()


def take_turns(connection: Connection) -> None:
    """Wait for other migrations, but for nobody else for long."""
    connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))


def validate(connection: Connection) -> None:
    with connection.begin():
        take_turns(connection)
        connection.exec_driver_sql(VALIDATE)


async def run() -> None:
    target = database()
    engine = create_async_engine(target.url, connect_args=target.connect_args, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text(f"SET application_name = '{APPLICATION}'"))
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
        await connection.commit()
        async with watched(engine, int(pid or 0), log.warning):
            await patiently(connection, migrate)
            if changes_revision():
                revision = await connection.scalar(text("SELECT version_num FROM alembic_version"))
                await connection.commit()
                log.info("The database is at %s.", revision or "no revision")
            if upgrades():
                await patiently(connection, validate)


async def patiently(connection: AsyncConnection, step: Callable[[Connection], None]) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await connection.run_sync(step)
        except DBAPIError as error:
            if not isinstance(driver_error(error), IN_THE_WAY):
                raise
            await connection.rollback()
            if attempt == ATTEMPTS:
                message = f"Others were in the way at {ATTEMPTS} tries. Run it again."
                raise CommandError(message) from error
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return


def refused(error: Exception) -> str | None:
    """Return why a revision refuses to run: it says itself what to do first."""
    cause = driver_error(error) if isinstance(error, DBAPIError) else None
    return str(cause) if isinstance(cause, asyncpg.RestrictViolationError) else None


def run_or_explain() -> None:
    """Print one line for an error that an operator can mend, and a traceback for any other."""
    try:
        asyncio.run(run())
    except CommandError:
        raise
    except Exception as error:
        told = refused(error) or to_mend(error)
        # If a revision misses a table or column, the revision itself is at fault.
        if told is None or lacking(error) is not None:
            raise
        raise CommandError(told) from error


def emit_sql() -> None:
    context.configure(
        url=database().url,
        on_version_apply=note_oldest_code,  # type: ignore[arg-type]  # called by keyword
        target_metadata=Base.metadata,
        literal_binds=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    context.execute(VALIDATE)


if context.config.cmd_opts is not None:
    tell_people()
if context.is_offline_mode():
    emit_sql()
else:
    run_or_explain()
