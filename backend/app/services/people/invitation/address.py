"""Giving people an e-mail address, or the right one."""

import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from app.core.concurrency import Precondition
from app.core.database import Database
from app.core.errors import ForbiddenError, PreconditionFailedError
from app.domain.audit import AuditAction
from app.domain.people.sign_up import may_sign_up
from app.integrations.auth_admin import AddressRefusedError, AuthAdmin
from app.models import User
from app.schemas.people.user import EmailCorrection, UserRead
from app.services.answer import Answer
from app.services.base import Service
from app.services.context import RequestContext
from app.services.people.invitation.service import UserClosedError, claimed
from app.services.people.user import user_answer
from app.services.people.user_sync import EmailInUseError
from app.services.unit_of_work import UnitOfWork


class OwnAddressError(ForbiddenError):
    code = "own_email"
    detail = "Change your own address in your account: it is confirmed."


class AddressService(Service):
    def __init__(
        self,
        database: Database,
        context: RequestContext,
        auth: AuthAdmin,
        domains: Collection[str],
    ) -> None:
        """`domains` is empty where anybody may have an account."""
        super().__init__(database, context)
        self._auth = auth
        self._domains = domains

    async def correct(
        self, user_id: uuid.UUID, payload: EmailCorrection, precondition: Precondition
    ) -> Answer[UserRead]:
        """Give somebody the address; their account follows.

        An account that nobody has accepted is removed, because its invitation went to an address
        that may be a stranger's. The person is invited anew. Of an account that is in use the
        sessions end, and a forgotten password is the way back in, by the new address alone.
        """
        if self._domains and not may_sign_up(payload.email, self._domains):
            raise AddressRefusedError
        async with claimed(self._database, f"user:{user_id}", keep=False):
            seen = await self._looked_at(user_id, payload.email, precondition)
            async with self._moved(seen, payload.email) as account_id, self.work() as uow:
                user = await self.visible_user(uow, user_id, lock=True)
                precondition.require(user.etag)
                if (user.email, user.supabase_id) != (seen.email, seen.supabase_id):
                    raise PreconditionFailedError
                await uow.users.lock_email(payload.email)
                await _refuse_taken(uow, user, payload.email)
                await _correct(uow, user, payload.email, account_id)
                return user_answer(user)

    async def _looked_at(self, user_id: uuid.UUID, email: str, precondition: Precondition) -> User:
        """Refuse now what is refused anyway: later the account would have been moved in vain."""
        async with self.reading() as uow:
            user = await self.visible_user(uow, user_id)
            precondition.require(user.etag)
            if user.id == self.actor.id:
                raise OwnAddressError
            if not user.is_active:
                raise UserClosedError
            await _refuse_taken(uow, user, email)
            return user

    @asynccontextmanager
    async def _moved(self, user: User, email: str) -> AsyncIterator[uuid.UUID | None]:
        """Let the account follow, and go back where the block fails; yield the one that is kept."""
        account = await self._auth.get_user(user.supabase_id) if user.supabase_id else None
        if account is None or user.email is None or email == user.email:
            yield user.supabase_id if email == user.email else None
        elif not account.email_confirmed:
            await self._auth.delete_user(account.id)
            yield None
        else:
            moved = await self._auth.move_user(account.id, email)
            try:
                yield moved.id if moved else None
            except BaseException:
                await self._auth.move_user(account.id, user.email)
                raise


async def _refuse_taken(uow: UnitOfWork, user: User, email: str) -> None:
    holder = await uow.users.active_by_email(email)
    if holder is not None and holder.id != user.id:
        raise EmailInUseError


async def _correct(uow: UnitOfWork, user: User, email: str, account_id: uuid.UUID | None) -> None:
    if email == user.email:
        return
    before = {"email": user.email, "supabase_id": user.supabase_id}
    user.email, user.supabase_id = email, account_id
    user.email_confirmed = account_id is not None
    # Tokens that were issued before still name the old address.
    user.email_as_of = await uow.now() if account_id else None
    await uow.users.save(user)
    after = {"email": user.email, "supabase_id": user.supabase_id}
    await uow.audit(AuditAction.USER_EMAIL_CORRECTED, user, before=before, after=after)
