import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import count
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import jwt
from starlette.requests import Request

from app.core.clock import Clock
from app.core.ids import new_id
from devstack.auth.errors import AuthError, Failure
from devstack.auth.hooks import Hooks
from devstack.auth.keys import SigningKeys
from devstack.auth.passwords import hash_password
from devstack.auth.project import Project
from devstack.auth.schemas import MessageType, SentType, TokenType, User
from devstack.auth.sessions import OneTimeToken, Session
from devstack.auth.store import AuthStore
from devstack.auth.users import NewUser
from devstack.guard import bearer_token, local_origin, presented_key, same_key

AUDIENCE: Final = "authenticated"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Message:
    """What Supabase would send by mail: `token_hash` is for `/verify`.

    `redirect_to` is the page that the link of the mail leads to in the end; empty is the site.
    """

    email: str
    kind: MessageType
    token_hash: str
    redirect_to: str = ""
    otp: str = ""
    """The code for those who type instead of following the link."""


def log_message(message: Message) -> None:
    _logger.info(
        "%s for %s: token_hash=%s code=%s",
        message.kind,
        message.email,
        message.token_hash,
        message.otp,
    )


@dataclass(frozen=True)
class Caller:
    user: User
    session: Session

    @property
    def session_id(self) -> UUID:
        return self.session.id

    @property
    def aal(self) -> str:
        return self.session.aal


