from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Role
from app.domain.evidence.retention import RetentionClass
from app.integrations.auth_admin import AuthUnavailableError, AuthUser
from app.models import (
    AuditEvent,
    ErasedRecord,
    LegalHold,
    ModuleTeaching,
    RetentionPeriod,
    SealedRecord,
    Signature,
    TrainingRecord,
    User,
)
from app.schemas.evidence.legal_hold import LegalHoldCreate
from app.services.context import SYSTEM
from app.services.evidence.legal_hold import LegalHoldService
from app.services.evidence.retention import NotDueError, NotTheOwnerError, RetentionService
from app.services.evidence.training_record import TrainingRecordService
from app.services.evidence.verification import Verification
from app.services.people.employment.errors import PersonErasedError
from app.services.people.user_sync import UserInactiveError, UserSync
from devstack.postgres import EmbeddedPostgres
from tests.conftest import settings_for
from tests.factories.merge import make_merge
from tests.factories.module import make_module, publish
from tests.factories.retention import LAST_DAY, make_leaver, make_record
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.planting import as_owner
from tests.services.conftest import acting
from tests.services.people.test_user_sync import claims_of

FIRST_ERASED = "record_id = (SELECT record_id FROM erased_records WHERE sequence = 1)"
CALL = text("SELECT erase_person(:user_id, 'erased-x', :kept_through)")


@pytest.fixture
async def session(committed_database: Database) -> AsyncIterator[AsyncSession]:
    async with committed_database.writing() as session:
        yield session


@pytest.fixture
async def owner(
    postgres: EmbeddedPostgres, committed_database: Database
) -> AsyncIterator[Database]:
    """The owner of the schema, as `training retention erase` connects."""
    name = committed_database.engine.url.database or ""
    database = Database.from_settings(settings_for(postgres.dsn(name)))
    yield database
    await database.close()


@pytest.fixture
async def leaver(session: AsyncSession, committed_database: Database) -> User:
    leaver = await make_leaver(session, committed_database)
    await TrainingRecordService(committed_database, SYSTEM).seal()
    return leaver


async def tamper(owner: Database, statement: str, **values: object) -> None:
    """Change evidence as an owner of the tables who switches the triggers off."""
    async with owner.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text(statement), values)


async def verify(database: Database) -> Verification:
    return await TrainingRecordService(database, SYSTEM).verify()


async def refusal(database: Database, user: User, kept_through: date) -> str:
    values = {"user_id": user.id, "kept_through": kept_through}
    async with database.writing() as session:
        with pytest.raises(DBAPIError) as refused:
            await session.execute(CALL, values)
    return str(refused.value.orig)


class TestDue:
    async def test_counts_from_the_longest_clock(
        self, committed_database: Database, leaver: User
    ) -> None:
        [state] = await RetentionService(committed_database, SYSTEM, InMemoryAuthAdmin()).due()
        assert (state.user_id, state.left_on, state.records) == (leaver.id, LAST_DAY, 2)
        # 10 March 2019 and three years, inclusive.
        assert (state.erasable_from, state.due) == (date(2022, 3, 11), True)

    async def test_active_people_are_not_listed(
        self, committed_database: Database, learner: User
    ) -> None:
        assert await RetentionService(committed_database, SYSTEM, InMemoryAuthAdmin()).due() == []

    async def test_longer_by_setting(
        self, committed_database: Database, session: AsyncSession, leaver: User
    ) -> None:
        session.add(RetentionPeriod(retention_class=RetentionClass.STANDARD, years=30))
        await session.commit()
        [state] = await RetentionService(committed_database, SYSTEM, InMemoryAuthAdmin()).due()
        assert (state.erasable_from, state.due) == (date(2049, 3, 11), False)

    async def test_hipaa_counts_from_the_record_and_not_from_leaving(
        self, committed_database: Database, session: AsyncSession, leaver: User
    ) -> None:
        module_id = await session.scalar(select(TrainingRecord.module_id).limit(1))
        session.add(ModuleTeaching(module_id=module_id, retention_class=RetentionClass.HIPAA))
        await session.commit()
        [state] = await RetentionService(committed_database, SYSTEM, InMemoryAuthAdmin()).due()
        assert state.erasable_from == date(2025, 3, 11)

    async def test_changes_nothing(
        self, committed_database: Database, session: AsyncSession, leaver: User
    ) -> None:
        tables = ("users", "training_records", "signatures", "audit_events", "erasures")

        checksum = "SELECT md5(array_agg(t ORDER BY id)::text) FROM"

        async def contents() -> list[object]:
            return [await session.scalar(text(f"{checksum} {name} t")) for name in tables]

        before = await contents()
        assert [
            state.due
            for state in await RetentionService(
                committed_database, SYSTEM, InMemoryAuthAdmin()
            ).due()
        ]
        assert await contents() == before


