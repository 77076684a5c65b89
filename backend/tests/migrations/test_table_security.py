"""Grants and policies close the tables to the public roles, and evidence to changes by anybody.

Supabase exposes the schema to `anon` and `authenticated`; some projects grant them everything by
default. Both barriers are proved, each without the other.
"""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.core.database import AppendOnlyModel, Base
from app.core.postgres.table_security import API_ROLE, APPEND_ONLY, MUTABLE, PUBLIC_ROLES
from devstack.migrate import migrate
from devstack.postgres import EmbeddedPostgres
from tests.migrations.catalogue import Catalogue
from tests.migrations.conftest import NewDatabase, execute
from tests.migrations.test_revisions import SCRIPTS

GENEROUS = tuple(
    f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON {kind} TO anon, authenticated"
    for kind in ("TABLES", "SEQUENCES", "FUNCTIONS")
)
FUNCTION = "CREATE FUNCTION planted() RETURNS integer LANGUAGE sql AS 'SELECT 1'"
FIRST_GRANTS: dict[str, str] = SCRIPTS.get_revision("0003").module.GRANTS
# A period may be replaced while it is open: a trigger of its own decides.
PERIODS = "certification_periods"
EVIDENCE = sorted(
    {
        mapper.class_.__tablename__
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, AppendOnlyModel)
    }
    - {PERIODS}
    | {"answer_keys", "version_media", "version_sections"}
)

ADDED_BY_THE_API = {
    mapper.class_.__tablename__
    for mapper in Base.registry.mappers
    if mapper.class_.__rights__ == APPEND_ONLY and mapper.class_.__stamped__
}
COPY = """
INSERT INTO {table}
SELECT (jsonb_populate_record(r, jsonb_build_object(
           'id', new_id(), 'status', '{status}', '{column}', '2024-01-01T12:00:00Z'))).*
  FROM {table} r
"""
PENDING = """
INSERT INTO external_trainings (
    user_id, entered_by_id, provider, title, completed_on, hours, credential_kind, reviewed_by_id,
    status)
SELECT min(id::text)::uuid, min(id::text)::uuid, 'Red Cross', 'CPR', '2026-01-01', 4, 'CPR', NULL,
       'pending'
  FROM users
"""
FILE = "01a00000-0000-7000-8000-000000000000"
SCAN = f"""
INSERT INTO media (
    id, owner_id, uploaded_by_id, purpose, bucket, path, declared_type, declared_bytes, found_type,
    found_bytes, sha256, state, completed_at)
SELECT '{FILE}', min(id::text)::uuid, min(id::text)::uuid, 'evidence', 'training-media', 'scan',
       'image/png', 9, 'image/png', 9, repeat('a', 64), 'ready', now()
  FROM users
"""  # noqa: S608  # a constant
SCHEDULED = """
INSERT INTO live_sessions (
    module_id, section_id, starts_at, duration_minutes, mode, instructor_name,
    instructor_qualification, created_by_id, status)
SELECT module_id, s.id, now(), 60, 'in_person', 'Ada', 'RDH',
       (SELECT id FROM users LIMIT 1), 'scheduled'
  FROM module_sections s LIMIT 1
"""

# Written by functions alone.
BEHIND_DOORS = (
    "audit_events",
    "record_seals",
    "sealed_records",
    "signatures",
    "training_records",
)
# The database sets these times. Periods that are copied to another table keep theirs.
LEFT_SINCE = {"attempt_results": {"INSERT"}, "section_progress": {"UPDATE"}}
STAMPED = [
    *((table, "created_at") for table in EVIDENCE if table in ADDED_BY_THE_API),
    ("enrollments", "enrolled_at"),
    ("enrollments", "completed_at"),
    ("section_progress", "completed_at"),
]
CLOSED_FUNCTIONS = (
    "complete_section(uuid, uuid, uuid, text)",
    "issue_training_record(uuid, uuid, text)",
    "correct_training_record(uuid, uuid, uuid, text)",
    "amend_training_record(training_records, jsonb, uuid, text)",
)


