import uuid
from collections.abc import Collection

from sqlalchemy import select

from app.core.pagination import Page, PageRequest
from app.models import LegalHold
from app.repositories.base import Orders, Repository, any_of, any_truth

HOLD_ORDERS = Orders("-created_at", LegalHold.id, created_at=LegalHold.created_at)


class LegalHoldRepository(Repository[LegalHold]):
    model = LegalHold

    async def by_id(self, hold_id: uuid.UUID, *, lock: bool = False) -> LegalHold | None:
        return await self.session.get(LegalHold, hold_id, with_for_update=lock or None)

    async def list_all(
        self, request: PageRequest, *, user_ids: Collection[uuid.UUID], in_force: Collection[bool]
    ) -> Page[LegalHold]:
        statement = select(LegalHold).where(
            *any_of(LegalHold.user_id, user_ids),
            *any_truth(LegalHold.released_at.is_(None), in_force),
        )
        return await self.page(statement, request, HOLD_ORDERS)

    async def of_people(self, user_ids: list[uuid.UUID]) -> list[LegalHold]:
        statement = select(LegalHold).where(LegalHold.user_id.in_(user_ids))
        return list(await self.session.scalars(statement))