class TestRefused:
    async def test_to_the_role_of_the_api(self, committed_database: Database, leaver: User) -> None:
        with pytest.raises(NotTheOwnerError):
            await RetentionService(committed_database, SYSTEM, InMemoryAuthAdmin()).erase(leaver.id)
        message = await refusal(committed_database, leaver, date(2022, 3, 10))
        assert "permission denied" in message

    async def test_to_write_a_tombstone_as_the_api(
        self, committed_database: Database, leaver: User
    ) -> None:
        for table in ("erasures", "erased_records"):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with committed_database.session() as session:
                    await session.execute(text(f"INSERT INTO {table} DEFAULT VALUES"))

    async def test_for_active_people(self, owner: Database, learner: User) -> None:
        with pytest.raises(NotDueError):
            await RetentionService(owner, SYSTEM, InMemoryAuthAdmin()).erase(learner.id)
        assert "person_active" in await refusal(owner, learner, date(2022, 3, 10))

    async def test_before_the_clock(
        self, owner: Database, committed_database: Database, session: AsyncSession
    ) -> None:
        leaver = await make_leaver(session, committed_database)
        module = await make_module(session)
        await publish(committed_database, module)
        await make_record(session, leaver, module, datetime.now(UTC))
        await TrainingRecordService(committed_database, SYSTEM).seal()
        with pytest.raises(NotDueError):
            await RetentionService(owner, SYSTEM, InMemoryAuthAdmin()).erase(leaver.id)
        # It is refused even to an owner who claims that the retention period is over.
        assert "clock_running" in await refusal(owner, leaver, date(2022, 3, 10))
        assert await session.scalar(select(func.count()).select_from(TrainingRecord)) == 3

    async def test_with_a_clock_that_ends_today(self, owner: Database, leaver: User) -> None:
        assert "clock_running" in await refusal(owner, leaver, datetime.now(UTC).date())

    async def test_under_a_legal_hold(
        self, owner: Database, session: AsyncSession, leaver: User
    ) -> None:
        admin = await make_user(session, role=Role.ADMIN)
        session.add(LegalHold(user_id=leaver.id, reason="Claim", placed_by_id=admin.id))
        await session.commit()
        [state] = await RetentionService(owner, SYSTEM, InMemoryAuthAdmin()).due()
        assert (state.held, state.due, state.erasable_from) == (True, False, None)
        with pytest.raises(NotDueError):
            await RetentionService(owner, SYSTEM, InMemoryAuthAdmin()).erase(leaver.id)
        assert "legal_hold" in await refusal(owner, leaver, date(2022, 3, 10))

    async def test_before_the_records_are_sealed(
        self, owner: Database, committed_database: Database, session: AsyncSession
    ) -> None:
        leaver = await make_leaver(session, committed_database)
        assert "records_not_sealed" in await refusal(owner, leaver, date(2022, 3, 10))

    @pytest.mark.parametrize("table", ["training_records", "signatures", "audit_events"])
    async def test_to_delete_by_hand(self, owner: Database, leaver: User, table: str) -> None:
        with pytest.raises(DBAPIError, match="append-only"):
            async with owner.session() as session:
                await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608  # a constant


