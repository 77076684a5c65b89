"""Supabase Auth's admin API behind our own Protocol, errors included."""

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from app.core.errors import UnavailableError

if TYPE_CHECKING:
    from supabase import AsyncClient

USER_EXISTS_CODES = frozenset({"email_exists", "user_already_exists"})
NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class AuthUser:
    """A sign-in account. `email` is lower case."""

    id: uuid.UUID
    email: str | None
    email_confirmed: bool


class AuthUnavailableError(UnavailableError):
    def __init__(self) -> None:
        super().__init__("auth_unavailable", "The sign-in service cannot be reached")


class AuthAdmin(Protocol):
    """Every method raises AuthUnavailableError when the service cannot answer."""

    async def get_user(self, user_id: uuid.UUID) -> AuthUser | None: ...

    async def invite(self, email: str, full_name: str | None) -> AuthUser | None:
        """Send an invitation; return None when the address already has an account."""

    async def close(self) -> None: ...


class SupabaseAuthAdmin:
    """The real service. supabase-py is imported at the first call: it is slow to import."""

    def __init__(self, url: str, secret_key: str) -> None:
        self._url = url
        self._secret_key = secret_key
        self._http: httpx.AsyncClient | None = None
        self._client: AsyncClient | None = None

    async def get_user(self, user_id: uuid.UUID) -> AuthUser | None:
        from supabase import AuthApiError  # noqa: PLC0415  # lazily, see the class

        try:
            response = await (await self._admin()).get_user_by_id(str(user_id))
        except AuthApiError as error:
            if error.status == NOT_FOUND:
                return None
            raise AuthUnavailableError from error
        except Exception as error:
            raise _translated(error) from error
        return _auth_user(response.user)

    async def invite(self, email: str, full_name: str | None) -> AuthUser | None:
        from supabase import AuthApiError  # noqa: PLC0415  # lazily, see the class

        data = {"full_name": full_name} if full_name else {}
        try:
            response = await (await self._admin()).invite_user_by_email(email, {"data": data})
        except AuthApiError as error:
            if error.code in USER_EXISTS_CODES:
                return None
            raise AuthUnavailableError from error
        except Exception as error:
            raise _translated(error) from error
        return _auth_user(response.user)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def _admin(self) -> Any:  # noqa: ANN401  # supabase-py does not export the type
        if self._client is None:
            from supabase import AsyncClientOptions, acreate_client  # noqa: PLC0415  # lazily

            self._http = httpx.AsyncClient(timeout=5.0)
            options = AsyncClientOptions(
                auto_refresh_token=False, persist_session=False, httpx_client=self._http
            )
            self._client = await acreate_client(self._url, self._secret_key, options)
        return self._client.auth.admin


def _translated(error: Exception) -> Exception:
    from supabase import AuthRetryableError  # noqa: PLC0415  # lazily, see the class

    if isinstance(error, (AuthRetryableError, httpx.HTTPError)):
        return AuthUnavailableError()
    return error


def _auth_user(user: Any) -> AuthUser:  # noqa: ANN401  # supabase-py's own model
    return AuthUser(
        id=uuid.UUID(str(user.id)),
        email=user.email.lower() if user.email else None,
        email_confirmed=user.email_confirmed_at is not None,
    )


class InMemoryAuthAdmin:
    """A working account list for tests, without a network."""

    def __init__(self) -> None:
        self.users: dict[uuid.UUID, AuthUser] = {}
        self.invited: list[str] = []
        self.available = True

    def put(self, user: AuthUser) -> None:
        self.users[user.id] = user

    def confirm(self, user_id: uuid.UUID) -> None:
        self.users[user_id] = replace(self.users[user_id], email_confirmed=True)

    async def get_user(self, user_id: uuid.UUID) -> AuthUser | None:
        self._answer()
        return self.users.get(user_id)

    async def invite(self, email: str, full_name: str | None) -> AuthUser | None:  # noqa: ARG002  # the Protocol's
        self._answer()
        if any(user.email == email and user.email_confirmed for user in self.users.values()):
            return None
        user = AuthUser(id=uuid.uuid4(), email=email, email_confirmed=False)
        self.put(user)
        self.invited.append(email)
        return user

    async def close(self) -> None:
        return None

    def _answer(self) -> None:
        if not self.available:
            raise AuthUnavailableError
