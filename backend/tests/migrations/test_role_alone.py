"""What the API's role can make of evidence by itself, without the API: nothing that it chooses."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.core.postgres.table_security import API_ROLE
from app.domain.evidence.live_session import BACKDATED
from devstack.postgres import EmbeddedPostgres

EDITED = {
    "attempt_results": "",
    "enrollments": "due_on, source, status, updated_at, withdrawn_at",
    "legal_holds": "released_at, released_by_id, revision, updated_at",
    "quiz_attempts": "answer_seconds, answers, updated_at",
    "section_progress": "",
    "study_clocks": "",
    "study_times": "",
}
ADDED = {
    "attempt_results": "",
    "quiz_attempts": (
        "answers, created_at, enrollment_id, expires_at, id, number, pass_mark, section_id, seed,"
        " snapshot, started_at, updated_at, user_id, version_id"
    ),
    "section_progress": "enrollment_id, section_id",
    "study_clocks": "",
    "study_times": "",
}
COLUMNS = """
SELECT coalesce(string_agg(attname, ', ' ORDER BY attname), '') FROM pg_attribute
 WHERE attrelid = $2::regclass AND attnum > 0 AND NOT attisdropped
   AND has_column_privilege($1, attrelid, attnum, $3)
"""
DOORS = {
    "add_class_to_record",
    "complete_attended",
    "follow_offices",
    "grade_attempt",
    "move_enrollment",
    "record_event",
    "record_events",
    "regrade_attempt",
    "report_progress",
    "seal_records",
    "settle_regrade",
    "sign_section",
}
"""The functions that write with the rights of their owner, which the role may call."""

CALLABLE = """
SELECT proname FROM pg_proc
 WHERE pronamespace = 'public'::regnamespace AND prosecdef
   AND has_function_privilege($1, oid, 'EXECUTE')
"""
CLASS = """
INSERT INTO live_sessions (
    module_id, section_id, starts_at, duration_minutes, mode, instructor_name,
    instructor_qualification, created_by_id, status)
SELECT e.module_id, p.section_id, {starts_at}, 60, 'in_person', 'Ada', 'RDH', e.user_id, '{status}'
  FROM enrollments e JOIN section_progress p ON p.enrollment_id = e.id LIMIT 1
RETURNING id
"""
LINE = """
INSERT INTO live_session_attendances (session_id, user_id, status, marked_by_id)
SELECT s.id, e.user_id, 'attended', {marked_by}
  FROM live_sessions s JOIN enrollments e ON e.module_id = s.module_id
RETURNING id
"""
MARK = "(k.key ->> 'pass_mark')::numeric"
ATTEMPT = """
WITH e AS (
    INSERT INTO enrollments (module_id, user_id, version_id, source)
    SELECT v.module_id, u.user_id, v.id, 'self'
      FROM (SELECT user_id FROM training_records LIMIT 1) u, answer_keys k
      JOIN module_versions v ON v.id = k.version_id LIMIT 1
    RETURNING *)
INSERT INTO quiz_attempts (enrollment_id, section_id, user_id, version_id, number, seed, snapshot,
    pass_mark)
SELECT e.id, k.section_id, e.user_id, e.version_id, 1, '', '{{}}', {pass_mark}
  FROM e JOIN answer_keys k ON k.version_id = e.version_id LIMIT 1