class TestAccount:
    """The account is deleted first; with it an erased person could sign in as somebody new."""

    async def test_goes_first(self, owner: Database, session: AsyncSession, leaver: User) -> None:
        auth, link = InMemoryAuthAdmin(), leaver.supabase_id
        assert link is not None
        auth.put(AuthUser(link, leaver.email, email_confirmed=True))
        email = leaver.email
        await RetentionService(owner, SYSTEM, auth).erase(leaver.id)
        assert auth.users == {}
        with pytest.raises(UserInactiveError):
            await UserSync(owner, auth).actor(claims_of(link, email))
        assert await session.scalar(select(func.count()).where(User.email == email)) == 0

    async def test_nothing_is_erased_while_nobody_can_tell(
        self, owner: Database, session: AsyncSession, leaver: User
    ) -> None:
        auth = InMemoryAuthAdmin()
        auth.available = False
        with pytest.raises(AuthUnavailableError):
            await RetentionService(owner, SYSTEM, auth).erase(leaver.id)
        assert await session.scalar(select(func.count()).select_from(TrainingRecord)) == 2

    async def test_the_database_erases_nobody_with_an_account(
        self, owner: Database, leaver: User
    ) -> None:
        assert "account_linked" in await refusal(owner, leaver, date(2022, 3, 10))


