"""Changes by an owner of the schema who switches the triggers off are found, in each column."""

import uuid
from collections.abc import AsyncIterator
from datetime import date, datetime
from decimal import Decimal

import asyncpg
import pytest
from sqlalchemy import JSON, Column, Enum, Executable, LargeBinary, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.database import AppendOnly, Base, Database
from app.core.postgres.table_security import API_ROLE
from app.models import TrainingModule, User
from app.schemas.study.enrollment import Acknowledge, EnrollmentCreate
from app.services.context import SYSTEM
from app.services.evidence.retention import RetentionService
from app.services.evidence.training_record import TrainingRecordService
from app.services.evidence.verification import BrokenLink
from devstack.postgres import EmbeddedPostgres
from tests.conftest import settings_for
from tests.factories.enrollment import enrollment_service
from tests.factories.module import acknowledgement_section, make_module, publish, quiz_section
from tests.factories.retention import make_leaver
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.services.conftest import acting
from tests.services.evidence.test_erasure import plant, row_of
from tests.support import RollbackDatabase

# Rows that are evidence once they are settled, and rows that are a part of evidence.
SETTLED = {"external_trainings", "live_sessions", "live_session_attendances", "media"}
# Tables that are derived from evidence again and again.
DERIVED = {"certification_periods", "superseded_periods", "superseded_segments"}
EVIDENCE = sorted(
    {
        str(mapper.local_table)
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, AppendOnly)
    }
    - DERIVED
    | SETTLED
)
# Leaves are known by their place in the tree; the id and time of their rows prove nothing.
UNUSED = {"sealed_records.id", "sealed_records.created_at"}
COLUMNS = [
    f"{table}.{column.name}"
    for table in EVIDENCE
    for column in Base.metadata.tables[table].columns
    if f"{table}.{column.name}" not in UNUSED
]
# Rows that belong to no person, which `plant` therefore does not make.
NOBODYS = (
    "incident_withdrawals",
    "incidents",
    "live_sessions",
    "quiz_corrections",
    "requirement_versions",
)
SHOW_A_FILE = text(
    "INSERT INTO version_media (version_id, media_id)"
    " SELECT id, gen_random_uuid() FROM module_versions LIMIT 1"
)
PLANTED_AS = (
    "UPDATE external_trainings SET reviewed_at = clock_timestamp()",
    "UPDATE external_trainings SET evidence_reference = upper((SELECT id FROM media)::text)",
    "UPDATE live_sessions SET status = 'closed', closed_at = clock_timestamp()",
    "UPDATE live_session_attendances SET session_id = (SELECT id FROM live_sessions)",
)


class Attack:
    """The owner of the schema, in a transaction that is rolled back in the end."""

    def __init__(self, connection: AsyncConnection, database: Database) -> None:
        self._connection = connection
        self._service = TrainingRecordService(database, SYSTEM)

    async def alter(self, *statements: str) -> None:
        for statement in statements:
            result = await self._connection.execute(text(statement))
            assert result.rowcount, "nothing was altered"

    async def verify(self, seal_head: str | None = None) -> BrokenLink | None:
        return (await self._service.verify(seal_head=seal_head)).broken

    async def seal(self, times: int | None = None) -> None:
        while times != 0 and await self._service.seal() is not None:
            times = times and times - 1

    async def value(self, statement: str) -> str:
        return str(await self._connection.scalar(text(statement)))


async def complete(database: Database, user: User, module: TrainingModule) -> None:
    """Sign the module's one document, which completes it."""
    service = enrollment_service(database, acting(user))
    answer = await service.enroll(EnrollmentCreate(module_id=module.id))
    signed = Acknowledge(printed_name=user.full_name or "", meaning="I have read it.")
    await service.acknowledge(answer.value.id, module.sections[0].id, signed)


async def seal_all(database: Database) -> None:
    while await TrainingRecordService(database, SYSTEM).seal() is not None:
        pass


