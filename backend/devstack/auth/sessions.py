import secrets
from collections.abc import Sequence
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
    INSERT INTO auth.refresh_tokens (token, session_id, created_at, parent) VALUES ($1, $2, $3, $4)
"""
_SESSION: Final = (
    "SELECT s.id, s.user_id, s.method, s.created_at, s.aal, s.raised_at FROM auth.sessions s"
)
_EXCHANGED: Final = "(SELECT session_id FROM auth.refresh_tokens WHERE token = $1)"
_CONSUME: Final = "DELETE FROM auth.one_time_tokens WHERE"


@dataclass(frozen=True)
class Session:
    id: UUID
    user_id: UUID
    method: str
    created_at: datetime
    refresh_token: str
    aal: str = "aal1"
    raised_at: datetime | None = None
    """When a second factor raised it to `aal2`."""

    @property
    def amr(self) -> list[dict[str, object]]:
        """Return the claim: how the person has shown who they are, the last way first."""
        ways = [("totp", self.raised_at), (self.method, self.created_at)]
        return [
            {"method": method, "timestamp": int(instant.timestamp())}
            for method, instant in ways
            if instant is not None
        ]

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
                _ADD_SUCCESSOR, session.refresh_token, session.id, session.created_at, None
            )
            await connection.execute(
                "UPDATE auth.users SET last_sign_in_at = $2 WHERE id = $1",
                session.user_id,
                session.created_at,
            )

    async def of(self, token: str) -> Session | None:
        """Return the session of a refresh token, which stays as it is."""
        row = await self._pool.fetchrow(
            f"{_SESSION} JOIN auth.refresh_tokens r ON r.session_id = s.id WHERE r.token = $1",
            token,
        )
        return Session(**row, refresh_token=token) if row else None

    async def refresh(self, token: str, now: datetime) -> Session | Failure:
        """Exchange a refresh token; the row lock on its session settles concurrent exchanges.

        The parent of the token in force leads to it again at any time, since its client may never
        have got the answer; earlier ones do within `REUSE_INTERVAL` of their exchange. After it,
        reuse is a sign of theft and ends the session.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            session = await connection.fetchrow(
                f"{_SESSION} WHERE id = {_EXCHANGED} FOR UPDATE",
                token,
            )
            if session is None:
                return Failure.REFRESH_TOKEN_NOT_FOUND
            revoked_at = await connection.fetchval(
                "SELECT revoked_at FROM auth.refresh_tokens WHERE token = $1", token
            )
            if revoked_at is None:
                successor = await _replace(connection, session["id"], token, now)
            elif now - revoked_at <= REUSE_INTERVAL or await _is_parent(connection, token):
                successor = await _active_token(connection, session["id"])
            else:
                await connection.execute("DELETE FROM auth.sessions WHERE id = $1", session["id"])
                return Failure.REFRESH_TOKEN_ALREADY_USED
        return Session(**session, refresh_token=successor)

    async def get(self, session_id: UUID) -> Session | None:
        query = f"{_SESSION} WHERE id = $1"
        row = await self._pool.fetchrow(query, session_id)
        return Session(**row, refresh_token="") if row else None

    async def end(self, session_id: UUID) -> None:
        await self._pool.execute("DELETE FROM auth.sessions WHERE id = $1", session_id)

    async def end_all(self, user_id: UUID, *, keep: UUID | None = None) -> None:
        await self._pool.execute(
            "DELETE FROM auth.sessions WHERE user_id = $1 AND id IS DISTINCT FROM $2", user_id, keep
        )


@dataclass(frozen=True)
class OneTimeToken:
    """What a mail carries: a link by `token_hash`, and a code for those who type."""

    token_hash: str
    otp: str


class OneTimeTokens:
    """The secrets in mails; the latest one of a kind is valid."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def create(
        self, user_id: UUID, kind: TokenType, now: datetime, digits: int
    ) -> OneTimeToken:
        query = """
            INSERT INTO auth.one_time_tokens (token_hash, user_id, token_type, created_at, otp)
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id, token_type)
            DO UPDATE SET token_hash = excluded.token_hash, created_at = excluded.created_at,
                          otp = excluded.otp
        """
        made = OneTimeToken(secrets.token_hex(28), f"{secrets.randbelow(10**digits):0{digits}}")
        await self._pool.execute(query, made.token_hash, user_id, kind, now, made.otp)
        return made

    async def sent_at(self, user_id: UUID, kind: TokenType) -> datetime | None:
        """Return when the one was made that waits to be used."""
        query = "SELECT created_at FROM auth.one_time_tokens WHERE user_id = $1 AND token_type = $2"
        instant: datetime | None = await self._pool.fetchval(query, user_id, kind)
        return instant

    async def consume(self, token_hash: str, kind: VerifyType, now: datetime) -> UUID | None:
        condition = "token_hash = $1 AND token_type = ANY ($2)"
        return await self._consume(condition, now, token_hash, TOKENS_OF[kind])

    async def consume_code(
        self, user_id: UUID, otp: str, kinds: Sequence[TokenType], now: datetime
    ) -> UUID | None:
        condition = "user_id = $1 AND otp = $2 AND token_type = ANY ($3)"
        return await self._consume(condition, now, user_id, otp, kinds)

    async def _consume(self, condition: str, now: datetime, *arguments: object) -> UUID | None:
        row = await self._pool.fetchrow(
            f"{_CONSUME} {condition} RETURNING user_id, created_at",
            *arguments,
        )
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
    await connection.execute(_ADD_SUCCESSOR, successor, session_id, now, token)
    return successor


async def _is_parent(connection: asyncpg.pool.PoolConnectionProxy, token: str) -> bool:
    query = (
        "SELECT EXISTS (SELECT FROM auth.refresh_tokens WHERE parent = $1 AND revoked_at IS NULL)"
    )
    return bool(await connection.fetchval(query, token))


async def _active_token(connection: asyncpg.pool.PoolConnectionProxy, session_id: UUID) -> str:
    query = "SELECT token FROM auth.refresh_tokens WHERE session_id = $1 AND revoked_at IS NULL"
    return str(await connection.fetchval(query, session_id))


def _new_token() -> str:
    return secrets.token_urlsafe(24)
