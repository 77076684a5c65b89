"""Routes that need the service key."""

from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.core.ids import new_id
from devstack.auth.errors import AuthError, Failure
from devstack.auth.schemas import AdminUserDelete, AdminUserUpdate, GenerateLink, Invite
from devstack.auth.service import AUDIENCE, AuthService, redirect_of
from devstack.auth.users import NewUser, UserChanges
from devstack.body import read_body

_DEFAULT_PER_PAGE: Final = 50
_MAX_PER_PAGE: Final = 1000
_MAX_DIGITS: Final = 9


class AdminEndpoints:
    def __init__(self, auth: AuthService) -> None:
        self._auth = auth
        self._store = auth.store

    def routes(self) -> list[Route]:
        one = "/admin/users/{user_id}"
        return [
            Route("/invite", self.invite, methods=["POST"]),
            Route("/admin/generate_link", self.generate_link, methods=["POST"]),
            Route("/admin/users", self.list_users),
            Route("/admin/users", self.create_user, methods=["POST"]),
            Route(one, self.get_user),
            Route(one, self.update_user, methods=["PUT"]),
            Route(one, self.delete_user, methods=["DELETE"]),
        ]

    async def invite(self, request: Request) -> Response:
        """Invite once more as long as the invitation is not accepted."""
        self._auth.require_service_key(request)
        params = await read_body(request, Invite)
        now = self._auth.now()
        new = NewUser(
            id=new_id(), email=params.email, invited_at=now, user_metadata=params.data or {}
        )
        user = await self._store.users.by_email(params.email)
        if user is None:
            await self._auth.refuse_by_hook(new)
            # Whoever is invited at the same moment has it: the other mail kills this one's link.
            created = await self._store.users.create(new)
            user = created or await self._store.users.by_email(params.email)
        if user is None or user.email_confirmed_at is not None:
            raise AuthError(Failure.EMAIL_EXISTS)
        await self._auth.send_one_time_token(user, "invite", redirect_of(request))
        return JSONResponse(user.to_json())

    async def generate_link(self, request: Request) -> Response:
        """Make a recovery link for the caller to deliver: nothing is sent."""
        self._auth.require_service_key(request)
        params = await read_body(request, GenerateLink)
        user = await self._store.users.by_email(params.email)
        if user is None:
            raise AuthError(Failure.USER_NOT_FOUND)
        token = await self._auth.one_time_token(user, params.type)
        query = urlencode({"token": token.token_hash, "type": params.type, "redirect_to": ""})
        link = {
            "action_link": f"{self._auth.issuer}/verify?{query}",
            "email_otp": token.otp,
            "hashed_token": token.token_hash,
            "redirect_to": "",
            "verification_type": params.type,
        }
        return JSONResponse(user.to_json() | link)

    async def list_users(self, request: Request) -> Response:
        self._auth.require_service_key(request)
        page = _positive(request, "page", 1)
        per_page = min(_positive(request, "per_page", _DEFAULT_PER_PAGE), _MAX_PER_PAGE)
        users, total = await self._store.users.page(page, per_page)
        body = {"users": [user.to_json(listed=True) for user in users], "aud": AUDIENCE}
        headers = {"X-Total-Count": str(total), "Link": _link(page, per_page, total)}
        return JSONResponse(body, headers=headers)

    async def create_user(self, request: Request) -> Response:
        self._auth.require_service_key(request)
        params = await read_body(request, AdminUserUpdate)
        if params.email is None:
            message = "Cannot create a user without either an email or phone"
            raise AuthError(Failure.VALIDATION_FAILED, message)
        new = NewUser(
            id=params.id or new_id(),
            email=params.email,
            encrypted_password=await self._hashed(params.password),
            role=params.role or "authenticated",
            email_confirmed_at=self._auth.now() if params.email_confirm else None,
            banned_until=self._auth.now() + params.ban_duration if params.ban_duration else None,
            app_metadata=params.app_metadata or {},
            user_metadata=params.user_metadata or {},
        )
        user = await self._store.users.create(new)
        if user is None:
            raise AuthError(Failure.EMAIL_EXISTS)
        return JSONResponse(user.to_json())

    async def _hashed(self, password: str | None) -> str | None:
        return await self._auth.hash_new_password(password) if password else None

    async def get_user(self, request: Request) -> Response:
        self._auth.require_service_key(request)
        user = await self._store.users.get(_user_id(request))
        if user is None:
            raise AuthError(Failure.USER_NOT_FOUND)
        return JSONResponse(user.to_json())

    async def update_user(self, request: Request) -> Response:
        self._auth.require_service_key(request)
        user_id = _user_id(request)
        params = await read_body(request, AdminUserUpdate)
        ban = params.ban_duration
        changes = UserChanges(
            email=params.email,
            encrypted_password=await self._hashed(params.password),
            role=params.role,
            email_confirmed_at=self._auth.now() if params.email_confirm else None,
            banned_until=None if ban is None else self._auth.now() + ban,
            app_metadata=params.app_metadata,
            user_metadata=params.user_metadata,
        )
        try:
            user = await self._store.users.update(user_id, changes)
        except asyncpg.UniqueViolationError as error:
            raise AuthError(Failure.EMAIL_EXISTS) from error
        if user is None:
            raise AuthError(Failure.USER_NOT_FOUND)
        if changes.encrypted_password:
            await self._store.sessions.end_all(user_id)
        return JSONResponse(user.to_json())

    async def delete_user(self, request: Request) -> Response:
        self._auth.require_service_key(request)
        user_id = _user_id(request)
        params = await read_body(request, AdminUserDelete)
        users = self._store.users
        delete = users.soft_delete if params.should_soft_delete else users.delete
        if not await delete(user_id):
            raise AuthError(Failure.USER_NOT_FOUND)
        return JSONResponse({})


def _user_id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["user_id"])
    except ValueError as error:
        message = "user_id must be an UUID"
        raise AuthError(Failure.VALIDATION_FAILED, message, status=HTTPStatus.NOT_FOUND) from error


def _positive(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and int(text) > 0):
        message = f"Bad Pagination Parameters: {name}"
        raise AuthError(Failure.VALIDATION_FAILED, message)
    return int(text)


def _link(page: int, per_page: int, total: int) -> str:
    last = -(-total // per_page)
    # `page` comes first: supabase-js reads the number after the first equals sign.
    links = {"next": page + 1, "last": last} if page < last else {"last": last}
    return ", ".join(
        f'</admin/users?page={number}&per_page={per_page}>; rel="{rel}"'
        for rel, number in links.items()
    )
