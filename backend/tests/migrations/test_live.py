"""A migration gives up its locks rather than let people who use the tables wait for long."""

import asyncio
import time

import asyncpg
import pytest
from alembic import command

from app.core.database import Base
from devstack.migrate import configuration, migrate
from tests.cli.processes import PATIENCE_SECONDS
from tests.migrations.conftest import ROOT, NewDatabase

VERSIONS = ROOT / "backend" / "alembic" / "versions"
# Changes every table.
BEFORE, AFTER = "0008", "0009"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
READS = 15
LONGEST_SECONDS = 1
_PLANT = "ALTER TABLE users ADD CONSTRAINT planted CHECK (created_at IS NOT NULL) NOT VALID"
_NOT_VALIDATED = "SELECT conname FROM pg_constraint WHERE NOT convalidated"


async def tables_of(connection: asyncpg.Connection) -> list[str]:
    """Return the tables of the revision that the database is at."""
    found = {row[0] for row in await connection.fetch(_TABLES)}
    return sorted(found & Base.metadata.tables.keys())


async def read_each_table(connection: asyncpg.Connection) -> float:
    """Return the seconds that the slowest of the tables took."""
    longest = 0.0
    for table in await tables_of(connection):
        started = time.perf_counter()
        await connection.execute(f"SELECT FROM {table} LIMIT 1")
        longest = max(longest, time.perf_counter() - started)
    return longest


async def migrate_beside_a_reader(dsn: str) -> float:
    """Migrate while one session holds every table as pg_dump does, and another one reads."""
    holder, reader = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        transaction = holder.transaction()
        await transaction.start()
        tables = ", ".join(await tables_of(holder))
        await holder.execute(f"LOCK TABLE {tables} IN ACCESS SHARE MODE")
        migrating = asyncio.create_task(asyncio.to_thread(migrate, dsn, AFTER))
        longest = 0.0
        for _ in range(READS):
            longest = max(longest, await read_each_table(reader))
            await asyncio.wait({migrating}, timeout=0.1)
        assert not migrating.done()
        await transaction.rollback()
        await asyncio.wait_for(migrating, PATIENCE_SECONDS)
    finally:
        await holder.close()
        await reader.close()
    return longest


@pytest.mark.full
def test_gives_way_and_comes_back(new_database: NewDatabase, seeded: str) -> None:
    dsn = new_database(seeded)
    command.downgrade(configuration(dsn), BEFORE)
    longest = asyncio.run(migrate_beside_a_reader(dsn))
    print(f"nobody waited longer than {longest * 1000:.0f} ms")  # noqa: T201  # figures to look at with `pytest -rP`
    assert longest < LONGEST_SECONDS
    command.upgrade(configuration(dsn), "head")
    command.check(configuration(dsn))


async def validate_beside_a_writer(dsn: str) -> list[str]:
    """Upgrade while a person's change is not committed; return the checks not validated."""
    owner, writer = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        await owner.execute(_PLANT)
        assert [row[0] for row in await owner.fetch(_NOT_VALIDATED)] == ["planted"]
        async with writer.transaction():
            await writer.execute("UPDATE users SET updated_at = now()")
            await asyncio.wait_for(asyncio.to_thread(migrate, dsn), PATIENCE_SECONDS)
            return [row[0] for row in await owner.fetch(_NOT_VALIDATED)]
    finally:
        await owner.close()
        await writer.close()


@pytest.mark.full
def test_checks_are_validated_while_people_write(new_database: NewDatabase, seeded: str) -> None:
    """Also those that an earlier upgrade left because it was interrupted."""
    assert asyncio.run(validate_beside_a_writer(new_database(seeded))) == []


def test_no_revision_validates_what_it_has_locked() -> None:
    assert not [path.name for path in VERSIONS.glob("*.py") if "VALIDATE CONST" in path.read_text()]
