import uuid
from dataclasses import dataclass
from typing import Protocol

from app.core.errors import ConflictError, FieldError, InvalidPayloadError, UnavailableError


@dataclass(frozen=True, slots=True)
class AuthUser:
    """A sign-in account. `email` is as `comparable_email` returns it."""

    id: uuid.UUID
    email: str | None
    email_confirmed: bool
    is_deleted: bool = False
    """Deleted softly: only a list still shows it, without an address."""


class AuthUnavailableError(UnavailableError):
    """The service cannot be reached, or its answer cannot be read."""

    code = "auth_unavailable"
    title = "The sign-in service cannot be reached"


class AuthKeyRefusedError(AuthUnavailableError):
    title = "The sign-in service refuses this server's key (SUPABASE_SECRET_KEY)"
    retry_after_seconds = 5


class AuthHookUnavailableError(AuthUnavailableError):
    """Supabase asked a hook of the project and got no answer that it could read."""

    code = "auth_hook_unavailable"
    title = "The sign-in service gets no answer from a hook"
    retry_after_seconds = 5


class AuthLimitError(AuthUnavailableError):
    """A limit of Supabase was exceeded: on mails an hour, or on requests a minute."""

    code = "auth_rate_limited"
    title = "The sign-in service asks for patience"
    retry_after_seconds = 60


class AuthRefusedError(InvalidPayloadError):
    """The service refused the request for a reason that has no error class of its own."""

    code = "auth_refused"
    title = "The sign-in service does not accept this"

    def __init__(self) -> None:
        super().__init__([FieldError("", self.code, self.title)])


class AddressRefusedError(InvalidPayloadError):
    code = "email_refused"
    title = "The sign-in service does not accept this address"
    detail = "It cannot receive mail, or its domain is not among those that may sign up."

    def __init__(self) -> None:
        super().__init__([FieldError("/email", self.code, self.detail)])


class AddressTakenError(ConflictError):
    code = "email_in_use"
    title = "Another sign-in account has this email address"


class PasswordRefusedError(InvalidPayloadError):
    code = "password_refused"
    title = "The sign-in service does not accept this password"
    detail = "It is too short, or lacks kinds of characters that the project asks for."

    def __init__(self) -> None:
        super().__init__([FieldError("/password", self.code, self.detail)])


class AccountBannedError(ConflictError):
    code = "account_banned"
    title = "This account is banned from signing in"


class AuthAdmin(Protocol):
    """Every method raises AuthUnavailableError or AuthRefusedError when it gets no answer."""

    async def get_user(self, user_id: uuid.UUID) -> AuthUser | None: ...

    async def list_users(self, page: int, per_page: int) -> list[AuthUser]:
        """Return a page, counted from 1, newest accounts first; the one after the last is empty.

        There is no snapshot: while accounts come and go, one may be on two pages or on none.
        """

    async def invite(self, email: str, full_name: str | None) -> AuthUser | None:
        """Send an invitation; return None when the address already has an account.

        An invitation that was not accepted is sent again. Raises AddressRefusedError.
        """

    async def move_user(self, user_id: uuid.UUID, email: str) -> AuthUser | None:
        """Give an account another address, and a password that nobody knows; None: no account.

        The sessions end. The way back in is a forgotten password, by the new address. Raises
        AddressRefusedError and AddressTakenError.
        """

    async def open_account(
        self, account_id: uuid.UUID, email: str, password: str, full_name: str | None
    ) -> AuthUser:
        """Make a confirmed account of this id with a password that is to be changed.

        One of this id that is there already gets the address and the password. Nothing is sent.
        Raises AddressRefusedError, AddressTakenError and PasswordRefusedError.
        """

    async def delete_user(self, user_id: uuid.UUID) -> bool:
        """Remove an account for good; False when there was none."""

    async def sign_out(self, user_id: uuid.UUID) -> bool:
        """End all sessions of a person: none of them can be renewed any more.

        Access tokens already issued are valid until they expire. False: there is no account that
        could have sessions. Raises AccountBannedError.
        """

    async def close(self) -> None: ...
