import asyncio
import uuid

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import Precondition
from app.core.errors import AppError
from app.integrations.auth_admin import AuthUnavailableError, AuthUser
from app.integrations.auth_admin.supabase import TIMEOUT_SECONDS
from app.models import User
from app.schemas.people.user import EmailCorrection
from app.services.context import SYSTEM
from app.services.people import account_note
from app.services.people.account_note import remove_accounts, settle_moves
from app.services.people.account_sync import AccountSyncService
from app.services.people.invitation.address import AddressService
from app.services.people.invitation.claim import CORRECTION_CLAIM, claimed
from app.services.unit_of_work import UnitOfWork
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.services.conftest import acting
from tests.support import RollbackDatabase

ANY = Precondition.parse("*")
NEW = EmailCorrection(email="new@unified.example")


class Overtaken(InMemoryAuthAdmin):
    """Somebody else gets the address here while it is asked to move the account."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__()
        self._session: AsyncSession | None = session

    async def move_user(self, user_id: uuid.UUID, email: str) -> AuthUser | None:
        moved = await super().move_user(user_id, email)
        session, self._session = self._session, None
        if session:
            await make_user(session, email=email)
        return moved


async def test_the_account_goes_back_where_the_row_cannot_follow(
    database: RollbackDatabase, session: AsyncSession, admin: User, learner: User
) -> None:
    auth = Overtaken(session)
    assert learner.supabase_id is not None
    account = AuthUser(learner.supabase_id, learner.email, email_confirmed=True)
    auth.put(account)
    with pytest.raises(AppError) as refused:
        await AddressService(database, acting(admin), auth, ()).correct(learner.id, NEW, ANY)
    assert refused.value.code == "email_in_use"
    assert await auth.get_user(account.id) == account


class Gone(InMemoryAuthAdmin):
    """Moves an account, and is away from then on until somebody has it come back."""

    async def move_user(self, user_id: uuid.UUID, email: str) -> AuthUser | None:
        moved = await super().move_user(user_id, email)
        self._lose()
        return moved

    def _lose(self) -> None:
        if self.loses_answers:
            self.available = self.loses_answers = False
            raise AuthUnavailableError


async def test_an_account_that_could_not_go_back_does_so_in_the_next_run(
    database: RollbackDatabase, admin: User, learner: User
) -> None:
    auth = Gone()
    auth.loses_answers = True
    for user in (admin, learner):
        assert user.supabase_id is not None
        auth.put(AuthUser(user.supabase_id, user.email, email_confirmed=True))
    assert learner.supabase_id is not None
    before = await auth.get_user(learner.supabase_id)
    with pytest.raises(AuthUnavailableError):
        await AddressService(database, acting(admin), auth, ()).correct(learner.id, NEW, ANY)
    sync = AccountSyncService(database, auth, 0.5, ())
    with pytest.raises(AuthUnavailableError):
        await sync.run()
    auth.available = True
    apart = await auth.get_user(learner.supabase_id)
    assert apart is not None
    assert apart.email == NEW.email
    assert (await sync.run(dry_run=True)).apart == 1
    done = await sync.run()
    assert (done.apart, done.emails_changed) == (0, 0)
    assert await auth.get_user(learner.supabase_id) == before
    assert (await sync.run()).apart == 0


async def test_an_account_is_left_to_whoever_just_corrects_it(
    database: RollbackDatabase, admin: User, learner: User
) -> None:
    auth = InMemoryAuthAdmin()
    for user in (admin, learner):
        assert user.supabase_id is not None
        auth.put(AuthUser(user.supabase_id, user.email, email_confirmed=True))
    assert learner.supabase_id is not None
    async with UnitOfWork(database, SYSTEM) as uow:
        await uow.account_moves.note(learner.supabase_id)
    await auth.move_user(learner.supabase_id, NEW.email)
    async with claimed(database, f"user:{learner.id}", CORRECTION_CLAIM, keep=False):
        assert await settle_moves(database, auth, [learner.supabase_id]) == 1
    assert auth.users[learner.supabase_id].email == NEW.email
    assert await settle_moves(database, auth, [learner.supabase_id]) == 0
    assert auth.users[learner.supabase_id].email == learner.email


class Slow(InMemoryAuthAdmin):
    """Takes its time, and then says that it cannot."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def delete_user(self, user_id: uuid.UUID) -> bool:
        self.asked += 1
        await asyncio.sleep(0.1)
        raise AuthUnavailableError


async def test_where_auth_hangs_the_rest_is_left_for_the_next_run(
    database: RollbackDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_note, "PATIENCE_SECONDS", 0.05)
    accounts = [uuid.uuid4() for _ in range(5 * account_note.AT_ONCE)]
    async with UnitOfWork(database, SYSTEM) as uow:
        for each in accounts:
            await uow.account_removals.note(each)
    auth = Slow()
    assert await remove_accounts(database, auth, accounts) == len(accounts)
    assert auth.asked == account_note.AT_ONCE


async def test_accounts_are_for_the_domains_that_may_sign_up(
    database: RollbackDatabase, admin: User, learner: User
) -> None:
    """The hook that refuses other addresses is not asked when an admin moves an account."""
    service = AddressService(database, acting(admin), InMemoryAuthAdmin(), ["other.example"])
    with pytest.raises(AppError) as refused:
        await service.correct(learner.id, NEW, ANY)
    assert refused.value.code == "email_refused"
    allowed = EmailCorrection(email="new@other.example")
    assert (await service.correct(learner.id, allowed, ANY)).value.email == allowed.email


def test_the_claim_outlasts_all_questions_to_auth() -> None:
    """It is read, moved, read again, and moved back."""
    assert CORRECTION_CLAIM.total_seconds() > 2 * 4 * TIMEOUT_SECONDS
