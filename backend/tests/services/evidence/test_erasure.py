"""After erasure no text by or about a person is left, except in the columns named here."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import JSON, Column, Enum, String, Table, insert, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Base, Database
from app.core.ids import new_id
from app.domain.audit import AuditAction
from app.models import AuditEvent, User
from app.services.context import SYSTEM
from app.services.evidence.retention import RetentionService
from app.services.evidence.training_record import TrainingRecordService
from tests.factories.retention import make_leaver
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.services.evidence.test_retention import owner, session

__all__ = ["owner", "session"]

DECISION = Path(__file__).parents[4] / "docs/decisions/0002-erasing-evidence-after-its-time.md"
CANARY = "Canary Smith"
OWNERS = ("user_id", "owner_id")
# Their rows are written by the functions that chain, seal and erase them.
MADE_ELSEWHERE = {"training_records", "signatures", "erasures", "erased_records"}
# The state that a leaver's rows have: they were settled long ago.
FIXED: dict[str, dict[str, Any]] = {
    "legal_holds": {"released_at": datetime(2020, 1, 1, tzinfo=UTC)},
    "employment_changes": {"effective_on": date(2016, 1, 1), "recorded_on": date(2016, 1, 1)},
    "external_trainings": {"status": "verified", "completed_on": date(2016, 1, 1)},
    "media": {"purpose": "evidence"},
}
MACHINE_MADE = {
    "media.bucket",
    "media.found_type",
    "media.path",
    "media.sha256",
    "quiz_attempts.answer_seconds",
    "quiz_attempts.grades",
    "quiz_attempts.seed",
    "quiz_attempts.snapshot",
    "attempt_results.grades",
}
STAYS = {
    "attempt_grants.reason",
    "compliance_segments.department",
    "compliance_segments.job_title",
    "corrective_step_completions.note",
    "corrective_steps.step",
    "employment_changes.department",
    "merges.reason",
    "positions.department",
    "positions.job_title",
    "employment_changes.job_title",
    "enrollments.states",
    "evidence_elsewhere.credential_kind",
    "evidence_withdrawals.reason",
    "exemption_revocations.reason",
    "exemptions.reason",
    "external_trainings.ce_category",
    "external_trainings.credential_kind",
    "external_trainings.instructor_qualification",
    "external_trainings.provider_number",
    "live_session_questions.answer",
    "live_session_questions.question",
    "quiz_attempts.answers",
    "section_progress.site_facts",
    "source_checks.source",
    "superseded_segments.department",
    "superseded_segments.job_title",
}


def holds_text(column: Column[Any]) -> bool:
    kind = column.type
    if isinstance(kind, Enum) or f"{column.table.name}.{column.name}" in MACHINE_MADE:
        return False
    return (isinstance(kind, String) and (kind.length or 999) > len(CANARY)) or is_json(column)


def is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON)


def owner_of(table: Table, rows: dict[str, UUID]) -> dict[str, UUID] | None:
    """Return the columns by which a row of this table belongs to the person, directly or not."""
    if table.name in MADE_ELSEWHERE:
        return None
    own = {name: rows["users"] for name in OWNERS if name in table.columns}
    parts = {
        key.parent.name: rows[key.column.table.name]
        for key in table.foreign_keys
        if key.column.table.name in rows and key.column.table.name != "users"
    }
    return own | parts or None


def value_of(column: Column[Any]) -> object:
    """Return a value for a column, which is the canary if the column can hold text."""
    if is_json(column):
        return {"said": CANARY if holds_text(column) else "x"}
    if holds_text(column):
        return CANARY
    if column.nullable or column.server_default is not None:
        return None
    if isinstance(column.type, Enum):
        return column.type.enums[0]
    kinds: dict[type, object] = {
        bool: False,
        int: 1,
        bytes: CANARY.encode(),
        date: date(2016, 1, 1),
        datetime: datetime(2016, 1, 1, tzinfo=UTC),
        str: "x",
    }
    return kinds.get(column.type.python_type, 1) if not _is_id(column) else new_id()


def _is_id(column: Column[Any]) -> bool:
    return column.type.python_type.__name__ == "UUID"


def row_of(table: Table, owner: dict[str, UUID]) -> dict[str, Any]:
    values = {column.name: value_of(column) for column in table.columns}
    values = {name: value for name, value in values.items() if value is not None}
    ids = {"id": new_id()} if "id" in table.columns else {}
    return values | ids | FIXED.get(table.name, {}) | owner


def is_audited(table: Table) -> bool:
    subjects = {action.partition(":")[0] for action in AuditAction}
    return not subjects.isdisjoint(
        {table.name, table.name.removesuffix("s"), table.name[5:].removesuffix("s")}
    )


def texts_of(table: Table) -> set[str]:
    return {f"{table.name}.{column.name}" for column in table.columns if holds_text(column)}


async def plant(owner: Database, user: User) -> set[str]:
    """Write the canary into every column of rows that belong to the person; name the columns.

    Without triggers, foreign keys and CHECKs: it is asked what erasure reaches, not what may be.
    """
    planted: set[str] = set()
    rows = {"users": user.id}
    async with owner.session() as session:
        for constraint in await session.execute(text(_CHECKS)):
            await session.execute(text(constraint[0]))
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for table in Base.metadata.sorted_tables:
            if table.name == "users" or (theirs := owner_of(table, rows)) is None:
                continue
            row = row_of(table, theirs)
            await session.execute(insert(table).values(row))
            planted |= texts_of(table)
            if "id" in row:
                rows[table.name] = row["id"]
        people = Base.metadata.tables["users"]
        own = [each for each in people.columns if holds_text(each) and each.name != "email"]
        values = {column.name: value_of(column) for column in own}
        await session.execute(update(User).where(User.id == user.id).values(values))
        planted |= {f"users.{name}" for name in values}
        for name in (name for name in rows if is_audited(Base.metadata.tables[name])):
            event = {"action": "user:updated", "target_type": name, "target_id": rows[name]}
            said = {"before": {"said": CANARY}, "after": {"said": CANARY}}
            await session.execute(insert(AuditEvent).values(**event, **said))
    return planted


_CHECKS = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
  FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace
"""


async def found(owner: Database) -> set[str]:
    """Return every column of every table in which the canary stands."""
    places = set()
    async with owner.reading() as session:
        columns = await session.execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns "
                "WHERE table_schema = 'public'"
            )
        )
        for table, column in columns.all():
            statement = f'SELECT count(*) FROM "{table}" WHERE "{column}"::text LIKE :canary'  # noqa: S608  # names of the catalogue
            if await session.scalar(text(statement), {"canary": f"%{CANARY}%"}):
                places.add(f"{table}.{column}")
    return places


@pytest.fixture
async def leaver(session: AsyncSession, committed_database: Database) -> User:
    leaver = await make_leaver(session, committed_database, full_name=CANARY)
    await TrainingRecordService(committed_database, SYSTEM).seal()
    return leaver


@pytest.mark.full
async def test_the_canary_is_gone_from_all_but_what_the_decision_names(
    owner: Database, leaver: User
) -> None:
    planted = await plant(owner, leaver)
    before = await found(owner)
    assert planted <= before
    assert {"audit_events.after", "training_records.payload", "signatures.printed_name"} <= before
    await RetentionService(owner, SYSTEM, InMemoryAuthAdmin()).erase(leaver.id)
    assert await found(owner) == STAYS


def test_the_decision_names_what_stays() -> None:
    decision = DECISION.read_text()
    assert [name for name in sorted(STAYS) if f"`{name}`" not in decision] == []
