"""Supabase Auth's admin API, on HTTP.

supabase-py reads every answer with models that the real server does not keep to: one softly
deleted account, whose identities carry no data, makes a whole page of others unreadable.
"""

import asyncio
import secrets
import uuid
from collections.abc import Callable
from typing import Any, Final, TypeVar

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from app.core.email_domain import comparable_email
from app.core.errors import AppError
from app.core.tls import trusted_authorities
from app.integrations.auth_admin.protocol import (
    AccountBannedError,
    AddressRefusedError,
    AddressTakenError,
    AuthHookUnavailableError,
    AuthKeyRefusedError,
    AuthLimitError,
    AuthRefusedError,
    AuthUnavailableError,
    AuthUser,
    PasswordRefusedError,
)

M = TypeVar("M", bound=BaseModel)
log = structlog.get_logger(__name__)

API_VERSION: Final = "2024-01-01"
TIMEOUT_SECONDS: Final = 12.0
"""Supabase Auth itself gives a request ten seconds, and a slow mail server may take most of them.
With a shorter time limit, invitations that were sent would count as failed."""

OUR_KEY_IS_WRONG = frozenset({"no_authorization", "not_admin", "bad_jwt", "invalid_jwt"})
REFUSED_BY_HOOK: Final = "unknown"
"""The code of errors that a hook of the project returned. A hook without an answer has others."""


class _NoSuchUserError(AuthRefusedError):
    pass


class _InvalidError(AuthRefusedError):
    pass


class _HookRefusedError(AuthRefusedError):
    pass


ERRORS: dict[str, Callable[[], AppError]] = {
    "user_not_found": _NoSuchUserError,
    "email_exists": AddressTakenError,
    "user_already_exists": AddressTakenError,
    "conflict": AddressTakenError,
    "email_address_invalid": AddressRefusedError,
    "email_address_not_authorized": AddressRefusedError,
    "user_banned": AccountBannedError,
    "weak_password": PasswordRefusedError,
    "validation_failed": _InvalidError,
}


class _Account(BaseModel):
    """The fields of an account that are read. All others are ignored."""

    id: uuid.UUID
    email: str | None = None
    email_confirmed_at: str | None = None
    deleted_at: str | None = None

    def read(self) -> AuthUser:
        # A softly deleted account answers with a digest in the place of its address.
        deleted = bool(self.deleted_at)
        email = comparable_email(self.email) if self.email and not deleted else None
        return AuthUser(self.id, email, bool(self.email_confirmed_at), deleted)


class _Page(BaseModel):
    users: list[_Account]


class _Link(_Account):
    hashed_token: str


class _Session(BaseModel):
    access_token: str


