import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import product

import asyncpg
import pytest

from app.core.database import Database
from app.core.errors import NotFoundError
from app.core.pagination import PageRequest
from app.core.postgres.table_security import API_ROLE
from app.domain.actor import Role
from app.domain.evidence.seal import GENESIS, merkle_root, record_hash, seal_hash
from app.models import RecordSeal, TrainingModule, User
from app.repositories.people.visibility import Whose
from app.schemas.study.enrollment import EnrollmentCreate, ProgressReport
from app.services.context import SYSTEM
from app.services.evidence import (
    training_record,
)
from app.services.evidence.training_record import TrainingRecordService
from app.services.evidence.verification import Verification
from devstack.postgres import EmbeddedPostgres
from tests.conftest import settings_for
from tests.factories.enrollment import enrollment_service
from tests.factories.module import make_module
from tests.factories.module import publish as publish_version
from tests.factories.user import make_location, make_user
from tests.services.conftest import acting


@dataclass
class Evidence:
    """Committed records of two people, and the owner of the database who can alter them."""

    database: Database
    owner: asyncpg.Connection
    ada: User
    bob: User
    module: TrainingModule

    @property
    def service(self) -> TrainingRecordService:
        return TrainingRecordService(self.database, SYSTEM)

    async def complete(self, user: User, times: int = 1) -> None:
        service = enrollment_service(self.database, acting(user))
        for _ in range(times):
            answer = await service.enroll(EnrollmentCreate(module_id=self.module.id))
            await service.report_progress(
                answer.value.id,
                self.module.sections[0].id,
                ProgressReport(completed=True),
            )

    async def record_id(self, user: User, sequence: int) -> uuid.UUID:
        query = "SELECT id FROM training_records WHERE user_id = $1 AND sequence = $2"
        return uuid.UUID(str(await self.owner.fetchval(query, user.id, sequence)))

    async def change(self, user: User, sequence: int, values: str) -> None:
        await self.alter(
            f"UPDATE training_records SET {values} WHERE {the(user, sequence)}"  # noqa: S608  # our own values
        )

    async def remove(self, user: User, sequence: int) -> None:
        await self.alter(f"DELETE FROM training_records WHERE {the(user, sequence)}")  # noqa: S608  # our own values

    async def alter(self, *statements: str) -> None:
        """Change rows as the owner, with the triggers switched off."""
        async with self.owner.transaction():
            await self.owner.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                assert await self.owner.execute(statement) not in {"UPDATE 0", "DELETE 0"}

    async def seal(self) -> list[RecordSeal]:
        seals = []
        while (seal := await self.service.seal()) is not None:
            seals.append(seal)
        return seals

    async def verify(self) -> Verification:
        return await self.service.verify()


EVIDENCE = (
    "audit_events",
    "enrollments",
    "record_seals",
    "sealed_records",
    "section_progress",
    "training_records",
)


