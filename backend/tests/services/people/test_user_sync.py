import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.auth.security import Claims
from app.core.database import Database
from app.domain.actor import Role
from app.integrations.auth_admin import AuthUnavailableError, AuthUser
from app.models import AuditEvent, User
from app.services.people.user_sync import (
    EmailInUseError,
    EmailMissingError,
    EmailNotAllowedError,
    EmailNotConfirmedError,
    UserInactiveError,
    UserSync,
)
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.support import RollbackDatabase, count_statements

EMAIL = "ada@unified.example"
SIGNED_IN = datetime(2026, 11, 20, 8, tzinfo=UTC)


def claims_of(subject: uuid.UUID, email: str | None = EMAIL, **fields: Any) -> Claims:
    return Claims(
        **{
            "subject": subject,
            "email": email,
            "full_name": "Ada Byron",
            "signed_in_at": SIGNED_IN,
            "issued_at": fields.get("signed_in_at", SIGNED_IN),
            "expires_at": 0,
            "assurance_level": "aal1",
            "session_id": None,
            **fields,
        }
    )


def account(auth: InMemoryAuthAdmin, email: str = EMAIL, *, confirmed: bool = True) -> uuid.UUID:
    user = AuthUser(uuid.uuid4(), email, confirmed)
    auth.put(user)
    return user.id


@pytest.fixture
def sync(database: RollbackDatabase, auth_admin: InMemoryAuthAdmin) -> UserSync:
    return UserSync(database, auth_admin, bootstrap_admin_email="Boss@Unified.example")


async def the_row(session: AsyncSession, subject: uuid.UUID) -> User:
    statement = select(User).where(User.supabase_id == subject)
    return (await session.scalars(statement.execution_options(populate_existing=True))).one()


async def actions(session: AsyncSession, user: User) -> list[str]:
    events = select(AuditEvent.action).where(AuditEvent.target_id == user.id)
    return list(await session.scalars(events.order_by(AuditEvent.created_at)))


