import tracemalloc
import uuid
from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Role
from app.integrations.auth_admin import AuthUnavailableError, AuthUser, InMemoryAuthAdmin
from app.models import AuditEvent, EmploymentChange, User
from app.services.account_sync import (
    PER_PAGE,
    AccountsSynced,
    AccountSyncService,
    NoAccountsError,
    TooManyGoneError,
)
from app.services.user_sync import UserInactiveError, UserSync
from tests.factories.user import make_user
from tests.services.test_user_sync import claims_of
from tests.support import RollbackDatabase, count_statements

PEOPLE = 10_000


@pytest.fixture
def service(database: RollbackDatabase, auth_admin: InMemoryAuthAdmin) -> AccountSyncService:
    return AccountSyncService(database, auth_admin, confirm_share=0.5)


def account_of(user: User, **changes: Any) -> AuthUser:
    assert user.supabase_id is not None
    fields = {"id": user.supabase_id, "email": user.email, "email_confirmed": True, **changes}
    return AuthUser(**fields)


def give_accounts(auth: InMemoryAuthAdmin, users: Iterable[User]) -> None:
    for user in users:
        auth.put(account_of(user))


async def events(session: AsyncSession) -> list[tuple[str, uuid.UUID, Any, Any]]:
    columns = (AuditEvent.action, AuditEvent.target_id, AuditEvent.before, AuditEvent.after)
    rows = await session.execute(select(*columns).order_by(AuditEvent.created_at))
    return [(action, target, before, after) for action, target, before, after in rows]


async def fresh(session: AsyncSession, user: User) -> User:
    await session.refresh(user)
    return user


class TestDeletions:
    async def test_closes_the_person_and_keeps_the_evidence(
        self,
        service: AccountSyncService,
        auth_admin: InMemoryAuthAdmin,
        session: AsyncSession,
        learner: User,
        other_learner: User,
    ) -> None:
        give_accounts(auth_admin, [other_learner])
        link, tag = learner.supabase_id, learner.etag
        done = await service.run()
        assert (done.deactivated, done.changed, done.people) == (1, 1, 2)
        row = await fresh(session, learner)
        assert not row.is_active
        assert (row.supabase_id, row.email) == (link, learner.email)
        assert row.etag != tag
        assert (await fresh(session, other_learner)).is_active
        assert await events(session) == [
            ("user:account_deleted", learner.id, {"is_active": True}, {"is_active": False})
        ]
        statement = select(EmploymentChange.state).where(EmploymentChange.user_id == learner.id)
        history = statement.order_by(EmploymentChange.created_at.desc()).limit(1)
        assert await session.scalar(history) == "terminated"

    async def test_a_soft_deletion_counts(
        self, service: AccountSyncService, auth_admin: InMemoryAuthAdmin, learner: User, admin: User
    ) -> None:
        give_accounts(auth_admin, [admin])
        auth_admin.put(account_of(learner, email=None, is_deleted=True))
        assert (await service.run()).deactivated == 1

    async def test_the_last_token_makes_nobody_new(
        self,
        service: AccountSyncService,
        database: RollbackDatabase,
        auth_admin: InMemoryAuthAdmin,
        learner: User,
        admin: User,
    ) -> None:
        give_accounts(auth_admin, [admin])
        await service.run()
        assert learner.supabase_id is not None
        claims = claims_of(learner.supabase_id, learner.email)
        with pytest.raises(UserInactiveError):
            await UserSync(database, auth_admin).actor(claims)

    async def test_the_address_is_free_for_whoever_has_it_next(
        self,
        database: RollbackDatabase,
        auth_admin: InMemoryAuthAdmin,
        learner: User,
        admin: User,
    ) -> None:
        service = AccountSyncService(database, auth_admin, confirm_share=0.5)
        email = learner.email
        give_accounts(auth_admin, [admin])
        again = AuthUser(uuid.uuid4(), email, email_confirmed=True)
        auth_admin.put(again)
        assert (await service.run()).deactivated == 1
        actor = await UserSync(database, auth_admin).actor(claims_of(again.id, email))
        assert actor.id != learner.id
        assert (await service.run()).changed == 0


