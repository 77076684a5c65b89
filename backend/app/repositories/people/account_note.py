import uuid
from collections.abc import Collection
from typing import ClassVar, TypeVar

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert

from app.models import AccountMove, AccountRemoval
from app.models.people.account_note import AccountNote
from app.repositories.base import Repository

Note = TypeVar("Note", bound=AccountNote)


class AccountNotes(Repository[Note]):
    """What is still to be done with accounts in Supabase Auth: one note for each."""

    model: ClassVar[type[AccountNote]]

    async def note(self, account_id: uuid.UUID) -> None:
        statement = insert(self.model).values(account_id=account_id)
        await self.session.execute(statement.on_conflict_do_nothing())

    async def noted(self) -> list[uuid.UUID]:
        """Return the accounts with which it is to be done, the oldest note first."""
        statement = select(self.model.account_id).order_by(self.model.created_at)
        return list(await self.session.scalars(statement))

    async def holds(self, account_id: uuid.UUID) -> bool:
        noted = exists().where(self.model.account_id == account_id)
        return bool(await self.session.scalar(select(noted)))

    async def done(self, account_ids: Collection[uuid.UUID]) -> None:
        statement = delete(self.model).where(self.model.account_id.in_(account_ids))
        await self.session.execute(statement)


class AccountRemovalRepository(AccountNotes[AccountRemoval]):
    model = AccountRemoval


class AccountMoveRepository(AccountNotes[AccountMove]):
    model = AccountMove