@pytest.fixture
async def owner(postgres: EmbeddedPostgres, seeded: str) -> AsyncIterator[asyncpg.Connection]:
    """The owner's connection to a database with rows; what a test does is rolled back."""
    connection = await asyncpg.connect(postgres.dsn(seeded))
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


@pytest.fixture
def catalogue(owner: asyncpg.Connection) -> Catalogue:
    return Catalogue(owner)


class TestCatalogue:
    async def test_every_table_has_row_security(self, catalogue: Catalogue) -> None:
        assert await catalogue.without_row_security() == []
        assert set(await catalogue.tables()) == {*Base.metadata.tables, "alembic_version"}

    async def test_nothing_is_granted_to_the_public(self, catalogue: Catalogue) -> None:
        assert await catalogue.granted() == []

    @pytest.mark.parametrize(
        "planted",
        [
            "CREATE TABLE planted (id integer)",
            "CREATE VIEW planted AS SELECT * FROM users",
            "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
        ],
    )
    async def test_an_open_table_is_noticed(
        self, owner: asyncpg.Connection, catalogue: Catalogue, planted: str
    ) -> None:
        await owner.execute(planted)
        assert await catalogue.without_row_security() in (["planted"], ["users"])

    @pytest.mark.parametrize(
        ("planted", "name"),
        [
            ("GRANT SELECT ON users TO anon", "users"),
            ("GRANT UPDATE (role) ON users TO authenticated", "users"),
            ("GRANT TRUNCATE ON users TO PUBLIC", "users"),
            ("CREATE SEQUENCE planted; GRANT USAGE ON SEQUENCE planted TO anon", "planted"),
            (f"{FUNCTION}; GRANT EXECUTE ON FUNCTION planted() TO PUBLIC", "planted()"),
        ],
    )
    async def test_a_grant_is_noticed(
        self, owner: asyncpg.Connection, catalogue: Catalogue, planted: str, name: str
    ) -> None:
        await owner.execute(planted)
        assert name in {granted for _, granted in await catalogue.granted()}

    async def test_new_functions_are_closed_from_the_start(
        self, owner: asyncpg.Connection, catalogue: Catalogue
    ) -> None:
        await owner.execute(FUNCTION)
        assert await catalogue.granted() == []


class TestApiRole:
    async def test_has_what_its_revision_gave_it(self, catalogue: Catalogue) -> None:
        rights = await catalogue.api_rights()
        for table, grants in FIRST_GRANTS.items():
            left = LEFT_SINCE.get(table, {"INSERT"} if table in BEHIND_DOORS else set())
            assert rights[table] == set(grants.split(", ")) - left, table

    async def test_never_has_more_than_rows(self, catalogue: Catalogue) -> None:
        for table, rights in (await catalogue.api_rights()).items():
            assert rights <= set(MUTABLE.split(", ")), table

    @pytest.mark.parametrize("table", EVIDENCE)
    async def test_only_adds_to_evidence(self, catalogue: Catalogue, table: str) -> None:
        assert await catalogue.rights(API_ROLE, table) <= set(APPEND_ONLY.split(", "))
        assert {"refuse_change", "refuse_truncate"} <= await catalogue.triggers(table)

    async def test_closed_periods_are_kept_by_their_own_rule(self, catalogue: Catalogue) -> None:
        assert {"keep_closed_period", "refuse_truncate"} <= await catalogue.triggers(PERIODS)

    @pytest.mark.parametrize(("table", "column"), STAMPED)
    async def test_never_says_when_something_happened(
        self, owner: asyncpg.Connection, table: str, column: str
    ) -> None:
        allowed = "SELECT has_column_privilege($1, $2, $3, $4)"
        for right in ("INSERT", "UPDATE"):
            assert not await owner.fetchval(allowed, API_ROLE, table, column, right), right

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE external_trainings SET status = 'rejected', reviewed_at = '2024-01-01'",
            "UPDATE live_sessions SET status = 'closed', closed_at = '2024-01-01'",
            COPY.format(table="external_trainings", status="rejected", column="reviewed_at"),
            COPY.format(table="live_sessions", status="closed", column="closed_at"),
        ],
    )
    async def test_settles_nothing_at_another_time(
        self, owner: asyncpg.Connection, statement: str
    ) -> None:
        await owner.execute(PENDING)
        await owner.execute(SCHEDULED)
        await owner.execute(f"SET LOCAL ROLE {API_ROLE}")
        with pytest.raises(asyncpg.RestrictViolationError, match="settled now"):
            await owner.execute(statement)

    async def test_is_no_owner_and_no_superuser(self, owner: asyncpg.Connection) -> None:
        role = await owner.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", API_ROLE)
        assert role is not None
        powers = ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls")
        assert not any(role[power] for power in powers)
        owned = "SELECT count(*) FROM pg_class WHERE relowner = $1::regrole"
        assert await owner.fetchval(owned, API_ROLE) == 0
        creates = "SELECT has_schema_privilege($1, 'public', 'CREATE')"
        assert not await owner.fetchval(creates, API_ROLE)


