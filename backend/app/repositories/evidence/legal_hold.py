import uuid
from datetime import datetime

from sqlalchemy import select

from app.core.pagination import Page, PageRequest
from app.models import LegalHold
from app.repositories.base import Keyset, Repository


class LegalHoldRepository(Repository[LegalHold]):
    model = LegalHold

    async def by_id(self, hold_id: uuid.UUID, *, lock: bool = False) -> LegalHold | None:
        return await self.session.get(LegalHold, hold_id, with_for_update=lock or None)

    async def list_all(
        self, request: PageRequest, *, user_id: uuid.UUID | None, in_force: bool | None
    ) -> Page[LegalHold]:
        statement = select(LegalHold)
        if user_id is not None:
            statement = statement.where(LegalHold.user_id == user_id)
        if in_force is not None:
            released = LegalHold.released_at.is_not(None)
            statement = statement.where(~released if in_force else released)
        keyset = Keyset(LegalHold.created_at, LegalHold.id, datetime, descending=True)
        return await self.page(statement, request, keyset)

    async def of_people(self, user_ids: list[uuid.UUID]) -> list[LegalHold]:
        statement = select(LegalHold).where(LegalHold.user_id.in_(user_ids))
        return list(await self.session.scalars(statement))
