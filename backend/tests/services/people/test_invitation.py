import uuid
from datetime import timedelta
from unittest.mock import AsyncMock

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import AppError, InvalidPayloadError
from app.domain.actor import Role
from app.integrations.auth_admin import AuthUnavailableError, AuthUser
from app.integrations.auth_admin.supabase import TIMEOUT_SECONDS
from app.models import User
from app.schemas.people.user import UserInvite
from app.services.context import SYSTEM
from app.services.people.invitation.claim import (
    INVITATION_CLAIM,
    InvitationUnderWayError,
    claimed,
)
from app.services.people.invitation.service import InvitationService
from app.services.unit_of_work import UnitOfWork
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.services.conftest import acting
from tests.support import RollbackDatabase


@pytest.fixture
def invitations(
    database: RollbackDatabase, admin: User, auth_admin: InMemoryAuthAdmin
) -> InvitationService:
    return InvitationService(database, acting(admin), auth_admin, adds_words=False)


class TestInvite:
    async def test_makes_the_row_that_will_be_claimed(
        self, invitations: InvitationService, auth_admin: InMemoryAuthAdmin
    ) -> None:
        payload = UserInvite(email="Ada@Unified.Example", role=Role.MANAGER)
        answer = await invitations.invite(payload)
        invited = answer.value.model_dump(mode="json")
        assert answer.created
        assert (invited["email"], invited["role"]) == ("ada@unified.example", "manager")
        assert invited["supabase_id"] in {str(user_id) for user_id in auth_admin.users}
        assert auth_admin.invited == ["ada@unified.example"]

    async def test_a_known_account_is_left_to_its_owner(
        self, invitations: InvitationService, auth_admin: InMemoryAuthAdmin
    ) -> None:
        auth_admin.put(AuthUser(uuid.uuid4(), "ada@unified.example", email_confirmed=True))
        answer = await invitations.invite(UserInvite(email="ada@unified.example"))
        assert answer.value.model_dump(mode="json")["supabase_id"] is None
        assert auth_admin.invited == []

    async def test_no_mail_is_sent_for_what_is_refused(
        self, invitations: InvitationService, auth_admin: InMemoryAuthAdmin, learner: User
    ) -> None:
        with pytest.raises(AppError) as caught:
            await invitations.invite(UserInvite(email=learner.email))
        assert caught.value.code == "email_in_use"
        with pytest.raises(InvalidPayloadError):
            await invitations.invite(
                UserInvite(email="a@unified.example", location_id=uuid.uuid4())
            )
        assert auth_admin.invited == []

    async def test_no_row_without_the_sign_in_service(
        self,
        invitations: InvitationService,
        auth_admin: InMemoryAuthAdmin,
        database: RollbackDatabase,
    ) -> None:
        auth_admin.available = False
        with pytest.raises(AuthUnavailableError):
            await invitations.invite(UserInvite(email="ada@unified.example"))
        async with UnitOfWork(database, SYSTEM) as uow:
            assert await uow.users.active_by_email("ada@unified.example") is None

    async def test_nobody_gets_an_account_that_was_given_up(
        self,
        invitations: InvitationService,
        auth_admin: InMemoryAuthAdmin,
        database: RollbackDatabase,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Auth says whose the address is only when it is asked to invite."""
        given_up = AuthUser(uuid.uuid4(), "ada@unified.example", email_confirmed=False)
        auth_admin.put(given_up)
        async with UnitOfWork(database, SYSTEM) as uow:
            await uow.account_removals.note(given_up.id)
        with monkeypatch.context() as patch:
            patch.setattr(auth_admin, "get_user", AsyncMock(side_effect=AuthUnavailableError))
            with pytest.raises(AuthUnavailableError):
                await invitations.invite(UserInvite(email=given_up.email))
        async with UnitOfWork(database, SYSTEM) as uow:
            assert await uow.users.active_by_email("ada@unified.example") is None

    async def test_a_lost_account_is_forgotten_before_another_is_made(
        self,
        invitations: InvitationService,
        auth_admin: InMemoryAuthAdmin,
        learner: User,
        session: AsyncSession,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Otherwise the person with the mail could not claim the row, and it would be closed."""
        with monkeypatch.context() as patch:
            patch.setattr(auth_admin, "invite", AsyncMock(side_effect=AuthUnavailableError))
            with pytest.raises(AuthUnavailableError):
                await invitations.invite_again(learner.id)
        await session.refresh(learner)
        assert (learner.supabase_id, learner.is_active) == (None, True)


class TestClaims:
    def test_last_longer_than_auth_is_waited_for(self) -> None:
        assert INVITATION_CLAIM.total_seconds() > 2 * TIMEOUT_SECONDS

    async def test_an_expired_one_is_not_given_back_for_somebody_else(
        self, database: RollbackDatabase
    ) -> None:
        none, long = timedelta(seconds=-1), timedelta(minutes=1)
        async with claimed(database, "a", none, keep=False):
            other = claimed(database, "a", long, keep=True)
            async with other:
                pass
        with pytest.raises(InvitationUnderWayError):
            async with claimed(database, "a", long, keep=False):
                pass
