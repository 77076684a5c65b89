"""The verifier's exit code is what a scheduled check looks at."""

import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Actor, Role
from app.models import RecordSeal, TrainingRecord, User
from app.schemas.study.enrollment import EnrollmentCreate, ProgressReport
from app.services.context import RequestContext
from devstack.postgres import EmbeddedPostgres
from tests.cli.conftest import Invoke
from tests.factories.enrollment import enrollment_service
from tests.factories.module import make_module, publish


@pytest.fixture
async def records(
    session: AsyncSession, committed_database: Database, learner: User, other_learner: User
) -> list[uuid.UUID]:
    """Two people's records of the same three modules, in the order of their chains."""
    modules = [await make_module(session) for _ in range(3)]
    for module in modules:
        await publish(committed_database, module)
    for user in (learner, other_learner):
        context = RequestContext(Actor(user.id, Role.LEARNER))
        service = enrollment_service(committed_database, context)
        for module in modules:
            enrollment_id = (await service.enroll(EnrollmentCreate(module_id=module.id))).value.id
            done = ProgressReport(completed=True)
            await service.report_progress(enrollment_id, module.sections[0].id, done)
    statement = select(TrainingRecord.id).order_by(TrainingRecord.user_id, TrainingRecord.sequence)
    return list(await session.scalars(statement))


@pytest.fixture
async def owner(
    postgres: EmbeddedPostgres, committed_database: Database
) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the tables' owner, who can switch the triggers off."""
    connection = await asyncpg.connect(postgres.dsn(committed_database.engine.url.database or ""))
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


async def test_nothing_to_verify(invoke: Invoke) -> None:
    result = await invoke("records", "verify")
    assert result.exit_code == 0
    assert result.stdout == (
        "0 records of 0 people and 0 seals read, 0 rows not sealed yet.\n"
        "0 rows under seals: records, what they rest on, and the audit trail.\n"
        "Every link holds.\n"
    )


async def test_seal_then_verify(
    invoke: Invoke, session: AsyncSession, records: list[uuid.UUID]
) -> None:
    before = await invoke("records", "verify")
    assert (before.exit_code, ", 0 rows not sealed yet" in before.stdout) == (0, False)
    sealed = await invoke("records", "seal")
    seals = list(await session.scalars(select(RecordSeal).order_by(RecordSeal.number)))
    assert (seals[0].covers, seals[-1].covers) == ("training_records", "audit_trail")
    assert sealed.stdout == "".join(
        f"Seal {seal.number} covers {seal.record_count} rows: {seal.hash}\n" for seal in seals
    )
    again = await invoke("records", "seal")
    assert again.exit_code == 0
    assert again.stdout == "Everything was under a seal already.\n"
    # The hash is printed again for those who lost it or were interrupted before it was printed.
    assert (await invoke("records", "seals")).stdout == sealed.stdout
    after = await invoke("records", "verify")
    assert after.exit_code == 0
    read = f"6 records of 2 people and {len(seals)} seals read, 0 rows not sealed"
    assert after.stdout.startswith(read)


CHANGES = {
    "payload = replace(payload, '\"minutes\": 0', '\"minutes\": 9')": "the hash does not fit",
    "minutes = 9": "the column for minutes differs",
    'user_snapshot = user_snapshot || \'{"full_name": "X"}\'': "the column for user differs",
    "previous_hash = repeat('f', 64)": "the link to the record before is wrong",
    "hash = repeat('f', 64)": "the hash does not fit",
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_record_is_named(
    invoke: Invoke, records: list[uuid.UUID], owner: asyncpg.Connection, change: str
) -> None:
    status = await owner.execute(
        f"UPDATE training_records SET {change} WHERE id = $1",  # noqa: S608  # one of CHANGES
        records[1],
    )
    assert status == "UPDATE 1"
    result = await invoke("records", "verify")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"BROKEN: record {records[1]}: {CHANGES[change]}")


async def test_a_removed_record_is_noticed_in_the_chain(
    invoke: Invoke, records: list[uuid.UUID], owner: asyncpg.Connection
) -> None:
    await owner.execute("DELETE FROM training_records WHERE id = $1", records[0])
    result = await invoke("records", "verify")
    assert result.exit_code == 1
    assert result.stderr == (f"BROKEN: record {records[1]}: a record before this one is missing\n")


@pytest.mark.full
@pytest.mark.parametrize("removed", [slice(2, 3), slice(0, 3)], ids=["the last", "a person's all"])
async def test_what_no_chain_shows_a_seal_does(
    invoke: Invoke, records: list[uuid.UUID], owner: asyncpg.Connection, removed: slice
) -> None:
    await invoke("records", "seal")
    await owner.execute("DELETE FROM training_records WHERE id = ANY($1)", records[removed])
    result = await invoke("records", "verify")
    assert result.exit_code == 1
    assert result.stderr.startswith("BROKEN: seal 1, record ")
    assert result.stderr.endswith("a sealed record is missing\n")


async def test_a_forged_seal_is_noticed(
    invoke: Invoke, records: list[uuid.UUID], owner: asyncpg.Connection
) -> None:
    await invoke("records", "seal")
    await owner.execute("UPDATE record_seals SET merkle_root = repeat('0', 64)")
    result = await invoke("records", "verify")
    assert result.exit_code == 1
    assert "the seal does not fit its records" in result.stderr
