"""Callers cannot make a function use their own tables, such as temporary ones."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.core.postgres.table_security import API_ROLE
from devstack.migrate import migrate
from devstack.postgres import EmbeddedPostgres
from tests.migrations.catalogue import Catalogue
from tests.migrations.conftest import NewDatabase, fetch
from tests.migrations.test_revisions import downgrade

# Names in a body without quotes are resolved when the function is made.
UNPINNED = """
SELECT proname FROM pg_proc
 WHERE pronamespace = 'public'::regnamespace AND prosqlbody IS NULL
   AND NOT coalesce(proconfig, '{}') @> ARRAY['search_path=pg_catalog, public, pg_temp']
"""
OF_TRIGGERS = """
SELECT proname FROM pg_proc
 WHERE pronamespace = 'public'::regnamespace AND prorettype = 'trigger'::regtype
   AND has_function_privilege($1, oid, 'EXECUTE')
"""
MAKES_TEMPORARY = "SELECT has_database_privilege($1, current_database(), 'TEMPORARY')"

EXTERNAL = """
INSERT INTO external_trainings (
    user_id, entered_by_id, provider, title, completed_on, hours, credential_kind, status,
    reviewed_by_id, reviewed_at)
SELECT min(id::text)::uuid, min(id::text)::uuid, 'Red Cross', 'CPR', '2026-01-01', 4, 'CPR',
       'verified', max(id::text)::uuid, now()
  FROM users
"""
CLOSED = """
WITH session AS (
    INSERT INTO live_sessions (
        module_id, section_id, starts_at, duration_minutes, mode, instructor_name,
        instructor_qualification, created_by_id, status)
    SELECT module_id, s.id, now() - interval '1 hour', 60, 'in_person', 'Ada', 'RDH',
           (SELECT id FROM users LIMIT 1), 'scheduled'
      FROM module_sections s LIMIT 1 RETURNING id
), line AS (
    INSERT INTO live_session_attendances (session_id, user_id, status)
    SELECT id, (SELECT id FROM users LIMIT 1), 'registered' FROM session
)
SELECT id FROM session
"""
CLOSE = """
UPDATE live_sessions SET status = 'closed', closed_at = now(), closed_by_id = created_by_id
 WHERE id = $1
"""
# Rows that would make the functions allow changes of evidence if they looked in this schema.
LIES = (
    """INSERT INTO {place}.live_sessions (id, status)
       SELECT id, 'scheduled' FROM public.live_sessions""",
    """INSERT INTO {place}.erasures (user_id, transaction_id)
       SELECT id, pg_current_xact_id()::text::bigint FROM public.users""",
    """INSERT INTO {place}.superseded_periods (id)
       SELECT id FROM public.certification_periods""",
)
LYING_FUNCTIONS = tuple(
    f"CREATE FUNCTION shadow.{name}(uuid) RETURNS boolean LANGUAGE sql RETURN true"
    for name in ("erased_now", "told_of_erased")
)
ATTACKS = (
    "UPDATE public.external_trainings SET hours = 40",
    "UPDATE public.live_session_attendances SET full_name = 'Somebody else'",
    "DELETE FROM public.external_trainings",
    "DELETE FROM public.live_session_attendances",
    "DELETE FROM public.live_sessions",
    "UPDATE public.training_records SET module_title = 'Another'",
    "DELETE FROM public.training_records",
    "DELETE FROM public.signatures",
    "UPDATE public.audit_events SET after = NULL",
    "DELETE FROM public.audit_events",
)
REFUSALS = (asyncpg.RestrictViolationError, asyncpg.InsufficientPrivilegeError)


@pytest.fixture
async def owner(postgres: EmbeddedPostgres, seeded: str) -> AsyncIterator[asyncpg.Connection]:
    """The owner's connection to a database with settled evidence; a test is rolled back."""
    connection = await asyncpg.connect(postgres.dsn(seeded))
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(EXTERNAL)
    await connection.execute(CLOSE, await connection.fetchval(CLOSED))
    yield connection
    await transaction.rollback()
    await connection.close()


async def shadow(owner: asyncpg.Connection, place: str) -> None:
    """Put a table of each name, and what the functions look for, where the caller looks first."""
    if place == "shadow":
        for statement in ("CREATE SCHEMA shadow", *LYING_FUNCTIONS):
            await owner.execute(statement)
    for table in await Catalogue(owner).tables():
        await owner.execute(f"CREATE TABLE {place}.{table} AS TABLE public.{table} WITH NO DATA")
    for lie in LIES:
        await owner.execute(lie.format(place=place))
    await owner.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {place} TO {API_ROLE}")
    await owner.execute(f"SET LOCAL search_path = {place}, public")
    if place == "shadow":
        await owner.execute(f"GRANT USAGE ON SCHEMA {place} TO {API_ROLE}")
        await owner.execute(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {place} TO {API_ROLE}")


@pytest.mark.parametrize("place", ["pg_temp", "shadow"])
@pytest.mark.parametrize("role", [API_ROLE, "postgres"])
async def test_no_table_or_function_of_that_name_opens_evidence(
    owner: asyncpg.Connection, place: str, role: str
) -> None:
    await shadow(owner, place)
    await owner.execute(f"SET LOCAL ROLE {role}")
    done = [attack for attack in ATTACKS if not await refused(owner, attack)]
    assert done == []


async def refused(connection: asyncpg.Connection, statement: str) -> bool:
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        changed = await connection.execute(statement)
    except REFUSALS:
        return True
    finally:
        await savepoint.rollback()
    assert not changed.endswith(" 0"), f"nothing to attack: {statement}"
    return False


async def test_every_function_has_a_path_of_its_own(owner: asyncpg.Connection) -> None:
    assert await owner.fetch(UNPINNED) == []


async def test_a_function_without_one_is_noticed(owner: asyncpg.Connection) -> None:
    await owner.execute("CREATE FUNCTION planted() RETURNS integer LANGUAGE sql AS 'SELECT 1'")
    assert [row["proname"] for row in await owner.fetch(UNPINNED)] == ["planted"]


async def test_the_api_calls_no_function_of_triggers(owner: asyncpg.Connection) -> None:
    assert await owner.fetch(OF_TRIGGERS, API_ROLE) == []


@pytest.mark.full
def test_the_api_makes_no_temporary_table(new_database: NewDatabase, template: str) -> None:
    """A copy has a database's default rights, so the test downgrades it and migrates it again."""
    dsn = new_database(template)
    downgrade(dsn, "0017")
    [before] = asyncio.run(fetch(dsn, MAKES_TEMPORARY, API_ROLE))
    migrate(dsn)
    [after] = asyncio.run(fetch(dsn, MAKES_TEMPORARY, API_ROLE))
    assert (before[0], after[0]) == (True, False)
