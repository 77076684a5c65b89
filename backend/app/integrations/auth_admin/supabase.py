import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import httpx
import structlog

from app.core.errors import AppError
from app.integrations.auth_admin.protocol import (
    AccountBannedError,
    AddressRefusedError,
    AddressTakenError,
    AuthLimitError,
    AuthRefusedError,
    AuthUnavailableError,
    AuthUser,
)

if TYPE_CHECKING:
    from supabase import AsyncClient, AuthApiError

log = structlog.get_logger(__name__)

FOREVER = "876000h"
"""A hundred years, in Go's notation."""

UNAUTHORIZED = 401
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500
OUR_KEY_IS_WRONG = frozenset({"no_authorization", "not_admin", "bad_jwt", "invalid_jwt"})


class _NoSuchUserError(AuthRefusedError):
    pass


ERRORS: dict[str, Callable[[], AppError]] = {
    "user_not_found": _NoSuchUserError,
    "email_exists": AddressTakenError,
    "user_already_exists": AddressTakenError,
    "conflict": AddressTakenError,
    "email_address_invalid": AddressRefusedError,
    "email_address_not_authorized": AddressRefusedError,
    "user_banned": AccountBannedError,
}


class SupabaseAuthAdmin:
    """The real service. supabase-py is imported at the first call: it is slow to import."""

    def __init__(self, url: str, secret_key: str) -> None:
        self._url = url
        self._secret_key = secret_key
        self._http: httpx.AsyncClient | None = None
        self._client: AsyncClient | None = None
        self._first_call = asyncio.Lock()

    async def get_user(self, user_id: uuid.UUID) -> AuthUser | None:
        response = await self._found(lambda admin: admin.get_user_by_id(str(user_id)))
        return None if response is None else _unless_deleted(_auth_user(response.user))

    async def list_users(self, page: int, per_page: int) -> list[AuthUser]:
        users = await self._ask(lambda admin: admin.list_users(page, per_page))
        return [_auth_user(user) for user in users]

    async def invite(self, email: str, full_name: str | None) -> AuthUser | None:
        data = {"full_name": full_name} if full_name else {}
        try:
            response = await self._ask(
                lambda admin: admin.invite_user_by_email(email, {"data": data})
            )
        except AddressTakenError:
            return None
        except AuthRefusedError as error:
            # What a hook of the project says has no code: it can only be about the address.
            raise AddressRefusedError from error
        return _auth_user(response.user)

    async def change_email(self, user_id: uuid.UUID, email: str) -> AuthUser | None:
        changes = {"email": email, "email_confirm": True}
        response = await self._found(lambda admin: admin.update_user_by_id(str(user_id), changes))
        return None if response is None else _auth_user(response.user)

    async def set_banned(self, user_id: uuid.UUID, *, banned: bool) -> bool:
        changes = {"ban_duration": FOREVER if banned else "none"}
        response = await self._found(lambda admin: admin.update_user_by_id(str(user_id), changes))
        return response is not None

    async def delete_user(self, user_id: uuid.UUID) -> bool:
        try:
            await self._ask(lambda admin: admin.delete_user(str(user_id)))
        except _NoSuchUserError:
            return False
        return True

    async def sign_out(self, user_id: uuid.UUID) -> bool:
        """Sign in on the person's behalf to sign out everywhere.

        Supabase ends sessions for a token of the person alone, `auth.admin.sign_out(jwt)`: there
        is no call by id, and a ban leaves sessions as they are. The link is never mailed, but it
        replaces one for a forgotten password that is on its way.
        """
        account = await self.get_user(user_id)
        if account is None or account.email is None or not account.email_confirmed:
            return False
        params = {"type": "recovery", "email": account.email}
        link = await self._found(lambda admin: admin.generate_link(params))
        if link is None or link.user.id != str(user_id):
            # The address has changed hands since we asked.
            raise AuthUnavailableError
        token = await self._token(link.properties.hashed_token)
        await self._ask(lambda admin: admin.sign_out(token, "global"))
        return True

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def _token(self, token_hash: str) -> str:
        """Exchange a link for an access token, on a client of its own: ours signs nobody in."""
        from supabase_auth import AsyncGoTrueClient  # noqa: PLC0415  # lazily, see the class

        client = AsyncGoTrueClient(
            url=f"{self._url}/auth/v1",
            headers={"apikey": self._secret_key, "Authorization": f"Bearer {self._secret_key}"},
            auto_refresh_token=False,
            persist_session=False,
            http_client=self._http,
        )
        params: Any = {"type": "recovery", "token_hash": token_hash}
        response = await _translated(client.verify_otp(params))
        if response.session is None:
            raise AuthUnavailableError
        return str(response.session.access_token)

    async def _found(self, call: Callable[[Any], Awaitable[Any]]) -> Any:  # noqa: ANN401  # supabase-py's models
        """Return the answer, None where there is no such account."""
        try:
            return await self._ask(call)
        except _NoSuchUserError:
            return None

    async def _ask(self, call: Callable[[Any], Awaitable[Any]]) -> Any:  # noqa: ANN401  # supabase-py's models
        return await _translated(call(await self._admin()))

    async def _admin(self) -> Any:  # noqa: ANN401  # supabase-py does not export the type
        async with self._first_call:
            if self._client is None:
                from supabase import AsyncClientOptions, acreate_client  # noqa: PLC0415  # lazily

                self._http = httpx.AsyncClient(timeout=5.0)
                options = AsyncClientOptions(
                    auto_refresh_token=False, persist_session=False, httpx_client=self._http
                )
                self._client = await acreate_client(self._url, self._secret_key, options)
            return self._client.auth.admin


async def _translated(answer: Awaitable[Any]) -> Any:  # noqa: ANN401  # supabase-py's models
    """Await an answer; raise errors of ours only.

    AuthError is the base of all that supabase-py raises; lines also break as httpx errors, and
    an answer of another form is a ValueError of Pydantic or of the JSON parser.
    """
    from supabase import AuthApiError, AuthError  # noqa: PLC0415  # lazily, see the class

    try:
        return await answer
    except AuthApiError as error:
        raise _error_for(error) from error
    except (AuthError, httpx.HTTPError, ValueError) as error:
        log.warning("auth_unavailable", reason=type(error).__name__)
        raise AuthUnavailableError from error


def _error_for(error: "AuthApiError") -> AppError:
    code = str(error.code or "")
    if error.status == TOO_MANY_REQUESTS:
        return AuthLimitError()
    if make := ERRORS.get(code):
        return make()
    log.warning("auth_refused", status=error.status, code=code)
    ours = error.status == UNAUTHORIZED or code in OUR_KEY_IS_WRONG
    # A 404 without a code comes from something in between: it says nothing about accounts.
    if ours or error.status >= SERVER_ERROR or not code:
        return AuthUnavailableError()
    return AuthRefusedError()


def _auth_user(user: Any) -> AuthUser:  # noqa: ANN401  # supabase-py's own model
    return AuthUser(
        id=uuid.UUID(str(user.id)),
        email=user.email.lower() if user.email else None,
        email_confirmed=user.email_confirmed_at is not None,
        is_deleted=user.deleted_at is not None,
    )


def _unless_deleted(user: AuthUser) -> AuthUser | None:
    return None if user.is_deleted else user
