import tracemalloc
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Actor, Role
from app.integrations.auth_admin import AuthUnavailableError, AuthUser
from app.models import AuditEvent, EmploymentChange, User
from app.services.people.account_sync import (
    PER_PAGE,
    AccountsSynced,
    AccountSyncService,
    NoAccountsError,
    TooManyGoneError,
)
from app.services.people.user_sync import UserInactiveError, UserSync
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.services.people.test_user_sync import claims_of
from tests.support import RollbackDatabase, count_statements

PEOPLE = 10_000


@dataclass(frozen=True, slots=True)
class Directory:
    """Our people, and the accounts that Supabase lists."""

    database: RollbackDatabase
    session: AsyncSession
    auth: InMemoryAuthAdmin
    confirm_share: float = 0.5

    def lists(self, *users: User, **changes: Any) -> None:
        """Let Supabase list the accounts of these people, or something else of them."""
        for user in users:
            assert user.supabase_id is not None
            account = AuthUser(user.supabase_id, user.email, email_confirmed=True)
            self.auth.put(replace(account, **changes))

    async def sync(self, **options: Any) -> AccountsSynced:
        service = AccountSyncService(self.database, self.auth, self.confirm_share, ())
        return await service.run(**options)

    async def signs_in(self, account_id: uuid.UUID | None, email: str) -> Actor:
        assert account_id is not None
        return await UserSync(self.database, self.auth).actor(claims_of(account_id, email))

    async def events(self) -> list[tuple[str, uuid.UUID, Any, Any]]:
        columns = (AuditEvent.action, AuditEvent.target_id, AuditEvent.before, AuditEvent.after)
        rows = await self.session.execute(select(*columns).order_by(AuditEvent.created_at))
        return [(action, target, before, after) for action, target, before, after in rows]

    async def fresh(self, user: User) -> User:
        await self.session.refresh(user)
        return user

    async def person(self, **fields: Any) -> User:
        return await make_user(self.session, **fields)

    async def people(self, count: int) -> list[User]:
        return [await self.person() for _ in range(count)]


@pytest.fixture
def directory(
    database: RollbackDatabase, session: AsyncSession, auth_admin: InMemoryAuthAdmin
) -> Directory:
    return Directory(database, session, auth_admin)


class TestDeletions:
    async def test_closes_the_person_and_keeps_the_evidence(
        self, directory: Directory, learner: User, other_learner: User
    ) -> None:
        directory.lists(other_learner)
        link, tag = learner.supabase_id, learner.etag
        done = await directory.sync()
        assert (done.deactivated, done.changed, done.people) == (1, 1, 2)
        row = await directory.fresh(learner)
        assert not row.is_active
        assert (row.supabase_id, row.email) == (None, learner.email)
        assert row.etag != tag
        assert (await directory.fresh(other_learner)).is_active
        before, after = {"is_active": True}, {"is_active": False}
        assert await directory.events() == [
            (
                "user:account_deleted",
                learner.id,
                {**before, "supabase_id": str(link)},
                {**after, "supabase_id": None},
            )
        ]
        statement = select(EmploymentChange.state).where(EmploymentChange.user_id == learner.id)
        history = statement.order_by(EmploymentChange.created_at.desc()).limit(1)
        assert await directory.session.scalar(history) == "terminated"

    async def test_a_soft_deletion_counts(
        self, directory: Directory, learner: User, admin: User
    ) -> None:
        directory.lists(admin)
        directory.lists(learner, email=None, is_deleted=True)
        assert (await directory.sync()).deactivated == 1

    async def test_the_last_token_makes_nobody_new(
        self, directory: Directory, learner: User, admin: User
    ) -> None:
        directory.lists(admin)
        link = learner.supabase_id
        await directory.sync()
        with pytest.raises(UserInactiveError):
            await directory.signs_in(link, str(learner.email))

    async def test_a_leavers_account_is_forgotten(self, directory: Directory, admin: User) -> None:
        """Somebody deactivated here and deleted there is not closed again after being reopened."""
        leaver = await directory.person(is_active=False)
        directory.lists(admin)
        done = await directory.sync()
        assert done.changed == 0
        row = await directory.fresh(leaver)
        assert row.supabase_id is None
        assert [event[0] for event in await directory.events()] == ["user:account_forgotten"]
        row.is_active = True
        await directory.session.commit()
        assert (await directory.sync()).deactivated == 0
        assert (await directory.fresh(leaver)).is_active

    async def test_the_address_is_free_for_whoever_has_it_next(
        self, directory: Directory, learner: User, admin: User
    ) -> None:
        email = learner.email
        directory.lists(admin)
        again = AuthUser(uuid.uuid4(), email, email_confirmed=True)
        directory.auth.put(again)
        assert (await directory.sync()).deactivated == 1
        actor = await directory.signs_in(again.id, str(email))
        assert actor.id != learner.id
        assert (await directory.sync()).changed == 0