class TestFirstRequest:
    @pytest.mark.parametrize("name", ["\u200b", "\u202enoryB adA", "\u0301"])
    async def test_a_name_that_nobody_can_read_is_none(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin, session: AsyncSession, name: str
    ) -> None:
        subject = account(auth_admin)
        await sync.actor(claims_of(subject, full_name=name))
        assert (await the_row(session, subject)).full_name is None

    async def test_makes_a_learner(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        subject = account(auth_admin)
        actor = await sync.actor(claims_of(subject))
        row = await the_row(session, subject)
        assert (actor.id, actor.role) == (row.id, Role.LEARNER)
        assert (row.email, row.full_name, row.last_sign_in) == (EMAIL, "Ada Byron", SIGNED_IN)
        assert row.email_confirmed
        assert await actions(session, row) == ["user:created"]
        assert (await sync.read(actor.id)).email == EMAIL

    async def test_needs_an_email(self, sync: UserSync) -> None:
        with pytest.raises(EmailMissingError):
            await sync.actor(claims_of(uuid.uuid4(), None))

    async def test_an_unconfirmed_email_is_enough_for_a_new_row(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        subject = account(auth_admin, confirmed=False)
        await sync.actor(claims_of(subject))
        assert not (await the_row(session, subject)).email_confirmed

    async def test_a_known_caller_costs_one_statement(
        self, committed_database: Database, auth_admin: InMemoryAuthAdmin
    ) -> None:
        async with committed_database.writing() as session:
            user = await make_user(session)
        assert user.supabase_id is not None
        sync = UserSync(committed_database, auth_admin)
        with count_statements(committed_database.engine) as statements:
            await sync.actor(claims_of(user.supabase_id, user.email))
        assert statements.count == 1

    async def test_two_hundred_at_once_make_one_row(
        self, committed_database: Database, auth_admin: InMemoryAuthAdmin
    ) -> None:
        """Four synchronisers stand for four processes, so that only the database can decide."""
        subject = account(auth_admin)
        syncs = [UserSync(committed_database, auth_admin) for _ in range(4)]
        claims = claims_of(subject)
        actors = await asyncio.gather(*(syncs[n % 4].actor(claims) for n in range(200)))
        assert len({actor.id for actor in actors}) == 1
        async with committed_database.reading() as session:
            assert len(list(await session.scalars(select(User)))) == 1
            assert list(await session.scalars(select(AuditEvent.action))) == ["user:created"]


class TestBootstrap:
    async def test_the_first_admin_is_named_by_a_setting(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin
    ) -> None:
        subject = account(auth_admin, "boss@unified.example")
        actor = await sync.actor(claims_of(subject, "boss@unified.example"))
        assert actor.role is Role.ADMIN

    @pytest.mark.parametrize(
        ("email", "confirmed"), [("boss@unified.example", False), ("other@unified.example", True)]
    )
    async def test_the_claim_alone_makes_no_admin(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin, email: str, *, confirmed: bool
    ) -> None:
        """The account contradicts the token: its address is unconfirmed, or another one."""
        subject = account(auth_admin, email, confirmed=confirmed)
        actor = await sync.actor(claims_of(subject, "boss@unified.example"))
        assert actor.role is Role.LEARNER

    async def test_nobody_becomes_admin_while_nobody_can_tell(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin
    ) -> None:
        auth_admin.available = False
        with pytest.raises(AuthUnavailableError):
            await sync.actor(claims_of(uuid.uuid4(), "boss@unified.example"))


class TestClaim:
    async def test_the_invited_row_is_claimed(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        invited = await make_user(
            session, supabase_id=None, email=EMAIL, role=Role.MANAGER, full_name=None
        )
        subject = account(auth_admin)
        actor = await sync.actor(claims_of(subject))
        row = await the_row(session, subject)
        assert (actor.id, actor.role, row.full_name) == (invited.id, Role.MANAGER, "Ada Byron")
        assert await actions(session, row) == ["user:claimed"]

    async def test_the_directorys_name_stays(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        await make_user(session, supabase_id=None, email=EMAIL, full_name="A. Byron")
        subject = account(auth_admin)
        await sync.actor(claims_of(subject))
        assert (await the_row(session, subject)).full_name == "A. Byron"

    @pytest.mark.parametrize(("email", "confirmed"), [(EMAIL, False), ("b@unified.example", True)])
    async def test_only_the_confirmed_address_claims(
        self,
        sync: UserSync,
        auth_admin: InMemoryAuthAdmin,
        session: AsyncSession,
        email: str,
        *,
        confirmed: bool,
    ) -> None:
        invited = await make_user(session, supabase_id=None, email=EMAIL, role=Role.ADMIN)
        subject = account(auth_admin, email, confirmed=confirmed)
        with pytest.raises(EmailNotConfirmedError):
            await sync.actor(claims_of(subject))
        await session.refresh(invited)
        assert invited.supabase_id is None

    async def test_a_leavers_row_is_not_claimed(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        left = await make_user(
            session, supabase_id=None, email=EMAIL, role=Role.ADMIN, is_active=False
        )
        actor = await sync.actor(claims_of(account(auth_admin)))
        assert (actor.id == left.id, actor.role) == (False, Role.LEARNER)


class TestReplaced:
    """The sign-in account was deleted and made again with the same address."""

    async def test_the_old_row_closes_and_nothing_is_inherited(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        previous = await make_user(session, email=EMAIL, role=Role.ADMIN)
        subject = account(auth_admin)
        actor = await sync.actor(claims_of(subject))
        await session.refresh(previous)
        assert not previous.is_active
        assert (actor.role, actor.id == previous.id) == (Role.LEARNER, False)
        assert await actions(session, previous) == ["user:replaced"]

    async def test_while_the_old_account_lives_the_address_is_taken(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        previous = await make_user(session, email=EMAIL)
        assert previous.supabase_id is not None
        auth_admin.put(AuthUser(previous.supabase_id, EMAIL, email_confirmed=True))
        with pytest.raises(EmailInUseError):
            await sync.actor(claims_of(account(auth_admin)))
        await session.refresh(previous)
        assert previous.is_active

    async def test_an_unconfirmed_successor_waits(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        previous = await make_user(session, email=EMAIL)
        with pytest.raises(EmailNotConfirmedError):
            await sync.actor(claims_of(account(auth_admin, confirmed=False)))
        await session.refresh(previous)
        assert previous.is_active


class TestWhoMayHaveAnAccount:
    """The hook is not called for accounts made in the dashboard, nor for changes of address."""

    @pytest.fixture
    def sync(self, database: RollbackDatabase, auth_admin: InMemoryAuthAdmin) -> UserSync:
        return UserSync(database, auth_admin, sign_up_domains={"unified.example"})

    async def test_somebody_of_another_domain_gets_no_row(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        email = "ada@elsewhere.example"
        with pytest.raises(EmailNotAllowedError):
            await sync.actor(claims_of(account(auth_admin, email), email))
        assert await session.scalar(select(func.count()).where(User.email == email)) == 0

    async def test_nor_an_invited_one(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        email = "ada@elsewhere.example"
        invited = await make_user(session, supabase_id=None, email=email)
        with pytest.raises(EmailNotAllowedError):
            await sync.actor(claims_of(account(auth_admin, email), email))
        await session.refresh(invited)
        assert invited.supabase_id is None

    async def test_somebody_who_moves_to_another_domain_is_refused(
        self, sync: UserSync, session: AsyncSession, learner: User
    ) -> None:
        assert learner.supabase_id is not None
        before = learner.email
        for _ in range(2):
            with pytest.raises(EmailNotAllowedError):
                await sync.actor(claims_of(learner.supabase_id, "ada@elsewhere.example"))
        await session.refresh(learner)
        assert learner.email == before

    async def test_others_get_in(self, sync: UserSync, auth_admin: InMemoryAuthAdmin) -> None:
        assert (await sync.actor(claims_of(account(auth_admin)))).role is Role.LEARNER


class TestChanges:
    async def test_the_row_follows_the_address(
        self, sync: UserSync, session: AsyncSession, learner: User
    ) -> None:
        assert learner.supabase_id is not None
        await sync.actor(claims_of(learner.supabase_id, "new@unified.example"))
        await session.refresh(learner)
        assert learner.email == "new@unified.example"
        assert await actions(session, learner) == ["user:email_changed"]

    async def test_an_older_token_knows_an_older_address(
        self, sync: UserSync, session: AsyncSession, learner: User
    ) -> None:
        """After a confirmed change, tokens with the old address stay valid for up to an hour."""
        assert learner.supabase_id is not None
        old = claims_of(learner.supabase_id, "old@unified.example")
        later = SIGNED_IN + timedelta(minutes=5)
        new = claims_of(learner.supabase_id, "new@unified.example", issued_at=later)
        for claims in (old, new, old, new, old):
            assert (await sync.actor(claims)).id == learner.id
        await session.refresh(learner)
        assert (learner.email, learner.email_as_of) == ("new@unified.example", later)
        assert await actions(session, learner) == ["user:email_changed"] * 2

    async def test_a_confirmation_counts_from_the_next_sign_in(
        self, sync: UserSync, session: AsyncSession, auth_admin: InMemoryAuthAdmin
    ) -> None:
        subject = account(auth_admin, confirmed=False)
        await sync.actor(claims_of(subject))
        auth_admin.confirm(subject)
        await sync.actor(claims_of(subject, signed_in_at=SIGNED_IN + timedelta(hours=1)))
        row = await the_row(session, subject)
        assert row.email_confirmed
        assert await actions(session, row) == ["user:created", "user:email_confirmed"]

    async def test_an_address_that_somebody_holds_is_not_taken_over(
        self, sync: UserSync, session: AsyncSession, learner: User, other_learner: User
    ) -> None:
        assert learner.supabase_id is not None
        before = learner.email
        actor = await sync.actor(claims_of(learner.supabase_id, other_learner.email))
        await session.refresh(learner)
        assert (actor.id, learner.email) == (learner.id, before)

    async def test_a_new_sign_in_is_remembered(self, sync: UserSync, session: AsyncSession) -> None:
        user = await make_user(session, last_sign_in=SIGNED_IN)
        assert user.supabase_id is not None
        for hours, expected in ((1, 1), (0, 1), (-1, 1), (2, 2)):
            moment = SIGNED_IN + timedelta(hours=hours)
            await sync.actor(claims_of(user.supabase_id, user.email, signed_in_at=moment))
            await session.refresh(user)
            assert user.last_sign_in == SIGNED_IN + timedelta(hours=expected)

    async def test_the_name_is_only_a_proposal(
        self, sync: UserSync, session: AsyncSession, learner: User
    ) -> None:
        assert learner.supabase_id is not None
        before = learner.full_name
        await sync.actor(claims_of(learner.supabase_id, learner.email, full_name="Root"))
        await session.refresh(learner)
        assert learner.full_name == before


class TestLeavers:
    async def test_the_token_of_a_deleted_account_makes_nobody_new(
        self, sync: UserSync, session: AsyncSession
    ) -> None:
        """Somebody who was erased, or closed by reconciliation, may still have a valid token."""
        with pytest.raises(UserInactiveError):
            await sync.actor(claims_of(uuid.uuid4()))
        assert await session.scalar(select(func.count()).where(User.email == EMAIL)) == 0

    async def test_are_refused_on_the_next_request(
        self, sync: UserSync, session: AsyncSession, learner: User
    ) -> None:
        assert learner.supabase_id is not None
        claims = claims_of(learner.supabase_id, learner.email)
        await sync.actor(claims)
        learner.is_active = False
        await session.commit()
        for _ in range(2):
            with pytest.raises(UserInactiveError):
                await sync.actor(claims)

    async def test_a_changed_role_counts_on_the_next_request(
        self, sync: UserSync, session: AsyncSession, learner: User
    ) -> None:
        assert learner.supabase_id is not None
        claims = claims_of(learner.supabase_id, learner.email)
        learner.role = Role.AUTHOR
        await session.commit()
        assert (await sync.actor(claims)).role is Role.AUTHOR

    async def test_a_new_token_does_not_reopen_them(
        self, sync: UserSync, session: AsyncSession
    ) -> None:
        user = await make_user(session, is_active=False, last_sign_in=None)
        assert user.supabase_id is not None
        with pytest.raises(UserInactiveError):
            await sync.actor(claims_of(user.supabase_id, "new@unified.example"))
        await session.refresh(user)
        assert user.last_sign_in is None


class TestAuthServiceAway:
    async def test_known_people_get_in(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin, learner: User
    ) -> None:
        auth_admin.available = False
        assert learner.supabase_id is not None
        actor = await sync.actor(claims_of(learner.supabase_id, learner.email))
        assert actor.id == learner.id

    async def test_nobody_new_gets_in_unseen(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        """The account may have been deleted: an erased person's last token is like this."""
        subject = account(auth_admin)
        auth_admin.available = False
        with pytest.raises(AuthUnavailableError):
            await sync.actor(claims_of(subject))
        auth_admin.available = True
        assert (await sync.actor(claims_of(subject))).role is Role.LEARNER

    async def test_nobody_claims_a_row_unseen(
        self, sync: UserSync, auth_admin: InMemoryAuthAdmin, session: AsyncSession
    ) -> None:
        await make_user(session, supabase_id=None, email=EMAIL, role=Role.ADMIN)
        subject = account(auth_admin)
        auth_admin.available = False
        with pytest.raises(AuthUnavailableError) as caught:
            await sync.actor(claims_of(subject))
        assert caught.value.status == 503
        auth_admin.available = True
        assert (await sync.actor(claims_of(subject))).role is Role.ADMIN
