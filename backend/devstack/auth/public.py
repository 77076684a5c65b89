"""Routes that anybody may call, and routes for signed-in users about their own account."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.core.ids import new_id
from devstack.auth.errors import AuthError, Failure
from devstack.auth.passwords import verify_password
from devstack.auth.schemas import (
    TOKENS_OF,
    MagicLink,
    PasswordGrant,
    Recover,
    RefreshTokenGrant,
    Resend,
    SignUp,
    TokenType,
    User,
    UserUpdate,
    Verify,
    VerifyType,
)
from devstack.auth.service import AuthService, Caller, redirect_of
from devstack.auth.users import NewUser, UserChanges
from devstack.body import read_body

_ONE_OF_TWO: Final = (
    "Confirmation link accepted. Please proceed to confirm link sent to the other email"
)
_IN_FRAGMENT: Final = frozenset(
    {
        "access_token",
        "error",
        "error_code",
        "error_description",
        "expires_at",
        "expires_in",
        "msg",
        "refresh_token",
        "token_type",
        "type",
    }
)
_RECENT: Final = timedelta(hours=24)
_JWKS_HEADERS: Final = {"Cache-Control": "max-age=600"}


class PublicEndpoints:
    def __init__(self, auth: AuthService) -> None:
        self._auth = auth
        self._store = auth.store

    def routes(self) -> list[Route]:
        return [
            Route("/health", self.health),
            Route("/settings", self.settings),
            Route("/.well-known/jwks.json", self.jwks),
            Route("/signup", self.sign_up, methods=["POST"]),
            Route("/token", self.token, methods=["POST"]),
            Route("/recover", self.recover, methods=["POST"]),
            Route("/otp", self.magic_link, methods=["POST"]),
            Route("/magiclink", self.magic_link, methods=["POST"]),
            Route("/resend", self.resend, methods=["POST"]),
            Route("/reauthenticate", self.reauthenticate),
            Route("/verify", self.verify, methods=["POST"]),
            Route("/verify", self.follow_link),
            Route("/logout", self.sign_out, methods=["POST"]),
            Route("/user", self.get_user),
            Route("/user", self.update_user, methods=["PUT"]),
        ]

    async def health(self, _: Request) -> Response:
        return JSONResponse(
            {
                "version": "development",
                "name": "GoTrue",
                "description": "Stand-in for Supabase Auth, for development only",
            }
        )

    async def settings(self, _: Request) -> Response:
        return JSONResponse(
            {
                "external": {"email": True, "phone": False, "anonymous_users": False},
                "disable_signup": not self._auth.project.signup,
                "mailer_autoconfirm": not self._auth.project.confirmations,
                "phone_autoconfirm": False,
                "saml_enabled": False,
            }
        )

    async def jwks(self, _: Request) -> Response:
        return JSONResponse(self._auth.keys.jwks(), headers=_JWKS_HEADERS)

    async def sign_up(self, request: Request) -> Response:
        params = await read_body(request, SignUp)
        project = self._auth.project
        if not project.signup:
            raise AuthError(Failure.SIGNUP_DISABLED)
        if params.email is None:
            raise AuthError(Failure.ANONYMOUS_PROVIDER_DISABLED)
        new = NewUser(
            id=new_id(),
            email=params.email,
            encrypted_password=await self._auth.hash_new_password(params.password),
            email_confirmed_at=None if project.confirmations else self._auth.now(),
            user_metadata=params.data or {},
        )
        await self._auth.refuse_by_hook(new)
        user = await self._store.users.create(new)
        if project.confirmations:
            return await self._sent_to_confirm(user, new, redirect_of(request))
        if user is None:
            raise AuthError(Failure.USER_ALREADY_EXISTS)
        return JSONResponse(await self._auth.sign_in(user, "password"))

    async def _sent_to_confirm(self, user: User | None, new: NewUser, redirect_to: str) -> Response:
        """Answer alike for an address in use: with a user who is none, and has no identity."""
        if user is not None:
            await self._auth.send_one_time_token(user, "signup", redirect_to)
            return JSONResponse(user.to_json())
        known = await self._store.users.by_email(new.email)
        if known is None:
            raise AuthError(Failure.UNEXPECTED_FAILURE)
        if known.email_confirmed_at is None:
            await self._auth.send_one_time_token(known, "signup", redirect_to)
            return JSONResponse(known.to_json())
        nobody = {
            "id": str(new.id),
            "identities": [],
            "user_metadata": new.user_metadata,
            "role": "",
        }
        gone = {"last_sign_in_at", "email_confirmed_at", "confirmed_at", "invited_at", "factors"}
        shown = known.to_json()
        return JSONResponse(
            {name: value for name, value in shown.items() if name not in gone} | nobody
        )

    async def resend(self, request: Request) -> Response:
        """Send a mail once more, if it is waited for; answer alike if it is not."""
        params = await read_body(request, Resend)
        user = await self._store.users.by_email(params.email)
        page = redirect_of(request)
        if user is not None and params.type == "signup" and user.email_confirmed_at is None:
            await self._auth.send_one_time_token(user, "signup", page)
        if user is not None and params.type == "email_change" and user.email_change:
            await self._auth.send_email_change(user, user.email_change, page)
        return JSONResponse({})

    async def reauthenticate(self, request: Request) -> Response:
        caller = await self._auth.caller(request)
        await self._auth.send_one_time_token(caller.user, "reauthentication", "")
        return JSONResponse({})

    async def token(self, request: Request) -> Response:
        match request.query_params.get("grant_type"):
            case "password":
                return await self._password_grant(request)
            case "refresh_token":
                return await self._refresh_token_grant(request)
            case _:
                message = "unsupported_grant_type"
                raise AuthError(Failure.INVALID_CREDENTIALS, message)

    async def _password_grant(self, request: Request) -> Response:
        params = await read_body(request, PasswordGrant)
        if not params.email:
            message = "missing email or phone"
            raise AuthError(Failure.VALIDATION_FAILED, message)
        user = await self._store.users.by_email(params.email)
        hashed = user.encrypted_password if user else None
        if user is None or not await verify_password(params.password, hashed):
            raise AuthError(Failure.INVALID_CREDENTIALS)
        self._auth.refuse_banned(user)
        if user.email_confirmed_at is None:
            raise AuthError(Failure.EMAIL_NOT_CONFIRMED)
        return JSONResponse(await self._auth.sign_in(user, "password"))

    async def _refresh_token_grant(self, request: Request) -> Response:
        params = await read_body(request, RefreshTokenGrant)
        if not params.refresh_token:
            message = "refresh_token required"
            raise AuthError(Failure.VALIDATION_FAILED, message)
        return JSONResponse(await self._auth.renew(params.refresh_token))

    async def recover(self, request: Request) -> Response:
        """Answer alike whether or not there is such a user."""
        params = await read_body(request, Recover)
        user = await self._store.users.by_email(params.email)
        if user is not None:
            await self._auth.send_one_time_token(user, "recovery", redirect_of(request))
        return JSONResponse({})

    async def magic_link(self, request: Request) -> Response:
        params = await read_body(request, MagicLink)
        user = await self._store.users.by_email(params.email)
        if user is None and not params.create_user:
            raise AuthError(Failure.OTP_DISABLED)
        if user is None:
            new = NewUser(id=new_id(), email=params.email, user_metadata=params.data or {})
            await self._auth.refuse_by_hook(new)
            created = await self._store.users.create(new)
            user = created or await self._store.users.by_email(params.email)
        if user is not None:
            await self._auth.send_one_time_token(user, "magiclink", redirect_of(request))
        return JSONResponse({})

    async def verify(self, request: Request) -> Response:
        params = await read_body(request, Verify)
        return JSONResponse(await self._redeemed(params))

    async def follow_link(self, request: Request) -> Response:
        """Redirect as the link of a mail does: the session or the error is in the fragment."""
        page = self._auth.page(request.query_params.get("redirect_to", ""))
        try:
            params = Verify(
                type=cast("VerifyType", request.query_params.get("type", "")),
                token_hash=request.query_params.get("token", ""),
            )
            told = await self._redeemed(params)
        except ValidationError:
            told = _told_of(AuthError(Failure.VALIDATION_FAILED))
        except AuthError as error:
            told = _told_of(error)
        else:
            told = told | {"type": params.type}
        fragment = urlencode({name: value for name, value in told.items() if name in _IN_FRAGMENT})
        return RedirectResponse(f"{page}#{fragment}", HTTPStatus.SEE_OTHER)

    async def _redeemed(self, params: Verify) -> dict[str, Any]:
        now = self._auth.now()
        user_id = await self._consumed(params, now)
        user = await self._verified(user_id, params.type, now) if user_id else None
        if user is None:
            raise AuthError(Failure.OTP_EXPIRED)
        if user.email_change is not None and params.type == "email_change":
            return {"msg": _ONE_OF_TWO, "code": str(HTTPStatus.OK.value)}
        self._auth.refuse_banned(user)
        return await self._auth.sign_in(user, "otp")

    async def _consumed(self, params: Verify, now: datetime) -> UUID | None:
        tokens = self._store.one_time_tokens
        if params.token_hash:
            return await tokens.consume(params.token_hash, params.type, now)
        user = await self._holder(params)
        if user is None:
            return None
        kinds = TOKENS_OF[params.type]
        if params.type == "email_change":
            kinds = ("email_change_new" if user.email != params.email else "email_change_current",)
        return await tokens.consume_code(user.id, params.token, kinds, now)

    async def _holder(self, params: Verify) -> User | None:
        """Return whom a code was mailed to: at their address, or at the one they change to."""
        if params.email is None:
            return None
        user = await self._store.users.by_email(params.email)
        if user is None and params.type == "email_change":
            user = await self._store.users.changing_to(params.email)
        return user

    async def _verified(self, user_id: UUID, kind: VerifyType, now: datetime) -> User | None:
        if kind != "email_change":
            return await self._store.users.update(user_id, UserChanges(email_confirmed_at=now))
        try:
            return await self._store.users.confirm_email_change(user_id, now)
        except asyncpg.UniqueViolationError as error:
            raise AuthError(Failure.EMAIL_EXISTS) from error

    async def get_user(self, request: Request) -> Response:
        caller = await self._auth.caller(request)
        return JSONResponse(caller.user.to_json())

    async def update_user(self, request: Request) -> Response:
        caller = await self._auth.caller(request)
        params = await read_body(request, UserUpdate)
        if params.app_metadata is not None:
            message = "Updating app_metadata requires admin privileges"
            raise AuthError(Failure.NOT_ADMIN, message)
        if caller.user.is_sso_user and (params.email or params.password):
            raise AuthError(Failure.USER_SSO_MANAGED)
        address = params.email if params.email != caller.user.email else None
        if address and await self._store.users.by_email(address):
            raise AuthError(Failure.EMAIL_EXISTS)
        changes = UserChanges(
            email_change=address,
            encrypted_password=await self._new_password(caller, params),
            user_metadata=params.data,
        )
        user = await self._store.users.update(caller.user.id, changes)
        if address:
            await self._auth.send_email_change(caller.user, address, redirect_of(request))
        if changes.encrypted_password:
            await self._store.sessions.end_all(caller.user.id, keep=caller.session_id)
        return JSONResponse((user or caller.user).to_json())

    async def _new_password(self, caller: Caller, params: UserUpdate) -> str | None:
        if params.password is None:
            return None
        if await verify_password(params.password, caller.user.encrypted_password):
            raise AuthError(Failure.SAME_PASSWORD)
        hashed = await self._auth.hash_new_password(params.password)
        if self._auth.project.reauthentication:
            await self._reauthenticated(caller, params.nonce)
        return hashed

    async def _reauthenticated(self, caller: Caller, nonce: str) -> None:
        """Ask for a code from a mail, once the sign-in is a day old."""
        now = self._auth.now()
        if now - caller.session.created_at < _RECENT:
            return
        if not nonce:
            raise AuthError(Failure.REAUTHENTICATION_NEEDED)
        tokens = self._store.one_time_tokens
        kinds: tuple[TokenType, ...] = ("reauthentication",)
        if await tokens.consume_code(caller.user.id, nonce, kinds, now) is None:
            raise AuthError(Failure.REAUTHENTICATION_NOT_VALID)

    async def sign_out(self, request: Request) -> Response:
        caller = await self._auth.caller(request)
        match request.query_params.get("scope", "global"):
            case "global":
                await self._store.sessions.end_all(caller.user.id)
            case "local":
                await self._store.sessions.end(caller.session_id)
            case "others":
                await self._store.sessions.end_all(caller.user.id, keep=caller.session_id)
            case _:
                message = "Unsupported logout scope"
                raise AuthError(Failure.VALIDATION_FAILED, message)
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _told_of(error: AuthError) -> dict[str, Any]:
    return {
        "error": "access_denied",
        "error_code": error.failure.code,
        "error_description": error.message,
    }