class TestAddresses:
    async def test_a_confirmed_change_is_taken_over(
        self, directory: Directory, learner: User
    ) -> None:
        before = learner.email
        directory.lists(learner, email="married@unified.example")
        assert (await directory.sync()).emails_changed == 1
        assert (await directory.fresh(learner)).email == "married@unified.example"
        assert await directory.events() == [
            (
                "user:email_changed",
                learner.id,
                {"email": before},
                {"email": "married@unified.example"},
            )
        ]

    async def test_a_confirmation_is_noted(self, directory: Directory) -> None:
        invited = await directory.person(email_confirmed=False)
        directory.lists(invited)
        done = await directory.sync()
        assert (done.confirmed, done.emails_changed) == (1, 0)
        assert (await directory.fresh(invited)).email_confirmed
        assert [event[0] for event in await directory.events()] == ["user:email_confirmed"]

    async def test_unconfirmed_accounts_are_left_alone(
        self, directory: Directory, learner: User
    ) -> None:
        directory.lists(learner, email="new@x.example", email_confirmed=False)
        done = await directory.sync()
        assert (done.changed, done.unconfirmed) == (0, 1)
        assert (await directory.fresh(learner)).is_active

    async def test_an_address_that_somebody_else_has(
        self, directory: Directory, learner: User
    ) -> None:
        imported = await directory.person(supabase_id=None)
        directory.lists(learner, email=imported.email)
        done = await directory.sync()
        assert (done.changed, done.held_back) == (0, 1)
        assert done.unlinked == (imported.email,)

    async def test_addresses_that_move_on(self, directory: Directory) -> None:
        """Each has the address that the next one gives up: a second run is not needed."""
        chain = await directory.people(4)
        emails = [*(user.email for user in chain[1:]), "last@unified.example"]
        for user, email in zip(chain, emails, strict=True):
            directory.lists(user, email=email)
        assert (await directory.sync()).emails_changed == 4
        assert [(await directory.fresh(user)).email for user in chain] == emails
        assert (await directory.sync()).changed == 0

    async def test_what_a_token_has_said_since_is_newer(
        self, directory: Directory, learner: User
    ) -> None:
        learner.email_as_of = datetime.now(UTC) + timedelta(minutes=1)
        await directory.session.commit()
        directory.lists(learner, email="old@unified.example")
        assert (await directory.sync()).emails_changed == 0

    async def test_a_swap_is_for_people_to_solve(
        self, directory: Directory, learner: User, other_learner: User
    ) -> None:
        directory.lists(learner, email=other_learner.email)
        directory.lists(other_learner, email=learner.email)
        done = await directory.sync()
        assert (done.changed, done.held_back) == (0, 2)

    async def test_two_accounts_of_one_address(
        self, directory: Directory, learner: User, other_learner: User
    ) -> None:
        directory.lists(learner, other_learner, email="shared@unified.example")
        done = await directory.sync()
        assert (done.changed, done.held_back) == (0, 2)


class TestReports:
    async def test_whom_it_does_not_concern(self, directory: Directory, learner: User) -> None:
        leaver = await directory.person(is_active=False)
        imported = await directory.person(supabase_id=None)
        directory.lists(learner)
        directory.lists(leaver, email="moved@unified.example")
        directory.auth.put(AuthUser(uuid.uuid4(), "stranger@unified.example", email_confirmed=True))
        done = await directory.sync()
        assert done == AccountsSynced(
            accounts=3,
            people=1,
            deactivated=0,
            emails_changed=0,
            confirmed=0,
            held_back=0,
            unconfirmed=0,
            strangers=1,
            unlinked=(str(imported.email),),
            given_up=0,
            apart=0,
        )
        assert await directory.events() == []

    async def test_a_dry_run_writes_nothing(
        self, directory: Directory, learner: User, other_learner: User
    ) -> None:
        directory.lists(learner, email="married@unified.example")
        done = await directory.sync(dry_run=True)
        assert (done.deactivated, done.emails_changed) == (1, 1)
        assert (await directory.fresh(other_learner)).is_active
        assert (await directory.fresh(learner)).email == learner.email
        assert await directory.events() == []
        assert (await directory.sync()).changed == 2


