import uuid
from collections.abc import Collection

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert

from app.models import AccountRemoval
from app.repositories.base import Repository


class AccountRemovalRepository(Repository[AccountRemoval]):
    model = AccountRemoval

    async def note(self, account_id: uuid.UUID) -> None:
        statement = insert(AccountRemoval).values(account_id=account_id)
        await self.session.execute(statement.on_conflict_do_nothing())

    async def noted(self) -> list[uuid.UUID]:
        """Return the accounts that wait for their removal, the oldest first."""
        statement = select(AccountRemoval.account_id).order_by(AccountRemoval.created_at)
        return list(await self.session.scalars(statement))

    async def holds(self, account_id: uuid.UUID) -> bool:
        noted = exists().where(AccountRemoval.account_id == account_id)
        return bool(await self.session.scalar(select(noted)))

    async def done(self, account_ids: Collection[uuid.UUID]) -> None:
        statement = delete(AccountRemoval).where(AccountRemoval.account_id.in_(account_ids))
        await self.session.execute(statement)
