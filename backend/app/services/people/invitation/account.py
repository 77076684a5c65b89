"""Accounts for people who have no mailbox: a user name and a first password."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from app.core.database import Database
from app.core.errors import AppError, ConflictError, PreconditionFailedError
from app.domain.audit import AuditAction
from app.integrations.auth_admin import AuthAdmin, AuthUser
from app.models import User
from app.schemas.people.user import AccountCreate, UserRead
from app.services.answer import Answer
from app.services.base import Service
from app.services.context import SYSTEM, RequestContext
from app.services.people.account_note import remove_account
from app.services.people.invitation.claim import CORRECTION_CLAIM, claimed
from app.services.people.invitation.service import UserClosedError
from app.services.people.user import user_answer
from app.services.people.user_sync import EmailInUseError
from app.services.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)


class HasAddressError(ConflictError):
    code = "has_address"
    title = "This person has an e-mail address already: invite them"


class AccountService(Service):
    def __init__(
        self, database: Database, context: RequestContext, auth: AuthAdmin, domain: str
    ) -> None:
        super().__init__(database, context)
        self._auth = auth
        self._domain = domain

    async def open(self, user_id: uuid.UUID, payload: AccountCreate) -> Answer[UserRead]:
        """Give somebody an account whose address can receive nothing.

        It has the person's own id: whoever tries again, because an answer was lost, finds it.
        """
        email = f"{payload.username}@{self._domain}"
        await self.seen_user(user_id)
        async with claimed(self._database, f"user:{user_id}", CORRECTION_CLAIM, keep=False):
            seen = await self._looked_at(user_id, email)
            async with self._opened(seen, email, payload) as account, self.work() as uow:
                user = await self.visible_user(uow, user_id, lock=True)
                if (user.email, user.is_active) != (None, True):
                    raise PreconditionFailedError
                await uow.users.lock_email(email)
                await _refuse_taken(uow, email)
                user.email, user.supabase_id = email, account.id
                user.email_confirmed, user.email_as_of = True, await uow.now()
                await uow.users.save(user)
                await uow.account_removals.done([account.id])
                after = {"email": email, "supabase_id": account.id}
                await uow.audit(AuditAction.USER_ACCOUNT_OPENED, user, after=after)
                return await uow.answer(user_answer(user))

    async def _looked_at(self, user_id: uuid.UUID, email: str) -> User:
        async with self.reading() as uow:
            user = await self.visible_user(uow, user_id)
            if not user.is_active:
                raise UserClosedError
            if user.email is not None:
                raise HasAddressError
            await _refuse_taken(uow, email)
            return user

    @asynccontextmanager
    async def _opened(
        self, user: User, email: str, payload: AccountCreate
    ) -> AsyncIterator[AuthUser]:
        """Make the account, and take it back where the block fails.

        Until the row has it a note says that it is to be removed, so that none is left behind.
        """
        async with UnitOfWork(self._database, SYSTEM) as uow:
            await uow.account_removals.note(user.id)
        password = payload.password.get_secret_value()
        try:
            yield await self._auth.open_account(user.id, email, password, user.full_name)
        except BaseException:
            await self._take_back(user.id)
            raise

    async def _take_back(self, account_id: uuid.UUID) -> None:
        """Remove the account, unless the row has it after all: a commit may be uncertain."""
        async with self.reading() as uow:
            if await uow.users.by_supabase_id(account_id) is not None:
                return
        try:
            await remove_account(self._database, self._auth, account_id)
        except AppError as error:
            log.warning("account_removal_delayed", code=error.code, account_id=str(account_id))


async def _refuse_taken(uow: UnitOfWork, email: str) -> None:
    if await uow.users.active_by_email(email) is not None:
        raise EmailInUseError