class TestGuards:
    async def test_an_empty_list_closes_nobody_whatever_is_said(
        self, directory: Directory, learner: User
    ) -> None:
        for confirmed in (False, True):
            with pytest.raises(NoAccountsError):
                await directory.sync(confirmed=confirmed)
        assert (await directory.fresh(learner)).is_active

    async def test_a_failing_list_closes_nobody(self, directory: Directory, learner: User) -> None:
        directory.auth.available = False
        with pytest.raises(AuthUnavailableError):
            await directory.sync(confirmed=True)
        assert (await directory.fresh(learner)).is_active

    async def test_a_list_that_fails_on_its_second_page(
        self, directory: Directory, learner: User
    ) -> None:
        class Breaking(InMemoryAuthAdmin):
            async def list_users(self, page: int, per_page: int) -> list[AuthUser]:
                self.available = page == 1
                return await super().list_users(page, per_page)

        auth = Breaking()
        auth.put(AuthUser(uuid.uuid4(), "stranger@unified.example", email_confirmed=True))
        with pytest.raises(AuthUnavailableError):
            await replace(directory, auth=auth).sync(confirmed=True)
        assert (await directory.fresh(learner)).is_active

    async def test_more_than_the_share_needs_a_confirmation(self, directory: Directory) -> None:
        directory = replace(directory, confirm_share=0.1)
        people = await directory.people(20)
        directory.lists(*people[3:])
        for dry_run in (False, True):
            with pytest.raises(TooManyGoneError, match="3 of 20"):
                await directory.sync(dry_run=dry_run)
        assert await directory.events() == []
        assert (await directory.sync(confirmed=True)).deactivated == 3
        directory.lists(*people[2:3])
        assert (await directory.sync()).deactivated == 0

    async def test_they_are_asked_for_before_they_are_counted(self, directory: Directory) -> None:
        """Accounts that the list lacks are looked up one by one before they count as deleted."""

        class Forgetful(InMemoryAuthAdmin):
            async def list_users(self, page: int, per_page: int) -> list[AuthUser]:
                return (await super().list_users(page, per_page))[:5]

        directory = replace(directory, auth=Forgetful(), confirm_share=0.1)
        directory.lists(*await directory.people(20))
        assert (await directory.sync()).changed == 0

    async def test_just_the_share_does_not(self, directory: Directory) -> None:
        directory = replace(directory, confirm_share=0.1)
        people = await directory.people(20)
        directory.lists(*people[2:])
        assert (await directory.sync()).deactivated == 2


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
    async def test_people_between_pages_are_not_lost(self, directory: Directory) -> None:
        auth = ShiftingAuthAdmin(grows=False)
        directory = replace(directory, auth=auth, confirm_share=0.9)
        people = await directory.people(12)
        directory.lists(*people)
        done = await directory.sync()
        alive = {user.id for user in people if (await directory.fresh(user)).is_active}
        still_there = {user.id for user in people if user.supabase_id in auth.users}
        assert still_there <= alive
        assert done.deactivated == len(people) - len(alive)

    async def test_people_on_two_pages_are_counted_once(self, directory: Directory) -> None:
        directory = replace(directory, auth=ShiftingAuthAdmin(grows=True), confirm_share=0.9)
        directory.lists(*await directory.people(6))
        done = await directory.sync()
        assert (done.deactivated, done.changed, done.people) == (0, 0, 6)

    async def test_a_server_that_repeats_its_page_comes_to_an_end(
        self, directory: Directory, learner: User
    ) -> None:
        class Repeating(InMemoryAuthAdmin):
            async def list_users(self, page: int, per_page: int) -> list[AuthUser]:
                return await super().list_users(1, per_page)

        directory = replace(directory, auth=Repeating())
        directory.lists(learner)
        assert (await directory.sync()).changed == 0


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
        service = AccountSyncService(committed_database, auth, 0.1, ())
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
        assert statements.count == 5
        assert await session.scalar(audited) == 600
