"""Entering people into the directory, and inviting them to sign in."""

import uuid
from dataclasses import replace

from app.core.database import Database
from app.core.errors import ConflictError, ForbiddenError, PreconditionFailedError
from app.domain.actor import Role
from app.domain.audit import AuditAction
from app.domain.people.access import may_invite
from app.domain.people.manager_change import Oversight
from app.integrations.auth_admin import AuthAdmin, AuthUnavailableError, AuthUser
from app.models import User
from app.schemas.base import given
from app.schemas.people.user import UserCreate, UserInvite, UserRead
from app.services.answer import Answer
from app.services.base import Service
from app.services.compliance.reconciliation import reconcile_newcomer
from app.services.context import SYSTEM, RequestContext
from app.services.people.account_note import remove_account_of
from app.services.people.account_sync import forget_account_of
from app.services.people.held_words import held_words
from app.services.people.invitation.claim import INVITATION_CLAIM, claimed
from app.services.people.user import EmployeeNumberTakenError, check_references, user_answer
from app.services.people.user_sync import EmailInUseError
from app.services.unit_of_work import UnitOfWork


class InvitationAcceptedError(ConflictError):
    code = "invitation_accepted"
    title = "This person has a sign-in account already"


class NoAddressError(ConflictError):
    code = "no_address"
    title = "This person has no e-mail address yet"


class UserClosedError(ConflictError):
    code = "user_closed"
    title = "This person's account is closed: open it first"


class BeyondOfficesError(ForbiddenError):
    code = "beyond_own_offices"
    detail = "Managers invite learners to their own offices, with themselves as manager or nobody."


