import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from itertools import count
from typing import Any, Final
from uuid import UUID

import jwt
from starlette.requests import Request

from app.core.clock import Clock
from devstack.auth.errors import AuthError, Failure
from devstack.auth.keys import SigningKeys
from devstack.auth.passwords import MIN_LENGTH, hash_password
from devstack.auth.schemas import TokenType, User
from devstack.auth.sessions import Session
from devstack.auth.store import AuthStore
from devstack.guard import bearer_token, presented_key, same_key

AUDIENCE: Final = "authenticated"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Message:
    """What Supabase would send by mail: `token_hash` is for `POST /verify`."""

    email: str
    kind: TokenType
    token_hash: str


def log_message(message: Message) -> None:
    _logger.info("%s for %s: token_hash=%s", message.kind, message.email, message.token_hash)


@dataclass(frozen=True)
class Caller:
    user: User
    session_id: UUID


@dataclass(frozen=True)
class AuthService:
    store: AuthStore
    keys: SigningKeys
    issuer: str
    service_key: str = field(repr=False)
    access_token_seconds: int
    now: Clock
    deliver: Callable[[Message], None]
    _signed: Iterator[int] = field(default_factory=count)

    async def sign_in(self, user: User, method: str) -> dict[str, Any]:
        session = await self.store.sessions.create(user.id, method, self.now())
        current = await self.store.users.get(user.id) or user
        return self.session_json(current, session)

    def session_json(self, user: User, session: Session) -> dict[str, Any]:
        expires_at = self.now() + timedelta(seconds=self.access_token_seconds)
        claims = self._claims(user, session) | {"exp": int(expires_at.timestamp())}
        return {
            "access_token": self.keys.sign(claims),
            "token_type": "bearer",
            "expires_in": self.access_token_seconds,
            "expires_at": claims["exp"],
            "refresh_token": session.refresh_token,
            "user": user.to_json(),
        }

    def _claims(self, user: User, session: Session) -> dict[str, Any]:
        signed_in_at = int(session.created_at.timestamp())
        return {
            "iss": self.issuer,
            # With a hook for access tokens, the first one after a start has an array.
            "aud": user.aud if next(self._signed) else [user.aud],
            "sub": str(user.id),
            "iat": int(self.now().timestamp()),
            "role": user.role,
            "aal": "aal1",
            "amr": [{"method": session.method, "timestamp": signed_in_at}],
            "session_id": str(session.id),
            "email": user.email or "",
            "phone": "",
            "is_anonymous": False,
            "app_metadata": user.raw_app_meta_data,
            "user_metadata": user.raw_user_meta_data,
        }

    async def caller(self, request: Request) -> Caller:
        """Raise 401 without a bearer token, 403 for one that is not in force."""
        token = bearer_token(request)
        if token is None:
            raise AuthError(Failure.NO_AUTHORIZATION)
        claims = self._verify(token)
        user = await self.store.users.get(UUID(claims["sub"]))
        if user is None:
            message = "User from sub claim in JWT does not exist"
            raise AuthError(Failure.USER_NOT_FOUND, message, status=HTTPStatus.FORBIDDEN)
        session_id = UUID(claims["session_id"])
        if not await self.store.sessions.exists(session_id):
            raise AuthError(Failure.SESSION_NOT_FOUND)
        if user.is_banned(self.now()):
            raise AuthError(Failure.USER_BANNED, status=HTTPStatus.FORBIDDEN)
        return Caller(user, session_id)

    def _verify(self, token: str) -> dict[str, Any]:
        try:
            return self.keys.verify(token, issuer=self.issuer, audience=AUDIENCE)
        except jwt.InvalidTokenError as error:
            raise AuthError(Failure.BAD_JWT) from error

    def require_service_key(self, request: Request) -> None:
        presented = presented_key(request)
        if not presented:
            raise AuthError(Failure.NO_AUTHORIZATION)
        if not same_key(presented, self.service_key):
            raise AuthError(Failure.NOT_ADMIN)

    async def one_time_token(self, user: User, kind: TokenType) -> str:
        return await self.store.one_time_tokens.create(user.id, kind, self.now())

    async def send_one_time_token(self, user: User, kind: TokenType) -> None:
        self.deliver(Message(user.email or "", kind, await self.one_time_token(user, kind)))


async def hash_new_password(password: str) -> str:
    if len(password) < MIN_LENGTH:
        raise AuthError(Failure.WEAK_PASSWORD, weak_password={"reasons": ["length"]})
    return await hash_password(password)