async def allowed(connection: asyncpg.Connection, statement: str) -> str | int | None:
    """Return what a statement did: a count, its tag, or None when it was refused."""
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        if statement.startswith("SELECT"):
            return int(await connection.fetchval(statement))
        return await connection.execute(statement)
    except (asyncpg.InsufficientPrivilegeError, asyncpg.NotNullViolationError) as error:
        return None if isinstance(error, asyncpg.InsufficientPrivilegeError) else "NULL"
    finally:
        await savepoint.rollback()


WRITES = (
    "INSERT INTO {} DEFAULT VALUES",
    "INSERT INTO {0} SELECT * FROM {0}",
    "UPDATE {} SET {} = {}",
    "DELETE FROM {}",
    "TRUNCATE {} CASCADE",
)


@pytest.mark.parametrize("role", PUBLIC_ROLES)
class TestPublicRoles:
    async def test_read_nothing_and_write_nothing(
        self, owner: asyncpg.Connection, catalogue: Catalogue, role: str
    ) -> None:
        tables = await catalogue.tables()
        await owner.execute(f"SET LOCAL ROLE {role}")
        for table in tables:
            assert await allowed(owner, f"SELECT count(*) FROM {table}") is None, table  # noqa: S608  # from the catalogue
            column = await a_column(owner, table)
            for write in WRITES:
                statement = write.format(table, column, column)
                assert await allowed(owner, statement) is None, statement

    async def test_see_no_row_even_where_all_is_granted(
        self, owner: asyncpg.Connection, catalogue: Catalogue, role: str
    ) -> None:
        """Policies suffice without grants. They do not cover TRUNCATE, which PostgREST lacks."""
        tables = await catalogue.tables()
        filled = [table for table in tables if await owner.fetchval(f"SELECT 1 FROM {table}")]  # noqa: S608  # from the catalogue
        assert {"users", "training_records", "answer_keys", "audit_events"} <= set(filled)
        await owner.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
        await owner.execute(f"SET LOCAL ROLE {role}")
        for table in filled:
            column = await a_column(owner, table)
            assert await allowed(owner, f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608  # from the catalogue
            changed = await allowed(owner, f"UPDATE {table} SET {column} = {column}")  # noqa: S608  # from the catalogue
            # None: a trigger of this table writes to another table that is closed in the same way.
            assert changed in {"UPDATE 0", None}, table
            removed = await allowed(owner, f"DELETE FROM {table}")  # noqa: S608  # from the catalogue
            assert removed in {"DELETE 0", None}, table
            inserted = await allowed(owner, f"INSERT INTO {table} DEFAULT VALUES")
            assert inserted in {None, "NULL"}, table

    async def test_a_table_without_policies_would_be_open(
        self, owner: asyncpg.Connection, role: str
    ) -> None:
        """Shows that the test before can fail: without row security the rows are found."""
        await owner.execute("ALTER TABLE users DISABLE ROW LEVEL SECURITY")
        await owner.execute(f"GRANT ALL ON users TO {role}")
        await owner.execute(f"SET LOCAL ROLE {role}")
        seen = await allowed(owner, "SELECT count(*) FROM users")
        assert isinstance(seen, int)
        assert seen > 0


async def a_column(connection: asyncpg.Connection, table: str) -> str:
    query = "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum = 1"
    return str(await connection.fetchval(query, table))


class TestEvidence:
    async def refused(self, connection: asyncpg.Connection, statement: str) -> type[Exception]:
        savepoint = connection.transaction()
        await savepoint.start()
        with pytest.raises(asyncpg.PostgresError) as caught:
            await connection.execute(statement)
        await savepoint.rollback()
        return caught.type

    @pytest.mark.parametrize("table", EVIDENCE)
    async def test_the_api_cannot_rewrite_it(self, owner: asyncpg.Connection, table: str) -> None:
        column = await a_column(owner, table)
        await owner.execute(f"SET LOCAL ROLE {API_ROLE}")
        for statement in (
            f"UPDATE {table} SET {column} = {column}",  # noqa: S608  # a constant
            f"DELETE FROM {table}",  # noqa: S608  # a constant
            f"TRUNCATE {table} CASCADE",
        ):
            refusal = await self.refused(owner, statement)
            assert refusal is asyncpg.InsufficientPrivilegeError, statement

    @pytest.mark.parametrize("table", BEHIND_DOORS)
    async def test_the_api_writes_none_itself(self, owner: asyncpg.Connection, table: str) -> None:
        await owner.execute(f"SET LOCAL ROLE {API_ROLE}")
        statement = f"INSERT INTO {table} TABLE {table}"
        assert await self.refused(owner, statement) is asyncpg.InsufficientPrivilegeError

    @pytest.mark.parametrize("function", CLOSED_FUNCTIONS)
    async def test_the_api_issues_no_record_of_a_time_that_it_chose(
        self, owner: asyncpg.Connection, function: str
    ) -> None:
        allowed = "SELECT has_function_privilege($1, $2, 'EXECUTE')"
        assert not await owner.fetchval(allowed, API_ROLE, function)

    @pytest.mark.parametrize("role", [API_ROLE, "postgres"])
    async def test_a_file_that_evidence_names_stays_as_it_was_found(
        self, owner: asyncpg.Connection, role: str
    ) -> None:
        await owner.execute(SCAN)
        await owner.execute(PENDING)
        await owner.execute("UPDATE external_trainings SET evidence_reference = upper($1)", FILE)
        await owner.execute(f"SET LOCAL ROLE {role}")
        for statement in (
            f"UPDATE media SET sha256 = repeat('b', 64) WHERE id = '{FILE}'",  # noqa: S608  # a constant
            f"UPDATE media SET owner_id = owner_id WHERE id = '{FILE}'",  # noqa: S608  # a constant
            f"DELETE FROM media WHERE id = '{FILE}'",  # noqa: S608  # a constant
        ):
            refusal = await self.refused(owner, statement)
            assert refusal is asyncpg.RestrictViolationError, statement

    @pytest.mark.parametrize(
        "table",
        [
            "answer_keys",
            "audit_events",
            "module_versions",
            "record_seals",
            "sealed_records",
            "signatures",
            "training_records",
            "version_media",
            "version_sections",
        ],
    )
    async def test_nor_can_its_owner(self, owner: asyncpg.Connection, table: str) -> None:
        column = await a_column(owner, table)
        for statement in (
            f"UPDATE {table} SET {column} = {column}",  # noqa: S608  # a constant
            f"DELETE FROM {table}",  # noqa: S608  # a constant
            f"TRUNCATE {table} CASCADE",
        ):
            refusal = await self.refused(owner, statement)
            assert refusal is asyncpg.RestrictViolationError, statement


@pytest.mark.full
def test_generous_defaults_of_a_project_do_not_matter(new_database: NewDatabase) -> None:
    """Some Supabase projects grant every new table and function to the public roles."""

    async def granted(dsn: str) -> list[tuple[str, str]]:
        connection = await asyncpg.connect(dsn)
        try:
            return await Catalogue(connection).granted()
        finally:
            await connection.close()

    dsn = new_database(None)
    asyncio.run(execute(dsn, *GENEROUS))
    migrate(dsn)
    assert asyncio.run(granted(dsn)) == []