@pytest.fixture(scope="module")
async def recorded(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[Evidence]:
    """Records that stay as they are made here: `evidence` undoes what a test did to them."""
    name = f"evidence_{uuid.uuid4().hex}"
    maintenance = await asyncpg.connect(postgres.dsn())
    await maintenance.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    database = Database.from_settings(settings_for(postgres.dsn(name, API_ROLE)))
    async with database.writing() as session:
        office = await make_location(session, time_zone="America/Los_Angeles")
        ada = await make_user(session, location_id=office.id)
        bob = await make_user(session, location_id=office.id)
        module = await make_module(session)
        await publish_version(database, module)
    owner = await asyncpg.connect(postgres.dsn(name))
    evidence = Evidence(database, owner, ada, bob, module)
    await evidence.complete(ada, 3)
    await evidence.complete(bob, 2)
    for table in EVIDENCE:
        await owner.execute(f"CREATE TABLE as_made_{table} AS TABLE {table}")
    yield evidence
    await owner.close()
    await database.close()
    await maintenance.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await maintenance.close()


@pytest.fixture
async def evidence(recorded: Evidence) -> AsyncIterator[Evidence]:
    yield recorded
    async with recorded.owner.transaction():
        await recorded.owner.execute("SET LOCAL session_replication_role = replica")
        for table in EVIDENCE:
            await recorded.owner.execute(f"DELETE FROM {table}")  # noqa: S608  # our own names
            await recorded.owner.execute(f"INSERT INTO {table} TABLE as_made_{table}")


def the(user: User, sequence: int) -> str:
    return f"user_id = '{user.id}' AND sequence = {sequence}"


class TestChain:
    async def test_each_record_holds_the_one_before(self, evidence: Evidence) -> None:
        rows = await evidence.owner.fetch(
            "SELECT * FROM training_records WHERE user_id = $1 ORDER BY sequence", evidence.ada.id
        )
        previous = GENESIS
        for number, row in enumerate(rows, start=1):
            assert (row["sequence"], row["previous_hash"]) == (number, previous)
            assert row["hash"] == record_hash(previous, row["payload"])
            previous = row["hash"]

    async def test_an_intact_one_holds(self, evidence: Evidence) -> None:
        result = await evidence.verify()
        assert result.broken is None
        assert (result.records, result.people, result.seals, result.sealed) == (5, 2, 0, 0)
        assert result.unsealed > 5

    async def test_an_empty_one_holds(self, committed_database: Database) -> None:
        result = await TrainingRecordService(committed_database, SYSTEM).verify()
        assert (result.records, result.people, result.broken) == (0, 0, None)

    async def test_it_is_read_in_batches(self, evidence: Evidence) -> None:
        async with evidence.service.reading() as uow:
            whole = [record.id async for record in uow.training_records.stream_all()]
            parts = [record.id async for record in uow.training_records.stream_all(batch=2)]
        assert len(whole) == 5
        assert parts == whole


LONGER = "replace(payload, '\"minutes\": 0', '\"minutes\": 60')"
WRITTEN_ANEW = (
    f"minutes = 60, payload = {LONGER}, "
    f"hash = encode(sha256(convert_to(previous_hash || {LONGER}, 'UTF8')), 'hex')"
)
COLUMNS = {
    "user": 'user_snapshot = user_snapshot || \'{"full_name": "Eve"}\'',
    "module_title": "module_title = 'Something else'",
    "version": "version = version + 1",
    "content_sha256": "content_sha256 = repeat('a', 64)",
    "completed_at": "completed_at = completed_at - interval '1 microsecond'",
    "local_date": "local_date = local_date - 1",
    "time_zone": "time_zone = 'UTC'",
    "minutes": "minutes = minutes + 1",
    "score_percent": "score_percent = 100",
    "module_id": "module_id = gen_random_uuid()",
    "version_id": "version_id = gen_random_uuid()",
    "enrollment_id": "enrollment_id = NULL",
    "corrects_id": "corrects_id = gen_random_uuid()",
    "id": "id = gen_random_uuid()",
}


class TestAltered:
    @pytest.mark.parametrize("column", COLUMNS)
    async def test_a_column(self, evidence: Evidence, column: str) -> None:
        await evidence.change(evidence.ada, 2, COLUMNS[column])
        broken = (await evidence.verify()).broken
        assert broken is not None
        assert broken.reason == f"the column for {column} differs from the payload"
        assert broken.record_id == await evidence.record_id(evidence.ada, 2)

    async def test_a_payload(self, evidence: Evidence) -> None:
        await evidence.change(evidence.bob, 1, f"payload = {LONGER}")
        broken = (await evidence.verify()).broken
        assert broken is not None
        assert broken.reason == "the hash does not fit the payload"
        assert broken.record_id == await evidence.record_id(evidence.bob, 1)
        assert broken.user_id == evidence.bob.id

    async def test_a_payload_with_its_hash(self, evidence: Evidence) -> None:
        """The forger also changes the hash, but the next record still names the old one."""
        await evidence.change(evidence.ada, 2, WRITTEN_ANEW)
        broken = (await evidence.verify()).broken
        assert broken is not None
        assert broken.reason == "the link to the record before is wrong"
        assert broken.record_id == await evidence.record_id(evidence.ada, 3)

    async def test_a_removed_middle(self, evidence: Evidence) -> None:
        await evidence.remove(evidence.ada, 2)
        broken = (await evidence.verify()).broken
        assert broken is not None
        assert broken.reason == "a record before this one is missing"
        assert broken.record_id == await evidence.record_id(evidence.ada, 3)

    async def test_a_removed_middle_closed_up(self, evidence: Evidence) -> None:
        await evidence.remove(evidence.ada, 2)
        await evidence.change(evidence.ada, 3, "sequence = 2")
        broken = (await evidence.verify()).broken
        assert broken is not None
        assert broken.reason == "the link to the record before is wrong"

    async def test_a_changed_order(self, evidence: Evidence) -> None:
        for before, after in ((2, -2), (3, 2), (-2, 3)):
            await evidence.change(evidence.ada, before, f"sequence = {after}")
        broken = (await evidence.verify()).broken
        assert broken is not None
        assert broken.record_id == await evidence.record_id(evidence.ada, 2)

    async def test_a_record_given_to_somebody_else(self, evidence: Evidence) -> None:
        await evidence.change(evidence.ada, 3, f"user_id = '{evidence.bob.id}'")
        broken = (await evidence.verify()).broken
        assert broken is not None
        assert broken.record_id == await evidence.record_id(evidence.bob, 3)


class TestSeals:
    async def test_cover_everything_once(self, evidence: Evidence) -> None:
        first, *others, trail = await evidence.seal()
        assert (first.number, first.previous_hash) == (1, GENESIS)
        assert (first.covers, trail.covers) == ("training_records", "audit_trail")
        seals = [first, *others, trail]
        assert [seal.previous_hash for seal in seals[1:]] == [seal.hash for seal in seals[:-1]]
        assert await evidence.seal() == []
        before = await evidence.verify()
        assert (before.sealed, before.unsealed) == (sum(seal.record_count for seal in seals), 0)
        await evidence.complete(evidence.ada)
        second, third = await evidence.seal()
        assert (second.number, second.record_count) == (trail.number + 1, 1)
        assert second.previous_hash == trail.hash
        assert second.hash == seal_hash(
            trail.hash, second.number, 1, second.merkle_root, "training_records"
        )
        result = await evidence.verify()
        assert (result.seals, result.unsealed, result.broken) == (third.number, 0, None)
        assert result.sealed == before.sealed + 1 + third.record_count

    async def test_cover_a_kind_each_and_say_which(self, evidence: Evidence) -> None:
        await evidence.seal()
        rows = await evidence.owner.fetch(
            """SELECT r.covers, array_agg(DISTINCT s.kind) AS kinds
                 FROM record_seals r JOIN sealed_records s ON s.seal_id = r.id
                GROUP BY r.covers"""
        )
        kinds = {row["covers"]: set(row["kinds"]) for row in rows}
        assert kinds.pop("audit_trail") == {"audit_events", "record_seals"}
        assert {"training_records", "module_versions"} <= kinds.keys()
        assert all(found == {covers} for covers, found in kinds.items())

    async def test_a_kind_that_is_not_the_seals_is_found(self, evidence: Evidence) -> None:
        await evidence.seal()
        await evidence.alter("UPDATE record_seals SET covers = 'signatures' WHERE number = 1")
        broken = (await evidence.verify()).broken
        assert broken is not None
        assert (broken.reason, broken.seal_number) == ("the seal does not fit its records", 1)

    async def test_are_made_in_batches(
        self, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = (await evidence.verify()).unsealed
        monkeypatch.setattr(training_record, "MAX_SEAL_SIZE", 2)
        sealed = sum(seal.record_count for seal in await evidence.seal())
        told = await evidence.owner.fetchval(
            "SELECT count(*) FROM evidence() e JOIN sealed_records s ON s.record_id = e.id"
            " WHERE of_sealing"
        )
        assert sealed - told == whole
        assert (await evidence.verify()).broken is None

    async def test_show_a_removed_tail(self, evidence: Evidence) -> None:
        """The chain alone cannot show it, because what is left of it is intact."""
        gone = await evidence.record_id(evidence.ada, 3)
        await evidence.service.seal()
        await evidence.remove(evidence.ada, 3)
        broken = (await evidence.verify()).broken
        assert broken is not None
        assert (broken.reason, broken.record_id, broken.seal_number) == (
            "a sealed record is missing",
            gone,
            1,
        )

    async def test_show_a_removed_person(self, evidence: Evidence) -> None:
        await evidence.service.seal()
        for sequence in (1, 2):
            await evidence.remove(evidence.bob, sequence)
        result = await evidence.verify()
        assert (result.people, result.records) == (1, 3)
        assert result.broken is not None
        assert result.broken.reason == "a sealed record is missing"

    async def test_show_a_chain_that_was_written_anew(self, evidence: Evidence) -> None:
        """If the last record and its hash are changed together, only the seal has the old hash."""
        await evidence.service.seal()
        await evidence.change(evidence.ada, 3, WRITTEN_ANEW)
        broken = (await evidence.verify()).broken
        assert broken is not None
        assert broken.reason == "a sealed record has changed"
        assert broken.record_id == await evidence.record_id(evidence.ada, 3)

    @pytest.mark.parametrize(
        ("statement", "reason"),
        [
            ("UPDATE record_seals SET merkle_root = repeat('a', 64) WHERE number = 1", "fit"),
            ("UPDATE record_seals SET record_count = 4 WHERE number = 1", "fit"),
            ("UPDATE record_seals SET hash = repeat('a', 64) WHERE number = 1", "fit"),
            ("UPDATE record_seals SET previous_hash = repeat('a', 64) WHERE number = 2", "missing"),
            ("UPDATE record_seals SET number = 7 WHERE number = 2", "missing"),
            ("DELETE FROM record_seals WHERE number = 1", "missing"),
            ("DELETE FROM sealed_records WHERE position = 1", "fit"),
            ("UPDATE sealed_records SET position = position + 99 WHERE position < 3", "fit"),
            ("UPDATE sealed_records SET record_id = gen_random_uuid()", "missing"),
            ("UPDATE sealed_records SET record_hash = repeat('a', 64)", "changed"),
        ],
    )
    async def test_hold_each_other(self, evidence: Evidence, statement: str, reason: str) -> None:
        await evidence.service.seal()
        await evidence.complete(evidence.bob)
        await evidence.service.seal()
        await evidence.alter(statement)
        broken = (await evidence.verify()).broken
        assert broken is not None
        assert reason in broken.reason
        assert broken.seal_number is not None


class TestReading:
    async def test_records_are_for_those_who_may_see_them(self, evidence: Evidence) -> None:
        async with evidence.database.writing() as session:
            manager = await make_user(
                session, role=Role.MANAGER, location_id=evidence.ada.location_id
            )
            stranger = await make_user(session, role=Role.MANAGER)
        record_id = await evidence.record_id(evidence.ada, 1)
        for user in (evidence.ada, manager):
            service = TrainingRecordService(evidence.database, acting(user))
            answer = await service.get(record_id)
            detail = answer.value.model_dump(mode="json")
            assert detail["hash"] == record_hash(detail["previous_hash"], detail["payload"])
            listed = await service.list(PageRequest(limit=2), whose=Whose((evidence.ada.id,)))
            assert (len(listed.items), listed.next_cursor is None) == (2, False)
        for user in (evidence.bob, stranger):
            service = TrainingRecordService(evidence.database, acting(user))
            with pytest.raises(NotFoundError):
                await service.get(record_id)
            with pytest.raises(NotFoundError):
                await service.list(PageRequest(), whose=Whose((evidence.ada.id,)))

    async def test_the_day_is_the_one_at_the_persons_office(self, evidence: Evidence) -> None:
        record = await evidence.owner.fetchrow(
            "SELECT *, (completed_at AT TIME ZONE 'America/Los_Angeles')::date AS expected "
            "FROM training_records LIMIT 1"
        )
        assert record is not None
        assert record["time_zone"] == "America/Los_Angeles"
        assert record["local_date"] == record["expected"]


class TestDatabaseFunctions:
    async def test_make_the_roots_and_hashes_that_the_verifier_expects(
        self, evidence: Evidence
    ) -> None:
        for count, covers in product(range(34), (None, "signatures")):
            hashes = [record_hash(GENESIS, str(number)) for number in range(count)]
            root = await evidence.owner.fetchval("SELECT merkle_root($1)", hashes)
            assert root == merkle_root(hashes)
            made = await evidence.owner.fetchval(
                "SELECT seal_hash($1, $2, $3, $4, $5)", GENESIS, 7, count, root, covers
            )
            assert made == seal_hash(GENESIS, 7, count, root, covers)
