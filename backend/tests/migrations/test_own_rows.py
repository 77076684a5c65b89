"""After `training realtime enable`, the role `authenticated` reads only a person's own rows."""

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.core.database import Database
from app.repositories.study.realtime import PUBLICATION, PUBLISHED, READABLE
from app.services.context import SYSTEM
from app.services.study.realtime import RealtimeService, is_as_enabled
from tests.conftest import settings_for
from tests.migrations.catalogue import Catalogue
from tests.migrations.conftest import NewDatabase
from tests.migrations.test_table_security import WRITES, a_column, allowed

ROWS_OF_SEED = {"users": 1, "enrollments": 1, "section_progress": 2, "training_records": 1}
HIDDEN = {
    "users": ("email", "supabase_id", "profile_metadata"),
    "quiz_attempts": ("snapshot", "answers", "seed", "grades"),
    "training_records": ("payload", "hash", "user_snapshot"),
    "external_trainings": ("notes", "evidence_reference"),
}
LARGE = 200_000
EACH = 100

# Foreign keys are not checked under this setting: only the shape of the tables matters here.
MANY_ROWS = f"""
SET session_replication_role = replica;
INSERT INTO users (id, supabase_id, email)
SELECT gen_random_uuid(), gen_random_uuid(), n || '@large.example'
  FROM generate_series(1, {LARGE // EACH}) n;
INSERT INTO enrollments (user_id, module_id, version_id, source)
SELECT u.id, gen_random_uuid(), gen_random_uuid(), 'self'
  FROM users u, generate_series(1, {EACH}) WHERE u.email LIKE '%@large.example';
INSERT INTO section_progress (enrollment_id, section_id, state, seconds_spent, position)
SELECT id, gen_random_uuid(), 'in_progress', 0, 0 FROM enrollments;
RESET session_replication_role;
ANALYZE users, enrollments, section_progress;
"""  # noqa: S608  # constants


async def realtime(dsn: str, use: str) -> None:
    database = Database.from_settings(settings_for(dsn), owner=True)
    try:
        await getattr(RealtimeService(database, SYSTEM), use)()
    finally:
        await database.close()


@pytest.fixture(scope="module")
def opened(new_database: NewDatabase, seeded: str) -> str:
    """DSN of a copy with two learners' rows. The command has run twice, as operators may do."""
    dsn = new_database(seeded)
    for _ in range(2):
        asyncio.run(realtime(dsn, "enable"))
    return dsn


