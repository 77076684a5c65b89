"""The staff directory."""

import uuid
from dataclasses import replace

from pydantic import MISSING

from app.core.concurrency import Precondition
from app.core.database import Database
from app.core.email_domain import comparable_email
from app.core.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidPayloadError,
)
from app.core.pagination import PageRequest
from app.domain.actor import Role
from app.domain.audit import AuditAction
from app.domain.people.access import takes_own_access
from app.domain.people.hire import hire_fault
from app.domain.people.manager_change import Oversight
from app.domain.people.name import Naming
from app.integrations.auth_admin import AuthAdmin
from app.models import User
from app.repositories.people.user import UserFilter
from app.schemas.base import ListOf, given
from app.schemas.people.user import (
    MyselfRead,
    ProfileUpdate,
    UserCreate,
    UserInvite,
    UserRead,
    UserUpdate,
)
from app.services.answer import Answer
from app.services.base import Service, apply, found, listed
from app.services.compliance.reconciliation import reconcile
from app.services.context import RequestContext
from app.services.people.account_sync import forget_account, lost_account
from app.services.people.held_positions import end_positions
from app.services.people.held_words import held_words, move
from app.services.people.manager_change import edit_manager, manager_fault
from app.services.people.name import OwnNameError, rename
from app.services.unit_of_work import UnitOfWork
from app.services.word import listed_names

PROFILE_FIELDS = ("full_name", "profile_metadata")
DIRECTORY_FIELDS = (
    "full_name",
    "name_aliases",
    "employee_number",
    "worker_kind",
    "location_id",
    "hired_on",
    "manager_id",
    "role",
    "is_active",
)
EMPLOYMENT_FIELDS = {
    *("department", "location_id", "job_title", "hired_on"),
    *("role", "worker_kind", "is_active"),
}


class OwnAccessError(ForbiddenError):
    code = "own_access"
    detail = "You cannot take away your own role or close your account."


class LastAdminError(ConflictError):
    code = "last_admin"
    title = "Nobody would be an admin any more"
    detail = "Make somebody else admin first."


class EmployeeNumberTakenError(ConflictError):
    code = "employee_number_taken"
    title = "Another active person has this employee number"


class AccountInUseError(ConflictError):
    code = "account_in_use"
    title = "Another person has the sign-in account of this address"
    detail = "It may be somebody whose account here is closed: open it again instead."


class AccountMissingError(ConflictError):
    code = "no_account"
    title = "This person has no sign-in account yet"


