import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID, uuid4

import asyncpg

from devstack.auth.errors import Failure
from devstack.auth.schemas import TOKENS_OF, TokenType, VerifyType

REUSE_INTERVAL: Final = timedelta(seconds=10)
ONE_TIME_TOKEN_LIFETIME: Final = timedelta(hours=24)

_ADD_SUCCESSOR: Final = """
    INSERT INTO auth.refresh_tokens (token, session_id, created_at) VALUES ($1, $2, $3)
"""


@dataclass(frozen=True)
class Session:
    id: UUID
    user_id: UUID
    method: str
    created_at: datetime
    refresh_token: str

    @classmethod
    def begin(cls, user_id: UUID, method: str, now: datetime) -> Self:
        return cls(uuid4(), user_id, method, now, _new_token())


class Sessions:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def create(self, user_id: UUID, method: str, now: datetime) -> Session:
        session = Session.begin(user_id, method, now)
        await self.add(session)
        return session

    async def add(self, session: Session) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO auth.sessions (id, user_id, method, created_at)"
                " VALUES ($1, $2, $3, $4)",
                session.id,
                session.user_id,
                session.method,
                session.created_at,
            )
            await connection.execute(
                _ADD_SUCCESSOR, session.refresh_token, session.id, session.created_at
            )
            await connection.execute(
                "UPDATE auth.users SET last_sign_in_at = $2 WHERE id = $1",
                session.user_id,
                session.created_at,
            )

    async def of(self, token: str) -> Session | None:
        """Return the session of a refresh token, which stays as it is."""
        query = "SELECT s.* FROM auth.sessions s JOIN auth.refresh_tokens r ON r.session_id = s.id"
        row = await self._pool.fetchrow(f"{query} WHERE r.token = $1", token)
        return Session(**row, refresh_token=token) if row else None

    async def refresh(self, token: str, now: datetime) -> Session | Failure:
        """Exchange a refresh token; the row lock on its session settles concurrent exchanges.

        Within `REUSE_INTERVAL` of its exchange an old token leads to the successor again, so that
        tabs refreshing at once agree. After it, reuse is a sign of theft and ends the session.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            session = await connection.fetchrow(
                "SELECT * FROM auth.sessions WHERE id ="
                " (SELECT session_id FROM auth.refresh_tokens WHERE token = $1) FOR UPDATE",
                token,
            )
            if session is None:
                return Failure.REFRESH_TOKEN_NOT_FOUND
            revoked_at = await connection.fetchval(
                "SELECT revoked_at FROM auth.refresh_tokens WHERE token = $1", token
            )
            if revoked_at is None:
                successor = await _replace(connection, session["id"], token, now)
            elif now - revoked_at <= REUSE_INTERVAL:
                successor = await _active_token(connection, session["id"])
            else:
                await connection.execute("DELETE FROM auth.sessions WHERE id = $1", session["id"])
                return Failure.REFRESH_TOKEN_ALREADY_USED
        return Session(**session, refresh_token=successor)

    async def exists(self, session_id: UUID) -> bool:
        query = "SELECT EXISTS (SELECT FROM auth.sessions WHERE id = $1)"
        return bool(await self._pool.fetchval(query, session_id))

    async def end(self, session_id: UUID) -> None:
        await self._pool.execute("DELETE FROM auth.sessions WHERE id = $1", session_id)

    async def end_all(self, user_id: UUID, *, keep: UUID | None = None) -> None:
        await self._pool.execute(
            "DELETE FROM auth.sessions WHERE user_id = $1 AND id IS DISTINCT FROM $2", user_id, keep
        )


class OneTimeTokens:
    """The secrets in invitation and recovery messages; the latest one of a kind is valid."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def create(self, user_id: UUID, kind: TokenType, now: datetime) -> str:
        query = """
            INSERT INTO auth.one_time_tokens (token_hash, user_id, token_type, created_at)
            VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, token_type)
            DO UPDATE SET token_hash = excluded.token_hash, created_at = excluded.created_at
        """
        token_hash = secrets.token_hex(28)
        await self._pool.execute(query, token_hash, user_id, kind, now)
        return token_hash

    async def consume(self, token_hash: str, kind: VerifyType, now: datetime) -> UUID | None:
        query = """
            DELETE FROM auth.one_time_tokens WHERE token_hash = $1 AND token_type = ANY ($2)
            RETURNING user_id, created_at
        """
        row = await self._pool.fetchrow(query, token_hash, TOKENS_OF[kind])
        if row is None or now - row["created_at"] > ONE_TIME_TOKEN_LIFETIME:
            return None
        user_id: UUID = row["user_id"]
        return user_id


async def _replace(
    connection: asyncpg.pool.PoolConnectionProxy, session_id: UUID, token: str, now: datetime
) -> str:
    await connection.execute(
        "UPDATE auth.refresh_tokens SET revoked_at = $2 WHERE token = $1", token, now
    )
    successor = _new_token()
    await connection.execute(_ADD_SUCCESSOR, successor, session_id, now)
    return successor


async def _active_token(connection: asyncpg.pool.PoolConnectionProxy, session_id: UUID) -> str:
    query = "SELECT token FROM auth.refresh_tokens WHERE session_id = $1 AND revoked_at IS NULL"
    return str(await connection.fetchval(query, session_id))


def _new_token() -> str:
    return secrets.token_urlsafe(24)
