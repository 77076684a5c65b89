"""Second factors of accounts: secrets of authenticator apps, and what they were asked for."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import pyotp

CHALLENGE_LIFETIME: Final = timedelta(minutes=5)
_STEPS_OF_GRACE: Final = 1


@dataclass(frozen=True, slots=True)
class Factor:
    id: UUID
    user_id: UUID
    friendly_name: str
    status: str
    secret: str

    @property
    def is_verified(self) -> bool:
        return self.status == "verified"

    def accepts(self, code: str, now: datetime) -> bool:
        return pyotp.TOTP(self.secret).verify(code, for_time=now, valid_window=_STEPS_OF_GRACE)


class Factors:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def of(self, user_id: UUID) -> list[Factor]:
        rows = await self._pool.fetch(f"{_SELECT} WHERE user_id = $1", user_id)
        return [Factor(**row) for row in rows]

    async def get(self, factor_id: UUID, user_id: UUID) -> Factor | None:
        row = await self._pool.fetchrow(
            f"{_SELECT} WHERE id = $1 AND user_id = $2", factor_id, user_id
        )
        return Factor(**row) if row else None

    async def create(self, user_id: UUID, friendly_name: str, now: datetime) -> Factor:
        factor = Factor(uuid4(), user_id, friendly_name, "unverified", pyotp.random_base32())
        await self._pool.execute(
            "INSERT INTO auth.mfa_factors VALUES ($1, $2, $3, 'totp', $4, $5, $6, $6)",
            factor.id,
            user_id,
            friendly_name,
            factor.status,
            factor.secret,
            now,
        )
        return factor

    async def delete(self, factor: Factor) -> None:
        """Take it away, and the sessions that it had raised back to the first level."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("DELETE FROM auth.mfa_factors WHERE id = $1", factor.id)
            await connection.execute(
                "UPDATE auth.sessions SET aal = 'aal1', raised_at = NULL, factor_id = NULL"
                " WHERE factor_id = $1",
                factor.id,
            )

    async def challenge(self, factor: Factor, now: datetime) -> UUID:
        challenge_id = uuid4()
        await self._pool.execute(
            "INSERT INTO auth.mfa_challenges VALUES ($1, $2, $3)", challenge_id, factor.id, now
        )
        return challenge_id

    async def challenged_at(self, challenge_id: UUID, factor: Factor) -> datetime | None:
        query = "SELECT created_at FROM auth.mfa_challenges WHERE id = $1 AND factor_id = $2"
        instant: datetime | None = await self._pool.fetchval(query, challenge_id, factor.id)
        return instant

    async def verify(self, factor: Factor, session_id: UUID, now: datetime) -> str:
        """Raise the session to the second level and return its new refresh token.

        The person's sessions of the first level end, and so do the challenges; factors that were
        never verified go.
        """
        token = secrets.token_urlsafe(24)
        async with self._pool.acquire() as connection, connection.transaction():
            for statement, *arguments in (
                (_VERIFIED, factor.id, now),
                ("DELETE FROM auth.mfa_challenges WHERE factor_id = $1", factor.id),
                (_RAISED, session_id, factor.id, now),
                (_LOWER_ENDED, factor.user_id),
                (_UNVERIFIED_GONE, factor.user_id),
                (_REVOKED, session_id, now),
                (_RENEWED, token, session_id, now),
            ):
                await connection.execute(statement, *arguments)
        return token


_SELECT: Final = "SELECT id, user_id, friendly_name, status, secret FROM auth.mfa_factors"
_VERIFIED: Final = "UPDATE auth.mfa_factors SET status = 'verified', updated_at = $2 WHERE id = $1"
_RAISED: Final = (
    "UPDATE auth.sessions SET aal = 'aal2', factor_id = $2, raised_at = $3 WHERE id = $1"
)
_LOWER_ENDED: Final = "DELETE FROM auth.sessions WHERE user_id = $1 AND aal = 'aal1'"
_UNVERIFIED_GONE: Final = "DELETE FROM auth.mfa_factors WHERE user_id = $1 AND status <> 'verified'"
_REVOKED: Final = (
    "UPDATE auth.refresh_tokens SET revoked_at = $2 WHERE session_id = $1 AND revoked_at IS NULL"
)
_RENEWED: Final = (
    "INSERT INTO auth.refresh_tokens (token, session_id, created_at) VALUES ($1, $2, $3)"
)