class InvitationService(Service):
    def __init__(
        self,
        database: Database,
        context: RequestContext,
        auth: AuthAdmin,
        *,
        adds_words: bool,
    ) -> None:
        super().__init__(database, context)
        self._auth = auth
        self._adds_words = adds_words

    async def enter(self, payload: UserCreate) -> Answer[UserRead]:
        """Make the row alone. Whoever has an address claims it, or is invited later."""
        async with self.work() as uow:
            user = await self._newcomer(uow, payload)
            after = {"email": user.email, "full_name": user.full_name, "role": user.role}
            await uow.audit(AuditAction.USER_CREATED, user, after=after)
            return await uow.answer(user_answer(user, created=True))

    async def invite(self, payload: UserInvite) -> Answer[UserRead]:
        """Invite by email through the Auth service, then make the row.

        An address that already has a sign-in account gets its row all the same: its owner claims
        it with the confirmed address.
        """
        await self._look_before_inviting(payload)
        account = await self._account(payload.email, payload.full_name)
        async with self.work() as uow:
            user = await self._invited(uow, payload, account.id if account else None)
            return await uow.answer(user_answer(user, created=True))

    async def invite_again(self, user_id: uuid.UUID) -> Answer[UserRead]:
        """Send the invitation once more, to whoever has not signed in yet or lost their account."""
        user = await self.seen_user(user_id)
        async with self.reading() as uow:
            await self._check_bounds(uow, user.role, Oversight(user.location_id, None))
        if not user.is_active:
            raise UserClosedError
        if user.email is None:
            raise NoAddressError
        known = await self._auth.get_user(user.supabase_id) if user.supabase_id else None
        if known is not None and known.email_confirmed:
            raise InvitationAcceptedError
        if user.supabase_id is not None and known is None:
            await self._forget_account(user)
        account = await self._account(user.email, user.full_name)
        if account is None:
            raise InvitationAcceptedError
        async with self.work() as uow:
            row = await self._still(uow, user)
            before = {"supabase_id": row.supabase_id}
            row.supabase_id = account.id
            row.email_confirmed = False
            await uow.users.save(row)
            after = {"supabase_id": row.supabase_id}
            await uow.audit(AuditAction.USER_REINVITED, row, before=before, after=after)
            return await uow.answer(user_answer(row))

    async def _account(self, email: str, full_name: str | None) -> AuthUser | None:
        """Have the invitation mailed; return None when the address has an account already."""
        await remove_account_of(self._database, self._auth, email)
        async with claimed(self._database, email, INVITATION_CLAIM, keep=True):
            account = await self._auth.invite(email, full_name)
        if account is not None:
            await self._refuse_given_up(account)
        return account

    async def _refuse_given_up(self, account: AuthUser) -> None:
        """Auth may have told of it only now. Once it is removed, its person would be closed."""
        async with UnitOfWork(self._database, SYSTEM, reads=True) as uow:
            if await uow.account_removals.holds(account.id):
                raise AuthUnavailableError

    async def _forget_account(self, user: User) -> None:
        """Clear the deleted account before another is made.

        If this request fails later, the person can still claim the row with the new account, and
        the next reconciliation does not close it.
        """
        context = replace(self._context, idempotency=None)
        async with UnitOfWork(self._database, context) as uow:
            row = await self._still(uow, user)
            if row.supabase_id == user.supabase_id:
                await forget_account_of(uow, row)

    async def _still(self, uow: UnitOfWork, seen: User) -> User:
        """Lock the row, if it still has the address that the invitation went to."""
        row = await uow.users.get_visible(seen.id, self.actor, lock=True)
        if row is None or (row.email, row.is_active) != (seen.email, True):
            raise PreconditionFailedError
        await self._check_bounds(uow, row.role, Oversight(row.location_id, None))
        return row

    async def _check_bounds(self, uow: UnitOfWork, role: Role, oversight: Oversight) -> None:
        offices = await uow.locations.offices_of(self.actor)
        if not may_invite(self.actor, role, oversight, offices):
            raise BeyondOfficesError

    async def _look_before_inviting(self, payload: UserInvite) -> None:
        """Refuse or replay the request now, because later a mail would already have been sent."""
        async with UnitOfWork(self._database, SYSTEM, reads=True) as uow:
            await self._check_bounds(uow, payload.role, _oversight(payload))
            await check_references(uow, payload, None)
            if not self._adds_words:
                await held_words(uow, payload, add=False)
            await uow.replay(self._context)
            await _refuse_taken(uow, payload)

    async def _invited(
        self, uow: UnitOfWork, payload: UserInvite, account_id: uuid.UUID | None
    ) -> User:
        await self._check_bounds(uow, payload.role, _oversight(payload))
        user = await self._newcomer(uow, payload, account_id)
        after = {"email": user.email, "role": user.role, "location_id": user.location_id}
        await uow.audit(AuditAction.USER_INVITED, user, after=after)
        return user

    async def _newcomer(
        self,
        uow: UnitOfWork,
        payload: UserCreate | UserInvite,
        account_id: uuid.UUID | None = None,
    ) -> User:
        # For an invitation a second time: rows may have changed while the Auth service sent it.
        await check_references(uow, payload, None)
        if payload.email is not None:
            await uow.users.lock_email(payload.email)
        await _refuse_taken(uow, payload)
        words = await held_words(uow, payload, add=self._adds_words)
        department, job_title = given(words.department), given(words.job_title)
        user = User(
            supabase_id=account_id,
            email=payload.email,
            full_name=payload.full_name,
            role=payload.role,
            employee_number=payload.employee_number,
            worker_kind=payload.worker_kind,
            department_id=department.id if department else None,
            location_id=payload.location_id,
            job_title_id=job_title.id if job_title else None,
            hired_on=payload.hired_on,
            manager_id=payload.manager_id,
        )
        await uow.users.reread(await uow.users.add(user))
        await reconcile_newcomer(uow, user.id)
        return user


def _oversight(payload: UserInvite) -> Oversight:
    return Oversight(payload.location_id, payload.manager_id)


async def _refuse_taken(uow: UnitOfWork, payload: UserCreate | UserInvite) -> None:
    if payload.email is not None and await uow.users.active_by_email(payload.email) is not None:
        raise EmailInUseError
    number = payload.employee_number
    if number is not None and await uow.users.active_by_number(number) is not None:
        raise EmployeeNumberTakenError
