import uuid

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import Precondition
from app.core.errors import AppError
from app.integrations.auth_admin import AuthUser
from app.integrations.auth_admin.supabase import TIMEOUT_SECONDS
from app.models import User
from app.schemas.people.user import EmailCorrection
from app.services.people.invitation.address import CORRECTION_CLAIM, AddressService
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
