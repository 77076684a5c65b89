import uuid
from collections.abc import AsyncIterator, Collection

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased

from app.core.pagination import Page, PageRequest
from app.domain.actor import Actor
from app.models import TrainingRecord
from app.repositories.base import Orders, Repository, any_of
from app.repositories.people.visibility import (
    ONES_OWN,
    Whose,
    owned_by,
    owned_by_person,
    owner_visible_to,
)

RECORD_ORDERS = Orders("-completed_at", TrainingRecord.id, completed_at=TrainingRecord.completed_at)


class TrainingRecordRepository(Repository[TrainingRecord]):
    model = TrainingRecord

    async def list_visible(
        self,
        actor: Actor,
        request: PageRequest,
        *,
        whose: Whose = ONES_OWN,
        module_ids: Collection[uuid.UUID] = (),
    ) -> Page[TrainingRecord]:
        """List records, newest first."""
        statement = select(TrainingRecord).where(
            *owned_by(whose, actor, TrainingRecord.user_id),
            *any_of(TrainingRecord.module_id, module_ids),
        )
        return await self.page(statement, request, RECORD_ORDERS)

    async def get_visible(self, record_id: uuid.UUID, actor: Actor) -> TrainingRecord | None:
        statement = select(TrainingRecord).where(
            TrainingRecord.id == record_id, owner_visible_to(actor, TrainingRecord.user_id)
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def with_ce_hours(self, user_id: uuid.UUID) -> list[TrainingRecord]:
        """Return a person's records that carry CE hours and that no later record corrects."""
        later = aliased(TrainingRecord)
        corrected = select(later.id).where(
            later.user_id == TrainingRecord.user_id, later.corrects_id == TrainingRecord.id
        )
        hours = func.jsonb_extract_path_text(TrainingRecord.payload.cast(JSONB), "ce_hours")
        statement = select(TrainingRecord).where(
            owned_by_person(TrainingRecord.user_id, user_id),
            hours.is_not(None),
            ~corrected.exists(),
        )
        return list(await self.session.scalars(statement))

    async def stream_all(self, *, batch: int = 500) -> AsyncIterator[TrainingRecord]:
        """Yield every record, person by person, in the order of their chains."""
        last: tuple[uuid.UUID, int] | None = None
        while True:
            statement = select(TrainingRecord).order_by(
                TrainingRecord.user_id, TrainingRecord.sequence
            )
            if last is not None:
                here = tuple_(TrainingRecord.user_id, TrainingRecord.sequence)
                statement = statement.where(here > last)
            rows = list(await self.session.scalars(statement.limit(batch)))
            for row in rows:
                yield row
            if len(rows) < batch:
                return
            last = (rows[-1].user_id, rows[-1].sequence)
            self.session.expunge_all()
