"""Supabase's database linter, run as its dashboard does. Collected where it was fetched:

TEST_SPLINTER_SQL names splinter.sql of github.com/supabase/splinter.
"""

import asyncio
import os
from collections import Counter
from pathlib import Path

import asyncpg
import pytest

from app.core.database import Database
from app.services.context import SYSTEM
from app.services.study.realtime import RealtimeService
from tests.conftest import settings_for
from tests.migrations.conftest import NewDatabase, execute

SEARCH_PATH, _, LINTS = Path(os.environ["TEST_SPLINTER_SQL"]).read_text().partition(";")
PLATFORM = (
    "CREATE SCHEMA auth",
    "CREATE TABLE auth.users (id uuid PRIMARY KEY)",
    "CREATE SCHEMA storage",
    "CREATE SCHEMA extensions",
)
# docs/deploy-supabase.md says why they remain.
ACCEPTED = {
    ("INFO", "unindexed_foreign_keys"),
    ("INFO", "unused_index"),
    ("WARN", "function_search_path_mutable"),
}


async def findings(dsn: str) -> Counter[tuple[str, str]]:
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL pgrst.db_schemas = 'public'")
            await connection.execute(SEARCH_PATH)
            found = await connection.fetch(LINTS)
    finally:
        await connection.close()
    return Counter((row["level"], row["name"]) for row in found)


async def enable_realtime(dsn: str) -> None:
    database = Database.from_settings(settings_for(dsn), owner=True)
    await RealtimeService(database, SYSTEM).enable()
    await database.close()


@pytest.fixture
def project(new_database: NewDatabase, seeded: str) -> str:
    """DSN of a migrated database with what the linter expects of Supabase."""
    dsn = new_database(seeded)
    asyncio.run(execute(dsn, *PLATFORM))
    return dsn


@pytest.mark.parametrize("realtime", [False, True])
def test_has_nothing_to_say_that_is_not_accepted(project: str, *, realtime: bool) -> None:
    if realtime:
        asyncio.run(enable_realtime(project))
    found = asyncio.run(findings(project))
    print(dict(found))  # noqa: T201  # figures to look at with `pytest -rP`
    assert set(found) <= ACCEPTED


def test_finds_an_open_table(project: str) -> None:
    planted = "CREATE TABLE planted (id integer PRIMARY KEY); GRANT SELECT ON planted TO anon"
    asyncio.run(execute(project, planted))
    assert ("ERROR", "rls_disabled_in_public") in asyncio.run(findings(project))