class SupabaseAuthAdmin:
    """The real service."""

    def __init__(self, url: str, secret_key: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=f"{url}/auth/v1",
            headers={
                "apikey": secret_key,
                "Authorization": f"Bearer {secret_key}",
                "X-Supabase-Api-Version": API_VERSION,
            },
            timeout=TIMEOUT_SECONDS,
            verify=trusted_authorities(),
        )

    async def get_user(self, user_id: uuid.UUID) -> AuthUser | None:
        try:
            answer = await self._ask("GET", f"/admin/users/{user_id}")
        except _NoSuchUserError:
            return None
        user = _parsed(_Account, answer).read()
        return None if user.is_deleted else user

    async def list_users(self, page: int, per_page: int) -> list[AuthUser]:
        params = {"page": page, "per_page": per_page}
        answer = await self._ask("GET", "/admin/users", params=params)
        return [account.read() for account in _parsed(_Page, answer).users]

    async def invite(self, email: str, full_name: str | None) -> AuthUser | None:
        data = {"full_name": full_name} if full_name else {}
        try:
            answer = await self._ask("POST", "/invite", json={"email": email, "data": data})
        except AddressTakenError:
            return None
        except (_HookRefusedError, _InvalidError) as error:
            raise AddressRefusedError from error
        return _parsed(_Account, answer).read()

    async def move_user(self, user_id: uuid.UUID, email: str) -> AuthUser | None:
        body = {"email": email, "password": _unknown_password()}
        try:
            answer = await self._ask("PUT", f"/admin/users/{user_id}", json=body)
        except _NoSuchUserError:
            return None
        except _InvalidError as error:
            raise AddressRefusedError from error
        return _parsed(_Account, answer).read()

    async def open_account(
        self, account_id: uuid.UUID, email: str, password: str, full_name: str | None
    ) -> AuthUser:
        metadata = {"full_name": full_name, "password_to_be_changed": True}
        body = {"email": email, "password": password, "email_confirm": True}
        known = await self.get_user(account_id)
        method, path = ("PUT", f"/admin/users/{account_id}") if known else ("POST", "/admin/users")
        body |= {"user_metadata": metadata} | ({} if known else {"id": str(account_id)})
        try:
            answer = await self._ask(method, path, json=body)
        except (_HookRefusedError, _InvalidError) as error:
            raise AddressRefusedError from error
        return _parsed(_Account, answer).read()

    async def delete_user(self, user_id: uuid.UUID) -> bool:
        try:
            await self._ask("DELETE", f"/admin/users/{user_id}", json={"should_soft_delete": False})
        except _NoSuchUserError:
            return False
        return True

    async def sign_out(self, user_id: uuid.UUID) -> bool:
        """Sign in on the person's behalf to sign out everywhere.

        Supabase ends sessions for a token of the person alone: there is no call by id, and a ban
        leaves sessions as they are. The link is never mailed, but it replaces one for a forgotten
        password that is on its way. Where Supabase gives no such token, a new password that nobody
        knows ends the sessions: those who sign in elsewhere have none to lose, and those whom a
        hook keeps out ask for a new one if they come back.
        """
        account = await self.get_user(user_id)
        if account is None or account.email is None or not account.email_confirmed:
            return False
        try:
            token = await self._token(account.email, user_id)
        except (_NoSuchUserError, _HookRefusedError):
            return await self._lock_out(user_id)
        headers = {"Authorization": f"Bearer {token}"}
        await self._ask("POST", "/logout", params={"scope": "global"}, headers=headers)
        return True

    async def close(self) -> None:
        await self._http.aclose()

    async def _token(self, email: str, user_id: uuid.UUID) -> str:
        body = {"type": "recovery", "email": email}
        link = _parsed(_Link, await self._ask("POST", "/admin/generate_link", json=body))
        if link.id != user_id:
            # The address has moved to another account since the account was read.
            raise AuthUnavailableError
        body = {"type": "recovery", "token_hash": link.hashed_token}
        return _parsed(_Session, await self._ask("POST", "/verify", json=body)).access_token

    async def _lock_out(self, user_id: uuid.UUID) -> bool:
        body = {"password": _unknown_password()}
        try:
            await self._ask("PUT", f"/admin/users/{user_id}", json=body)
        except _NoSuchUserError:
            return False
        return True

    async def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:  # noqa: ANN401  # httpx's options
        """Send a request; raise errors of ours only."""
        try:
            # The client's own limits are for each step: an answer that trickles in would have none.
            async with asyncio.timeout(TIMEOUT_SECONDS):
                response = await self._http.request(method, path, **request)
        except (httpx.HTTPError, TimeoutError) as error:
            log.warning("auth_unavailable", reason=type(error).__name__)
            raise AuthUnavailableError from error
        if not response.is_success:
            raise _error_for(response)
        return response


def _parsed(model: type[M], answer: httpx.Response) -> M:
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as error:
        log.warning("auth_unavailable", reason=type(error).__name__)
        raise AuthUnavailableError from error


def _error_for(response: httpx.Response) -> AppError:
    code = _code(response)
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return AuthLimitError()
    if make := ERRORS.get(code):
        return make()
    log.warning("auth_refused", status=response.status_code, code=code)
    if code.startswith("hook_"):
        return AuthHookUnavailableError()
    if response.status_code == httpx.codes.UNAUTHORIZED or code in OUR_KEY_IS_WRONG:
        return AuthKeyRefusedError()
    # Without a code it need not be an answer of Supabase Auth. A proxy in front of it may have
    # answered 404, for example, and that says nothing about the account.
    if not response.is_client_error or not code:
        return AuthUnavailableError()
    refused_by_hook = (response.status_code, code) == (httpx.codes.FORBIDDEN, REFUSED_BY_HOOK)
    return _HookRefusedError() if refused_by_hook else AuthRefusedError()


def _code(response: httpx.Response) -> str:
    """Return the code of an error; older API versions have a status in its place."""
    try:
        body = response.json()
    except ValueError:
        return ""
    code = (body.get("error_code") or body.get("code")) if isinstance(body, dict) else None
    return code if isinstance(code, str) else ""


def _unknown_password() -> str:
    # It has characters of every class that a project may require, and fits the 72 bytes of bcrypt.
    return f"aA1!{secrets.token_urlsafe(32)}"
