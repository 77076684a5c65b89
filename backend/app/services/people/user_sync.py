"""Turns verified claims into our own row: a first request finds, makes or replaces it."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from app.core.auth.security import Claims
from app.core.database import Database
from app.core.email_domain import comparable_email
from app.core.errors import ConflictError, ForbiddenError
from app.core.postgres.failure import constraint_name
from app.domain.actor import Actor, Role
from app.domain.audit import AuditAction
from app.domain.people.sign_up import may_sign_up
from app.integrations.auth_admin import AuthAdmin, AuthUnavailableError, AuthUser
from app.models import User
from app.repositories.people.user import Identity, find_identity
from app.schemas.people.user import UserRead
from app.services.compliance.reconciliation import reconcile, reconcile_newcomer
from app.services.context import RequestContext
from app.services.people.name import naming_of_newcomer
from app.services.unit_of_work import UnitOfWork


class UserInactiveError(ForbiddenError):
    code = "user_inactive"
    detail = "This account has been closed."


class EmailMissingError(ForbiddenError):
    code = "email_missing"
    detail = "Sign in with an account that has an email address."


class EmailNotConfirmedError(ForbiddenError):
    code = "email_not_confirmed"
    detail = "Confirm your email address, then sign in again."


class EmailNotAllowedError(ForbiddenError):
    """The address's domain is not allowed.

    The hook refuses such accounts before they are made; this is for accounts made without it.
    """

    code = "email_not_allowed"
    detail = "Please use the address that your employer gave you."


class EmailInUseError(ConflictError):
    code = "email_in_use"
    title = "Another active person has this email address"


LAST_ADMIN = "last_admin"
"""The database constraint that keeps at least one admin."""


@dataclass(frozen=True, slots=True)
class _AuthFacts:
    """What only the Auth service knows; it is asked before the transaction begins."""

    exists: bool
    confirmed: bool
    holder: uuid.UUID | None
    """The account of the row that had the address when the Auth service was asked."""

    holder_is_gone: bool


class UserSync:
    """Turns callers into actors. One per process: parallel first requests share the work."""

    def __init__(
        self,
        database: Database,
        auth: AuthAdmin,
        *,
        bootstrap_admin_email: str | None = None,
        sign_up_domains: Collection[str] = (),
    ) -> None:
        """`sign_up_domains` is empty where anybody may have an account."""
        self._database = database
        self._auth = auth
        self._bootstrap_admin = comparable_email(bootstrap_admin_email or "") or None
        self._sign_up_domains = frozenset(sign_up_domains)
        self._turns: defaultdict[uuid.UUID, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def actor(
        self, claims: Claims, request_id: str | None = None, *, admit_leavers: bool = False
    ) -> Actor:
        """Return who the caller is; make or mend their row when the token says something new.

        Raises UserInactiveError (403) for leavers, on every request, unless the route admits them.
        A leaver is then a learner, whatever they were before, and sees only what is their own.
        """
        identity = await self._identity(claims)
        self._refuse_moved_away(identity, claims)
        if identity is None or _is_outdated(identity, claims):
            identity = await self._in_turn(claims, RequestContext(request_id=request_id))
        if not identity.is_active:
            if not admit_leavers:
                raise UserInactiveError
            return Actor(identity.id, Role.LEARNER, merged_ids=identity.merged_ids)
        return Actor(identity.id, identity.role, identity.location_id, identity.merged_ids)

    def _refuse_moved_away(self, identity: Identity | None, claims: Claims) -> None:
        moved = identity is not None and identity.is_active and _is_moved(identity, claims)
        if moved and not self._may_have_account(claims.email):
            raise EmailNotAllowedError

    async def read(self, user_id: uuid.UUID) -> UserRead:
        async with UnitOfWork(self._database, RequestContext(), reads=True) as uow:
            user = await uow.users.by_id(user_id)
            if user is None:
                raise UserInactiveError
            return UserRead.of(user)

    async def _identity(self, claims: Claims) -> Identity | None:
        return await find_identity(self._database.read, claims.subject)

    async def _in_turn(self, claims: Claims, context: RequestContext) -> Identity:
        """Let parallel first requests of one person wait for each other without connections.

        This spares the pool only; between processes the database decides.
        """
        turn = self._turns[claims.subject]
        try:
            async with turn:
                identity = await self._identity(claims)
                if identity is None:
                    await self._admit(claims, context)
                elif _is_outdated(identity, claims):
                    await self._refresh(identity, claims, context)
                identity = await self._identity(claims)
        finally:
            if not turn.locked():
                self._turns.pop(claims.subject, None)
        if identity is None:
            raise UserInactiveError
        return identity

    async def _refresh(self, known: Identity, claims: Claims, context: RequestContext) -> None:
        confirmed = not known.email_confirmed and await self._is_confirmed_now(claims)
        async with UnitOfWork(self._database, context) as uow:
            user = await uow.users.by_supabase_id(claims.subject, lock=True)
            if user is None:
                return
            if user.last_sign_in is None or user.last_sign_in < claims.signed_in_at:
                user.last_sign_in = claims.signed_in_at
            await self._follow_email(uow, user, claims)
            if confirmed and user.email == claims.email and not user.email_confirmed:
                await _confirm(uow, user)

    async def _is_confirmed_now(self, claims: Claims) -> bool:
        try:
            account = await self._auth.get_user(claims.subject)
        except AuthUnavailableError:
            return False
        return _has_confirmed(account, claims.email)

    def _may_have_account(self, email: str | None) -> bool:
        return not self._sign_up_domains or may_sign_up(email, self._sign_up_domains)

    async def _follow_email(self, uow: UnitOfWork, user: User, claims: Claims) -> None:
        if claims.email is None or claims.email == user.email:
            return
        if user.email_as_of is not None and claims.issued_at <= user.email_as_of:
            return
        await uow.users.lock_email(claims.email)
        if await uow.users.active_by_email(claims.email) is not None:
            # Another person has the new address. The old one stays until an admin resolves it.
            return
        before = {"email": user.email}
        user.email = claims.email
        user.email_as_of = claims.issued_at
        after = {"email": user.email}
        await uow.audit(
            AuditAction.USER_EMAIL_CHANGED, user, before=before, after=after, actor_id=user.id
        )

    async def _admit(self, claims: Claims, context: RequestContext) -> None:
        """Find or make the row of a caller who is not known yet."""
        if claims.email is None:
            raise EmailMissingError
        if not self._may_have_account(claims.email):
            raise EmailNotAllowedError
        for _ in range(3):
            facts = await self._ask(claims, claims.email)
            if not facts.exists:
                # The account was deleted and only its tokens are still valid, so the person has
                # left.
                raise UserInactiveError
            try:
                async with UnitOfWork(self._database, context) as uow:
                    if await self._settle(uow, claims, claims.email, facts):
                        return
            except IntegrityError as error:
                if constraint_name(error) == LAST_ADMIN:
                    raise
                # Another process made the row between our query and our insert, so query again.
                continue
        raise EmailInUseError

    async def _ask(self, claims: Claims, email: str) -> _AuthFacts:
        async with UnitOfWork(self._database, RequestContext(), reads=True) as uow:
            if await uow.account_removals.holds(claims.subject):
                raise UserInactiveError
            row = await uow.users.active_by_email(email)
        holder = row.supabase_id if row else None
        account = await self._auth.get_user(claims.subject)
        gone = holder is not None and await self._auth.get_user(holder) is None
        return _AuthFacts(account is not None, _has_confirmed(account, email), holder, gone)

    async def _settle(self, uow: UnitOfWork, claims: Claims, email: str, facts: _AuthFacts) -> bool:
        """Make, claim or replace the row for the address.

        Returns False when another account has got the address since `facts` were asked for.
        """
        await uow.users.lock_email(email)
        if await uow.users.by_supabase_id(claims.subject) is not None:
            return True
        holder = await uow.users.active_by_email(email, lock=True)
        if holder is None:
            await self._create(uow, claims, email, facts)
            return True
        if holder.supabase_id != facts.holder:
            return False
        if not facts.confirmed:
            raise EmailNotConfirmedError
        if holder.supabase_id is None:
            await self._claim(uow, holder, claims)
        elif facts.holder_is_gone:
            await self._replace(uow, holder, claims, email, facts)
        else:
            raise EmailInUseError
        return True

    async def _create(self, uow: UnitOfWork, claims: Claims, email: str, facts: _AuthFacts) -> User:
        naming = await naming_of_newcomer(uow, claims.full_name)
        first_admin = facts.confirmed and email == self._bootstrap_admin
        user = await uow.users.add(
            User(
                supabase_id=claims.subject,
                email=email,
                full_name=naming.full_name,
                name_confirmed=naming.confirmed,
                role=Role.ADMIN if first_admin else Role.LEARNER,
                last_sign_in=claims.signed_in_at,
                email_as_of=claims.issued_at,
                email_confirmed=facts.confirmed,
            )
        )
        after = {"email": user.email, "role": user.role}
        await uow.audit(AuditAction.USER_CREATED, user, after=after, actor_id=user.id)
        await reconcile_newcomer(uow, user.id)
        return user

    async def _claim(self, uow: UnitOfWork, user: User, claims: Claims) -> None:
        user.supabase_id = claims.subject
        user.email_confirmed = True
        user.email_as_of = claims.issued_at
        if user.full_name is None:
            user.naming = await naming_of_newcomer(uow, claims.full_name)
        user.last_sign_in = claims.signed_in_at
        after = {"supabase_id": str(claims.subject)}
        await uow.audit(AuditAction.USER_CLAIMED, user, after=after, actor_id=user.id)

    async def _replace(
        self, uow: UnitOfWork, previous: User, claims: Claims, email: str, facts: _AuthFacts
    ) -> None:
        """Let a person in whose account was deleted and made again with the same address.

        The old row keeps its records and closes. Role and history do not follow: an address may
        have been given to somebody else.
        """
        previous.is_active = False
        await uow.users.save(previous)
        user = await self._create(uow, claims, email, facts)
        after = {"is_active": False, "replaced_by": str(user.id)}
        await uow.audit(
            AuditAction.USER_REPLACED,
            previous,
            before={"is_active": True},
            after=after,
            actor_id=user.id,
        )
        await reconcile(uow, [previous.id])


def _is_outdated(identity: Identity, claims: Claims) -> bool:
    if not identity.is_active:
        return False
    signed_in = identity.last_sign_in is None or identity.last_sign_in < claims.signed_in_at
    return signed_in or _is_moved(identity, claims)


def _is_moved(identity: Identity, claims: Claims) -> bool:
    """Whether the token tells a newer address than the row has; older tokens are ignored."""
    if claims.email is None or claims.email == identity.email:
        return False
    return identity.email_as_of is None or claims.issued_at > identity.email_as_of


def _has_confirmed(account: AuthUser | None, email: str | None) -> bool:
    return account is not None and account.email_confirmed and account.email == email


async def _confirm(uow: UnitOfWork, user: User) -> None:
    user.email_confirmed = True
    await uow.audit(
        AuditAction.USER_EMAIL_CONFIRMED,
        user,
        before={"email_confirmed": False},
        after={"email_confirmed": True},
        actor_id=user.id,
    )
