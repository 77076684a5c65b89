from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from devstack.auth.schemas import Metadata, User


@dataclass(frozen=True, kw_only=True)
class NewUser:
    id: UUID
    email: str
    encrypted_password: str | None = None
    role: str = "authenticated"
    email_confirmed_at: datetime | None = None
    invited_at: datetime | None = None
    banned_until: datetime | None = None
    app_metadata: Metadata = field(default_factory=dict)
    user_metadata: Metadata = field(default_factory=dict)
    sso_provider: UUID | None = None
    """Whose identity provider it is: such an account has no password, and shares no address."""


@dataclass(frozen=True, kw_only=True)
class UserChanges:
    """`None` leaves a column as it is; metadata is merged, and a null member removed."""

    email: str | None = None
    encrypted_password: str | None = None
    role: str | None = None
    email_confirmed_at: datetime | None = None
    banned_until: datetime | None = None
    app_metadata: Metadata | None = None
    user_metadata: Metadata | None = None
    email_change: str | None = None


_SELECT: Final = "SELECT *, auth.factors_of(id) AS factors FROM auth.users"


class Users:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def get(self, user_id: UUID) -> User | None:
        return _user(await self._pool.fetchrow(f"{_SELECT} WHERE id = $1", user_id))

    async def by_email(self, email: str) -> User | None:
        """Never find an account of SSO: nothing that takes an address reaches one."""
        query = f"{_SELECT} WHERE email = lower($1) AND NOT is_sso_user"
        return _user(await self._pool.fetchrow(query, email))

    async def changing_to(self, email: str) -> User | None:
        query = f"{_SELECT} WHERE email_change = lower($1)"
        return _user(await self._pool.fetchrow(query, email))

    async def page(self, number: int, size: int) -> tuple[list[User], int]:
        """Return a page, newest first, and the total. Accounts of one instant come in no order."""
        rows = await self._pool.fetch(
            f"{_SELECT} ORDER BY created_at DESC LIMIT $1 OFFSET $2",
            size,
            (number - 1) * size,
        )
        total = await self._pool.fetchval("SELECT count(*) FROM auth.users")
        return [User.model_validate(dict(row)) for row in rows], total

    async def create(self, new: NewUser) -> User | None:
        """`None` when the email address or the id is taken."""
        query = """
            INSERT INTO auth.users (id, email, encrypted_password, role, email_confirmed_at,
                invited_at, banned_until, raw_app_meta_data, raw_user_meta_data, is_sso_user)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT DO NOTHING RETURNING *, auth.factors_of(id) AS factors
        """
        name = f"sso:{new.sso_provider}" if new.sso_provider else "email"
        provider: Mapping[str, object] = {"provider": name, "providers": [name]}
        row = await self._pool.fetchrow(
            query,
            new.id,
            new.email,
            new.encrypted_password,
            new.role,
            new.email_confirmed_at,
            new.invited_at,
            new.banned_until,
            {**provider, **new.app_metadata},
            new.user_metadata,
            new.sso_provider is not None,
        )
        return _user(row)

    async def update(self, user_id: UUID, changes: UserChanges) -> User | None:
        """Raise `asyncpg.UniqueViolationError` when the email address is taken."""
        query = """
            UPDATE auth.users SET
                email = coalesce($2, email),
                encrypted_password = coalesce($3, encrypted_password),
                role = coalesce($4, role),
                email_confirmed_at = coalesce($5, email_confirmed_at),
                banned_until = coalesce($6, banned_until),
                email_change = coalesce($9, email_change),
                email_change_confirm_status =
                    CASE WHEN $9 IS NULL THEN email_change_confirm_status ELSE 0 END,
                raw_app_meta_data = (SELECT coalesce(jsonb_object_agg(key, value), '{}')
                    FROM jsonb_each(raw_app_meta_data || $7) WHERE value <> 'null'),
                raw_user_meta_data = (SELECT coalesce(jsonb_object_agg(key, value), '{}')
                    FROM jsonb_each(raw_user_meta_data || $8) WHERE value <> 'null'),
                updated_at = now()
            WHERE id = $1 AND deleted_at IS NULL RETURNING *, auth.factors_of(id) AS factors
        """
        row = await self._pool.fetchrow(
            query,
            user_id,
            changes.email,
            changes.encrypted_password,
            changes.role,
            changes.email_confirmed_at,
            changes.banned_until,
            changes.app_metadata or {},
            changes.user_metadata or {},
            changes.email_change,
        )
        return _user(row)

    async def confirm_email_change(self, user_id: UUID, now: datetime) -> User | None:
        """Count a confirmation; with the second one, of the other mail, the address changes.

        Raise `asyncpg.UniqueViolationError` when somebody has taken it meanwhile.
        """
        query = """
            UPDATE auth.users SET
                email_change_confirm_status = 1 - email_change_confirm_status,
                email = CASE email_change_confirm_status WHEN 1 THEN email_change ELSE email END,
                email_change = CASE email_change_confirm_status WHEN 0 THEN email_change END,
                email_confirmed_at = coalesce(email_confirmed_at, $2),
                updated_at = now()
            WHERE id = $1 AND email_change IS NOT NULL RETURNING *, auth.factors_of(id) AS factors
        """
        return _user(await self._pool.fetchrow(query, user_id, now))

    async def made_at(self, instant: datetime) -> None:
        """Have all accounts been made at one instant, as an import makes them."""
        await self._pool.execute("UPDATE auth.users SET created_at = $1", instant)

    async def delete(self, user_id: UUID) -> bool:
        query = "DELETE FROM auth.users WHERE id = $1 RETURNING id"
        return await self._pool.fetchval(query, user_id) is not None

    async def soft_delete(self, user_id: UUID) -> bool:
        """Keep the row with a digest for its address, and end the sessions."""
        query = """
            WITH ended AS (DELETE FROM auth.sessions WHERE user_id = $1)
            UPDATE auth.users SET deleted_at = coalesce(deleted_at, now()), updated_at = now(),
                email = encode(sha256(convert_to(coalesce(email, '') || id, 'UTF8')), 'hex'),
                encrypted_password = NULL, raw_user_meta_data = '{}'
            WHERE id = $1 RETURNING id
        """
        return await self._pool.fetchval(query, user_id) is not None


def _user(row: asyncpg.Record | None) -> User | None:
    return User.model_validate(dict(row)) if row else None