@dataclass(frozen=True)
class AuthService:
    store: AuthStore
    keys: SigningKeys
    issuer: str
    service_key: str = field(repr=False)
    access_token_seconds: int
    now: Clock
    deliver: Callable[[Message], None]
    hooks: Hooks
    site_url: str
    project: Project = field(default_factory=Project)
    _asked: Iterator[int] = field(default_factory=count)

    async def sign_in(self, user: User, method: str) -> dict[str, Any]:
        """Begin a session, unless the hook refuses its first token."""
        session = Session.begin(user.id, method, self.now())
        claims = await self._claims(user, session)
        await self.store.sessions.add(session)
        current = await self.store.users.get(user.id) or user
        return self._session_json(current, session, claims)

    async def renew(self, refresh_token: str) -> dict[str, Any]:
        """Exchange a refresh token, which a refusal of the hook leaves as it is."""
        known = await self.store.sessions.of(refresh_token)
        user = await self.store.users.get(known.user_id) if known else None
        if known is None or user is None:
            raise AuthError(Failure.REFRESH_TOKEN_NOT_FOUND)
        self.refuse_banned(user)
        claims = await self._claims(user, known)
        session = await self.store.sessions.refresh(refresh_token, self.now())
        if isinstance(session, Failure):
            raise AuthError(session)
        return self._session_json(user, session, claims)

    async def resumed(self, refresh_token: str) -> dict[str, Any]:
        """Answer with a session as it is now, whose refresh token stays."""
        session = await self.store.sessions.of(refresh_token)
        user = await self.store.users.get(session.user_id) if session else None
        if session is None or user is None:
            raise AuthError(Failure.SESSION_NOT_FOUND)
        return self._session_json(user, session, await self._claims(user, session))

    def page(self, redirect_to: str) -> str:
        """Return where a link leads: to a page of this machine, or else to the site."""
        host = urlsplit(self.issuer).hostname or ""
        allowed = re.fullmatch(local_origin(host) + "([/?#][!-~]*)?", redirect_to)
        return redirect_to.partition("#")[0] if allowed else self.site_url

    def refuse_banned(self, user: User) -> None:
        if user.is_banned(self.now()):
            raise AuthError(Failure.USER_BANNED)

    async def refuse_by_hook(self, new: NewUser) -> None:
        """Ask before an account is made: by sign-up or invitation, never by an administrator."""
        if (hook := self.hooks.before_user_created) is not None:
            await hook(_before_user_created(new, self.now()))

    def _session_json(
        self, user: User, session: Session, claims: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            "access_token": self.keys.sign(claims),
            "token_type": "bearer",
            "expires_in": self.access_token_seconds,
            "expires_at": claims["exp"],
            "refresh_token": session.refresh_token,
            "user": user.to_json(),
        }

    async def _claims(self, user: User, session: Session) -> Mapping[str, Any]:
        claims = self._own_claims(user, session)
        if (hook := self.hooks.custom_access_token) is None:
            return claims
        # The real server asks its hook before it first signs, and only signing makes a text of it.
        audience = user.aud if next(self._asked) else [user.aud]
        event = {
            "user_id": str(user.id),
            "claims": claims | {"aud": audience},
            "authentication_method": session.method,
        }
        return dict((await hook(event))["claims"])

    def _own_claims(self, user: User, session: Session) -> dict[str, Any]:
        expires_at = self.now() + timedelta(seconds=self.access_token_seconds)
        return {
            "iss": self.issuer,
            "aud": user.aud,
            "exp": int(expires_at.timestamp()),
            "sub": str(user.id),
            "iat": int(self.now().timestamp()),
            "role": user.role,
            "aal": session.aal,
            "amr": session.amr,
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
        session = await self.store.sessions.get(UUID(claims["session_id"]))
        if session is None:
            raise AuthError(Failure.SESSION_NOT_FOUND)
        if user.is_banned(self.now()):
            raise AuthError(Failure.USER_BANNED, status=HTTPStatus.FORBIDDEN)
        return Caller(user, session)

    def _verify(self, token: str) -> dict[str, Any]:
        try:
            return self.keys.verify(token, issuer=self.issuer, audience=AUDIENCE)
        except jwt.InvalidTokenError as error:
            raise AuthError(Failure.BAD_JWT) from error

    async def hash_new_password(self, password: str) -> str:
        if len(password) < (least := self.project.minimum_password_length):
            message = f"Password should be at least {least} characters."
            reasons = {"reasons": ["length"]}
            raise AuthError(Failure.WEAK_PASSWORD, message, weak_password=reasons)
        return await hash_password(password)

    def require_service_key(self, request: Request) -> None:
        presented = presented_key(request)
        if not presented:
            raise AuthError(Failure.NO_AUTHORIZATION)
        if not same_key(presented, self.service_key):
            raise AuthError(Failure.NOT_ADMIN)

    async def one_time_token(self, user: User, kind: TokenType) -> OneTimeToken:
        digits = self.project.otp_length
        return await self.store.one_time_tokens.create(user.id, kind, self.now(), digits)

    async def send_one_time_token(self, user: User, kind: SentType, redirect_to: str) -> None:
        """Mail it. People wait between two mails of a kind; whoever invites them need not."""
        if kind != "invite":
            await self._refuse_too_often(user, kind)
        token = await self.one_time_token(user, kind)
        self.deliver(Message(user.email or "", kind, token.token_hash, redirect_to, token.otp))

    async def _refuse_too_often(self, user: User, kind: TokenType) -> None:
        sent_at = await self.store.one_time_tokens.sent_at(user.id, kind)
        if sent_at is None:
            return
        left = math.ceil((sent_at + self.project.mail_pause - self.now()).total_seconds())
        if left > 0:
            message = f"For security purposes, you can only request this after {left} seconds."
            raise AuthError(Failure.OVER_EMAIL_SEND_RATE_LIMIT, message)

    async def send_email_change(self, user: User, address: str, redirect_to: str) -> None:
        """Mail both addresses: the change needs both, as `double_confirm_changes` asks."""
        await self._refuse_too_often(user, "email_change_new")
        to: tuple[tuple[str, TokenType], ...] = (
            (user.email or "", "email_change_current"),
            (address, "email_change_new"),
        )
        for email, kind in to:
            token = await self.one_time_token(user, kind)
            self.deliver(Message(email, "email_change", token.token_hash, redirect_to, token.otp))


def _before_user_created(new: NewUser, now: datetime) -> dict[str, object]:
    return {
        "metadata": {
            "uuid": str(new_id()),
            "time": now.isoformat(),
            "name": "before-user-created",
            "ip_address": "127.0.0.1",
        },
        "user": {
            "id": str(new.id),
            "aud": AUDIENCE,
            "role": "",
            "email": new.email,
            "phone": "",
            "app_metadata": {"provider": "email", "providers": ["email"]},
            "user_metadata": new.user_metadata,
            "identities": [],
            "created_at": "0001-01-01T00:00:00Z",
            "updated_at": "0001-01-01T00:00:00Z",
            "is_anonymous": False,
        },
    }


def redirect_of(request: Request) -> str:
    """Return the page that the client wants the mail's link to lead to, or nothing."""
    return request.query_params.get("redirect_to") or request.headers.get("redirect_to", "")