@pytest.fixture(scope="module")
async def sealed(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[Database]:
    """A sealed row in each table of evidence, and later rows of which some are sealed."""
    name = f"verification_{uuid.uuid4().hex}"
    maintenance = await asyncpg.connect(postgres.dsn())
    await maintenance.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    api = Database.from_settings(settings_for(postgres.dsn(name, API_ROLE)))
    owner = Database.from_settings(settings_for(postgres.dsn(name)))
    async with api.writing() as session:
        ada, planted = await make_user(session), await make_user(session)
        module = await make_module(session, acknowledgement_section())
        quiz = await make_module(session, quiz_section())
        leaver = await make_leaver(session, api, supabase_id=None)
    for each in (module, quiz):
        await publish(api, each)
    await complete(api, ada, module)
    await run(owner, SHOW_A_FILE)
    await seal_all(api)
    await RetentionService(owner, SYSTEM, InMemoryAuthAdmin()).erase(leaver.id)
    await plant(owner, planted)
    for table in (Base.metadata.tables[name] for name in NOBODYS):
        await run(owner, insert(table).values(row_of(table, {})))
    await run(owner, *map(text, PLANTED_AS))
    for _ in range(2):
        await seal_all(api)
        await complete(api, ada, module)
    yield owner
    await owner.close()
    await api.close()
    await maintenance.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await maintenance.close()


async def run(owner: Database, *statements: Executable) -> None:
    async with owner.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            await session.execute(statement)


@pytest.fixture
async def attack(sealed: Database) -> AsyncIterator[Attack]:
    async with sealed.engine.connect() as connection:
        transaction = await connection.begin()
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        yield Attack(connection, RollbackDatabase(sealed.engine, connection))
        await transaction.rollback()


def another(column: Column[object]) -> str:
    """Return an expression of another value for a column."""
    name = f'"{column.name}"'
    if isinstance(column.type, JSON):
        return """'{"planted": 1}'::jsonb"""
    if isinstance(column.type, LargeBinary):
        return f"{name} || 'x'"
    kinds: dict[type, str] = {
        bool: f"NOT coalesce({name}, false)",
        str: f"'~' || substr(coalesce({name}, ''), 2)",
        uuid.UUID: "gen_random_uuid()",
        datetime: f"coalesce({name}, now()) - interval '1 second'",
        date: f"coalesce({name}, current_date) - 1",
        int: f"coalesce({name}, 0) + 1000",
        float: f"coalesce({name}, 0) + 1",
        Decimal: f"coalesce({name}, 0) + 1",
    }
    return kinds[str if isinstance(column.type, Enum) else column.type.python_type]


def one_of(table: str) -> str:
    """Return the condition for the oldest row, which is sealed."""
    columns = Base.metadata.tables[table].columns
    order = "created_at" if "created_at" in columns else "ctid"
    return f"ctid = (SELECT ctid FROM {table} ORDER BY {order} LIMIT 1)"  # noqa: S608  # a name of ours


async def test_holds_as_it_was_made(attack: Attack) -> None:
    assert await attack.verify() is None


@pytest.mark.full
@pytest.mark.parametrize("place", COLUMNS)
async def test_each_altered_column_is_found(attack: Attack, place: str) -> None:
    table, _, name = place.partition(".")
    value = another(Base.metadata.tables[table].columns[name])
    await attack.alter(f'UPDATE {table} SET "{name}" = {value} WHERE {one_of(table)}')  # noqa: S608  # a name of ours
    assert await attack.verify() is not None


@pytest.mark.parametrize("table", EVIDENCE)
async def test_each_removed_row_is_found(attack: Attack, table: str) -> None:
    await attack.alter(f"DELETE FROM {table} WHERE {one_of(table)}")  # noqa: S608  # a name of ours
    assert await attack.verify() is not None


ADDED = {
    "audit_events": "created_at",
    "evidence_elsewhere": "created_at",
    "exemptions": "created_at",
    "external_trainings": "reviewed_at",
    "live_session_questions": "created_at",
    "requirement_versions": "created_at",
}
LONG_AGO = "'2024-01-01T12:00:00Z'"
# Makes it look as if nothing had ever been sealed or erased.
UNSEAL = (
    "DELETE FROM sealed_records",
    "DELETE FROM record_seals",
    "DELETE FROM enrollments WHERE user_id IN (SELECT user_id FROM erasures)",
    "DELETE FROM erased_evidence",
    "DELETE FROM erased_records",
    "DELETE FROM erasures",
)


def added(table: str, when: str) -> str:
    """Return the statement that adds a row which says that it is of another time."""
    forged = f"""jsonb_build_object('id', gen_random_uuid(), 'number', (100 + random() * 1e6)::int,
                                    '{ADDED[table]}', {when})"""
    return (
        f"INSERT INTO {table} SELECT (jsonb_populate_record(r, {forged})).*"  # noqa: S608  # a name of ours
        f" FROM {table} r WHERE {one_of(table)}"
    )


@pytest.mark.parametrize("table", ADDED)
async def test_a_row_of_long_ago_that_was_added_is_found(attack: Attack, table: str) -> None:
    await attack.alter(added(table, LONG_AGO))
    broken = await attack.verify()
    assert broken is not None
    assert broken.kind == table
    assert broken.reason == "it is older than what is sealed, and no seal covers it"


@pytest.mark.parametrize("table", ADDED)
async def test_sealing_it_does_not_hide_it(attack: Attack, table: str) -> None:
    await attack.alter(added(table, LONG_AGO))
    await attack.seal()
    broken = await attack.verify()
    assert broken is not None
    assert broken.kind == table
    assert broken.reason == "it is older than what was sealed before it"


@pytest.mark.parametrize("table", ADDED)
async def test_a_row_of_the_future_does_not_make_others_late(attack: Attack, table: str) -> None:
    """Otherwise, after a jump of the clock, every later row would be reported as added late."""
    await attack.alter(added(table, "'2999-01-01T12:00:00Z'"))
    await attack.seal()
    await attack.alter(added(table, "clock_timestamp()"))
    assert await attack.verify() is None


async def test_verifying_between_two_seals_of_one_run(attack: Attack) -> None:
    await attack.alter(
        *UNSEAL,
        "UPDATE exemptions SET created_at = created_at - interval '3 hours'",
        "UPDATE requirement_versions SET created_at = created_at - interval '2 hours'",
        added("exemptions", "clock_timestamp()"),
    )
    await attack.seal(times=2)
    covered = "SELECT string_agg(covers, ' ' ORDER BY number) FROM record_seals"
    assert await attack.value(covered) == "training_records exemptions"
    assert await attack.verify() is None


async def test_a_row_that_was_added_now_is_a_row_of_now(attack: Attack) -> None:
    """It cannot be told from a true row; the next seal covers it and shows when."""
    await attack.alter(
        "INSERT INTO audit_events SELECT (jsonb_populate_record(e, jsonb_build_object("
        "'id', gen_random_uuid(), 'created_at', clock_timestamp()))).* FROM audit_events e LIMIT 1"
    )
    assert await attack.verify() is None


OF_LAST_RECORD = "(SELECT enrollment_id FROM training_records ORDER BY created_at DESC LIMIT 1)"


async def test_a_record_removed_before_it_was_sealed_leaves_its_enrollment(attack: Attack) -> None:
    enrollment_id = await attack.value(f"SELECT {OF_LAST_RECORD}")
    await attack.alter(
        "DELETE FROM audit_events WHERE action = 'training_record:issued' AND target_id ="
        " (SELECT id FROM training_records ORDER BY created_at DESC LIMIT 1)",
        "DELETE FROM training_records WHERE created_at ="
        " (SELECT max(created_at) FROM training_records)",
    )
    broken = await attack.verify()
    assert broken is not None
    assert (broken.kind, str(broken.record_id)) == ("enrollments", enrollment_id)
    assert broken.reason == "it is completed, and has no record"


@pytest.mark.parametrize(
    "change",
    [
        "status = 'active', completed_at = NULL",
        "status = 'withdrawn', completed_at = NULL",
        "completed_at = completed_at - interval '1 year'",
        "user_id = gen_random_uuid()",
        "version_id = gen_random_uuid()",
    ],
)
async def test_an_enrollment_that_contradicts_its_record(attack: Attack, change: str) -> None:
    await attack.alter(f"UPDATE enrollments SET {change} WHERE id = {OF_LAST_RECORD}")  # noqa: S608  # of this file
    broken = await attack.verify()
    assert broken is not None
    assert broken.reason == "its enrollment does not say that it was completed then"


async def test_a_completion_that_was_made_up(attack: Attack) -> None:
    await attack.alter(
        "INSERT INTO enrollments (id, user_id, module_id, version_id, source, status, completed_at)"
        " SELECT gen_random_uuid(), user_id, module_id, version_id, 'self', 'completed', now()"
        " FROM training_records LIMIT 1"
    )
    broken = await attack.verify()
    assert broken is not None
    assert broken.kind == "enrollments"


class TestKnownHead:
    """Somebody who rewrites everything consistently is found by a hash that was kept elsewhere."""

    async def rewrite(self, attack: Attack) -> None:
        await attack.alter(
            "UPDATE training_records SET payload = replace(payload, 'Person', 'Impostor'),"
            " user_snapshot = replace(user_snapshot::text, 'Person', 'Impostor')::jsonb",
            *UNSEAL,
        )
        await attack.alter(*[REHASH] * 3)
        await attack.seal()

    async def test_of_a_chain_that_was_rewritten_with_all_its_seals(self, attack: Attack) -> None:
        head = await attack.value("SELECT hash FROM record_seals ORDER BY number DESC LIMIT 1")
        assert await attack.verify(seal_head=head) is None
        await self.rewrite(attack)
        assert await attack.verify() is None
        broken = await attack.verify(seal_head=head)
        assert broken is not None
        assert broken.reason == "no seal has the hash that was given: they were made anew"

    async def test_of_seals_that_were_cut_off(self, attack: Attack) -> None:
        head = await attack.value("SELECT hash FROM record_seals ORDER BY number DESC LIMIT 1")
        last = "(SELECT id FROM record_seals ORDER BY number DESC LIMIT 1)"
        await attack.alter(
            f"DELETE FROM sealed_records WHERE seal_id = {last}",  # noqa: S608  # of this file
            f"DELETE FROM record_seals WHERE id = {last}",  # noqa: S608  # of this file
        )
        assert await attack.verify() is None
        assert await attack.verify(seal_head=head) is not None

    async def test_of_before_holds_too(self, attack: Attack) -> None:
        first = await attack.value("SELECT hash FROM record_seals WHERE number = 1")
        assert await attack.verify(seal_head=first) is None


# Each run mends the records after the one that the run before has mended.
REHASH = """
    WITH linked AS (
        SELECT id, coalesce(lag(hash) OVER (PARTITION BY user_id ORDER BY sequence),
                            repeat('0', 64)) AS previous
          FROM training_records
    )
    UPDATE training_records t
       SET previous_hash = linked.previous, hash = sha256_hex(linked.previous || t.payload)
      FROM linked WHERE linked.id = t.id
"""


OF_SEALS_AND_ERASURES = (
    "sealed_records",
    "record_seals",
    "erased_evidence",
    "erased_records",
    "erasures",
)

# As revisions before 0024 made them: of records alone, by their random ids and not by their time.
SEAL_AS_BEFORE = """
    DO $do$
    DECLARE
        sealed record;
        number integer := 0;
        previous text := repeat('0', 64);
        seal uuid;
        root text;
    BEGIN
        FOR sealed IN SELECT id, hash FROM training_records ORDER BY created_at DESC LOOP
            number := number + 1;
            seal := gen_random_uuid();
            root := merkle_root(ARRAY[sealed.hash]);
            INSERT INTO record_seals (id, number, record_count, merkle_root, previous_hash, hash)
            VALUES (seal, number, 1, root, previous, seal_hash(previous, number, 1, root, NULL))
            RETURNING hash INTO previous;
            INSERT INTO sealed_records (seal_id, position, record_id, record_hash)
            VALUES (seal, 1, sealed.id, sealed.hash);
        END LOOP;
    END $do$
"""


async def test_seals_of_before_are_in_no_order_of_time(attack: Attack) -> None:
    await attack.alter(
        "UPDATE training_records SET payload = (payload::jsonb - 'recorded_at')::text,"
        " created_at = created_at - (10 - sequence) * interval '1 day'",
        *[REHASH] * 3,
        *(f"DELETE FROM {table}" for table in OF_SEALS_AND_ERASURES),  # noqa: S608  # names of ours
        "DELETE FROM enrollments WHERE user_id NOT IN (SELECT user_id FROM training_records)",
        SEAL_AS_BEFORE,
    )
    assert await attack.verify() is None
    await attack.seal()
    assert await attack.verify() is None