RETURNING id
"""
GRADE = "SELECT grade_attempt($1, '{}', 0, '1 s', '{}', false, $2, 10, $3, $4, '{}', NULL, NULL)"
ATTACKS = {
    "a class of 1900": CLASS.format(starts_at="'1900-01-01'", status="scheduled"),
    "a class moved to 1900": "UPDATE live_sessions SET starts_at = '1900-01-01'",
    "a class closed before it was held": (
        "UPDATE live_sessions SET starts_at = now() + interval '1 day', status = 'closed',"
        " closed_at = clock_timestamp(), closed_by_id = created_by_id"
    ),
    "somebody who marks themselves": LINE.format(marked_by="e.user_id"),
    "a section that was not published": (
        "INSERT INTO version_sections (version_id, section_id, position, kind, completed_by, title,"
        " required) SELECT id, gen_random_uuid(), 9, 'text', 'report', 'Late', true"
        " FROM module_versions"
    ),
    "a key that was not published": (
        "INSERT INTO answer_keys SELECT id, gen_random_uuid(), '{}' FROM module_versions"
    ),
    "a file that was not published": (
        "INSERT INTO version_media SELECT v.id, m.id FROM module_versions v, media m"
        " WHERE NOT EXISTS (SELECT FROM version_media WHERE version_id = v.id)"
    ),
    "an attempt of another day": (
        "INSERT INTO quiz_attempts (enrollment_id, section_id, user_id, version_id, number, seed,"
        " snapshot, pass_mark, started_at) SELECT id, gen_random_uuid(), user_id, version_id, 1,"
        " '', '{}', 80, '2024-01-01' FROM enrollments"
    ),
    "an attempt at a section that is no quiz": (
        "INSERT INTO quiz_attempts (enrollment_id, section_id, user_id, version_id, number, seed,"
        " snapshot, pass_mark) SELECT e.id, p.section_id, e.user_id, e.version_id, 1, '', '{}', 0"
        " FROM enrollments e JOIN section_progress p ON p.enrollment_id = e.id"
    ),
    "an attempt with another mark": ATTEMPT.format(pass_mark="0"),
    "an attempt of somebody else": ATTEMPT.format(pass_mark=MARK).replace(
        "e.user_id, e.v", "(SELECT id FROM users WHERE id <> e.user_id LIMIT 1), e.v"
    ),
    "an event of a record": (
        "SELECT record_event(NULL, NULL, 'training_record:issued', gen_random_uuid(), NULL, NULL)"
    ),
    "events of records": (
        "SELECT record_events(NULL, NULL, ARRAY['training_record:issued'],"
        " ARRAY[gen_random_uuid()], NULL, NULL)"
    ),
    "a name that nobody tells of": "UPDATE users SET full_name = 'Somebody Else'",
    "a name that nobody confirmed": (
        "UPDATE users SET name_confirmed = false, previous_name = 'Somebody Else'"
    ),
    "an alias that nobody tells of": """UPDATE users SET name_aliases = '["Somebody Else"]'""",
    "a card that nobody verified": (
        "INSERT INTO evidence_elsewhere (user_id, day, recorded_on, credential_kind)"
        " SELECT user_id, current_date, current_date, 'bls' FROM training_records"
    ),
}


@pytest.fixture
async def role(postgres: EmbeddedPostgres, seeded: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the role to a database with a completion; what a test does is rolled back."""
    connection = await asyncpg.connect(postgres.dsn(seeded))
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(
        CLASS.format(starts_at="now() - interval '1 hour'", status="scheduled")
    )
    await connection.execute(f"SET LOCAL ROLE {API_ROLE}")
    await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    yield connection
    await transaction.rollback()
    await connection.close()


@pytest.mark.parametrize(("right", "columns"), [("INSERT", ADDED), ("UPDATE", EDITED)])
async def test_writes_the_columns_that_the_api_writes(
    role: asyncpg.Connection, right: str, columns: dict[str, str]
) -> None:
    found = {table: await role.fetchval(COLUMNS, API_ROLE, table, right) for table in columns}
    assert found == columns


async def test_every_door_is_known(role: asyncpg.Connection) -> None:
    assert {row["proname"] for row in await role.fetch(CALLABLE, API_ROLE)} == DOORS


@pytest.mark.parametrize("attack", ATTACKS)
async def test_makes_no_evidence_of_its_own_choice(role: asyncpg.Connection, attack: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError):
        await role.execute(ATTACKS[attack])


async def test_a_name_changes_where_an_event_tells_of_it(role: asyncpg.Connection) -> None:
    user_id = await role.fetchval("SELECT user_id FROM training_records LIMIT 1")
    await role.execute(
        "SELECT record_events(NULL, NULL, ARRAY['user:updated'], ARRAY[$1::uuid], NULL, NULL)",
        user_id,
    )
    await role.execute("UPDATE users SET full_name = 'Somebody Else' WHERE id = $1", user_id)