class UserService(Service):
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

    async def me(self) -> Answer[MyselfRead]:
        async with self.reading() as uow:
            return Answer(MyselfRead.of(await self.visible_user(uow, self.actor.id)))

    async def sync(self) -> Answer[UserRead]:
        """Return the actor's row, which authentication has already made or updated."""
        async with self.autocommit() as uow:
            user = found(await uow.users.by_id(self.actor.id), "user")
            return await uow.answer(user_answer(user))

    async def get(self, user_id: uuid.UUID) -> Answer[UserRead]:
        async with self.reading() as uow:
            return user_answer(await self.visible_user(uow, user_id))

    async def list(self, filters: UserFilter, request: PageRequest) -> ListOf[UserRead]:
        async with self.reading() as uow:
            departments, strange = await listed_names(
                uow, uow.departments, filters.departments, "query:department"
            )
            titles, stranger = await listed_names(
                uow, uow.job_titles, filters.job_titles, "query:job_title"
            )
            if faults := [*strange, *stranger]:
                raise InvalidPayloadError(faults)
            filters = replace(filters, departments=tuple(departments), job_titles=tuple(titles))
            page = await uow.users.list_visible(self.actor, filters, request)
            return listed(page, UserRead.of)

    async def update_me(
        self, payload: ProfileUpdate, precondition: Precondition
    ) -> Answer[MyselfRead]:
        async with self.work() as uow:
            user = await self._locked(uow, self.actor.id, precondition)
            known = user.naming
            before, after = apply(user, payload, PROFILE_FIELDS)
            if "full_name" in after:
                await rename(uow, user, known, before, after)
            await self._save(uow, user, before, after)
            return Answer(MyselfRead.of(user))

    async def update(
        self, user_id: uuid.UUID, payload: UserUpdate, precondition: Precondition
    ) -> Answer[UserRead]:
        lost = await self._lost_account(user_id) if payload.is_active is True else None
        async with self.work() as uow:
            user = await self._locked(uow, user_id, precondition)
            self._refuse_own_demotion(user, payload)
            await check_references(uow, payload, user_id)
            self._refuse_own_aliases(user, payload)
            words = await held_words(uow, payload, add=self._adds_words)
            known, held = user.naming, Oversight(user.location_id, user.manager_id)
            before, after = apply(user, payload, DIRECTORY_FIELDS)
            if payload.full_name is not MISSING:
                await rename(uow, user, known, before, after)
            if payload.manager_id is MISSING:
                edit_manager(user, held, before, after)
            if after.get("is_active"):
                await _check_workplace(uow, user)
                await _start_anew(uow, user)
                forget_account(user, lost, before, after)
            move(user, words, before, after)
            await self._save(uow, user, before, after)
            return user_answer(user)

    async def sign_out(self, user_id: uuid.UUID) -> Answer[UserRead]:
        """End all sessions of a person; tokens already issued are good until they expire."""
        user = await self.seen_user(user_id)
        if user.supabase_id is None or not await self._auth.sign_out(user.supabase_id):
            raise AccountMissingError
        async with self.work() as uow:
            row = found(await uow.users.by_id(user.id), "user")
            await uow.audit(AuditAction.USER_SIGNED_OUT, row)
            return await uow.answer(user_answer(row))

    async def confirm_name(
        self, user_id: uuid.UUID, precondition: Precondition
    ) -> Answer[UserRead]:
        """Confirm the name that a person gave themselves: from now on it counts."""
        async with self.work() as uow:
            user = await self._locked(uow, user_id, precondition)
            if user.id == self.actor.id:
                raise OwnNameError
            if not user.name_confirmed:
                before, after = user.directory_name, user.full_name
                user.naming = Naming(user.full_name)
                await uow.users.save(user)
                await uow.audit(
                    AuditAction.USER_NAME_CONFIRMED,
                    user,
                    before={"directory_name": before},
                    after={"directory_name": after},
                )
            return await uow.answer(user_answer(user))

    async def promote(self, email: str, role: Role) -> UserRead:
        """Set a role from the command line, for the first admin above all."""
        async with self.work() as uow:
            address = comparable_email(email)
            user = found(await uow.users.active_by_email(address, lock=True), "user")
            before, after = {"role": user.role}, {"role": role}
            user.role = role
            await uow.audit(AuditAction.USER_PROMOTED, user, before=before, after=after)
            await uow.users.save(user)
            await reconcile(uow, [user.id])
            if before["role"] is Role.ADMIN and not await uow.users.has_admin():
                raise LastAdminError
            return UserRead.of(user)

    async def _locked(
        self, uow: UnitOfWork, user_id: uuid.UUID, precondition: Precondition
    ) -> User:
        user = await self.visible_user(uow, user_id, lock=True)
        precondition.require(user.etag)
        return user

    async def _save(
        self, uow: UnitOfWork, user: User, before: dict[str, object], after: dict[str, object]
    ) -> None:
        if after:
            await uow.users.save(user)
            if "manager_id" in after:
                await uow.manager_changes.overtake(user.id, await uow.employment.today_of(user.id))
            await uow.audit(AuditAction.USER_UPDATED, user, before=before, after=after)
            if after.keys() & EMPLOYMENT_FIELDS:
                await reconcile(uow, [user.id])

    async def _lost_account(self, user_id: uuid.UUID) -> uuid.UUID | None:
        async with self.reading() as uow:
            user = await self.visible_user(uow, user_id)
        return await lost_account(self._auth, user)

    def _refuse_own_demotion(self, user: User, payload: UserUpdate) -> None:
        refuse_own_access(
            self.actor.id,
            user.id,
            is_active=user.is_active if payload.is_active is MISSING else payload.is_active,
            before=user.role,
            after=user.role if payload.role is MISSING else payload.role,
        )

    def _refuse_own_aliases(self, user: User, payload: UserUpdate) -> None:
        if payload.name_aliases is not MISSING and user.id == self.actor.id:
            raise OwnNameError


def refuse_own_access(
    actor_id: uuid.UUID | None, user_id: uuid.UUID, *, is_active: bool, before: Role, after: Role
) -> None:
    """Raise OwnAccessError. Every change of a role or of an account's state has to call this."""
    if takes_own_access(actor_id, user_id, is_active=is_active, before=before, after=after):
        raise OwnAccessError


def user_answer(user: User, *, created: bool = False) -> Answer[UserRead]:
    return Answer(UserRead.of(user), created)


async def check_references(
    uow: UnitOfWork, payload: UserUpdate | UserCreate | UserInvite, user_id: uuid.UUID | None
) -> None:
    errors = []
    location_id, manager_id = given(payload.location_id), given(payload.manager_id)
    if location_id is not None and not await uow.locations.holds(location_id):
        errors.append(FieldError("/location_id", "unknown_location", "No such location"))
    faults = (
        await manager_fault(uow, manager_id, user_id),
        hire_fault(given(payload.hired_on), await uow.requirements.organisation_day()),
    )
    errors += [fault for fault in faults if fault]
    if errors:
        raise InvalidPayloadError(errors)


async def _start_anew(uow: UnitOfWork, user: User) -> None:
    held = await uow.employment.in_force(user.id, await uow.employment.today_of(user.id))
    if held is not None:
        await end_positions(uow, user.id, held.effective_on)


async def _check_workplace(uow: UnitOfWork, user: User) -> None:
    """Refuse to let somebody back in at a location that was deleted since."""
    if user.location_id is not None and not await uow.locations.holds(user.location_id):
        detail = "This person's location was deleted: name another"
        raise InvalidPayloadError.at("/location_id", "unknown_location", detail)
