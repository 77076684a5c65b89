import uuid
from dataclasses import replace

from app.core.errors import AppError
from app.integrations.auth_admin.protocol import (
    AccountBannedError,
    AddressTakenError,
    AuthUnavailableError,
    AuthUser,
)


class InMemoryAuthAdmin:
    """A working account list for tests, without a network."""

    def __init__(self) -> None:
        self.users: dict[uuid.UUID, AuthUser] = {}
        self.banned: set[uuid.UUID] = set()
        self.invited: list[str] = []
        self.passwords: dict[uuid.UUID, str] = {}
        self.signed_out: list[uuid.UUID] = []
        self.available = True
        self.loses_answers = False
        self.keeps: dict[uuid.UUID, AppError] = {}
        """Accounts that it does not delete, and what it answers."""

    def put(self, user: AuthUser) -> None:
        self.users[user.id] = user

    def confirm(self, user_id: uuid.UUID) -> None:
        self.users[user_id] = replace(self.users[user_id], email_confirmed=True)

    async def get_user(self, user_id: uuid.UUID) -> AuthUser | None:
        self._answer()
        user = self.users.get(user_id)
        return None if user is None or user.is_deleted else user

    async def list_users(self, page: int, per_page: int) -> list[AuthUser]:
        self._answer()
        newest_first = list(reversed(self.users.values()))
        return newest_first[(page - 1) * per_page : page * per_page]

    async def invite(self, email: str, full_name: str | None) -> AuthUser | None:  # the Protocol's
        self._answer()
        known = self._holder(email)
        if known is not None and known.email_confirmed:
            return None
        user = known or AuthUser(id=uuid.uuid4(), email=email, email_confirmed=False)
        self.put(user)
        self.invited.append(email)
        return user

    async def move_user(self, user_id: uuid.UUID, email: str) -> AuthUser | None:
        user = await self.get_user(user_id)
        if user is None:
            return None
        if (holder := self._holder(email)) is not None and holder.id != user_id:
            raise AddressTakenError
        self.put(replace(user, email=email))
        self.signed_out.append(user_id)
        self._lose()
        return self.users[user_id]

    async def open_account(
        self, account_id: uuid.UUID, email: str, password: str, full_name: str | None
    ) -> AuthUser:
        self._answer()
        if (holder := self._holder(email)) is not None and holder.id != account_id:
            raise AddressTakenError
        user = AuthUser(account_id, email, email_confirmed=True)
        self.put(user)
        self.passwords[account_id] = password
        self._lose()
        return user

    async def delete_user(self, user_id: uuid.UUID) -> bool:
        self._answer()
        if refusal := self.keeps.get(user_id):
            raise refusal
        existed = self.users.pop(user_id, None) is not None
        self._lose()
        return existed

    async def sign_out(self, user_id: uuid.UUID) -> bool:
        user = await self.get_user(user_id)
        if user is None or not user.email_confirmed:
            return False
        if user_id in self.banned:
            raise AccountBannedError
        self.signed_out.append(user_id)
        return True

    async def close(self) -> None:
        return None

    def _holder(self, email: str) -> AuthUser | None:
        return next((user for user in self.users.values() if user.email == email), None)

    def _lose(self) -> None:
        """Do what was asked, and let the answer be lost on its way."""
        if self.loses_answers:
            raise AuthUnavailableError

    def _answer(self) -> None:
        if not self.available:
            raise AuthUnavailableError