class TestAddresses:
    async def test_a_confirmed_change_is_taken_over(
        self,
        service: AccountSyncService,
        auth_admin: InMemoryAuthAdmin,
        session: AsyncSession,
        learner: User,
    ) -> None:
        before = learner.email
        auth_admin.put(account_of(learner, email="married@unified.example"))
        assert (await service.run()).emails_changed == 1
        assert (await fresh(session, learner)).email == "married@unified.example"
        assert await events(session) == [
            (
                "user:email_changed",
                learner.id,
                {"email": before},
                {"email": "married@unified.example"},
            )
        ]

    async def test_a_confirmation_is_noted(
        self, service: AccountSyncService, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        invited = await make_user(session, email_confirmed=False)
        give_accounts(auth_admin, [invited])
        done = await service.run()
        assert (done.confirmed, done.emails_changed) == (1, 0)
        assert (await fresh(session, invited)).email_confirmed
        assert [event[0] for event in await events(session)] == ["user:email_confirmed"]

    async def test_unconfirmed_accounts_are_left_alone(
        self,
        service: AccountSyncService,
        auth_admin: InMemoryAuthAdmin,
        session: AsyncSession,
        learner: User,
    ) -> None:
        auth_admin.put(account_of(learner, email="new@x.example", email_confirmed=False))
        done = await service.run()
        assert (done.changed, done.unconfirmed) == (0, 1)
        assert (await fresh(session, learner)).is_active

    async def test_an_address_that_somebody_else_has(
        self,
        service: AccountSyncService,
        auth_admin: InMemoryAuthAdmin,
        session: AsyncSession,
        learner: User,
    ) -> None:
        imported = await make_user(session, supabase_id=None)
        auth_admin.put(account_of(learner, email=imported.email))
        done = await service.run()
        assert (done.changed, done.held_back) == (0, 1)
        assert done.unlinked == (imported.email,)

    async def test_addresses_that_move_on(
        self, service: AccountSyncService, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        """Each has the address that the next one gives up: a second run is not needed."""
        chain = [await make_user(session) for _ in range(4)]
        emails = [*(user.email for user in chain[1:]), "last@unified.example"]
        for user, email in zip(chain, emails, strict=True):
            auth_admin.put(account_of(user, email=email))
        assert (await service.run()).emails_changed == 4
        assert [(await fresh(session, user)).email for user in chain] == emails
        assert (await service.run()).changed == 0

    async def test_a_swap_is_for_people_to_solve(
        self,
        service: AccountSyncService,
        auth_admin: InMemoryAuthAdmin,
        learner: User,
        other_learner: User,
    ) -> None:
        auth_admin.put(account_of(learner, email=other_learner.email))
        auth_admin.put(account_of(other_learner, email=learner.email))
        done = await service.run()
        assert (done.changed, done.held_back) == (0, 2)

    async def test_two_accounts_of_one_address(
        self,
        service: AccountSyncService,
        auth_admin: InMemoryAuthAdmin,
        learner: User,
        other_learner: User,
    ) -> None:
        for user in (learner, other_learner):
            auth_admin.put(account_of(user, email="shared@unified.example"))
        done = await service.run()
        assert (done.changed, done.held_back) == (0, 2)


class TestReports:
    async def test_whom_it_does_not_concern(
        self,
        service: AccountSyncService,
        auth_admin: InMemoryAuthAdmin,
        session: AsyncSession,
        learner: User,
    ) -> None:
        leaver = await make_user(session, is_active=False)
        imported = await make_user(session, supabase_id=None)
        give_accounts(auth_admin, [learner])
        auth_admin.put(account_of(leaver, email="moved@unified.example"))
        auth_admin.put(AuthUser(uuid.uuid4(), "stranger@unified.example", email_confirmed=True))
        done = await service.run()
        assert done == AccountsSynced(
            accounts=3,
            people=1,
            deactivated=0,
            emails_changed=0,
            confirmed=0,
            held_back=0,
            unconfirmed=0,
            strangers=1,
            unlinked=(imported.email,),
        )
        assert await events(session) == []

    async def test_a_dry_run_writes_nothing(
        self,
        service: AccountSyncService,
        auth_admin: InMemoryAuthAdmin,
        session: AsyncSession,
        learner: User,
        other_learner: User,
    ) -> None:
        auth_admin.put(account_of(learner, email="married@unified.example"))
        done = await service.run(dry_run=True)
        assert (done.deactivated, done.emails_changed) == (1, 1)
        assert (await fresh(session, other_learner)).is_active
        assert (await fresh(session, learner)).email == learner.email
        assert await events(session) == []
        assert (await service.run()).changed == 2


class TestGuards:
    async def test_an_empty_list_closes_nobody_whatever_is_said(
        self, service: AccountSyncService, session: AsyncSession, learner: User
    ) -> None:
        for confirmed in (False, True):
            with pytest.raises(NoAccountsError):
                await service.run(confirmed=confirmed)
        assert (await fresh(session, learner)).is_active

    async def test_a_failing_list_closes_nobody(
        self,
        service: AccountSyncService,
        auth_admin: InMemoryAuthAdmin,
        session: AsyncSession,
        learner: User,
    ) -> None:
        auth_admin.available = False
        with pytest.raises(AuthUnavailableError):
            await service.run(confirmed=True)
        assert (await fresh(session, learner)).is_active

    async def test_a_list_that_fails_on_its_second_page(
        self, database: RollbackDatabase, session: AsyncSession, learner: User
    ) -> None:
        class Breaking(InMemoryAuthAdmin):
            async def list_users(self, page: int, per_page: int) -> list[AuthUser]:
                self.available = page == 1
                return await super().list_users(page, per_page)

        auth = Breaking()
        auth.put(AuthUser(uuid.uuid4(), "stranger@unified.example", email_confirmed=True))
        with pytest.raises(AuthUnavailableError):
            await AccountSyncService(database, auth).run(confirmed=True)
        assert (await fresh(session, learner)).is_active

    async def test_more_than_the_share_needs_a_confirmation(
        self, database: RollbackDatabase, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        people = [await make_user(session) for _ in range(20)]
        service = AccountSyncService(database, auth_admin, confirm_share=0.1)
        give_accounts(auth_admin, people[3:])
        for dry_run in (False, True):
            with pytest.raises(TooManyGoneError, match="3 of 20"):
                await service.run(dry_run=dry_run)
        assert await events(session) == []
        assert (await service.run(confirmed=True)).deactivated == 3
        give_accounts(auth_admin, people[2:3])
        assert (await service.run()).deactivated == 0

    async def test_just_the_share_does_not(
        self, database: RollbackDatabase, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        people = [await make_user(session) for _ in range(20)]
        give_accounts(auth_admin, people[2:])
        service = AccountSyncService(database, auth_admin, confirm_share=0.1)
        assert (await service.run()).deactivated == 2


class ShiftingAuthAdmin(InMemoryAuthAdmin):
    """A list whose newest account is deleted, or made, each time a page has been read."""

    def __init__(self, *, grows: bool) -> None:
        super().__init__()
        self._grows = grows

    async def list_users(self, page: int, per_page: int) -> list[AuthUser]:
        found = await super().list_users(page, per_page=2)
        if self._grows and page < 5:
            self.put(AuthUser(uuid.uuid4(), f"new{page}@x.example", email_confirmed=True))
        elif not self._grows and found:
            del self.users[next(reversed(self.users))]
        return found


class TestAListThatChanges:
    async def test_people_between_pages_are_not_lost(
        self, database: RollbackDatabase, session: AsyncSession
    ) -> None:
        auth = ShiftingAuthAdmin(grows=False)
        people = [await make_user(session) for _ in range(12)]
        give_accounts(auth, people)
        done = await AccountSyncService(database, auth, confirm_share=0.9).run()
        alive = {user.id for user in people if (await fresh(session, user)).is_active}
        still_there = {user.id for user in people if user.supabase_id in auth.users}
        assert still_there <= alive
        assert done.deactivated == len(people) - len(alive)

    async def test_people_on_two_pages_are_counted_once(
        self, database: RollbackDatabase, session: AsyncSession
    ) -> None:
        auth = ShiftingAuthAdmin(grows=True)
        people = [await make_user(session) for _ in range(6)]
        give_accounts(auth, people)
        done = await AccountSyncService(database, auth, confirm_share=0.9).run()
        assert (done.deactivated, done.changed, done.people) == (0, 0, 6)

    async def test_a_server_that_repeats_its_page_comes_to_an_end(
        self, database: RollbackDatabase, session: AsyncSession, learner: User
    ) -> None:
        class Repeating(InMemoryAuthAdmin):
            async def list_users(self, page: int, per_page: int) -> list[AuthUser]:
                return await super().list_users(1, per_page)

        auth = Repeating()
        give_accounts(auth, [learner])
        assert (await AccountSyncService(database, auth).run()).changed == 0


class CountingAuthAdmin(InMemoryAuthAdmin):
    def __init__(self) -> None:
        super().__init__()
        self.pages = 0
        self.questions = 0

    async def list_users(self, page: int, per_page: int) -> list[AuthUser]:
        self.pages += 1
        return await super().list_users(page, per_page)

    async def get_user(self, user_id: uuid.UUID) -> AuthUser | None:
        self.questions += 1
        return await super().get_user(user_id)


async def many_people(session: AsyncSession, auth: InMemoryAuthAdmin, count: int) -> None:
    rows = [
        {
            "id": uuid.uuid4(),
            "supabase_id": uuid.uuid4(),
            "email": f"p{number}@unified.example",
            "email_confirmed": True,
            "role": Role.LEARNER,
        }
        for number in range(count)
    ]
    await session.execute(insert(User), rows)
    await session.commit()
    for row in rows:
        account_id, email = row["supabase_id"], row["email"]
        assert isinstance(account_id, uuid.UUID)
        auth.users[account_id] = AuthUser(account_id, str(email), email_confirmed=True)


@pytest.mark.full
async def test_ten_thousand_people(committed_database: Database) -> None:
    """Pages, statements and memory stay few; a second run changes no row."""
    auth = CountingAuthAdmin()
    async with committed_database.writing() as session:
        await many_people(session, auth, PEOPLE)
        ids = list(auth.users)
        for number, account_id in enumerate(ids[:300]):
            del auth.users[account_id]
            moved = AuthUser(ids[-number - 1], f"new{number}@unified.example", email_confirmed=True)
            auth.users[moved.id] = moved
        service = AccountSyncService(committed_database, auth)
        tracemalloc.start()
        with count_statements(committed_database.engine) as statements:
            done = await service.run()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (done.deactivated, done.emails_changed, done.people) == (300, 300, PEOPLE)
        assert auth.pages == PEOPLE // PER_PAGE + 1
        assert auth.questions == 300
        # A few for each hundred people to close, not for each of them.
        assert statements.count < 100, statements.count
        assert peak < 64 * 1_048_576
        audited = select(func.count()).select_from(AuditEvent)
        assert await session.scalar(audited) == 600
        with count_statements(committed_database.engine) as statements:
            again = await service.run()
        assert again.changed == 0
        assert statements.count == 2
        assert await session.scalar(audited) == 600