@pytest.fixture
async def owner(opened: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(opened)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


@pytest.fixture
async def person(owner: asyncpg.Connection) -> uuid.UUID:
    """The `sub` of somebody with a completion."""
    query = "SELECT u.supabase_id FROM users u JOIN training_records t ON t.user_id = u.id"
    found = await owner.fetchval(query)
    assert isinstance(found, uuid.UUID)
    return found


async def become(
    connection: asyncpg.Connection, subject: object, role: str = "authenticated"
) -> None:
    """Do what PostgREST and Realtime do for the bearer of a token."""
    claims = json.dumps({"sub": str(subject), "role": role})
    await connection.execute("SELECT set_config('request.jwt.claims', $1, true)", claims)
    await connection.execute(f"SET LOCAL ROLE {role}")


async def seen(connection: asyncpg.Connection) -> dict[str, int]:
    found = {}
    for table, columns in READABLE.items():
        rows = await connection.fetch(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608  # constants
        found[table] = len(rows)
    return {table: count for table, count in found.items() if count}


class TestRows:
    async def test_of_oneself_are_seen_and_no_others(
        self, owner: asyncpg.Connection, person: uuid.UUID
    ) -> None:
        await owner.execute(
            "INSERT INTO users (supabase_id, email) VALUES (gen_random_uuid(), 'x@unified.example')"
        )
        assert await owner.fetchval("SELECT count(*) FROM users") > 1
        await become(owner, person)
        assert await seen(owner) == ROWS_OF_SEED

    @pytest.mark.parametrize("subject", [uuid.uuid4(), "00000000-0000-0000-0000-000000000000"])
    async def test_of_nobody_are_not(self, owner: asyncpg.Connection, subject: object) -> None:
        await become(owner, subject)
        assert await seen(owner) == {}

    @pytest.mark.parametrize("claims", [None, "", "{}", '{"sub": null}'])
    async def test_need_a_subject(self, owner: asyncpg.Connection, claims: str | None) -> None:
        if claims is not None:
            await owner.execute("SELECT set_config('request.jwt.claims', $1, true)", claims)
        await owner.execute("SET LOCAL ROLE authenticated")
        assert await seen(owner) == {}

    async def test_are_gone_for_leavers(self, owner: asyncpg.Connection, person: uuid.UUID) -> None:
        leave = "UPDATE users SET is_active = false WHERE supabase_id = $1"
        assert await owner.execute(leave, person) == "UPDATE 1"
        await become(owner, person)
        assert await seen(owner) == {}

    async def test_of_others_are_not_reached_by_naming_them(
        self, owner: asyncpg.Connection, person: uuid.UUID
    ) -> None:
        enrollment = await owner.fetchval("SELECT id FROM enrollments LIMIT 1")
        await become(owner, uuid.uuid4())
        by_id = "SELECT count(id) FROM enrollments WHERE id = $1"
        assert await owner.fetchval(by_id, enrollment) == 0

    async def test_are_for_nobody_who_is_anonymous(
        self, owner: asyncpg.Connection, person: uuid.UUID
    ) -> None:
        await become(owner, person, "anon")
        for table in READABLE:
            assert await allowed(owner, f"SELECT count(*) FROM {table}") is None, table  # noqa: S608  # constants


class TestRights:
    async def test_are_to_read_what_is_listed(self, owner: asyncpg.Connection) -> None:
        catalogue = Catalogue(owner)
        assert await catalogue.granted() == [("authenticated", table) for table in sorted(READABLE)]
        for table in READABLE:
            assert await catalogue.rights("authenticated", table) == {"SELECT"}

    @pytest.mark.full
    @pytest.mark.parametrize(
        ("table", "column"),
        [(table, column) for table, columns in HIDDEN.items() for column in columns],
    )
    async def test_hide_answers_and_contents(
        self, owner: asyncpg.Connection, person: uuid.UUID, table: str, column: str
    ) -> None:
        await become(owner, person)
        assert await allowed(owner, f"SELECT count({column}) FROM {table}") is None  # noqa: S608  # constants

    async def test_are_never_to_write(self, owner: asyncpg.Connection, person: uuid.UUID) -> None:
        columns = {table: await a_column(owner, table) for table in await Catalogue(owner).tables()}
        await become(owner, person)
        for (table, column), write in itertools.product(columns.items(), WRITES):
            statement = write.format(table, column, column)
            assert await allowed(owner, statement) is None, statement

    async def test_policies_alone_refuse_writes_too(
        self, owner: asyncpg.Connection, person: uuid.UUID
    ) -> None:
        await owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO authenticated")
        await become(owner, person)
        for table, columns in READABLE.items():
            column = columns[0]
            update = f"UPDATE {table} SET {column} = {column}"  # noqa: S608  # constants
            assert await allowed(owner, update) == "UPDATE 0"
            assert await allowed(owner, f"DELETE FROM {table}") == "DELETE 0"  # noqa: S608  # constants


class TestPublication:
    async def test_has_the_tables_and_no_people(self, owner: asyncpg.Connection) -> None:
        query = "SELECT tablename FROM pg_publication_tables WHERE pubname = $1"
        assert {row[0] for row in await owner.fetch(query, PUBLICATION)} == set(PUBLISHED)
        assert "users" not in PUBLISHED


def test_disabling_leaves_nothing(new_database: NewDatabase, opened: str) -> None:
    async def left(dsn: str) -> list[object]:
        database = Database.from_settings(settings_for(dsn), owner=True)
        connection = await asyncpg.connect(dsn)
        try:
            service = RealtimeService(database, SYSTEM)
            assert all(map(is_as_enabled, await service.status()))
            for _ in range(2):
                exposures = await service.disable()
            published = [each for each in exposures if each.columns or each.published]
            return [*published, *await Catalogue(connection).granted()]
        finally:
            await connection.close()
            await database.close()

    assert asyncio.run(left(new_database(opened.rpartition("/")[2]))) == []


@pytest.mark.full
def test_a_large_table_is_read_by_its_index(new_database: NewDatabase, seeded: str) -> None:
    dsn = new_database(seeded)
    asyncio.run(realtime(dsn, "enable"))

    async def measure() -> dict[str, float]:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(MANY_ROWS)
            subject = await connection.fetchval(
                "SELECT supabase_id FROM users WHERE email = '7@large.example'"
            )
            async with connection.transaction():
                await become(connection, subject)
                return {
                    table: await own_rows(connection, table)
                    for table in ("enrollments", "section_progress")
                }
        finally:
            await connection.close()

    figures = asyncio.run(measure())
    print({table: f"{ms:.2f} ms of {LARGE} rows" for table, ms in figures.items()})  # noqa: T201  # figures to look at with `pytest -rP`
    assert max(figures.values()) < 20


async def own_rows(connection: asyncpg.Connection, table: str) -> float:
    """Return the best of some times in milliseconds; the plan must have no sequential scan."""
    key = READABLE[table][0]
    query = f"SELECT {key} FROM {table}"  # noqa: S608  # constants
    plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query}"))
    assert "Seq Scan" not in plan, plan
    times = []
    for _ in range(5):
        started = time.perf_counter()
        assert len(await connection.fetch(query)) == EACH
        times.append((time.perf_counter() - started) * 1000)
    return min(times)