class TestErase:
    @pytest.fixture
    async def neighbour(
        self, session: AsyncSession, committed_database: Database, leaver: User
    ) -> User:
        """A person who stays and whose records are under another seal."""
        neighbour = await make_user(session)
        module = await make_module(session)
        await publish(committed_database, module)
        await make_record(session, neighbour, module)
        await TrainingRecordService(committed_database, SYSTEM).seal()
        return neighbour

    async def test_leaves_a_pseudonym_and_a_chain_that_still_verifies(
        self,
        owner: Database,
        committed_database: Database,
        session: AsyncSession,
        leaver: User,
        neighbour: User,
    ) -> None:
        email, name, leaver_id, staying_id = (
            leaver.email,
            leaver.full_name,
            leaver.id,
            neighbour.id,
        )
        await as_owner(
            session,
            "INSERT INTO audit_events (action, target_type, target_id, after) VALUES"  # noqa: S608  # our own values
            f" ('user:updated', 'user', '{leaver.id}', jsonb_build_object('full_name', '{name}'))",
        )
        await session.commit()
        erased = await RetentionService(owner, SYSTEM, InMemoryAuthAdmin()).erase(leaver.id)
        assert erased.records == 2
        session.expire_all()
        person = await session.get_one(User, leaver_id)
        assert person.full_name == erased.pseudonym
        assert person.email == f"{erased.pseudonym}@erased.invalid"
        assert (person.supabase_id, person.profile_metadata) == (None, {})
        owners = list(await session.scalars(select(TrainingRecord.user_id)))
        assert owners == [staying_id]
        signers = list(await session.scalars(select(Signature.user_id)))
        assert signers == [staying_id]
        of_records = SealedRecord.kind == "training_records"
        assert await session.scalar(select(func.count()).where(of_records)) == 3
        result = await verify(committed_database)
        assert result.broken is None
        assert (result.records, result.people, result.erased) == (1, 1, 1)
        for table in ("users", "training_records", "signatures", "audit_events", "enrollments"):
            rows = await session.scalar(text(f"SELECT string_agg(t::text, ' ') FROM {table} t"))  # noqa: S608  # a constant
            assert email not in rows, table
            assert str(name) + '"' not in rows, table

    async def test_takes_along_what_was_merged(
        self, owner: Database, committed_database: Database, session: AsyncSession, leaver: User
    ) -> None:
        later = date(2021, 6, 30)
        twin = await make_leaver(session, committed_database, last_day=later)
        await make_merge(session, committed_database, leaver, twin)
        await TrainingRecordService(committed_database, SYSTEM).seal()
        retention = RetentionService(owner, SYSTEM, InMemoryAuthAdmin())
        [state] = await retention.due()
        assert (state.user_id, state.records, state.due) == (leaver.id, 4, True)
        assert "merged_entries_first" in await refusal(owner, leaver, date(2022, 3, 10))
        with pytest.raises(NotDueError):
            await retention.erase(twin.id)
        await retention.erase(leaver.id)
        assert await retention.due() == []
        assert (await session.scalars(select(TrainingRecord.id))).all() == []
        assert (await verify(committed_database)).broken is None

    async def test_runs_from_the_last_day_under_any_entry(
        self, owner: Database, committed_database: Database, session: AsyncSession, leaver: User
    ) -> None:
        last_day = date(2024, 2, 29)
        twin = await make_leaver(session, committed_database, last_day=last_day)
        await make_merge(session, committed_database, leaver, twin)
        [state] = await RetentionService(owner, SYSTEM, InMemoryAuthAdmin()).due()
        assert state.erasable_from == date(2024, 3, 1)

    async def test_waits_for_the_entry_that_goes_on(
        self, owner: Database, committed_database: Database, session: AsyncSession, leaver: User
    ) -> None:
        person = await make_user(session)
        await make_merge(session, committed_database, person, leaver)
        assert await RetentionService(owner, SYSTEM, InMemoryAuthAdmin()).due() == []
        assert "person_active" in await refusal(owner, leaver, date(2022, 3, 10))

    async def test_is_audited_once_and_not_repeated(
        self, owner: Database, session: AsyncSession, leaver: User
    ) -> None:
        await RetentionService(owner, SYSTEM, InMemoryAuthAdmin()).erase(leaver.id)
        with pytest.raises(NotDueError):
            await RetentionService(owner, SYSTEM, InMemoryAuthAdmin()).erase(leaver.id)
        assert "already_erased" in await refusal(owner, leaver, date(2022, 3, 10))
        events = await session.scalars(select(AuditEvent).where(AuditEvent.action == "user:erased"))
        [event] = events.all()
        assert event.after is not None
        assert event.after["record_count"] == 2

    async def test_no_hold_comes_too_late_unnoticed(
        self, owner: Database, committed_database: Database, session: AsyncSession, leaver: User
    ) -> None:
        admin = await make_user(session, role=Role.ADMIN)
        await RetentionService(owner, SYSTEM, InMemoryAuthAdmin()).erase(leaver.id)
        with pytest.raises(PersonErasedError):
            await LegalHoldService(committed_database, acting(admin)).place(
                LegalHoldCreate(user_id=leaver.id, reason="Too late")
            )

    @pytest.mark.full
    @pytest.mark.parametrize(
        ("statement", "reason"),
        [
            ("DELETE FROM training_records", "a sealed record is missing"),
            ("DELETE FROM erased_records WHERE sequence = 1", "an erased link is missing"),
            ("DELETE FROM erased_records WHERE sequence = 2", "the erased chain has another end"),
            (
                "UPDATE erased_records SET hash = repeat('f', 64) WHERE sequence = 2",
                "the erased chain has another end",
            ),
            (
                f"UPDATE sealed_records SET record_hash = repeat('f', 64) WHERE {FIRST_ERASED}",  # noqa: S608  # constants
                "an erased record was never sealed",
            ),
            (
                f"DELETE FROM sealed_records WHERE {FIRST_ERASED}",  # noqa: S608  # constants
                "an erased record was never sealed",
            ),
            ("DELETE FROM erased_records; DELETE FROM erasures", "a sealed record is missing"),
            (
                "UPDATE training_records SET user_id = (SELECT user_id FROM erasures)",
                "the column for user_id differs from the payload",
            ),
        ],
    )
    async def test_anything_else_is_still_found(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        owner: Database,
        committed_database: Database,
        leaver: User,
        neighbour: User,
        statement: str,
        reason: str,
    ) -> None:
        await RetentionService(owner, SYSTEM, InMemoryAuthAdmin()).erase(leaver.id)
        for part in statement.split(";"):
            await tamper(owner, part)
        broken = (await verify(committed_database)).broken
        assert broken is not None
        assert broken.reason == reason

    async def test_a_record_after_the_erasure_is_found(
        self,
        owner: Database,
        committed_database: Database,
        session: AsyncSession,
        leaver: User,
    ) -> None:
        await RetentionService(owner, SYSTEM, InMemoryAuthAdmin()).erase(leaver.id)
        module = await make_module(session)
        await publish(committed_database, module)
        await make_record(session, leaver, module)
        broken = (await verify(committed_database)).broken
        assert broken is not None
        assert broken.reason == "an erased person has records"

    async def test_links_of_erased_chain_keep_their_order(
        self, owner: Database, session: AsyncSession, leaver: User
    ) -> None:
        hashes = list(
            await session.scalars(select(TrainingRecord.hash).order_by(TrainingRecord.sequence))
        )
        await RetentionService(owner, SYSTEM, InMemoryAuthAdmin()).erase(leaver.id)
        kept = await session.scalars(select(ErasedRecord.hash).order_by(ErasedRecord.sequence))
        assert list(kept) == hashes
