"""Giving people an e-mail address, or the right one."""

import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from app.core.concurrency import Precondition
from app.core.database import Database
from app.core.errors import AppError, ForbiddenError, PreconditionFailedError
from app.domain.audit import AuditAction
from app.domain.people.sign_up import may_sign_up
from app.integrations.auth_admin import (
    AddressRefusedError,
    AuthAdmin,
    AuthUser,
)
from app.models import User
from app.schemas.people.user import EmailCorrection, UserRead
from app.services.answer import Answer
from app.services.base import Service
from app.services.context import SYSTEM, RequestContext
from app.services.people.account_note import remove_accounts, settle_move
from app.services.people.invitation.claim import CORRECTION_CLAIM, claimed
from app.services.people.invitation.service import UserClosedError
from app.services.people.user import user_answer
from app.services.people.user_sync import EmailInUseError
from app.services.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)


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

        An account that nobody has accepted is given up, because its invitation went to an address
        that may be a stranger's. The person is invited anew. Of an account that is in use the
        sessions end, and a forgotten password is the way back in, by the new address alone.
        """
        if self._domains and not may_sign_up(payload.email, self._domains):
            raise AddressRefusedError
        async with claimed(self._database, f"user:{user_id}", CORRECTION_CLAIM, keep=False):
            seen = await self._looked_at(user_id, payload.email, precondition)
            account = await self._auth.get_user(seen.supabase_id) if seen.supabase_id else None
            if payload.email == seen.email and account in {None, _like(account, payload.email)}:
                return user_answer(seen)
            async with self._moved(account, payload.email) as kept:
                answer = await self._correct(seen, payload.email, precondition, account, kept)
        if account is not None and kept is None:
            await remove_accounts(self._database, self._auth, [account.id])
        return answer

    async def _correct(
        self,
        seen: User,
        email: str,
        precondition: Precondition,
        account: AuthUser | None,
        kept: uuid.UUID | None,
    ) -> Answer[UserRead]:
        async with self.work() as uow:
            user = await self.visible_user(uow, seen.id, lock=True)
            precondition.require(user.etag)
            if (user.email, user.supabase_id) != (seen.email, seen.supabase_id):
                raise PreconditionFailedError
            await uow.users.lock_email(email)
            await _refuse_taken(uow, user, email)
            await _write(uow, user, email, account, kept)
            if account is not None and kept is None:
                await uow.account_removals.note(account.id)
            elif kept is not None:
                await uow.account_moves.done([kept])
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
    async def _moved(self, account: AuthUser | None, email: str) -> AsyncIterator[uuid.UUID | None]:
        """Let an account in use follow, and return where the block fails; yield what is kept.

        A note stays until the row and the account agree, whatever fails on the way.
        """
        if account is None or not account.email_confirmed:
            yield None
            return
        async with UnitOfWork(self._database, SYSTEM) as uow:
            await uow.account_moves.note(account.id)
        try:
            moved = await self._auth.move_user(account.id, email)
            yield moved.id if moved else None
        except BaseException:
            await self._move_back(account.id)
            raise

    async def _move_back(self, account_id: uuid.UUID) -> None:
        """Give the account the row's address, or leave that to the note: this is a way out."""
        try:
            await settle_move(self._database, self._auth, account_id)
        except AppError as error:
            log.warning("account_move_delayed", code=error.code, account_id=str(account_id))


def _like(account: AuthUser | None, email: str) -> AuthUser | None:
    return replace(account, email=email) if account else None


async def _refuse_taken(uow: UnitOfWork, user: User, email: str) -> None:
    holder = await uow.users.active_by_email(email)
    if holder is not None and holder.id != user.id:
        raise EmailInUseError


async def _write(
    uow: UnitOfWork, user: User, email: str, account: AuthUser | None, kept: uuid.UUID | None
) -> None:
    held = account.email if account and email == user.email else user.email
    before = {"email": held, "supabase_id": user.supabase_id}
    user.email, user.supabase_id = email, kept
    user.email_confirmed = kept is not None
    # Tokens that were issued before still name the old address.
    user.email_as_of = await uow.now() if kept else None
    await uow.users.save(user)
    after = {"email": user.email, "supabase_id": user.supabase_id}
    await uow.audit(AuditAction.USER_EMAIL_CORRECTED, user, before=before, after=after)