async def test_study_time_is_credited_only_with_a_report(role: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await role.execute("SELECT credit_study_time(id, '2020-01-01', 3600) FROM users")


async def test_a_class_of_a_training_of_long_ago_changes_no_record(
    role: asyncpg.Connection,
) -> None:
    await role.execute(LINE.format(marked_by="NULL"))
    await role.execute(
        "UPDATE live_sessions SET status = 'closed', closed_at = clock_timestamp(),"
        " closed_by_id = created_by_id"
    )
    await role.execute("RESET ROLE")
    await role.execute("SET LOCAL session_replication_role = replica")
    await role.execute("UPDATE enrollments SET completed_at = now() - interval '91 days'")
    await role.execute("UPDATE section_progress SET state = 'in_progress', completed_at = NULL")
    await role.execute("SET LOCAL session_replication_role = origin")
    await role.execute(f"SET LOCAL ROLE {API_ROLE}")
    added = "SELECT add_class_to_record(s.id, e.id, NULL, NULL) FROM live_sessions s, enrollments e"
    assert {row[0] for row in await role.fetch(added)} == {None}
    await role.execute("RESET ROLE")
    await role.execute("SET LOCAL session_replication_role = replica")
    await role.execute("UPDATE enrollments SET completed_at = now() - interval '89 days'")
    await role.execute("SET LOCAL session_replication_role = origin")
    await role.execute(f"SET LOCAL ROLE {API_ROLE}")
    assert {row[0] for row in await role.fetch(added)} != {None}


async def test_a_class_is_too_old_from_the_same_second_as_for_the_api(
    role: asyncpg.Connection,
) -> None:
    oldest = f"now() - interval '{BACKDATED.total_seconds()} s'"
    await role.execute(CLASS.format(starts_at=oldest, status="scheduled"))
    older = CLASS.format(starts_at=f"{oldest} - interval '1 s'", status="scheduled")
    with pytest.raises(asyncpg.RestrictViolationError):
        await role.execute(older)


async def test_no_line_moves_to_a_closed_roster(role: asyncpg.Connection) -> None:
    closed = await role.fetchval("SELECT id FROM live_sessions")
    await role.execute(
        "UPDATE live_sessions SET status = 'closed', closed_at = clock_timestamp(),"
        " closed_by_id = created_by_id"
    )
    planned = CLASS.format(starts_at="now()", status="scheduled")
    open_ = await role.fetchval(planned)
    line = (
        "INSERT INTO live_session_attendances (session_id, user_id)"
        " SELECT $1, user_id FROM training_records LIMIT 1"
    )
    await role.execute(line, open_)
    with pytest.raises(asyncpg.RestrictViolationError):
        await role.execute("UPDATE live_session_attendances SET session_id = $1", closed)


async def test_a_correction_of_another_quiz_regrades_nothing(role: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="not about that attempt"):
        await role.execute(
            "SELECT regrade_attempt(gen_random_uuid(), gen_random_uuid(), 1, 1, 100, true, false,"
            " '{}')"
        )


async def test_an_attempt_at_a_quiz_is_started_and_graded(role: asyncpg.Connection) -> None:
    attempt = await role.fetchval(ATTEMPT.format(pass_mark=MARK))
    assert await role.fetchval(GRADE, attempt, 8, 80, True)  # noqa: FBT003  # a column


@pytest.mark.parametrize(
    ("points", "score", "passed"),
    [(0, 0, True), (7, 70, True), (10, 100, False), (0, 100, False), (11, 110, True)],
)
async def test_no_grade_contradicts_its_points(
    role: asyncpg.Connection, *, points: int, score: int, passed: bool
) -> None:
    attempt = await role.fetchval(ATTEMPT.format(pass_mark=MARK))
    with pytest.raises(asyncpg.RestrictViolationError, match="contradicts itself"):
        await role.execute(GRADE, attempt, points, score, passed)


REGRADE = """
SELECT regrade_attempt($1, $2, $3::numeric, 10, $3 * 10, true, $4, '{}')
"""
CORRECTION = """
INSERT INTO quiz_corrections (
    version_id, section_id, number, question_id, kind, note, created_by_id)
SELECT version_id, section_id, 1, gen_random_uuid(), 'void', 'It was wrong.', user_id
  FROM quiz_attempts WHERE id = $1 RETURNING id
"""


@pytest.mark.parametrize("was_passed", [True, False])
async def test_only_a_pass_is_kept(role: asyncpg.Connection, *, was_passed: bool) -> None:
    attempt = await role.fetchval(ATTEMPT.format(pass_mark=MARK))
    await role.execute(GRADE, attempt, 9 if was_passed else 1, 90 if was_passed else 10, was_passed)
    correction = await role.fetchval(CORRECTION, attempt)
    if was_passed:
        assert await role.fetchval(REGRADE, attempt, correction, 2, True) == 1  # noqa: FBT003
    else:
        with pytest.raises(asyncpg.RestrictViolationError, match="contradicts itself"):
            await role.execute(REGRADE, attempt, correction, 2, True)  # noqa: FBT003
